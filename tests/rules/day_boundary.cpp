#include <sessionize/rules/day_boundary.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>

namespace day_boundary_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::day_boundary;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;

constexpr bool splits(Time previous, Time time, std::chrono::seconds offset = 0s) {
  // The session's start plays no part.
  const auto early = day_boundary(offset)(Step<Time>{time, previous, Time::min()});
  const auto late = day_boundary(offset)(Step<Time>{time, previous, Time::max()});
  if (early != late) throw "the session's start plays a part";
  return early == SplitReason::day_boundary;
}

// Holds: midnight UTC splits, to the tick; a day later splits as the next day does; an earlier day
// does not. Would catch: != for >, a difference of 24 h for a change of day.
static_assert(!splits(at(0h), at(24h - 1ms)));
static_assert(splits(at(24h - 1ms), at(24h)));
static_assert(splits(at(0h), at(24h)));
static_assert(splits(at(0h), at(1000h)));
static_assert(!splits(at(24h), at(24h - 1ms)));
static_assert(!splits(at(1000h), at(0h)));
static_assert(!splits(at(5h), at(5h)));

// Holds: days are floored below 1970 too. Would catch: a division toward zero, which makes one day
// of the last of 1969 and the first of 1970.
static_assert(splits(at(-1ms), at(0ms)));
static_assert(!splits(at(-24h), at(-1ms)));
static_assert(splits(at(-24h - 1ms), at(-24h)));
static_assert(!splits(at(0ms), at(-1ms)));

// Holds: at an offset, midnight there splits and midnight UTC does not; the offset is east
// positive. Would catch: an offset of the wrong sign, or one that is rounded to hours.
static_assert(splits(at(22h - 1ms), at(22h), 2h));
static_assert(!splits(at(24h - 1ms), at(24h), 2h));
static_assert(splits(at(5h - 1ms), at(5h), -5h));
static_assert(!splits(at(0h - 1ms), at(0h), -5h));
static_assert(splits(at(18h + 30min - 1ms), at(18h + 30min), 5h + 30min));
static_assert(splits(at(1s - 1ms), at(1s), -1s));
static_assert(splits(at(1s - 1ms), at(1s), 24h - 1s));
static_assert(splits(at(24h - 1s - 1ms), at(24h - 1s), -(24h - 1s)));

// Holds: every int64 time has a day, at every offset. Would catch: an offset added to the ticks.
static_assert(splits(Time::min(), Time::max(), 24h - 1s));
static_assert(!splits(Time::max(), Time::min(), -(24h - 1s)));
static_assert(!splits(Time::max(), Time::max(), 24h - 1s));
static_assert(!splits(Time::min(), Time::min(), -(24h - 1s)));

// Holds: other ticks have the same days.
using Nano = std::chrono::sys_time<std::chrono::nanoseconds>;
static_assert(day_boundary()(Step<Nano>{Nano{24h}, Nano{24h - 1ns}, {}}) ==
              SplitReason::day_boundary);
using Seconds = std::chrono::sys_seconds;
static_assert(day_boundary()(Step<Seconds>{Seconds{24h}, Seconds{24h - 1s}, {}}) ==
              SplitReason::day_boundary);
static_assert(day_boundary()(Step<Seconds>{Seconds::max(), Seconds::min(), {}}) ==
              SplitReason::day_boundary);

// Holds: the rule compares the days that <chrono> counts, at any offset. Would catch: an offset
// that is right near zero alone.
TEST_CASE("a day boundary splits where chrono's day is a later one") {
  using std::chrono::floor;
  for (int offset = -23; offset <= 23; ++offset)
    for (int from = -60; from <= 60; from += 7)
      for (int hours = -60; hours <= 60; ++hours) {
        const auto day = [&](int hour) {
          return floor<std::chrono::days>(at((hour + offset) * 1h));
        };
        if (splits(at(from * 1h), at(hours * 1h), offset * 1h) != (day(hours) > day(from)))
          FAIL("from " << from << " h to " << hours << " h at offset " << offset << " h");
      }
  SUCCEED();
}

}  // namespace
}  // namespace day_boundary_tests
