#ifndef SESSIONIZE_RULES_CARRY_HPP
#define SESSIONIZE_RULES_CARRY_HPP

#include <sessionize/rules/elapsed.hpp>

#include <cassert>
#include <chrono>

namespace sessionize {
inline namespace v0 {

/// The horizon that never ends: `.carry = sessionize::forever`.
struct forever_t {
  explicit forever_t() = default;
};
inline constexpr forever_t forever{};

/// How far a session's start is carried to later events: a span of time, or `forever`.
template <class Duration>
class Horizon {
 public:
  /// `span` is not negative; it converts as std::chrono durations do.
  template <class Rep, class Period>
  constexpr Horizon(std::chrono::duration<Rep, Period> span) noexcept
      : span_(saturating_duration<Duration>(span)) {
    assert(span_ >= Duration::zero() && "a carry horizon is not negative");
  }
  constexpr Horizon(forever_t) noexcept : forever_(true) {}

  /// Whether a start at `session_start` is still visible to an event at `time`: exactly the span
  /// still is, and so is every event stamped before the start.
  template <class Clock>
  [[nodiscard]] constexpr bool covers(
      std::chrono::time_point<Clock, Duration> session_start,
      std::chrono::time_point<Clock, Duration> time) const noexcept {
    return forever_ || !exceeds(session_start, time, span_, AtGap::continues);
  }

  [[nodiscard]] constexpr bool is_forever() const noexcept { return forever_; }
  /// The span; zero where the horizon is `forever`.
  [[nodiscard]] constexpr Duration span() const noexcept { return span_; }

  friend constexpr bool operator==(const Horizon&, const Horizon&) = default;

 private:
  Duration span_{};
  bool forever_ = false;
};

/// The rule of the SQL recipe's second statement, to be asked by itself:
/// `last_value(session_timestamp) ignore nulls over (partition by user range span preceding)`.
template <class Duration>
struct CarryRule {
  Duration span;

  /// Whether an event at `time` still sees the start at `session_start`.
  template <class Clock, class D>
  [[nodiscard]] constexpr bool operator()(std::chrono::time_point<Clock, D> session_start,
                                          std::chrono::time_point<Clock, D> time) const noexcept {
    return Horizon<D>(span).covers(session_start, time);
  }
};

/// A carry rule over `span` (not negative): `carry_rule(24h)(session_start, time)`.
template <class Rep, class Period>
[[nodiscard]] constexpr CarryRule<std::chrono::duration<Rep, Period>> carry_rule(
    std::chrono::duration<Rep, Period> span) noexcept {
  assert(span >= span.zero() && "a carry horizon is not negative");
  return {span};
}

}  // namespace v0
}  // namespace sessionize

#endif
