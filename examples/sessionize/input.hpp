#ifndef SESSIONIZE_COMMAND_INPUT_HPP
#define SESSIONIZE_COMMAND_INPUT_HPP

#include "output.hpp"

#include <sessionize/json/lines.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace command {

/// Reads a file, or standard input where `path` is "-", in large blocks, and gives its lines to
/// `on_line`, which returns false to stop; `after_block()` is called while the lines that are parts
/// of the block are still good. Before it waits for input that has paused, and at the
/// latest `patience` after an output began to hold bytes back, it flushes `outputs`: what is piped
/// through stays live. Adds the number of lines, blank ones included, to `line_count`. Returns an
/// error number, 0 for none.
template <class OnLine, class AfterBlock>
int read_lines(const std::string& path, const std::vector<Output*>& outputs, OnLine&& on_line,
               AfterBlock&& after_block, std::uint64_t* line_count = nullptr) {
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
  int error = 0;
  for (;;) {
    if (!go_on) break;
    flush_when_due();
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    lines.feed({block.data(), static_cast<std::size_t>(got)}, take);
    after_block();
  }
  const std::uint64_t in_file = lines.finish(take);
  after_block();
  if (line_count != nullptr) *line_count += in_file;
  if (!standard_input) ::close(fd);
  return error;
}

}  // namespace command

#endif
