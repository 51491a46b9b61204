#include <sessionize/windows/reorder.hpp>

#include <sessionize/projections.hpp>
#include <sessionize/record.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/testing/sinks.hpp>

#include "../property.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace reorder_tests {
namespace {

using namespace std::chrono_literals;
namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;
using std::chrono::milliseconds;
using sz::UnorderedReason;

/// Not default-constructible.
struct Tick {
  explicit Tick(Time at, int number = 0) : time(at), id(number) {}
  Time time;
  int id;
};
using Front = sz::Reorder<Clock, Tick>;
using Options = sz::ReorderOptions<Clock>;

std::vector<Tick> ticks(std::initializer_list<int> seconds) {
  std::vector<Tick> all;
  for (const int second : seconds)
    all.emplace_back(Time{std::chrono::seconds(second)}, static_cast<int>(all.size()));
  return all;
}
/// Keeps which events it got, as seconds.
struct Seconds {
  std::vector<int> got{};
  void operator()(const Tick& tick) {
    got.push_back(static_cast<int>(tick.time.time_since_epoch() / 1s));
  }
};
void check_sum(const Front& front) {
  const auto counters = front.counters();
  REQUIRE(counters.held == front.size());
  REQUIRE(counters.offered == counters.released + counters.held + counters.unordered());
}

}  // namespace

TEST_CASE("events go out in the order of their times", "[windows][reorder]") {
  // Holds: an event goes out as soon as the watermark has come to it, and not before. Would catch:
  // one that waits for the watermark to pass it, one that goes out before an earlier one that is
  // still on time.
  Front front({.out_of_order = 10s});
  Seconds out;
  const auto offer = [&](std::initializer_list<int> seconds) {
    out.got.clear();
    REQUIRE(front.process(ticks(seconds), &Tick::time, out).delivery == sz::Delivery::ok);
    check_sum(front);
    return out.got;
  };
  using Got = std::vector<int>;
  REQUIRE(offer({20, 15, 12, 11}).empty());
  REQUIRE(offer({21}) == Got{11});
  REQUIRE(offer({11}) == Got{11});  // exactly at the watermark: on time, and goes at once
  REQUIRE(offer({25}) == Got{12, 15});
  REQUIRE(offer({14}).empty());  // before 15
  REQUIRE(front.counters().unordered(UnorderedReason::behind_watermark) == 1);
  REQUIRE(front.watermark() == Time{15s});
  REQUIRE(front.advance_watermark(Time{20s}, out) == sz::Delivery::ok);
  REQUIRE(out.got == Got{20});
  REQUIRE(front.advance_watermark(Time{10s}, out) == sz::Delivery::ok);
  REQUIRE(front.watermark() == Time{20s});
  REQUIRE(front.flush(out) == sz::Delivery::ok);
  REQUIRE(out.got == Got{20, 21, 25});
  check_sum(front);
  out.got.clear();
  REQUIRE(offer({24}).empty());  // the last that went out was at 25
  REQUIRE(front.counters().unordered(UnorderedReason::overtaken) == 1);
}

TEST_CASE("ties go out in order of arrival", "[windows][reorder]") {
  // Holds: events of one time keep their order, also where some are released already. Would catch:
  // a heap that is not stable.
  Front front({.out_of_order = 1s});
  std::vector<Tick> all;
  for (int i = 0; i < 100; ++i) all.emplace_back(Time{std::chrono::seconds(i / 30 % 2)}, i);
  std::vector<int> got;
  const auto sink = [&](const Tick& tick) { got.push_back(tick.id); };
  REQUIRE(front.process(all, &Tick::time, sink).events == 100);
  REQUIRE(front.flush(sink) == sz::Delivery::ok);
  std::stable_sort(all.begin(), all.end(),
                   [](const Tick& a, const Tick& b) { return a.time < b.time; });
  std::vector<int> expected;
  for (const Tick& tick : all) expected.push_back(tick.id);
  REQUIRE(got == expected);
}

