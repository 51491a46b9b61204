#ifndef SESSIONIZE_COMMAND_INPUT_HPP
#define SESSIONIZE_COMMAND_INPUT_HPP

#include "output.hpp"
#include "state_file.hpp"
#include "stop_signal.hpp"

#include <sessionize/json/lines.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace command {

[[nodiscard]] inline bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/// Moves to where a file was read to: behind a line end, or its beginning. Where the file has no
/// such place, it is at its beginning, and the answer is false.
[[nodiscard]] inline bool go_to(int fd, std::uint64_t bytes) {
  char before = 0;
  const auto to = static_cast<off_t>(bytes);
  if (bytes == 0 || (::pread(fd, &before, 1, to - 1) == 1 && before == '\n'))
    return ::lseek(fd, to, SEEK_SET) == to;
  return false;
}

/// The line of the input that has no end yet.
struct BegunLine {
  std::uint64_t bytes = 0;
  std::string text{};  ///< of one that is too long no more than shows that it is

  /// Goes past a piece of the input; returns how many bytes of lines it has completed.
  std::uint64_t follow(std::string_view piece) {
    const std::size_t end = piece.rfind('\n');
    std::uint64_t completed = 0;
    if (end != std::string_view::npos) {
      completed = bytes + end + 1;
      piece.remove_prefix(end + 1);
      bytes = 0;
      text.clear();
    }
    bytes += piece.size();
    constexpr std::size_t most = 2 * sessionize::json::Limits{}.line;
    text += piece.substr(0, most - std::min(most, text.size()));
    return completed;
  }
};

/// Reads a file, or standard input where `path` is "-", in large blocks, and gives its lines to
/// `on_line`, which returns false to stop; `after_block()` is called while the lines that are parts
/// of the block are still good. Before it waits for input that has paused, and at the
/// latest `patience` after an output began to hold bytes back, it flushes `outputs`: what is piped
/// through stays live. Adds the number of lines, blank ones included, to `line_count`. Returns an
/// error number, 0 for none.
///
/// With a `position` it goes on where that says, keeps it up to date, and stops at a StopSignal. A
/// file that is shorter, or has no line end there, is another one, and read from its beginning. The
/// last line of a file is left for the next run while it has no line end, as `unfinished` says
/// then.
template <class OnLine, class AfterBlock>
int read_lines(const std::string& path, const std::vector<Output*>& outputs, OnLine&& on_line,
               AfterBlock&& after_block, std::uint64_t* line_count = nullptr,
               InputPosition* position = nullptr, bool* unfinished = nullptr) {
  constexpr std::chrono::milliseconds patience{50};
  const bool standard_input = path == "-";
  const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;

  const auto held_longest = [&] {
    std::optional<Output::Clock::time_point> oldest;
    for (const auto* output : outputs)
      if (const auto since = output->held_since(); since && !(oldest && *oldest < *since))
        oldest = since;
    return oldest;
  };
  const auto flush_when_due = [&] {
    const auto oldest = held_longest();
    if (!oldest) return;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*oldest + patience -
                                                                            Output::Clock::now());
    pollfd ready{fd, POLLIN, 0};
    if (left.count() > 0 && ::poll(&ready, 1, static_cast<int>(left.count())) > 0) return;
    for (auto* output : outputs) output->flush();
  };

  sessionize::json::LineReader lines;
  std::vector<char> block(std::size_t{1} << 18);
  bool go_on = true;
  const auto take = [&](const sessionize::json::Line& line) { go_on = go_on && on_line(line); };
  const bool is_file = !standard_input && is_regular(fd);
  InputPosition::File at;  // where the line begins that is not complete yet
  BegunLine begun;
  if (position != nullptr && (is_file || standard_input)) {
    at = position->files[path];
    if (is_file && !go_to(fd, at.bytes)) at = {};
    lines.skip(at.lines);
    if (standard_input) {
      begun.follow(position->begun_line);
      lines.feed(std::exchange(position->begun_line, {}), take);
    }
  }
  const std::uint64_t lines_before = at.lines;
  bool stopped = false;
  int error = 0;
  for (;;) {
    if (!go_on) break;
    flush_when_due();
    stopped = position != nullptr && StopSignal::comes_before(fd);
    if (stopped) break;
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    const std::string_view piece(block.data(), static_cast<std::size_t>(got));
    lines.feed(piece, take);
    after_block();
    if (position != nullptr) at.bytes += begun.follow(piece);
  }
  const bool leaves_line = position != nullptr && begun.bytes != 0 && (stopped || is_file);
  std::uint64_t in_file = 0;
  if (leaves_line) {
    in_file = lines.finish([](const sessionize::json::Line&) {}) - 1;
  } else {
    in_file = lines.finish(take);
    at.bytes += begun.bytes;
  }
  after_block();
  if (line_count != nullptr) *line_count += in_file - lines_before;
  if (position != nullptr && (is_file || standard_input)) {
    position->files[path] = {at.bytes, in_file};
    if (standard_input && leaves_line) position->begun_line = std::move(begun.text);
  }
  if (unfinished != nullptr) *unfinished = leaves_line && is_file && !stopped;
  if (!standard_input) ::close(fd);
  return error;
}

}  // namespace command

#endif
