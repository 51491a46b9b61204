#ifndef SESSIONIZE_RULES_GAP_HPP
#define SESSIONIZE_RULES_GAP_HPP

#include <sessionize/rules/elapsed.hpp>

#include <cassert>
#include <chrono>

namespace sessionize {
inline namespace v0 {

/// The rule of the SQL recipe's first statement: a session starts where
/// `event_timestamp - lag(event_timestamp) over (partition by user) > gap`.
template <class Duration>
struct GapRule {
  Duration gap;
  AtGap at_gap;

  /// Whether an event at `time` starts a session after a previous event of its key at `previous`.
  template <class Clock, class D>
  [[nodiscard]] constexpr bool operator()(std::chrono::time_point<Clock, D> previous,
                                          std::chrono::time_point<Clock, D> time) const noexcept {
    return exceeds(previous, time, saturating_duration<D>(gap), at_gap);
  }
};

/// A gap rule, to be asked by itself: `gap_rule(10s)(previous, time)`. `gap` is not negative and
/// no finer than the clock it is used with (a finer one does not compile).
template <class Rep, class Period>
[[nodiscard]] constexpr GapRule<std::chrono::duration<Rep, Period>> gap_rule(
    std::chrono::duration<Rep, Period> gap, AtGap at_gap = AtGap::continues) noexcept {
  assert(gap >= gap.zero() && "a gap is not negative");
  return {gap, at_gap};
}

}  // namespace v0
}  // namespace sessionize

#endif
