#include <sessionize/rules/carry.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>

namespace carry_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::carry_rule;
using sessionize::forever;
using sessionize::Horizon;
using sessionize::testing::at;
using Time = sessionize::EventClock::time_point;
using Milliseconds = std::chrono::milliseconds;

// Holds: a start is visible up to exactly the span, and to an event stamped before it. Would catch:
// < for <=, an absolute difference.
static_assert(carry_rule(24h)(at(0h), at(0h)));
static_assert(carry_rule(24h)(at(0h), at(24h)));
static_assert(!carry_rule(24h)(at(0h), at(24h + 1ms)));
static_assert(carry_rule(24h)(at(0h), at(-1000h)));
static_assert(carry_rule(24h)(at(-30h), at(-6h)));
static_assert(!carry_rule(24h)(at(-30h), at(-6h + 1ms)));

// Holds: a span of zero carries to the same time and to earlier ones. Would catch: zero as "never".
static_assert(carry_rule(0s)(at(1s), at(1s)));
static_assert(carry_rule(0s)(at(1s), at(0s)));
static_assert(!carry_rule(0s)(at(1s), at(1'001ms)));

// Holds: a horizon says the same, and `forever` covers everything. Would catch: forever as a span
// of zero.
static_assert(Horizon<Milliseconds>(24h).covers(at(0h), at(24h)));
static_assert(!Horizon<Milliseconds>(24h).covers(at(0h), at(24h + 1ms)));
static_assert(Horizon<Milliseconds>(forever).covers(Time::min(), Time::max()));
static_assert(Horizon<Milliseconds>(forever).is_forever());
static_assert(!Horizon<Milliseconds>(24h).is_forever());
static_assert(Horizon<Milliseconds>(24h).span() == 24h);
static_assert(Horizon<Milliseconds>(1min) == Horizon<Milliseconds>(60s));
static_assert(Horizon<Milliseconds>(0s) != Horizon<Milliseconds>(forever));

// Holds: exact at the ends of int64. Would catch: start + span, which overflows.
static_assert(!carry_rule(Milliseconds::max())(Time::min(), Time::max()));
static_assert(!carry_rule(Milliseconds::max())(at(-1ms), Time::max()));
static_assert(carry_rule(Milliseconds::max())(at(0ms), Time::max()));
static_assert(carry_rule(24h)(Time::max(), Time::min()));
static_assert(carry_rule(24h)(Time::max() - 24h, Time::max()));
static_assert(carry_rule(std::chrono::hours::max())(at(0ms), Time::max()));
static_assert(Horizon<Milliseconds>(std::chrono::hours::max()).span() == Milliseconds::max());

// Holds: a horizon is assigned like a duration. Would catch: a constructor that is explicit.
TEST_CASE("a carry horizon converts from durations and from forever") {
  Horizon<Milliseconds> horizon = 24h;
  CHECK(horizon.span() == 24h);
  horizon = forever;
  CHECK(horizon.is_forever());
  horizon = std::chrono::days{2};
  CHECK_FALSE(horizon.is_forever());
  CHECK(horizon.covers(at(0h), at(48h)));
  CHECK_FALSE(horizon.covers(at(0h), at(48h + 1ms)));
}

}  // namespace
}  // namespace carry_tests
