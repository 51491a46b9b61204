#ifndef SESSIONIZE_RULES_ANY_OF_HPP
#define SESSIONIZE_RULES_ANY_OF_HPP

#include <sessionize/rules/split_rule.hpp>

#include <cstddef>
#include <tuple>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// Splits where any of its rules does. The reason is the first in the checking order of
/// SplitReason, in whatever order the rules are listed.
template <class... Rules>
class AnyOf {
 public:
  using State = std::tuple<rule_state_t<Rules>...>;

  constexpr explicit AnyOf(Rules... rules) : rules_(std::move(rules)...) {}

  template <class TimePoint, class Event>
  [[nodiscard]] constexpr SplitReason operator()(const Step<TimePoint>& step, const Event& event,
                                                 const State& state) const {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      SplitReason reason = SplitReason::none;
      ((reason =
            first_reason(reason, ask_rule(std::get<I>(rules_), step, event, std::get<I>(state)))),
       ...);
      return reason;
    }
    (std::index_sequence_for<Rules...>{});
  }

  template <class Event>
  constexpr void remember(const Event& event, State& state) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (remember_event(std::get<I>(rules_), event, std::get<I>(state)), ...);
    }
    (std::index_sequence_for<Rules...>{});
  }

 private:
  [[no_unique_address]] std::tuple<Rules...> rules_;
};

/// Composes rules: `any_of(max_duration(2h), value_change(&Click::campaign), my_rule)`.
template <class... Rules>
[[nodiscard]] constexpr AnyOf<Rules...> any_of(Rules... rules) {
  return AnyOf<Rules...>(std::move(rules)...);
}

}  // namespace v0
}  // namespace sessionize

#endif
