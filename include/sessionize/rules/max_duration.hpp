#ifndef SESSIONIZE_RULES_MAX_DURATION_HPP
#define SESSIONIZE_RULES_MAX_DURATION_HPP

#include <sessionize/rules/elapsed.hpp>
#include <sessionize/rules/split_rule.hpp>

#include <cassert>
#include <chrono>

namespace sessionize {
inline namespace v0 {

/// Splits where `time - session_start` is more than a limit. Exactly the limit continues, whatever
/// happens at exactly the gap.
template <class Duration>
struct MaxDuration {
  Duration limit;

  template <class TimePoint>
  [[nodiscard]] constexpr SplitReason operator()(const Step<TimePoint>& step) const noexcept {
    return exceeds(step.session_start, step.time,
                   saturating_duration<typename TimePoint::duration>(limit), AtGap::continues)
               ? SplitReason::max_duration
               : SplitReason::none;
  }
};

/// The rule that no session lasts longer than `limit` (not negative).
template <class Rep, class Period>
[[nodiscard]] constexpr MaxDuration<std::chrono::duration<Rep, Period>> max_duration(
    std::chrono::duration<Rep, Period> limit) noexcept {
  assert(limit >= limit.zero() && "a maximum duration is not negative");
  return {limit};
}

}  // namespace v0
}  // namespace sessionize

#endif
