#ifndef SESSIONIZE_CLOCK_HPP
#define SESSIONIZE_CLOCK_HPP

#include <chrono>
#include <concepts>

namespace sessionize {
inline namespace v0 {

/// What the library asks of a clock: the types of its time points and durations, over a signed
/// integer of at most 64 bits. `now()` is never called: time comes with the events.
/// `std::chrono::system_clock`, `EventClock` and `testing::ManualClock` are such clocks.
template <class Clock>
concept session_clock =
    std::signed_integral<typename Clock::duration::rep> && sizeof(typename Clock::duration) <= 8 &&
    std::same_as<typename Clock::time_point::duration, typename Clock::duration>;

/// The clock of event times that arrive as data: UTC since 1970 in ticks of `Duration`.
template <class Duration>
struct BasicEventClock {
  using duration = Duration;
  using rep = typename duration::rep;
  using period = typename duration::period;
  using time_point = std::chrono::sys_time<duration>;
};

/// Event times in milliseconds since 1970-01-01T00:00:00Z, as clickstreams carry them.
using EventClock = BasicEventClock<std::chrono::milliseconds>;

/// A time point that counts from 1970-01-01T00:00:00Z in ticks of a second or finer. Calendar
/// rules and session ids need one: they speak of days and hours, not of ticks since a boot.
template <class TimePoint>
concept utc_time_point = std::same_as<typename TimePoint::clock, std::chrono::system_clock> &&
    std::signed_integral<typename TimePoint::rep> &&
    std::ratio_less_equal_v<typename TimePoint::period, std::ratio<1>>;

}  // namespace v0
}  // namespace sessionize

#endif
