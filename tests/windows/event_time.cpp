#include <sessionize/windows/event_time.hpp>

#include "../catch.hpp"

#include <chrono>
#include <vector>

using namespace std::chrono_literals;

namespace event_time_tests {
namespace {

namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;
using Options = sz::WindowOptions<Clock>;
using Plain = sz::detail::EventTime<Clock, sz::NoRule>;

Time at(std::chrono::milliseconds after) { return Time{after}; }

/// Whether a session whose only event is at 0 s, with a gap of 10 s, is due at a watermark.
bool is_due(sz::ClosePolicy close, sz::AtGap at_gap, Time watermark) {
  const Plain time(Options{.gap = 10s, .at_gap = at_gap, .close = close}, {});
  return time.due(time.reach(at(0s), 10s)) < watermark;
}

}  // namespace

// Holds: a session is due where no event that is on time can join it, which at exactly last + gap
// each policy and boundary decides as its engine does. Would catch: a comparison that is off by
// one.
TEST_CASE("when a session is due, by policy and boundary", "[windows]") {
  using sz::AtGap;
  using sz::ClosePolicy;
  for (const auto close : {ClosePolicy::exact, ClosePolicy::kafka, ClosePolicy::drops_behind}) {
    CHECK_FALSE(is_due(close, AtGap::continues, at(10s)));
    CHECK(is_due(close, AtGap::continues, at(10s + 1ms)));
  }
  for (const auto close : {ClosePolicy::flink, ClosePolicy::spark}) {
    CHECK_FALSE(is_due(close, AtGap::continues, at(10s - 1ms)));
    CHECK(is_due(close, AtGap::continues, at(10s)));
  }
  CHECK(is_due(ClosePolicy::exact, AtGap::splits, at(10s)));
  CHECK_FALSE(is_due(ClosePolicy::exact, AtGap::splits, at(10s - 1ms)));
  CHECK_FALSE(is_due(ClosePolicy::kafka, AtGap::splits, at(10s)));
  CHECK(is_due(ClosePolicy::kafka, AtGap::splits, at(10s + 1ms)));
}

// Holds: an event reaches to the end of its gap, that end included unless the gap splits there, and
// never beyond the last time of all; what reaches that far is never due. Would catch: an overflow.
TEST_CASE("how far an event reaches", "[windows]") {
  const Plain continues(Options{.gap = 10s}, {});
  const Plain splits(Options{.gap = 10s, .at_gap = sz::AtGap::splits}, {});
  CHECK(continues.reach(at(5s), 10s) == at(15s));
  CHECK(splits.reach(at(5s), 10s) == at(15s - 1ms));
  CHECK(continues.reach(at(5s), 0s) == at(5s));
  CHECK(splits.reach(at(5s), 0s) == at(5s - 1ms));  // a point: nothing joins it
  CHECK(continues.reach(Time::max(), 10s) == Time::max());
  CHECK(splits.reach(Time::max() - 1ms, 10s) == Time::max());
  CHECK_FALSE(continues.closes_at(Time::max()) < Time::max());
}

// Holds: an event that is on time is never late, where a policy does not say otherwise; one behind
// the watermark is late when the session that it would form is closed. Would catch: a gap of 0 that
// makes events late that are on time.
TEST_CASE("which events are too late to form a session", "[windows]") {
  const Plain exact(Options{.gap = 10s, .at_gap = sz::AtGap::splits, .lateness = 5s}, {});
  const auto is_late = [](const Plain& time, Time event, std::chrono::seconds gap, Time watermark) {
    return time.is_late(event, time.reach(event, gap), watermark);
  };
  CHECK_FALSE(is_late(exact, at(0s), 10s, at(15s - 1ms)));
  CHECK(is_late(exact, at(0s), 10s, at(15s)));
  const Plain prompt(Options{.gap = 10s, .at_gap = sz::AtGap::splits}, {});
  CHECK_FALSE(is_late(prompt, at(7s), 0s, at(7s)));
  CHECK(is_late(prompt, at(7s), 0s, at(7s + 1ms)));
  const Plain spark(Options{.gap = 10s, .close = sz::ClosePolicy::spark}, {});
  CHECK(is_late(spark, at(7s), 0s, at(7s)));
}

// Holds: a maximum duration cuts from the earliest event on, and its end is in; a pause of an
// event's own ends a cut too. Would catch: cuts that depend on more than what they have.
TEST_CASE("where a maximum duration cuts", "[windows]") {
  using Limited = sz::detail::EventTime<Clock, decltype(sz::max_duration(1s))>;
  using Kept = sz::detail::KeptEvent<Clock, int>;
  const Limited time(Options{.gap = 10s}, sz::max_duration(20s));
  std::vector<Kept> kept;
  for (const auto second : {0s, 8s, 15s, 20s, 21s, 30s})
    kept.push_back({at(second), at(second + 10s), kept.size(), 0});
  CHECK(time.cut(kept, 0).end == 4);
  CHECK(time.cut(kept, 4).end == 6);
  CHECK(time.cut_until(at(0s)) == at(20s));
  kept[1].reach = at(8s);
  kept[0].reach = at(9s);
  CHECK(time.cut(kept, 0).end == 2);
  CHECK(time.cut(kept, 0).reach == at(9s));
}

}  // namespace event_time_tests
