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
  Far::Seen seen =
      far.see(key, at(time), largest, largest.value_or(Time::min()), sz::EventClock::duration(10));
  far.accept(seen);
  return seen;
}
/// "counts", "far", and "confirms KEY at TIME".
std::string text_of(const Far::Seen& seen) {
  std::string text = seen.counts ? "counts" : seen.is_far ? "far" : "waits";
  if (seen.confirms)
    text += ", confirms " + seen.confirms->key + " at " +
            std::to_string(seen.confirms->time.time_since_epoch().count());
  if (seen.was_far)
    text += ", and " + std::to_string(seen.was_far->time.time_since_epoch().count()) + " was far";
  return text;
}

// Holds: a stamp that is more than the limit ahead counts for nothing until another key confirms
// it, and then as far as both agree; each is known by its own key. Would catch: one broken clock
// that makes everybody else late, by one event or by sending it twice; a whole stream that has
// moved on and never counts; a key whose time another key's event moves.
TEST_CASE("a stamp that is far ahead counts once another key confirms it", "[windows]") {
  Far far;
  CHECK(text_of(see(far, "a", 110, 100)) == "counts");
  CHECK(text_of(see(far, "a", 200, 110)) == "far");
  CHECK(text_of(see(far, "a", 190, 110)) == "far");
  CHECK(text_of(see(far, "b", 195, 110)) == "counts, confirms a at 190");
  CHECK_FALSE(far.suspect());

  CHECK(text_of(see(far, "a", 300, 195)) == "far");
  CHECK(text_of(see(far, "b", 400, 195)) == "far, confirms a at 300");
  REQUIRE(far.suspect());
  CHECK(far.suspect()->key == "b");
  CHECK(text_of(see(far, "a", 305, 300)) == "counts");
  CHECK(text_of(see(far, "a", 320, 305)) == "counts");
  REQUIRE(far.suspect());
  CHECK(far.suspect()->time == at(400));
}

// Holds: an event that is seen and not accepted, as a rejected one, changes nothing. Would catch: a
// stamp that is confirmed by an event that was never taken in.
TEST_CASE("what is seen counts once it is accepted", "[windows]") {
  Far far;
  see(far, "a", 200, 110);
  const auto seen = far.see("b", at(205), at(110), at(110), sz::EventClock::duration(10));
  CHECK(text_of(seen) == "counts, confirms a at 200");
  REQUIRE(far.suspect());
  CHECK(far.suspect()->key == "a");
  CHECK(far.suspect()->time == at(200));
}

// Holds: where nothing has counted yet, the first two events are each other's reference, of one key
// too, and the one that is far ahead of the other is the one that does not count. Would catch: a
// stream whose first stamp is broken, and whose events are all late from then on.
TEST_CASE("the first two events are each other's reference", "[windows]") {
  Far near, first_is_far, second_is_far;
  for (Far* const each : {&near, &second_is_far})
    CHECK(text_of(see(*each, "a", 5, std::nullopt)) == "waits");
  CHECK(text_of(see(near, "a", 15, std::nullopt)) == "counts, confirms a at 5");
  CHECK_FALSE(near.suspect());
  CHECK(text_of(see(second_is_far, "a", 1'000, std::nullopt)) == "far, confirms a at 5");

  CHECK(text_of(see(first_is_far, "a", 1'000, std::nullopt)) == "waits");
  CHECK(text_of(see(first_is_far, "a", 5, std::nullopt)) == "counts, and 1000 was far");
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
