#ifndef SESSIONIZE_COMMAND_TIMED_INPUT_HPP
#define SESSIONIZE_COMMAND_TIMED_INPUT_HPP

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include <poll.h>
#include <unistd.h>

namespace command {

/// What standard input has next, read into `room`, for a program that has something else to do at
/// `deadline`: empty where nothing has come until then, or for a minute. Null at its end, and where
/// it cannot be read.
inline std::optional<std::string_view> read_input(
    std::optional<std::chrono::steady_clock::time_point> deadline, std::span<char> room) {
  using std::chrono::milliseconds;
  constexpr milliseconds longest = std::chrono::minutes(1);
  milliseconds patience = longest;
  if (deadline)
    patience =
        std::clamp(std::chrono::ceil<milliseconds>(*deadline - std::chrono::steady_clock::now()),
                   milliseconds(0), longest);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(patience.count())) <= 0) return std::string_view{};
  const ssize_t size = ::read(STDIN_FILENO, room.data(), room.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return std::string_view{};
  if (size <= 0) return std::nullopt;
  return std::string_view(room.data(), static_cast<std::size_t>(size));
}

}  // namespace command

#endif
