#include <sessionize/testing/manual_clock.hpp>

#include <sessionize/sessionizer.hpp>

#include "catch.hpp"

#include <chrono>
#include <concepts>
#include <string>

namespace manual_clock_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::EventClock;
using sessionize::testing::at;
using sessionize::testing::ManualClock;

// Holds: a ManualClock is a clock of the library whose times are event times. Would catch: a test
// that could not pass clock.now() to a sessionizer of EventClock.
static_assert(sessionize::session_clock<ManualClock>);
static_assert(std::same_as<ManualClock::time_point, EventClock::time_point>);

// Holds: at() counts from 1970, in any unit, also before. Would catch: seconds taken for ticks.
static_assert(at(10s) == EventClock::time_point(10'000ms));
static_assert(at(-1h).time_since_epoch() == -3'600s);

// Holds: the clock shows what it was set to, by itself never anything else. Would catch: advance()
// that sets, or set() that adds.
TEST_CASE("a manual clock moves by hand") {
  ManualClock clock;
  CHECK(clock.now() == at(0s));
  clock.advance(10s);
  clock.advance(1ms);
  CHECK(clock.now() == at(10'001ms));
  clock.advance(-11s);
  CHECK(clock.now() == at(-999ms));
  clock.set(at(24h));
  CHECK(clock.now() == at(24h));
  CHECK(ManualClock(at(5s)).now() == at(5s));
}

// Holds: the clock gives expire() its `now`. Would catch: a clock whose time points do not fit.
TEST_CASE("a manual clock drives expire") {
  ManualClock clock;
  sessionize::Sessionizer<ManualClock, std::string> sessions;
  sessions.observe("ann", clock.now());
  int closed = 0;
  const auto count = [&](const sessionize::SummaryView<ManualClock, std::string>&) { ++closed; };
  clock.advance(10s);
  CHECK(sessions.expire(clock.now(), count).delivery == sessionize::Delivery::ok);
  CHECK(closed == 0);
  clock.advance(1ms);
  CHECK(sessions.expire(clock.now(), count).delivery == sessionize::Delivery::ok);
  CHECK(closed == 1);
}

}  // namespace
}  // namespace manual_clock_tests
