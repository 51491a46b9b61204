#include <sessionize/windows/event_time_rule.hpp>

#include "../catch.hpp"

#include <chrono>
#include <optional>

namespace event_time_rule_test {
namespace {

using namespace std::chrono_literals;
namespace sz = sessionize;

template <class Rule>
using Is = sz::detail::EventTimeRule<sz::EventClock, Rule>;
template <class Rule>
Is<Rule> what_is(const Rule& rule) {
  return Is<Rule>(rule);
}

// Holds: in event time a rule is a limit, in the clock's unit, and a midnight: of several rules the
// smallest limit, wherever it stands; of an optional one that is not there, nothing; what the clock
// cannot count is its longest duration. Would catch: the last limit in place of the smallest, a
// rule that is off and still splits, a limit of 400 million years that becomes a negative one.
TEST_CASE("in event time a rule is a limit and a midnight", "[windows]") {
  const auto none = what_is(sz::NoRule{});
  CHECK_FALSE(none.limit);
  CHECK_FALSE(none.day_offset);
  CHECK(what_is(sz::max_duration(2h)).limit == 7'200'000ms);
  CHECK(what_is(sz::max_duration(std::chrono::hours::max())).limit ==
        sz::EventClock::duration::max());
  CHECK(what_is(sz::day_boundary(1h)).day_offset == 3'600s);
  CHECK_FALSE(what_is(sz::day_boundary(1h)).limit);

  const auto all = what_is(sz::any_of(sz::max_duration(3h), sz::max_duration(90min),
                                      sz::day_boundary(-5h), sz::max_duration(2h)));
  CHECK(all.limit == 90min);
  CHECK(all.day_offset == -5h);

  using Limit = decltype(sz::max_duration(1h));
  const auto off = what_is(std::optional<Limit>());
  CHECK_FALSE(off.limit);
  const auto one_is_off =
      what_is(sz::any_of(std::optional<Limit>(), std::optional(sz::max_duration(2h))));
  CHECK(one_is_off.limit == 2h);
}

// Whether events are kept is known when the program is compiled, by what a rule may come to.
static_assert(!Is<sz::NoRule>::limits && !Is<sz::NoRule>::has_days);
static_assert(Is<std::optional<decltype(sz::max_duration(1h))>>::limits);
static_assert(!Is<decltype(sz::day_boundary())>::limits);
static_assert(Is<decltype(sz::any_of(sz::day_boundary(), sz::max_duration(1h)))>::limits);
static_assert(Is<decltype(sz::any_of(sz::day_boundary(), sz::max_duration(1h)))>::has_days);

}  // namespace
}  // namespace event_time_rule_test
