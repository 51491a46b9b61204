#include <sessionize/rules/split_rule.hpp>

#include <sessionize/rules/max_duration.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <concepts>
#include <optional>

namespace split_rule_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::ask_rule;
using sessionize::NoEvent;
using sessionize::NoRule;
using sessionize::NoState;
using sessionize::remember_event;
using sessionize::rule_state_t;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;

constexpr Step<Time> late{.time = at(9s), .previous = at(5s), .session_start = at(1s)};
constexpr Step<Time> early{.time = at(6s), .previous = at(5s), .session_start = at(1s)};
struct Click {
  int page = 0;
};

// Holds: no rule never splits. Would catch: a default that does.
static_assert(ask_rule(NoRule{}, late, NoEvent{}, NoState{}) == SplitReason::none);
static_assert(ask_rule(NoRule{}, late, Click{}, NoState{}) == SplitReason::none);

// Holds: a rule of times alone is called with the step, with or without an event; a bool is the
// reason `rule`. Would catch: a rule that must take what it does not look at.
constexpr auto by_time = [](const Step<Time>& step) { return step.time - step.previous > 3s; };
static_assert(ask_rule(by_time, late, NoEvent{}, NoState{}) == SplitReason::rule);
static_assert(ask_rule(by_time, late, Click{}, NoState{}) == SplitReason::rule);
static_assert(ask_rule(by_time, early, Click{}, NoState{}) == SplitReason::none);
constexpr auto generic = [](const auto& step) { return step.time - step.session_start >= 8s; };
static_assert(ask_rule(generic, late, Click{}, NoState{}) == SplitReason::rule);
static_assert(ask_rule(generic, early, Click{}, NoState{}) == SplitReason::none);

// Holds: a rule may look at the event too. Would catch: the times taken for the event.
constexpr auto by_page = [](const Step<Time>&, const Click& click) { return click.page == 7; };
static_assert(ask_rule(by_page, early, Click{7}, NoState{}) == SplitReason::rule);
static_assert(ask_rule(by_page, early, Click{8}, NoState{}) == SplitReason::none);

// Holds: a rule that answers a reason is taken at its word. Would catch: any reason as true.
constexpr auto chooses = [](const Step<Time>&, const Click& click) {
  return click.page == 1   ? SplitReason::value_change
         : click.page == 2 ? SplitReason::end_marker
                           : SplitReason::none;
};
static_assert(ask_rule(chooses, early, Click{1}, NoState{}) == SplitReason::value_change);
static_assert(ask_rule(chooses, early, Click{2}, NoState{}) == SplitReason::end_marker);
static_assert(ask_rule(chooses, early, Click{3}, NoState{}) == SplitReason::none);

/// Splits where the page is less than the key's largest.
struct GoesBack {
  struct State {
    int largest = 0;
  };
  constexpr bool operator()(const Step<Time>&, const Click& click, const State& state) const {
    return click.page < state.largest;
  }
  constexpr void remember(const Click& click, State& state) const {
    if (click.page > state.largest) state.largest = click.page;
  }
};

// Holds: a rule with state is asked with it, and remembers by itself. Would catch: a state that is
// passed by value, or that an empty rule must have.
static_assert(std::same_as<rule_state_t<GoesBack>, GoesBack::State>);
static_assert(std::same_as<rule_state_t<std::optional<GoesBack>>, GoesBack::State>);
static_assert(std::same_as<rule_state_t<NoRule>, NoState>);
static_assert(std::same_as<rule_state_t<decltype(by_page)>, NoState>);
static_assert(std::same_as<rule_state_t<std::optional<NoRule>>, NoState>);
constexpr int after(const auto& rule, auto... pages) {
  GoesBack::State state{};
  (remember_event(rule, Click{pages}, state), ...);
  return state.largest;
}
static_assert(after(GoesBack{}, 3, 5, 4) == 5);
static_assert(ask_rule(GoesBack{}, early, Click{4}, GoesBack::State{5}) == SplitReason::rule);
static_assert(ask_rule(GoesBack{}, early, Click{5}, GoesBack::State{5}) == SplitReason::none);

// Holds: an optional rule is the rule where there is one, and never splits or remembers where there
// is none. Would catch: an empty optional that is dereferenced.
using Off = std::optional<GoesBack>;
static_assert(ask_rule(Off{GoesBack{}}, early, Click{4}, GoesBack::State{5}) == SplitReason::rule);
static_assert(ask_rule(Off{}, early, Click{4}, GoesBack::State{5}) == SplitReason::none);
static_assert(after(Off{GoesBack{}}, 3, 5) == 5);
static_assert(after(Off{}, 3, 5) == 0);
constexpr auto limit = sessionize::max_duration(7s);
static_assert(ask_rule(std::optional(limit), late, NoEvent{}, NoState{}) ==
              SplitReason::max_duration);
static_assert(ask_rule(decltype(std::optional(limit)){}, late, NoEvent{}, NoState{}) ==
              SplitReason::none);

/// Takes all three: a rule that could be called in several ways.
struct AllWays {
  constexpr SplitReason operator()(const Step<Time>&) const { return SplitReason::carry; }
  constexpr SplitReason operator()(const Step<Time>&, const Click&) const {
    return SplitReason::value_change;
  }
};

// Holds: a rule that can look at the event does, where there is one. Would catch: the poorer call
// preferred.
static_assert(ask_rule(AllWays{}, late, Click{}, NoState{}) == SplitReason::value_change);
static_assert(ask_rule(AllWays{}, late, NoEvent{}, NoState{}) == SplitReason::carry);

// Holds: the caller's own lambdas are rules where they run too, with what they captured. Would
// catch: a rule that is copied without its captures, or must be a constant.
TEST_CASE("a rule may hold values of its own") {
  auto threshold = 3s;
  const auto rule = [&](const Step<Time>& step) { return step.time - step.previous > threshold; };
  CHECK(ask_rule(rule, late, NoEvent{}, NoState{}) == SplitReason::rule);
  threshold = 4s;
  CHECK(ask_rule(rule, late, NoEvent{}, NoState{}) == SplitReason::none);
  const auto maybe = std::optional(rule);
  threshold = 3s;
  CHECK(ask_rule(maybe, late, NoEvent{}, NoState{}) == SplitReason::rule);
}

}  // namespace
}  // namespace split_rule_tests
