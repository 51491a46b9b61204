#ifndef SESSIONIZE_RULES_END_MARKER_HPP
#define SESSIONIZE_RULES_END_MARKER_HPP

#include <sessionize/rules/split_rule.hpp>

#include <concepts>
#include <functional>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// Ends a session after an event that a predicate marks (a logout, a purchase): the marked event
/// is the last of its session, the key's next one starts another.
template <class Predicate>
struct EndMarker {
  using State = bool;  // whether the key's previous event was marked
  [[no_unique_address]] Predicate is_last;

  template <class TimePoint, class Event>
  requires std::invocable<const Predicate&, const Event&>
  [[nodiscard]] constexpr SplitReason operator()(const Step<TimePoint>&, const Event&,
                                                 const State& ended) const noexcept {
    return ended ? SplitReason::end_marker : SplitReason::none;
  }

  template <class Event>
  requires std::invocable<const Predicate&, const Event&>
  constexpr void remember(const Event& event, State& ended) const {
    ended = static_cast<bool>(std::invoke(is_last, event));
  }
};

/// The rule that an event for which `is_last(event)` holds ends its session; a `bool` data member
/// will do: `end_marker(&Click::is_logout)`.
template <class Predicate>
[[nodiscard]] constexpr EndMarker<Predicate> end_marker(Predicate is_last) {
  return {std::move(is_last)};
}

}  // namespace v0
}  // namespace sessionize

#endif
