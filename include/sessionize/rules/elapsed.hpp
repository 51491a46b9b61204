#ifndef SESSIONIZE_RULES_ELAPSED_HPP
#define SESSIONIZE_RULES_ELAPSED_HPP

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>

namespace sessionize {
inline namespace v0 {

/// What happens when the time between two events is exactly the gap.
enum class AtGap : unsigned char {
  continues,  ///< the event continues the session (the SQL recipe's `>`; the default)
  splits,     ///< the event starts a session
};

/// The ticks from `earlier` to `later`; 0 where `later` is not after `earlier`. Exact for every
/// pair of values: the difference of two int64 always fits their unsigned type.
template <std::signed_integral Rep>
[[nodiscard]] constexpr std::make_unsigned_t<Rep> ticks_between(Rep earlier, Rep later) noexcept {
  using Unsigned = std::make_unsigned_t<Rep>;
  return later > earlier
             ? static_cast<Unsigned>(static_cast<Unsigned>(later) - static_cast<Unsigned>(earlier))
             : Unsigned{0};
}

/// `span` in ticks of `Duration`, which is no coarser; the longest duration where it is longer than
/// that can say.
template <class Duration, class Rep, class Period>
requires std::is_convertible_v<std::chrono::duration<Rep, Period>, Duration>
[[nodiscard]] constexpr Duration saturating_duration(
    std::chrono::duration<Rep, Period> span) noexcept {
  constexpr std::intmax_t factor = std::ratio_divide<Period, typename Duration::period>::num;
  constexpr std::intmax_t longest = std::numeric_limits<typename Duration::rep>::max();
  return span.count() > longest / factor ? Duration::max() : Duration(span);
}

/// Whether `later` is more than `limit` after `earlier` (`AtGap::continues`), or at least `limit`
/// after it (`AtGap::splits`). A time that goes back never exceeds anything. This is the one
/// definition of the comparison: it holds for every int64 time and never overflows.
/// Precondition: `limit` is not negative.
template <class Clock, class Duration>
[[nodiscard]] constexpr bool exceeds(std::chrono::time_point<Clock, Duration> earlier,
                                     std::chrono::time_point<Clock, Duration> later,
                                     std::type_identity_t<Duration> limit, AtGap at_gap) noexcept {
  const auto from = earlier.time_since_epoch().count();
  const auto to = later.time_since_epoch().count();
  using Rep = std::remove_const_t<decltype(from)>;
  const auto ticks = ticks_between<Rep>(from, to);
  const auto allowed = static_cast<std::make_unsigned_t<Rep>>(limit.count());
  return at_gap == AtGap::continues ? ticks > allowed : to >= from && ticks >= allowed;
}

/// The time from `earlier` to `later`, at least zero; the longest representable duration where the
/// true one is longer.
template <class Clock, class Duration>
[[nodiscard]] constexpr Duration saturating_elapsed(
    std::chrono::time_point<Clock, Duration> earlier,
    std::chrono::time_point<Clock, Duration> later) noexcept {
  using Rep = typename Duration::rep;
  const auto ticks =
      ticks_between<Rep>(earlier.time_since_epoch().count(), later.time_since_epoch().count());
  constexpr auto longest = std::numeric_limits<Rep>::max();
  return Duration{
      ticks > static_cast<std::make_unsigned_t<Rep>>(longest) ? longest : static_cast<Rep>(ticks)};
}

namespace detail {

/// `time` and so much later, or earlier; the last, or first, time there is where that is beyond it.
template <class TimePoint>
[[nodiscard]] constexpr TimePoint plus(TimePoint time, typename TimePoint::duration span) noexcept {
  return time > TimePoint::max() - span ? TimePoint::max() : time + span;
}
template <class TimePoint>
[[nodiscard]] constexpr TimePoint minus(TimePoint time,
                                        typename TimePoint::duration span) noexcept {
  return time < TimePoint::min() + span ? TimePoint::min() : time - span;
}

}  // namespace detail

}  // namespace v0
}  // namespace sessionize

#endif
