#include <sessionize/rules/end_marker.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <concepts>
#include <string>

namespace end_marker_tests {
namespace {

using sessionize::end_marker;
using sessionize::SplitReason;
using sessionize::Step;
using Time = sessionize::EventClock::time_point;

struct Visit {
  bool logout = false;
  int page = 0;
  constexpr bool buys() const { return page == 9; }
};
constexpr Step<Time> step{};

/// How many of these events of one key, told one after the other, start a session.
template <class Rule, class... Events>
constexpr int splits(const Rule& rule, const Events&... events) {
  typename Rule::State ended{};
  int count = 0;
  ((count += rule(step, events, ended) == SplitReason::end_marker ? 1 : 0,
    rule.remember(events, ended)),
   ...);
  return count;
}
constexpr Visit out{true}, on{false};

// Holds: the marked event itself never splits, the one after it does, and only that one. Would
// catch: a marker that splits before its event, or for good.
static_assert(splits(end_marker(&Visit::logout), on, on, on) == 0);
static_assert(splits(end_marker(&Visit::logout), on, out) == 0);
static_assert(splits(end_marker(&Visit::logout), on, out, on) == 1);
static_assert(splits(end_marker(&Visit::logout), out, on, on, on) == 1);
static_assert(splits(end_marker(&Visit::logout), out, out, out) == 2);

// Holds: what decides is whether the event before was marked, not this one. Would catch: a
// predicate asked of the wrong event.
constexpr auto rule = end_marker(&Visit::logout);
static_assert(rule(step, out, false) == SplitReason::none);
static_assert(rule(step, on, true) == SplitReason::end_marker);
static_assert(rule(step, out, true) == SplitReason::end_marker);

// Holds: the predicate is a data member, a member function or any callable. Would catch: a marker
// that must be a bool of its own.
static_assert(splits(end_marker(&Visit::buys), Visit{false, 9}, on) == 1);
static_assert(splits(end_marker([](const Visit& visit) { return visit.page > 3; }), Visit{false, 4},
                     Visit{false, 3}, Visit{false, 5}) == 1);

// Holds: a marker reads the event: without one it is no rule. Would catch: a sessionizer that makes
// an event up.
static_assert(!std::invocable<decltype(rule), const Step<Time>&, const sessionize::NoEvent&, bool>);

// Holds: a predicate may hold values of its own. Would catch: one that is taken for stateless.
TEST_CASE("an end marker's predicate may be a closure") {
  const std::string page = "checkout";
  const auto marked = end_marker([&](const std::string& visited) { return visited == page; });
  CHECK(splits(marked, std::string("home"), std::string("checkout"), std::string("home")) == 1);
  CHECK(splits(marked, std::string("home"), std::string("basket"), std::string("home")) == 0);
}

}  // namespace
}  // namespace end_marker_tests