TEST_CASE("a late event goes to the late sink", "[windows][reorder]") {
  // Holds: it comes with its event, time, watermark and reason; one without a time too. Would
  // catch: an event that is dropped silently, a watermark that the late event itself has moved.
  struct Maybe {
    std::optional<Time> time;
    std::string name;
  };
  sz::Reorder<Clock, Maybe> front({.out_of_order = 5s});
  const std::vector<Maybe> all{{Time{20s}, "a"}, {Time{14s}, "b"}, {std::nullopt, "c"}};
  std::vector<std::string> late;
  const auto progress = front.process(
      all, &Maybe::time, [](const Maybe&) {},
      [&](const sz::Unordered<Clock, Maybe>& unordered) {
        late.push_back(unordered.event.name + " " + std::string(to_string(unordered.reason)));
        REQUIRE(unordered.watermark == Time{15s});
        REQUIRE(unordered.time == unordered.event.time);
      });
  REQUIRE(progress.events == 3);
  REQUIRE(late == std::vector<std::string>{"b behind_watermark", "c missing_time"});
  REQUIRE(front.counters().offered == 3);
  REQUIRE(front.counters().held == 1);
}

TEST_CASE("the earliest goes out early where there is no room", "[windows][reorder]") {
  // Holds: no more than max_events are held, and what comes behind one that went out early is
  // reported by that reason. Would catch: a buffer without a bound, an order that breaks for it.
  Front front({.out_of_order = std::nullopt, .max_events = 2});
  Seconds out;
  std::vector<UnorderedReason> late;
  const auto progress =
      front.process(ticks({30, 20, 10, 15, 20, 19}), &Tick::time, out,
                    [&](const auto& unordered) { late.push_back(unordered.reason); });
  REQUIRE(progress.events == 6);
  REQUIRE(out.got == std::vector<int>{10, 15, 20});
  REQUIRE(late == std::vector{UnorderedReason::overtaken});
  REQUIRE(front.size() == 2);
  check_sum(front);
  REQUIRE(front.watermark() == Time::min());
  REQUIRE(front.flush(out) == sz::Delivery::ok);
  REQUIRE(out.got == std::vector<int>{10, 15, 20, 20, 30});
}

TEST_CASE("what a sink refuses or throws at goes out first next time", "[windows][reorder]") {
  // Holds: nothing is lost or comes twice, the order is kept, and the call says what it took.
  // Would catch: an event that leaves before its sink has it, an event taken behind a refusal.
  Front front({.out_of_order = 0s, .max_events = 3});
  Seconds out;
  auto refusing = sz::testing::failing(out, "ok refuse refuse");
  const auto all = ticks({1, 2, 3});
  REQUIRE(front.process(all, &Tick::time, refusing).events == 2);
  REQUIRE(front.size() == 1);
  REQUIRE(front.process(std::span(all).subspan(2), &Tick::time, refusing).events == 0);
  check_sum(front);
  const auto throwing = [](const Tick&) -> void { throw std::runtime_error("full"); };
  REQUIRE_THROWS(front.process(std::span(all).subspan(2), &Tick::time, throwing));
  REQUIRE(front.counters().offered == 2);
  REQUIRE(front.process(std::span(all).subspan(2), &Tick::time, refusing).events == 1);
  REQUIRE(out.got == std::vector<int>{1, 2, 3});
  REQUIRE_THROWS(front.process(ticks({4}), &Tick::time, throwing));
  REQUIRE(front.counters().offered == 4);
  REQUIRE(front.counters().held == 1);

  auto refuses_end = sz::testing::failing(out, "refuse ok refuse");
  REQUIRE(front.flush(refuses_end) == sz::Delivery::refused);
  REQUIRE(front.flush(refuses_end) == sz::Delivery::refused);
  REQUIRE(front.flush(refuses_end) == sz::Delivery::ok);
  REQUIRE(out.got == std::vector<int>{1, 2, 3, 4});

  // A late sink that refuses, or throws, leaves its event to the caller.
  const auto refuses = [](const auto&) { return sz::Delivery::refused; };
  const auto throws = [](const auto&) -> void { throw std::runtime_error("full"); };
  REQUIRE(front.process(ticks({5, 3, 6}), &Tick::time, out, refuses).events == 1);
  REQUIRE_THROWS(front.process(ticks({3, 6}), &Tick::time, out, throws));
  REQUIRE(front.counters().offered == 5);
  check_sum(front);
}

