#include "state_file.hpp"

#include "run.hpp"

#include <initializer_list>

#include <unistd.h>

namespace sessionize {

template <>
struct SnapshotTraits<command::InputPosition> {
  static std::string name() { return "input position"; }
  static void save(SnapshotWriter& out, const command::InputPosition& position) {
    out.put(position.options);
    out.put(position.time_format);
    out.number(std::uint64_t{position.files.size()});
    for (const auto& [file, at] : position.files) {
      out.put(file);
      out.number(at.bytes);
      out.number(at.lines);
    }
    out.put(position.begun_line);
  }
  static bool load(SnapshotReader& in, command::InputPosition& position) {
    std::uint64_t files = 0;
    if (!in.get(position.options) || !in.get(position.time_format) || !in.number(files))
      return false;
    for (; files != 0; --files) {
      std::string file;
      command::InputPosition::File at;
      if (!in.get(file) || !in.number(at.bytes) || !in.number(at.lines)) return false;
      position.files.emplace(std::move(file), at);
    }
    return in.get(position.begun_line);
  }
};

}  // namespace sessionize

namespace command {

std::string input_options(const RunOptions& run) {
  std::string text;
  const auto add = [&](std::initializer_list<std::string_view> parts) {
    for (const auto part : parts) text += part;
  };
  for (const auto& field : run.mapping.key) add({text.empty() ? "--key " : ",", field});
  add({" --time ", run.mapping.time, " --time-unit "});
  add({run.guess_time_format ? "auto" : to_string(run.mapping.time_format)});
  for (const auto& [field, value] : run.where) add({" --where ", field, "=", value});
  if (run.split_on) add({" --split-on ", *run.split_on});
  if (run.end_when) add({" --end-when ", run.end_when->field, "=", run.end_when->value});
  if (run.order == Order::arrival) return text;
  // What an event that is held, or in an open session, has of its line.
  add({" --device ", run.mapping.device});
  if (run.gap_field) add({" --gap-field ", *run.gap_field});
  if (const auto& unless = run.keep_alive_unless)
    add({" --keep-alive-unless ", unless->field, "=", unless->value});
  for (const auto& field : run.keep) add({" --keep ", field});
  return text;
}

std::string to_bytes(const InputPosition& position) {
  std::string bytes;
  auto append = [&](std::string_view more) { bytes += more; };
  sessionize::SnapshotWriter out(append);
  out.put(position);
  static_cast<void>(out.finish());
  return bytes;
}

std::optional<InputPosition> position_of(std::string_view bytes) {
  InputPosition position;
  sessionize::SnapshotReader in(bytes);
  if (!in.get(position) || !in.finish()) return std::nullopt;
  return position;
}

Resumption resumed(const RunOptions& run,
                   const sessionize::Result<std::string, sessionize::SnapshotError>& restored) {
  using sessionize::SnapshotReason;
  const std::string cannot = "cannot go on from --state ";
  if (!restored) {
    const auto& [reason, message] = restored.error();
    switch (reason) {
      case SnapshotReason::no_file: {
        // Better said now than when all the work is done.
        const std::size_t slash = run.state.rfind('/');
        const auto folder = slash == std::string::npos ? "." : run.state.substr(0, slash + 1);
        if (::access(folder.c_str(), W_OK) == 0) return {};
        return {{}, exit_io_error, "cannot write --state " + run.state + " in this folder"};
      }
      case SnapshotReason::other_kind:
      case SnapshotReason::other_clock:
      case SnapshotReason::other_key_type:
      case SnapshotReason::other_rule:
      case SnapshotReason::other_options:
        return {{},
                exit_usage,
                cannot + message + ": give the options of the run that saved it, or another file"};
      default: return {{}, exit_io_error, cannot + message};
    }
  }
  auto position = position_of(*restored);
  if (!position) return {{}, exit_io_error, cannot + run.state + ": it is not of this command"};
  if (position->options != input_options(run))
    return {{},
            exit_usage,
            cannot + run.state + ": it was saved with " + position->options + ", and this is " +
                input_options(run)};
  return {std::move(position), {}, {}};
}

}  // namespace command
