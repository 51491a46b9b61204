#include <sessionize/rules/elapsed.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace elapsed_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::AtGap;
using sessionize::exceeds;
using sessionize::saturating_duration;
using sessionize::saturating_elapsed;
using sessionize::ticks_between;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;
using Duration = Time::duration;
constexpr auto longest = Duration::max();

// Holds: the difference is exact for every pair, and 0 for a time that does not go on. Would catch:
// a signed subtraction, which overflows (and then does not compile here).
static_assert(ticks_between<std::int64_t>(0, 0) == 0);
static_assert(ticks_between<std::int64_t>(-1, 1) == 2);
static_assert(ticks_between<std::int64_t>(1, -1) == 0);
static_assert(ticks_between<std::int64_t>(INT64_MIN, INT64_MAX) == UINT64_MAX);
static_assert(ticks_between<std::int64_t>(INT64_MIN, -1) == std::uint64_t{INT64_MAX});
static_assert(ticks_between<std::int64_t>(INT64_MIN, 0) == std::uint64_t{1} << 63);
static_assert(ticks_between<std::int64_t>(INT64_MAX, INT64_MIN) == 0);
static_assert(ticks_between<std::int32_t>(INT32_MIN, INT32_MAX) == UINT32_MAX);
static_assert(ticks_between<std::int8_t>(-128, 127) == 255);

// Holds: exactly the limit exceeds by AtGap::splits alone, one tick to either side is the same for
// both. Would catch: the two comparisons exchanged.
static_assert(!exceeds(at(0s), at(10s), 10s, AtGap::continues));
static_assert(exceeds(at(0s), at(10s), 10s, AtGap::splits));
static_assert(exceeds(at(0s), at(10'001ms), 10s, AtGap::continues));
static_assert(exceeds(at(0s), at(10'001ms), 10s, AtGap::splits));
static_assert(!exceeds(at(0s), at(9'999ms), 10s, AtGap::continues));
static_assert(!exceeds(at(0s), at(9'999ms), 10s, AtGap::splits));
static_assert(!exceeds(at(-5s), at(5s), 10s, AtGap::continues));
static_assert(exceeds(at(-20s), at(-5s), 10s, AtGap::continues));

// Holds: a time that goes back exceeds nothing, not even a limit of zero at equality; the same time
// reaches zero. Would catch: 0 >= 0 where the time went back.
static_assert(!exceeds(at(10s), at(0s), 1s, AtGap::continues));
static_assert(!exceeds(at(0s), at(-1ms), 0s, AtGap::splits));
static_assert(!exceeds(Time::max(), Time::min(), 0s, AtGap::splits));
static_assert(exceeds(at(7s), at(7s), 0s, AtGap::splits));
static_assert(!exceeds(at(7s), at(7s), 0s, AtGap::continues));

// Holds: the ends of int64 are compared exactly. Would catch: earlier + limit, which overflows.
static_assert(exceeds(Time::min(), Time::max(), longest, AtGap::continues));
static_assert(exceeds(at(-2ms), Time::max(), longest, AtGap::continues));
static_assert(exceeds(at(-1ms), Time::max(), longest, AtGap::continues));
static_assert(!exceeds(at(0ms), Time::max(), longest, AtGap::continues));
static_assert(exceeds(at(0ms), Time::max(), longest, AtGap::splits));
static_assert(!exceeds(at(1ms), Time::max(), longest, AtGap::splits));
static_assert(exceeds(Time::min(), at(0ms), longest, AtGap::continues));
static_assert(!exceeds(Time::min(), at(-1ms), longest, AtGap::continues));
static_assert(exceeds(Time::min(), at(-1ms), longest, AtGap::splits));

// Holds: the time elapsed is never negative and saturates. Would catch: a wrapped difference.
static_assert(saturating_elapsed(at(1s), at(3s)) == 2s);
static_assert(saturating_elapsed(at(3s), at(1s)) == 0s);
static_assert(saturating_elapsed(at(-1ms), Time::max()) == longest);
static_assert(saturating_elapsed(at(1ms), Time::max()) == longest - 1ms);
static_assert(saturating_elapsed(Time::min(), Time::max()) == longest);
static_assert(saturating_elapsed(Time::min(), at(-1ms)) == longest);

// Holds: a span too long for the clock's ticks is the longest that they can say. Would catch: hours
// that overflow on their way to milliseconds.
static_assert(saturating_duration<Duration>(std::chrono::hours::max()) == longest);
static_assert(saturating_duration<Duration>(std::chrono::hours{24}) == 24h);
static_assert(saturating_duration<Duration>(longest) == longest);
static_assert(saturating_duration<Duration>(std::chrono::seconds{INT64_MAX / 1000}) ==
              std::chrono::seconds{INT64_MAX / 1000});
static_assert(saturating_duration<Duration>(std::chrono::seconds{INT64_MAX / 1000 + 1}) == longest);

// Holds: for every pair of 8-bit times and every limit, the comparison is that of wide integers.
// Would catch: promotion to int that hides a wrap-around in narrower ticks.
TEST_CASE("the comparison is exact for all of a small clock's times") {
  using Small = std::chrono::duration<std::int8_t>;
  using Point = std::chrono::time_point<std::chrono::system_clock, Small>;
  int wrong = 0;
  const auto small = [](int ticks) { return Small{static_cast<std::int8_t>(ticks)}; };
  for (int from = -128; from <= 127; ++from)
    for (int to = -128; to <= 127; ++to) {
      for (int limit = 0; limit <= 127; ++limit) {
        const auto is = [&](AtGap at_gap) {
          return exceeds(Point(small(from)), Point(small(to)), small(limit), at_gap);
        };
        if (is(AtGap::continues) != (to - from > limit)) ++wrong;
        if (is(AtGap::splits) != (to - from >= limit)) ++wrong;
      }
      const int elapsed = to < from ? 0 : to - from > 127 ? 127 : to - from;
      if (saturating_elapsed(Point(small(from)), Point(small(to))) != small(elapsed)) ++wrong;
    }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace elapsed_tests
