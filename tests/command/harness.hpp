#ifndef SESSIONIZE_TESTS_COMMAND_HARNESS_HPP
#define SESSIONIZE_TESTS_COMMAND_HARNESS_HPP

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Runs the command the way a user does, without a shell: arguments, standard input and files in;
// exit code, standard output, standard error and files out. A command that hangs is killed.

namespace command_test {

using Json = nlohmann::ordered_json;
using Args = std::vector<std::string>;
using std::chrono::steady_clock;

/// Much longer than anything here takes, under a sanitizer too.
inline constexpr std::chrono::seconds patience{60};

/// A temporary folder, gone with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// The path of a file in the folder.
  [[nodiscard]] std::string operator/(std::string_view name) const;
  /// Writes a file and returns its path.
  std::string write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

[[nodiscard]] bool exists(const std::string& path);
[[nodiscard]] std::string read_file(const std::string& path);

/// The folder with the public logs; empty, and said so, where there is none.
[[nodiscard]] std::string shared_folder();

/// How a command ended, and what it said.
struct Outcome {
  static constexpr int killed = -1;  ///< by a signal, as for a time-out

  int code = killed;
  std::string out;
  std::string err;
};

/// Runs the command on `input`.
[[nodiscard]] Outcome run(const Args& args, std::string_view input = {});
/// The same with standard output to an existing file, such as /dev/full; closed where `path` is
/// empty.
[[nodiscard]] Outcome run_to(const std::string& path, const Args& args, std::string_view input);
/// Standard output of a command that must succeed and say nothing on standard error.
[[nodiscard]] std::string results(const Args& args, std::string_view input = {});

/// A command that runs beside the test, for what happens before its input ends.
class Running {
 public:
  enum class Stream { pipe, packets, terminal };  ///< what a stream of the command is

  explicit Running(const Args& args, Stream output = Stream::pipe, Stream error = Stream::pipe);
  ~Running();  // kills it
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  /// False once the command reads no more.
  bool write(std::string_view input);
  void close_input();
  void close_output();
  /// The next line, without its end; null where none comes within `limit`.
  [[nodiscard]] std::optional<std::string> line(steady_clock::duration limit = patience);
  /// What one write() of the command put out; empty at the end. Only for packets.
  [[nodiscard]] std::string packet();
  /// Takes the rest of what it says, and waits for its end.
  [[nodiscard]] Outcome finish();
  void kill();
  void signal(int number);
  /// The most memory that it has had resident so far, in KiB; null where the system does not tell.
  [[nodiscard]] std::optional<std::uint64_t> peak_memory() const;

 private:
  friend Outcome command_test::run(const Args& args, std::string_view input);
  friend Outcome command_test::run_to(const std::string& path, const Args& args,
                                      std::string_view input);
  Running(const Args& args, const std::string& output_path);
  void start(const Args& args, int in, int out, int err);
  [[nodiscard]] Outcome finish(std::string_view input);

  int pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string pending_;
};

/// The lines of a text; each must have its LF.
[[nodiscard]] std::vector<std::string> split_lines(std::string_view text);
/// The objects of JSON Lines.
[[nodiscard]] std::vector<Json> objects(std::string_view jsonl);
/// The members `name` of all objects, as an array.
[[nodiscard]] Json column(const std::vector<Json>& rows, const std::string& name);
/// The names of an object's members, in its order.
[[nodiscard]] std::vector<std::string> names(const Json& object);

/// The rows of RFC 4180 CSV, header included; null where a field is empty and not quoted.
using CsvRow = std::vector<std::optional<std::string>>;
[[nodiscard]] std::vector<CsvRow> parse_csv(std::string_view csv);

/// A line with the event of a user at a time in milliseconds; `more` is more members, as in
/// R"("page":"/")".
[[nodiscard]] std::string event(std::string_view user, std::int64_t time,
                                std::string_view more = R"("device_type":"web")");
/// The events of one user at these times.
[[nodiscard]] std::string events(const std::vector<std::int64_t>& times,
                                 std::string_view user = "u");

/// Lines `from` up to `to`, put together.
[[nodiscard]] std::string joined(const std::vector<std::string>& lines, std::size_t from,
                                 std::size_t to);
/// `text`, `times` times.
[[nodiscard]] std::string repeated(std::string_view text, std::size_t times);

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Arguments put together.
[[nodiscard]] inline Args operator+(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

}  // namespace command_test

#endif
