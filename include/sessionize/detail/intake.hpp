#ifndef SESSIONIZE_DETAIL_INTAKE_HPP
#define SESSIONIZE_DETAIL_INTAKE_HPP

#include <sessionize/detail/nullable.hpp>
#include <sessionize/key.hpp>
#include <sessionize/rejection.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
#include <ratio>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// A time of a coarser clock in the ticks of `TimePoint`; null where they do not reach that far.
template <class TimePoint, class Given>
[[nodiscard]] constexpr std::optional<TimePoint> exact_time(const Given& given) noexcept {
  if constexpr (std::is_same_v<Given, TimePoint> || !requires { typename Given::period; }) {
    return static_cast<TimePoint>(given);
  } else {
    constexpr std::intmax_t factor =
        std::ratio_divide<typename Given::period, typename TimePoint::period>::num;
    using Limits = std::numeric_limits<typename TimePoint::rep>;
    const auto ticks = given.time_since_epoch().count();
    if (ticks > Limits::max() / factor || ticks < Limits::min() / factor) return std::nullopt;
    return static_cast<TimePoint>(given);
  }
}

/// What is wrong with an event that is rejected, and what to do about it.
[[nodiscard]] constexpr std::string_view reject_message(RejectReason reason) noexcept {
  switch (reason) {
    case RejectReason::missing_key: return "the event has no key: give it one";
    case RejectReason::missing_time: return "the event has no time: give it one";
    case RejectReason::time_range:
      return "the clock cannot represent the event's time: correct it, or choose another clock";
    case RejectReason::gap_range: return "the event's own gap is negative: correct it";
    case RejectReason::too_many_sessions:
      return "max_sessions sessions are open: raise max_sessions, or choose "
             "AtMaxSessions::closes_next_due";
    case RejectReason::too_many_events:
      return "max_kept_events events are kept: raise max_kept_events, or let the watermark move";
    default: break;
  }
  return "max_keys keys have open sessions: raise max_keys, close idle ones, as expire() does, or "
         "let "
         "one make room: AtMaxKeys::evicts_idle_key, AtMaxSessions::closes_next_due";
}

/// Whether the keys of later events of a range can be looked at ahead of time: one that is made for
/// the occasion may be dear, and is not.
template <class Events, class By, class View>
inline constexpr bool can_look_ahead = false;
template <std::ranges::random_access_range Events, class By, class View>
requires std::ranges::sized_range<Events>
inline constexpr bool can_look_ahead<Events, By, View> = [] {
  using Given = std::invoke_result_t<decltype(std::declval<const By&>().key),
                                     std::ranges::range_reference_t<Events>>;
  using KeyGiven = std::remove_cvref_t<decltype(value_of(std::declval<Given&>()))>;
  return (std::is_reference_v<Given> ||
          std::is_trivially_copyable_v<Given>)&&fits_view<View, KeyGiven>;
}();

/// Reads the key and the time of an event, as `by` says, and returns what `take(key, time)` does,
/// or `reject(reason)` where the event has none.
template <class Clock, session_key Key, class Event, class By, class Take, class Reject>
auto read_event(const Event& event, const By& by, Take take, Reject reject) {
  using time_point = typename Clock::time_point;
  using key_view = key_view_t<Key>;
  auto&& key = std::invoke(by.key, event);
  auto&& time = std::invoke(by.time, event);
  if (is_null(key)) return reject(RejectReason::missing_key);
  if (is_null(time)) return reject(RejectReason::missing_time);
  static_assert(std::convertible_to<decltype(value_of(time)), time_point>,
                "the time projection gives a time_point of the sessionizer's clock; make one of "
                "an integer n with time_point{milliseconds{n}}, or of any unit with from_epoch()");
  const std::optional<time_point> at = exact_time<time_point>(value_of(time));
  if (!at) return reject(RejectReason::time_range);
  const auto& given = value_of(key);
  using Given = std::remove_cvref_t<decltype(given)>;
  if constexpr (reference_view<key_view> && !std::derived_from<Given, Key>) {
    const Key made(given);  // the view looks at a key: it needs one that stays
    return take(key_view(made), *at);
  } else {
    static_assert(fits_view<key_view, Given>,
                  "the key projection gives something that is no key of this sessionizer, or an "
                  "integer that does not always fit one");
    return take(key_view{given}, *at);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
