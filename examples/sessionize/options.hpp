#ifndef SESSIONIZE_COMMAND_OPTIONS_HPP
#define SESSIONIZE_COMMAND_OPTIONS_HPP

#include <sessionize/json/mapping.hpp>
#include <sessionize/options.hpp>
#include <sessionize/testing/click_generator.hpp>
#include <sessionize/windows/options.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What the command line asks for.

namespace command {

using sessionize::EventClock;
using std::chrono::milliseconds;

/// FIELD=VALUE: a string's content, a number's or a boolean's text.
struct Condition {
  std::string field, value;

  [[nodiscard]] bool holds(const sessionize::json::Value& actual) const {
    using sessionize::json::Kind;
    const bool has_text = actual.kind == Kind::string || actual.kind == Kind::integer ||
                          actual.kind == Kind::number || actual.kind == Kind::boolean;
    return has_text && actual.text == value;
  }
};

enum class Emit { records, starts, sessions, updates };
enum class Order { arrival, event };
enum class IdForm { time_of_day, unique };
enum class Format { jsonl, csv };

/// How clicks are sessionized, and where the results go.
struct RunOptions {
  sessionize::Options<EventClock> session{};
  std::optional<milliseconds> max_duration{};
  std::optional<std::string> split_on{};
  std::optional<std::chrono::seconds> midnight_offset{};
  std::optional<Condition> end_when{};
  Emit emit = Emit::records;
  Order order = Order::arrival;
  sessionize::WindowOptions<EventClock> windows{};  // of --order event, but for the gap
  std::optional<std::string> gap_field{};
  std::optional<Condition> keep_alive_unless{};
  sessionize::json::Mapping mapping{};
  bool guess_time_format = false;
  IdForm id = IdForm::time_of_day;
  std::vector<Condition> where{};
  std::vector<std::string> keep{};
  Format format = Format::jsonl;
  std::string output{};  // standard output where empty, as for the next two
  std::string into{};
  std::string errors{};
  std::string late{};
  std::string state{};  // none where empty
  bool strict = false;
  bool discover = false;
  bool stats = false;
  bool progress = false;
  std::vector<std::string> files{};

  /// Whether sessions are cut by SessionWindows.
  [[nodiscard]] bool has_windows() const {
    return order == Order::event && (emit == Emit::sessions || emit == Emit::updates);
  }
  /// Whether sessions are those of the whole input, sorted at its end.
  [[nodiscard]] bool is_whole_input() const {
    return order == Order::arrival && emit == Emit::sessions;
  }
  /// How long a session lasts at most by --carry split.
  [[nodiscard]] std::optional<milliseconds> carry_limit() const {
    if (session.past_carry != sessionize::PastCarry::splits || session.carry.is_forever())
      return std::nullopt;
    return session.carry.span();
  }
};

struct GenerateOptions {
  sessionize::testing::ClickOptions clicks{};
  std::uint64_t events = 3'000;
  std::optional<double> speed{};  // times real time; as fast as possible where empty
};

/// What to do: one of the two, or to leave with an exit code after the help or a complaint.
struct CommandLine {
  std::optional<int> exit{};
  std::optional<GenerateOptions> generate{};
  RunOptions run{};
};

/// `text` with its line ends and other control characters as '?', for a complaint of one line.
std::string one_line(std::string text);

/// Reads the command line; prints the help, the version, or one line on what is wrong with it.
CommandLine parse_command_line(int argc, char* argv[]);

}  // namespace command

#endif
