#ifndef SESSIONIZE_RULES_SPLIT_RULE_HPP
#define SESSIONIZE_RULES_SPLIT_RULE_HPP

#include <sessionize/rules/reason.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

// What a split rule is. Any callable that answers `bool` (its reason is then `rule`) or a
// `SplitReason`, and that is called in one of these ways, is one:
//
//   rule(step)                 it looks at times alone
//   rule(step, event)          it looks at the event too
//   rule(step, event, state)   it remembers something of each key's past, and then also has
//                              a type `State` (default-constructible, copyable) and
//                              `void remember(event, State&) const`, called after each event;
//                              if that may be costly, also `bool changes(event, const State&)
//                              const`, which says whether it would change anything
//
// The state is the key's, not the session's: a new session does not reset it.
//
// A rule is asked only where neither `first_event` nor the gap has decided already. It is a pure
// function: the same arguments, the same answer. An empty std::optional of a rule never splits,
// so that a program can switch rules at run time.

namespace sessionize {
inline namespace v0 {

/// The times that a rule decides on.
template <class TimePoint>
struct Step {
  TimePoint time;            ///< of the event in question
  TimePoint previous;        ///< of its key's previous event, as the gap sees it
  TimePoint session_start;   ///< of the key's open session
  std::uint64_t events = 0;  ///< in that session so far; 0 where they are not counted
};

/// Stands for the event where a caller passes a key and a time alone.
struct NoEvent {};

/// The state of a rule that remembers nothing.
struct NoState {
  friend constexpr bool operator==(NoState, NoState) noexcept = default;
};

/// The rule that never splits: the gap alone decides.
struct NoRule {
  template <class TimePoint>
  constexpr bool operator()(const Step<TimePoint>&) const noexcept {
    return false;
  }
};

namespace detail {

template <class Rule>
struct RuleState {
  using type = NoState;
};
template <class Rule>
requires requires { typename Rule::State; }
struct RuleState<Rule> {
  using type = typename Rule::State;
};
template <class Rule>
struct RuleState<std::optional<Rule>> : RuleState<Rule> {};

template <class T>
concept rule_answer = std::same_as<T, bool> || std::same_as<T, SplitReason>;

constexpr SplitReason as_reason(bool splits) noexcept {
  return splits ? SplitReason::rule : SplitReason::none;
}
constexpr SplitReason as_reason(SplitReason reason) noexcept { return reason; }

template <class T>
inline constexpr bool always_false = false;

}  // namespace detail

/// What a rule remembers of one key; NoState for most.
template <class Rule>
using rule_state_t = typename detail::RuleState<Rule>::type;

/// The reason for which `rule` splits at this event, or `none`. `state` is what the rule
/// remembered of the key's earlier events.
template <class Rule, class TimePoint, class Event>
[[nodiscard]] constexpr SplitReason ask_rule(const Rule& rule, const Step<TimePoint>& step,
                                             const Event& event, const rule_state_t<Rule>& state) {
  if constexpr (requires {
                  { rule(step, event, state) } -> detail::rule_answer;
                }) {
    return detail::as_reason(rule(step, event, state));
  } else if constexpr (requires {
                         { rule(step, event) } -> detail::rule_answer;
                       }) {
    return detail::as_reason(rule(step, event));
  } else if constexpr (requires {
                         { rule(step) } -> detail::rule_answer;
                       }) {
    return detail::as_reason(rule(step));
  } else if constexpr (std::same_as<Event, NoEvent>) {
    static_assert(
        detail::always_false<Rule>,
        "this sessionizer's rule reads the event: pass it too, observe(key, time, event)");
  } else {
    static_assert(detail::always_false<Rule>,
                  "a split rule is called as rule(step), rule(step, event) or rule(step, event, "
                  "state) with this event type, and answers bool or sessionize::SplitReason");
  }
}

/// A rule that is off (empty) never splits.
template <class Rule, class TimePoint, class Event>
[[nodiscard]] constexpr SplitReason ask_rule(const std::optional<Rule>& rule,
                                             const Step<TimePoint>& step, const Event& event,
                                             const rule_state_t<Rule>& state) {
  return rule ? ask_rule(*rule, step, event, state) : SplitReason::none;
}

namespace detail {

/// Whether a rule is called with the step alone.
template <class Rule, class TimePoint, class Event>
concept reads_only_times = requires(const Rule& rule, const Step<TimePoint>& step) {
  { rule(step) } -> rule_answer;
}
&&!requires(const Rule& rule, const Step<TimePoint>& step, const Event& event,
            rule_state_t<Rule>& state) {
  rule(step, event, state);
}
&&!requires(const Rule& rule, const Step<TimePoint>& step, const Event& event) {
  rule(step, event);
}
&&!requires(const Rule& rule, const Event& event, rule_state_t<Rule>& state) {
  rule.remember(event, state);
};

/// The event as a rule sees it: none where it reads none, so that what is compiled for the rule is
/// not compiled again for each type of event.
template <class Rule, class TimePoint, class Event>
[[nodiscard]] constexpr decltype(auto) seen_by(const Event& event) noexcept {
  if constexpr (reads_only_times<Rule, TimePoint, Event>)
    return NoEvent{};
  else
    return (event);
}

}  // namespace detail

/// Lets a rule remember what it needs of `event`; called once for each event, after the decision.
template <class Rule, class Event>
constexpr void remember_event(const Rule& rule, const Event& event, rule_state_t<Rule>& state) {
  // A rule that cannot is refused by ask_rule(), in a sentence.
  if constexpr (requires { rule.remember(event, state); }) rule.remember(event, state);
}
template <class Rule, class Event>
constexpr void remember_event(const std::optional<Rule>& rule, const Event& event,
                              rule_state_t<Rule>& state) {
  if (rule) remember_event(*rule, event, state);
}

}  // namespace v0
}  // namespace sessionize

#endif
