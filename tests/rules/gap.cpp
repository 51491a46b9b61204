#include <sessionize/rules/gap.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>

namespace gap_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::AtGap;
using sessionize::gap_rule;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;

// Holds: a session starts where the time since the previous event is more than the gap; exactly the
// gap continues. Would catch: >= for >.
static_assert(!gap_rule(10s)(at(0s), at(10s)));
static_assert(gap_rule(10s)(at(0s), at(10'001ms)));
static_assert(!gap_rule(10s)(at(0s), at(9'999ms)));
static_assert(!gap_rule(10s)(at(-15s), at(-5s)));
static_assert(gap_rule(10s)(at(-15'001ms), at(-5s)));

// Holds: by option exactly the gap splits. Would catch: an option that is dropped on the way.
static_assert(gap_rule(10s, AtGap::splits)(at(0s), at(10s)));
static_assert(!gap_rule(10s, AtGap::splits)(at(0s), at(9'999ms)));

// Holds: a time that goes back never splits. Would catch: an absolute difference.
static_assert(!gap_rule(10s)(at(100s), at(0s)));
static_assert(!gap_rule(0s, AtGap::splits)(at(1ms), at(0ms)));
static_assert(!gap_rule(0s, AtGap::splits)(Time::max(), Time::min()));

// Holds: a gap of zero splits wherever time passes, by option also where none does.
static_assert(!gap_rule(0s)(at(5s), at(5s)));
static_assert(gap_rule(0s)(at(5s), at(5'001ms)));
static_assert(gap_rule(0s, AtGap::splits)(at(5s), at(5s)));

// Holds: the rule is exact at the ends of int64, for gaps in any unit. Would catch: previous + gap.
static_assert(gap_rule(Time::duration::max())(Time::min(), Time::max()));
static_assert(!gap_rule(Time::duration::max())(at(0s), Time::max()));
static_assert(gap_rule(10s)(Time::min(), Time::min() + 10'001ms));
static_assert(!gap_rule(10s)(Time::max() - 10s, Time::max()));
static_assert(gap_rule(std::chrono::hours::max())(Time::min(), Time::max()));
static_assert(!gap_rule(std::chrono::hours::max())(at(0s), Time::max()));

// Holds: the gap is measured in the clock's own ticks, fine or coarse. Would catch: a gap in
// milliseconds for every clock.
using Seconds = std::chrono::sys_seconds;
static_assert(gap_rule(1min)(Seconds{0s}, Seconds{61s}));
static_assert(!gap_rule(1min)(Seconds{0s}, Seconds{60s}));
using Nanoseconds = std::chrono::sys_time<std::chrono::nanoseconds>;
static_assert(gap_rule(1ns)(Nanoseconds{0s}, Nanoseconds{2ns}));

// Holds: the same where it runs. Would catch: a rule that is right in constant expressions alone.
TEST_CASE("the gap rule splits past the gap") {
  for (int ticks = -30; ticks <= 30; ++ticks)
    for (int gap = 0; gap <= 12; ++gap) {
      const auto ask = [&](AtGap at_gap) {
        return gap_rule(gap * 1ms, at_gap)(at(5ms), at(5ms + ticks * 1ms));
      };
      if (ask(AtGap::continues) != (ticks > gap) || ask(AtGap::splits) != (ticks >= gap))
        FAIL("ticks " << ticks << " gap " << gap);
    }
  SUCCEED();
}

}  // namespace
}  // namespace gap_tests
