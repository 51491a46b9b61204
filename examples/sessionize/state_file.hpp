#ifndef SESSIONIZE_COMMAND_STATE_FILE_HPP
#define SESSIONIZE_COMMAND_STATE_FILE_HPP

#include "options.hpp"

#include <sessionize/json/time_format.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/snapshot/file.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// What --state keeps: the snapshot of what sessionizes, with the events that it holds, and with it
// how far the input was read.

namespace command {

/// How far the input was read, and what is to be known to go on.
struct InputPosition {
  struct File {
    std::uint64_t bytes = 0;  ///< up to the end of the last line that was taken
    std::uint64_t lines = 0;
  };

  /// The options that say what an event is. Others may change from run to run.
  std::string options{};
  /// What --time-unit auto has decided.
  std::optional<sessionize::json::TimeFormat> time_format{};
  /// By the names that they were given; "-" is standard input.
  std::map<std::string, File> files{};
  /// What standard input had of a line when the run was stopped.
  std::string begun_line{};
};

/// The options of a run that InputPosition::options has, as one would write them.
[[nodiscard]] std::string input_options(const RunOptions& run);

[[nodiscard]] std::string to_bytes(const InputPosition& position);
/// Null where the bytes are no position.
[[nodiscard]] std::optional<InputPosition> position_of(std::string_view bytes);

/// What became of an attempt to go on from a state file.
struct Resumption {
  std::optional<InputPosition> position{};  ///< null where there is no file yet, or an error
  std::optional<int> exit{};                ///< the exit code for an error
  std::string complaint{};
};

/// The same for what was read into the object, and for an error.
[[nodiscard]] Resumption resumed(const RunOptions& run,
                                 const sessionize::Result<std::string, sessionize::SnapshotError>&);

/// Goes on from run.state with the state of `object`, a sessionizer of any kind.
template <class Object>
[[nodiscard]] Resumption resume(const RunOptions& run, Object& object) {
  return resumed(run, sessionize::restore_file(object, run.state));
}

}  // namespace command

template <>
struct sessionize::SnapshotTraits<sessionize::json::Value> {
  static std::string name() { return "json"; }
  static void save(SnapshotWriter& out, const json::Value& value) {
    out.put(value.kind);
    out.put(value.text);
  }
  static bool load(SnapshotReader& in, json::Value& value) {
    return in.get(value.kind) && in.get(value.text) && value.kind <= json::Kind::object;
  }
};

#endif
