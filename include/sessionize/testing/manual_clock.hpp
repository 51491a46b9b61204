#ifndef SESSIONIZE_TESTING_MANUAL_CLOCK_HPP
#define SESSIONIZE_TESTING_MANUAL_CLOCK_HPP

#include <sessionize/clock.hpp>

#include <chrono>

namespace sessionize {
inline namespace v0 {
namespace testing {

/// The event time `since_epoch` after 1970-01-01T00:00:00Z: `at(10s)`.
[[nodiscard]] constexpr EventClock::time_point at(EventClock::duration since_epoch) noexcept {
  return EventClock::time_point{since_epoch};
}

/// A clock that a test moves by hand. Its time points are those of EventClock, so that it stands in
/// for the clock that a program takes `now` for expire() from.
class ManualClock {
 public:
  using duration = EventClock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = EventClock::time_point;
  static constexpr bool is_steady = false;

  /// Shows `now`, by default 1970-01-01T00:00:00Z, until it is moved.
  constexpr explicit ManualClock(time_point now = {}) noexcept : now_(now) {}

  [[nodiscard]] constexpr time_point now() const noexcept { return now_; }
  /// Moves on by `by`, or back where it is negative. Precondition: int64 milliseconds hold the sum.
  constexpr void advance(duration by) noexcept { now_ += by; }
  constexpr void set(time_point now) noexcept { now_ = now; }

 private:
  time_point now_;
};

}  // namespace testing
}  // namespace v0
}  // namespace sessionize

#endif
