#include <sessionize/rules/max_duration.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>

namespace max_duration_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::max_duration;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;

constexpr bool splits(auto limit, Time start, Time time) {
  // The previous event plays no part: it is far off in either direction.
  const auto early = max_duration(limit)(Step<Time>{time, Time::min(), start});
  const auto late = max_duration(limit)(Step<Time>{time, Time::max(), start});
  if (early != late) throw "the previous event plays a part";
  return early == SplitReason::max_duration;
}

// Holds: a session splits where it would last longer than the limit from its start; exactly the
// limit continues. Would catch: >= for >, a limit measured from the previous event.
static_assert(!splits(2h, at(0h), at(2h)));
static_assert(splits(2h, at(0h), at(2h + 1ms)));
static_assert(!splits(2h, at(-3h), at(-1h)));
static_assert(splits(2h, at(-3h), at(-1h + 1ms)));

// Holds: an event stamped before the start does not split. Would catch: an absolute difference.
static_assert(!splits(2h, at(0h), at(-3h)));
static_assert(!splits(0s, at(1s), at(0s)));

// Holds: a limit of zero keeps the events of one time together. Would catch: a limit of zero as
// off.
static_assert(!splits(0s, at(1s), at(1s)));
static_assert(splits(0s, at(1s), at(1'001ms)));

// Holds: exact at the ends of int64, also for a limit that milliseconds cannot say. Would catch:
// start + limit, hours converted to ticks before they are compared.
static_assert(splits(Time::duration::max(), Time::min(), Time::max()));
static_assert(splits(Time::duration::max(), at(-1ms), Time::max()));
static_assert(!splits(Time::duration::max(), at(0ms), Time::max()));
static_assert(!splits(2h, Time::max(), Time::min()));
static_assert(!splits(std::chrono::hours::max(), at(0ms), Time::max()));

// Holds: the same where it runs, on the way of a session.
TEST_CASE("a maximum duration splits past the limit") {
  const auto rule = max_duration(10ms);
  for (int ticks = -20; ticks <= 20; ++ticks)
    CHECK((rule(Step<Time>{at(ticks * 1ms), at(0s), at(0s)}) == SplitReason::max_duration) ==
          (ticks > 10));
}

}  // namespace
}  // namespace max_duration_tests