TEST_CASE("an event that can only be moved", "[windows][reorder]") {
  // Holds: events are moved from a range of rvalues. Would catch: a copy on the way.
  struct Parcel {
    Time time;
    std::unique_ptr<int> content;
  };
  std::vector<Parcel> all;
  for (const int second : {3, 1, 2})
    all.push_back({Time{std::chrono::seconds(second)}, std::make_unique<int>(second)});
  sz::Reorder<Clock, Parcel> front({.out_of_order = 5s});
  std::vector<int> got;
  const auto sink = [&](const Parcel& parcel) { got.push_back(*parcel.content); };
  struct Moved {
    std::vector<Parcel>& from;
    [[nodiscard]] auto begin() const { return std::move_iterator(from.begin()); }
    [[nodiscard]] auto end() const { return std::move_iterator(from.end()); }
  };
  REQUIRE(front.process(Moved{all}, &Parcel::time, sink).events == 3);
  REQUIRE(front.flush(sink) == sz::Delivery::ok);
  REQUIRE(got == std::vector<int>{1, 2, 3});
}

TEST_CASE("a front at the ends of time", "[windows][reorder]") {
  // Holds: no time overflows, and every time the clock has can go out. Would catch: the largest
  // time minus the bound below int64.
  for (const milliseconds bound : {0ms, 1ms, milliseconds::max()}) {
    Front front({.out_of_order = bound});
    std::vector<Time> got;
    const auto sink = [&](const Tick& tick) { got.push_back(tick.time); };
    const std::vector<Tick> all{Tick(Time::min()), Tick(Time::min() + 1ms), Tick(Time{}),
                                Tick(Time::max()), Tick(Time::max())};
    REQUIRE(front.process(all, &Tick::time, sink).events == 5);
    REQUIRE(front.watermark() == Time::max() - bound);
    REQUIRE(front.flush(sink) == sz::Delivery::ok);
    REQUIRE(got == std::vector{Time::min(), Time::min() + 1ms, Time{}, Time::max(), Time::max()});
  }
}

TEST_CASE("random streams are sorted", "[windows][reorder]") {
  // Holds: with disorder within the bound, what goes out is the stable sort of what came, in
  // whatever blocks and whatever the sink refuses or throws at; beyond it, what goes out is the
  // stable sort of what was not late, and the late ones are those before the watermark. Would
  // catch: any event lost, doubled or out of order.
  seeds::for_each(1000, [&](std::uint64_t seed) {
    property::Random random(seed);
    const auto bound = static_cast<int>(random.below(20));
    const int disorder = random.once_in(2) ? bound : bound + 5;
    std::vector<Tick> all;
    for (int i = 0; i < 200; ++i)
      all.emplace_back(Time{milliseconds(i / 2) -
                            milliseconds(random.below(static_cast<std::uint64_t>(disorder) + 1))},
                       i);
    std::vector<Tick> expected;
    std::vector<int> expected_late;
    Time largest = Time::min() + 1h;
    for (const Tick& tick : all) {
      if (tick.time < largest - milliseconds(bound))
        expected_late.push_back(tick.id);
      else
        expected.push_back(tick);
      largest = std::max(largest, tick.time);
    }
    if (disorder == bound) REQUIRE(expected_late.empty());
    std::stable_sort(expected.begin(), expected.end(),
                     [](const Tick& a, const Tick& b) { return a.time < b.time; });

    Front front({.out_of_order = milliseconds(bound)});
    std::vector<int> got, late;
    const auto sink = [&](const Tick& tick) {
      if (random.once_in(6)) return sz::Delivery::refused;
      if (random.once_in(6)) throw std::runtime_error("full");
      got.push_back(tick.id);
      return sz::Delivery::ok;
    };
    const auto late_sink = [&](const sz::Unordered<Clock, Tick>& unordered) {
      if (random.once_in(6)) return sz::Delivery::refused;
      if (random.once_in(6)) throw std::runtime_error("full");
      late.push_back(unordered.event.id);
      return sz::Delivery::ok;
    };
    while (front.counters().offered < all.size()) {
      const auto rest = std::span(all).subspan(front.counters().offered);
      const auto block = rest.first(std::min<std::size_t>(rest.size(), 1 + random.below(30)));
      const auto before = front.counters().offered;
      try {
        const auto progress = front.process(block, &Tick::time, sink, late_sink);
        REQUIRE(progress.events == front.counters().offered - before);
        if (progress.delivery == sz::Delivery::ok) REQUIRE(progress.events == block.size());
      } catch (const std::runtime_error&) {
      }
      check_sum(front);
    }
    for (bool done = false; !done;) {
      try {
        done = front.flush(sink) == sz::Delivery::ok;
      } catch (const std::runtime_error&) {
      }
    }
    std::vector<int> expected_ids;
    for (const Tick& tick : expected) expected_ids.push_back(tick.id);
    REQUIRE(got == expected_ids);
    REQUIRE(late == expected_late);
  });
}

