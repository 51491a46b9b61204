#ifndef SESSIONIZE_WINDOWS_EVENT_TIME_RULE_HPP
#define SESSIONIZE_WINDOWS_EVENT_TIME_RULE_HPP

#include <sessionize/clock.hpp>
#include <sessionize/rules/any_of.hpp>
#include <sessionize/rules/day_boundary.hpp>
#include <sessionize/rules/max_duration.hpp>
#include <sessionize/rules/split_rule.hpp>
#include <sessionize/utc.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <tuple>
#include <type_traits>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What a rule comes to where events have no order but their times: whether it limits how long a
/// session lasts, and whether it ends sessions at midnight. Other rules look at the event before,
/// and are refused.
template <session_clock Clock, class Rule>
struct EventTimeRule {
  static_assert(always_false<Rule>,
                "in event time sessions are split by the gap, max_duration(), day_boundary() and "
                "any_of() these: other rules hang on the order of arrival. Put a Reorder in front "
                "of a Sessionizer instead");
};
template <session_clock Clock>
struct EventTimeRule<Clock, NoRule> {
  static constexpr bool limits = false, has_days = false;
  explicit EventTimeRule(const NoRule&) noexcept {}
  std::optional<typename Clock::duration> limit{};
  std::optional<std::chrono::seconds> day_offset{};
};
template <session_clock Clock, class Duration>
struct EventTimeRule<Clock, MaxDuration<Duration>> {
  static constexpr bool limits = true, has_days = false;
  explicit EventTimeRule(const MaxDuration<Duration>& rule) noexcept
      : limit(saturating_duration<typename Clock::duration>(rule.limit)) {}
  std::optional<typename Clock::duration> limit;
  std::optional<std::chrono::seconds> day_offset{};
};
template <session_clock Clock>
struct EventTimeRule<Clock, DayBoundary> {
  static constexpr bool limits = false, has_days = true;
  static_assert(utc_time_point<typename Clock::time_point>,
                "a day boundary needs times in UTC: a clock that counts from 1970-01-01");
  explicit EventTimeRule(const DayBoundary& rule) noexcept : day_offset(rule.offset) {}
  std::optional<typename Clock::duration> limit{};
  std::optional<std::chrono::seconds> day_offset;
};
template <session_clock Clock, class Rule>
struct EventTimeRule<Clock, std::optional<Rule>> {
  static constexpr bool limits = EventTimeRule<Clock, Rule>::limits;
  static constexpr bool has_days = EventTimeRule<Clock, Rule>::has_days;
  explicit EventTimeRule(const std::optional<Rule>& rule) noexcept {
    if (!rule) return;
    const EventTimeRule<Clock, Rule> is(*rule);
    limit = is.limit;
    day_offset = is.day_offset;
  }
  std::optional<typename Clock::duration> limit{};
  std::optional<std::chrono::seconds> day_offset{};
};
template <session_clock Clock, class... Rules>
struct EventTimeRule<Clock, AnyOf<Rules...>> {
  static constexpr bool limits = (EventTimeRule<Clock, Rules>::limits || ...);
  static constexpr bool has_days = (EventTimeRule<Clock, Rules>::has_days || ...);
  explicit EventTimeRule(const AnyOf<Rules...>& all) noexcept {
    std::apply([this](const auto&... rules) { (this->take(rules), ...); }, all.rules());
  }
  std::optional<typename Clock::duration> limit{};
  std::optional<std::chrono::seconds> day_offset{};

 private:
  template <class Rule>
  void take(const Rule& rule) {
    const EventTimeRule<Clock, Rule> is(rule);
    if (is.limit) limit = limit ? std::min(*limit, *is.limit) : is.limit;
    assert(!(day_offset && is.day_offset) && "a day has one boundary");
    if (is.day_offset) day_offset = is.day_offset;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
