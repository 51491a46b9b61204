#include <sessionize/rules/any_of.hpp>

#include <sessionize/rules/rules.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>

namespace any_of_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::any_of;
using sessionize::ask_rule;
using sessionize::NoEvent;
using sessionize::rule_state_t;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;

constexpr Step<Time> step{.time = at(30h), .previous = at(20h), .session_start = at(0h)};

template <SplitReason reason>
constexpr auto gives = [](const Step<Time>&) { return reason; };
constexpr auto yes = [](const Step<Time>&) { return true; };
constexpr auto no = [](const Step<Time>&) { return false; };

constexpr SplitReason ask(const auto& rule) {
  return ask_rule(rule, step, NoEvent{}, rule_state_t<std::remove_cvref_t<decltype(rule)>>{});
}

// Holds: no rule splits where none of its rules does. Would catch: an empty list that splits.
static_assert(ask(any_of()) == SplitReason::none);
static_assert(ask(any_of(no)) == SplitReason::none);
static_assert(ask(any_of(no, no, no)) == SplitReason::none);

// Holds: one that splits is enough, wherever it stands. Would catch: the last answer alone.
static_assert(ask(any_of(yes, no, no)) == SplitReason::rule);
static_assert(ask(any_of(no, yes, no)) == SplitReason::rule);
static_assert(ask(any_of(no, no, yes)) == SplitReason::rule);

// Holds: of several reasons the first in checking order is given, in whatever order the rules are
// listed. Would catch: the first listed, the last listed.
constexpr auto marker = gives<SplitReason::end_marker>;
constexpr auto longer = gives<SplitReason::max_duration>;
constexpr auto carry = gives<SplitReason::carry>;
constexpr auto day = gives<SplitReason::day_boundary>;
constexpr auto value = gives<SplitReason::value_change>;
static_assert(ask(any_of(marker, longer)) == SplitReason::end_marker);
static_assert(ask(any_of(longer, marker)) == SplitReason::end_marker);
static_assert(ask(any_of(yes, value, day, carry, longer)) == SplitReason::max_duration);
static_assert(ask(any_of(yes, value, day, carry)) == SplitReason::carry);
static_assert(ask(any_of(yes, value, day)) == SplitReason::day_boundary);
static_assert(ask(any_of(value, yes, no)) == SplitReason::value_change);
static_assert(ask(any_of(yes, no, value)) == SplitReason::value_change);

// Holds: the built-in rules compose, also with lists and rules that are off. Would catch: an
// optional that is not asked, a list within a list that loses its reason.
static_assert(ask(any_of(sessionize::day_boundary(), sessionize::max_duration(24h))) ==
              SplitReason::max_duration);
static_assert(ask(any_of(sessionize::day_boundary(), sessionize::max_duration(30h))) ==
              SplitReason::day_boundary);
using Limit = decltype(sessionize::max_duration(24h));
static_assert(ask(any_of(sessionize::day_boundary(), std::optional<Limit>())) ==
              SplitReason::day_boundary);
static_assert(ask(any_of(std::optional(sessionize::max_duration(24h)))) ==
              SplitReason::max_duration);
static_assert(ask(any_of(yes, any_of(value, any_of(day)))) == SplitReason::day_boundary);
static_assert(ask(std::optional(any_of(yes))) == SplitReason::rule);

struct Visit {
  int page = 0;
  bool logout = false;
};
constexpr auto both =
    any_of(sessionize::value_change(&Visit::page), sessionize::end_marker(&Visit::logout));

/// The reason for the last of these events of one key.
template <class Rule, class... Events>
constexpr SplitReason last_reason(const Rule& rule, const Events&... events) {
  typename Rule::State state{};
  SplitReason reason{};
  ((reason = ask_rule(rule, step, events, state), sessionize::remember_event(rule, events, state)),
   ...);
  return reason;
}

// Holds: each rule has its own memory, told of every event. Would catch: one state for all, a rule
// that is told only where it splits.
static_assert(last_reason(both, Visit{1}, Visit{1}) == SplitReason::none);
static_assert(last_reason(both, Visit{1}, Visit{2}) == SplitReason::value_change);
static_assert(last_reason(both, Visit{1, true}, Visit{1}) == SplitReason::end_marker);
static_assert(last_reason(both, Visit{1, true}, Visit{2}) == SplitReason::end_marker);
static_assert(last_reason(both, Visit{1, true}, Visit{2}, Visit{2}) == SplitReason::none);
static_assert(last_reason(any_of(no, both, yes), Visit{1}, Visit{2}) == SplitReason::value_change);

// Holds: for every subset of the reasons and every order of listing, the reason is the smallest.
// Would catch: an order that only examples get right.
TEST_CASE("any_of gives the first reason whatever the listing order") {
  const auto when = [](SplitReason reason, const bool& on) {
    return [reason, &on](const Step<Time>&) { return on ? reason : SplitReason::none; };
  };
  std::array<SplitReason, 4> order{SplitReason::end_marker, SplitReason::carry,
                                   SplitReason::value_change, SplitReason::rule};
  do {
    bool on[4];
    const auto rule = any_of(when(order[0], on[0]), when(order[1], on[1]), when(order[2], on[2]),
                             when(order[3], on[3]));
    for (unsigned subset = 0; subset < 16; ++subset) {
      SplitReason expected = SplitReason::none;
      for (unsigned i = 0; i < 4; ++i) {
        on[i] = (subset >> i & 1) != 0;
        if (on[i] && (expected == SplitReason::none || order[i] < expected)) expected = order[i];
      }
      CHECK(ask(rule) == expected);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

/// Counts what it is told, and throws at some of it.
struct Counts {
  struct State {
    std::string told{};
  };
  bool throws;
  bool operator()(const Step<Time>&, const Visit&, const State&) const { return false; }
  void remember(const Visit& visit, State& state) const {
    if (throws && visit.page == 13) throw std::runtime_error("a rule's exception");
    state.told += std::to_string(visit.page);
  }
};

// Holds: where one rule's memory throws, no rule has remembered the event. Would catch: a rule
// before it that remembers an event that was not taken.
TEST_CASE("where a rule's memory throws no rule remembers the event") {
  const auto rule =
      any_of(sessionize::end_marker(&Visit::logout), Counts{false}, Counts{true}, Counts{false});
  decltype(rule)::State state{};
  rule.remember(Visit{1}, state);
  CHECK_THROWS_AS(rule.remember(Visit{13, true}, state), std::runtime_error);
  CHECK(std::get<0>(state) == false);
  CHECK(std::get<1>(state).told == "1");
  CHECK(std::get<2>(state).told == "1");
  CHECK(std::get<3>(state).told == "1");
  rule.remember(Visit{2, true}, state);
  CHECK(std::get<0>(state) == true);
  CHECK(std::get<3>(state).told == "12");
}

}  // namespace
}  // namespace any_of_tests