TEST_CASE("a Sessionizer behind a front", "[windows][reorder]") {
  // Holds: its records are those of the sorted events, each once, also where their sink refuses:
  // LAG in event-time order. Would catch: a record that a refusal doubles or loses.
  struct Click {
    std::string user;
    Time time;
  };
  const auto by = sz::by(&Click::user, &Click::time);
  property::Random random(3);
  std::vector<Click> clicks;
  for (int i = 0; i < 500; ++i)
    clicks.push_back({random.one_of({"ann", "bob"}),
                      Time{std::chrono::seconds(2 * i) - std::chrono::seconds(random.below(30))}});
  std::vector<Click> sorted = clicks;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Click& a, const Click& b) { return a.time < b.time; });

  sz::Reorder<Clock, Click> front({.out_of_order = 30s});
  sz::Sessionizer<Clock, std::string> sessions({.gap = 5s});
  std::vector<sz::Placement<Clock>> got;
  std::uint64_t calls = 0;
  const auto records = [&](const sz::RecordView<Clock, std::string, Click>& record) {
    if (++calls % 3 == 0) return sz::Delivery::refused;
    got.push_back(record);
    return sz::Delivery::ok;
  };
  const auto in_order = [&](const Click& click) {
    const auto done = sessions.process(std::span(&click, 1), by, records);
    return done.events == 1 ? sz::Delivery::ok : sz::Delivery::refused;
  };
  std::span<const Click> rest(clicks);
  while (!rest.empty()) rest = rest.subspan(front.process(rest, &Click::time, in_order).events);
  while (front.flush(in_order) != sz::Delivery::ok) {
  }
  while (sessions.flush(records).delivery != sz::Delivery::ok) {
  }
  REQUIRE(front.counters().unordered() == 0);
  REQUIRE(got.size() == sorted.size());
  // By the recipe's definition: a session starts where the key's event before it is more than 5 s
  // back.
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    bool starts = true;
    for (std::size_t j = i; j-- > 0;) {
      if (sorted[j].user != sorted[i].user) continue;
      starts = sorted[i].time - sorted[j].time > 5s;
      break;
    }
    REQUIRE(got[i].time == sorted[i].time);
    REQUIRE(got[i].starts_session() == starts);
  }
}

// Holds: the same where the sink refuses at the end of the stream: the event goes out before all
// that come later, however early. Would catch: a tee behind it that takes the next event for the
// one that it has given to one sink already.
TEST_CASE("what a sink refuses at the end goes out first next time", "[windows][reorder]") {
  Front front({.out_of_order = 60s});
  std::vector<int> got;
  bool refuses = true;
  const auto sink = [&](const Tick& tick) {
    if (refuses) return sz::Delivery::refused;
    got.push_back(tick.id);
    return sz::Delivery::ok;
  };
  CHECK(front.process(ticks({20}), &Tick::time, sink).events == 1);
  CHECK(front.flush(sink) == sz::Delivery::refused);
  refuses = false;
  const std::vector<Tick> later = {Tick{Time{30s}, 1}};
  CHECK(front.process(later, &Tick::time, sink).events == 1);
  CHECK(got == std::vector<int>{0});
  CHECK(front.flush(sink) == sz::Delivery::ok);
  CHECK(got == std::vector<int>{0, 1});
}

// Holds: where a sink refuses at the end of the stream, the watermark stays where the events had
// it. Would catch: late events that are on time again behind a refusal.
TEST_CASE("a refusal at the end does not move the watermark back", "[windows][reorder]") {
  Front front({.out_of_order = 5s});
  const auto refuses = [](const Tick&) { return sz::Delivery::refused; };
  static_cast<void>(front.process(ticks({1, 10}), &Tick::time, refuses));
  CHECK(front.watermark() == Time{5s});
  CHECK(front.flush(refuses) == sz::Delivery::refused);
  CHECK(front.watermark() == Time{5s});
}

}  // namespace reorder_tests
