#ifndef SESSIONIZE_COMMAND_WALL_TIME_HPP
#define SESSIONIZE_COMMAND_WALL_TIME_HPP

#include <sessionize/clock.hpp>

#include <chrono>

namespace command {

/// The time now, as events have it.
[[nodiscard]] inline sessionize::EventClock::time_point wall_time() {
  using Clock = sessionize::EventClock;
  return Clock::time_point(
      std::chrono::floor<Clock::duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace command

#endif
