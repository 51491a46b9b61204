#include <sessionize/windows/watermark.hpp>

#include "../catch.hpp"

#include <optional>
#include <string>

namespace watermark_test {
namespace {

namespace sz = sessionize;
using Time = sz::EventClock::time_point;
using Far = sz::detail::FarFuture<sz::EventClock, std::string>;

Time at(int milliseconds) { return Time(sz::EventClock::duration(milliseconds)); }

/// What an event comes to where 10 ms ahead of `reference`, the largest time so far, are far.
Far::Seen see(Far& far, const char* key, int time, std::optional<int> reference) {
  const auto largest = reference ? std::optional(at(*reference)) : std::nullopt;
  return far.see(key, at(time), largest, largest.value_or(Time::min()),
                 sz::EventClock::duration(10));
}
void check(const Far::Seen& seen, std::optional<int> moves_to, bool event_is_far) {
  CHECK(seen.moves_to == (moves_to ? std::optional(at(*moves_to)) : std::nullopt));
  CHECK(seen.event_is_far == event_is_far);
  CHECK_FALSE(seen.was_far);
}

// Holds: a stamp that is more than the limit ahead counts for nothing until another key confirms
// it, and then as far as both agree. Would catch: one broken clock that makes everybody else late,
// by one event or by sending it twice; a whole stream that has moved on and never counts.
TEST_CASE("a stamp that is far ahead counts once another key confirms it", "[windows]") {
  Far far;
  check(see(far, "a", 110, 100), 110, false);
  check(see(far, "a", 200, 110), std::nullopt, true);
  check(see(far, "a", 190, 110), std::nullopt, true);
  check(see(far, "b", 195, 110), 195, false);
  CHECK_FALSE(far.suspect());

  check(see(far, "a", 300, 195), std::nullopt, true);
  check(see(far, "b", 400, 195), 300, true);
  REQUIRE(far.suspect());
  CHECK(far.suspect()->key == "b");
  check(see(far, "a", 305, 300), 305, false);
  check(see(far, "a", 320, 305), 320, false);
  REQUIRE(far.suspect());
  CHECK(far.suspect()->time == at(400));
}

// Holds: where nothing has counted yet, the first two events are each other's reference, of one key
// too, and the one that is far ahead of the other is the one that does not count. Would catch: a
// stream whose first stamp is broken, and whose events are all late from then on.
TEST_CASE("the first two events are each other's reference", "[windows]") {
  Far near, first_is_far, second_is_far;
  for (Far* const each : {&near, &second_is_far})
    check(see(*each, "a", 5, std::nullopt), std::nullopt, false);
  check(see(near, "a", 15, std::nullopt), 15, false);
  CHECK_FALSE(near.suspect());
  check(see(second_is_far, "a", 1'000, std::nullopt), 5, true);

  check(see(first_is_far, "a", 1'000, std::nullopt), std::nullopt, false);
  const auto seen = see(first_is_far, "a", 5, std::nullopt);
  CHECK(seen.moves_to == at(5));
  CHECK_FALSE(seen.event_is_far);
  REQUIRE(seen.was_far);
  CHECK(seen.was_far->time == at(1'000));
}

// Holds: an idle watermark moves as fast as the clock from the first call on, is never behind the
// stream's own, starts anew behind an event, and stops at the end of time. Would catch: a pause
// that is counted from the last event, of another clock, or twice.
TEST_CASE("an idle watermark moves with the clock", "[windows]") {
  sz::detail::IdleTime<Time> idle;
  CHECK(idle.at(at(100), at(50)) == at(50));
  CHECK(idle.at(at(130), at(50)) == at(80));
  CHECK(idle.at(at(140), at(80)) == at(90));
  CHECK(idle.at(at(150), at(500)) == at(500));
  idle.stop();
  CHECK(idle.at(at(900), at(500)) == at(500));
  CHECK(idle.at(at(901), at(500)) == at(501));
  CHECK(idle.at(Time::max(), at(500)) == Time::max() - (at(900) - at(500)));
  idle.stop();
  CHECK(idle.at(at(0), Time::max()) == Time::max());
  CHECK(idle.at(at(1), Time::max()) == Time::max());
}

}  // namespace
}  // namespace watermark_test
