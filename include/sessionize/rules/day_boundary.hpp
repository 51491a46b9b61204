#ifndef SESSIONIZE_RULES_DAY_BOUNDARY_HPP
#define SESSIONIZE_RULES_DAY_BOUNDARY_HPP

#include <sessionize/rules/split_rule.hpp>
#include <sessionize/utc.hpp>

#include <cassert>
#include <chrono>

namespace sessionize {
inline namespace v0 {

/// Splits where an event falls on a later day than its key's previous one, days being counted at a
/// fixed offset from UTC. An earlier day (a time that went back) does not split.
struct DayBoundary {
  std::chrono::seconds offset;

  template <class TimePoint>
  [[nodiscard]] constexpr SplitReason operator()(const Step<TimePoint>& step) const noexcept {
    if constexpr (utc_time_point<TimePoint>)
      return day_number(step.time, offset) > day_number(step.previous, offset)
                 ? SplitReason::day_boundary
                 : SplitReason::none;
    else
      static_assert(detail::always_false<TimePoint>,
                    "a day boundary needs times in UTC: a clock that counts from 1970-01-01");
  }
};

/// The rule that a session ends at midnight, `offset` east of UTC (negative: west);
/// -24 h < offset < 24 h.
[[nodiscard]] constexpr DayBoundary day_boundary(
    std::chrono::seconds offset = std::chrono::seconds::zero()) noexcept {
  assert(offset < std::chrono::hours{24} && offset > -std::chrono::hours{24} &&
         "a UTC offset is less than a day");
  return {offset};
}

}  // namespace v0
}  // namespace sessionize

#endif
