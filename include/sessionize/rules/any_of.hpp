#ifndef SESSIONIZE_RULES_ANY_OF_HPP
#define SESSIONIZE_RULES_ANY_OF_HPP

#include <sessionize/rules/split_rule.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
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

  [[nodiscard]] constexpr const std::tuple<Rules...>& rules() const noexcept { return rules_; }

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

  /// Where a rule's memory throws, no rule has remembered the event: all prepare, then all change.
  template <class Event>
  constexpr void remember(const Event& event, State& state) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      auto next = std::tuple{prepare(std::get<I>(rules_), event, std::get<I>(state))...};
      ((std::get<I>(next) ? void(std::get<I>(state) = std::move(*std::get<I>(next))) : void()),
       ...);
    }
    (std::index_sequence_for<Rules...>{});
  }

  template <class Event>
  [[nodiscard]] constexpr bool changes(const Event& event, const State& state) const {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (would_change(std::get<I>(rules_), event, std::get<I>(state)) || ...);
    }
    (std::index_sequence_for<Rules...>{});
  }

 private:
  template <class Rule, class Event>
  static constexpr bool would_change(const Rule& rule, const Event& event,
                                     const rule_state_t<Rule>& state) {
    if constexpr (std::same_as<rule_state_t<Rule>, NoState>)
      return false;
    else if constexpr (requires { rule.changes(event, state); })
      return rule.changes(event, state);
    else if constexpr (requires { rule->changes(event, state); })
      return rule && rule->changes(event, state);
    else
      return true;
  }
  /// What a rule will remember, or null where that is what it remembers already.
  template <class Rule, class Event>
  static constexpr std::optional<rule_state_t<Rule>> prepare(const Rule& rule, const Event& event,
                                                             const rule_state_t<Rule>& state) {
    if (!would_change(rule, event, state)) return std::nullopt;
    std::optional<rule_state_t<Rule>> next = state;
    remember_event(rule, event, *next);
    return next;
  }

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
