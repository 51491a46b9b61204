#include <sessionize/clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <ratio>

namespace clock_tests {
namespace {

using sessionize::BasicEventClock;
using sessionize::EventClock;
using sessionize::session_clock;
using sessionize::utc_time_point;

struct BootClock {
  using duration = std::chrono::duration<std::int32_t, std::milli>;
  using time_point = std::chrono::time_point<BootClock>;
};
struct FloatClock {
  using duration = std::chrono::duration<double>;
  using time_point = std::chrono::time_point<FloatClock>;
};
struct UnsignedClock {
  using duration = std::chrono::duration<std::uint64_t>;
  using time_point = std::chrono::time_point<UnsignedClock>;
};
struct TornClock {  // its times are in other ticks than its durations
  using duration = std::chrono::milliseconds;
  using time_point = std::chrono::time_point<TornClock, std::chrono::seconds>;
};
struct NoClock {};

// Holds: a clock is a time point and a duration over a signed integer; it needs no now(). Would
// catch: a concept that asks for what event time does not have, or lets floating point in.
static_assert(session_clock<std::chrono::system_clock>);
static_assert(session_clock<std::chrono::steady_clock>);
static_assert(session_clock<EventClock>);
static_assert(session_clock<BasicEventClock<std::chrono::nanoseconds>>);
static_assert(session_clock<BootClock>);
static_assert(!session_clock<FloatClock>);
static_assert(!session_clock<UnsignedClock>);
static_assert(!session_clock<TornClock>);
static_assert(!session_clock<NoClock>);
static_assert(!session_clock<int>);
static_assert(!session_clock<std::chrono::milliseconds>);

// Holds: event times are milliseconds since 1970 UTC, and of another resolution by choice. Would
// catch: an epoch or a tick of its own.
static_assert(
    std::same_as<EventClock::time_point, std::chrono::sys_time<std::chrono::milliseconds>>);
static_assert(
    std::same_as<BasicEventClock<std::chrono::seconds>::time_point, std::chrono::sys_seconds>);

// Holds: only times that count from 1970 UTC in seconds or finer are calendar times. Would catch: a
// session id or a day of a steady clock's time.
static_assert(utc_time_point<std::chrono::system_clock::time_point>);
static_assert(utc_time_point<EventClock::time_point>);
static_assert(utc_time_point<std::chrono::sys_seconds>);
static_assert(!utc_time_point<std::chrono::steady_clock::time_point>);
static_assert(!utc_time_point<BootClock::time_point>);
static_assert(!utc_time_point<std::chrono::sys_days>);
static_assert(!utc_time_point<std::chrono::local_seconds>);
static_assert(!utc_time_point<std::chrono::sys_time<std::chrono::duration<double>>>);

// Holds: times of system_clock and of the library's clocks are one kind of time. Would catch: a
// service that has to convert by hand.
TEST_CASE("event times and system_clock's convert") {
  using namespace std::chrono_literals;
  const EventClock::time_point event{1'500ms};
  const std::chrono::system_clock::time_point system = event;
  CHECK(system.time_since_epoch() == 1'500ms);
  CHECK(std::chrono::floor<std::chrono::seconds>(event) == std::chrono::sys_seconds{1s});
}

}  // namespace
}  // namespace clock_tests
