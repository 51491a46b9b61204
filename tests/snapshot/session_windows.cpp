#include <sessionize/snapshot/session_windows.hpp>

#include <sessionize/sinks/kind.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "property.hpp"
#include "seeds.hpp"
#include "snapshot/bytes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

// Runs in event time that are cut, saved, restored and continued are compared with runs that were
// never cut. Would catch: anything that an answer to come hangs on and that no snapshot has.

namespace snapshot_windows_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;
using property::Random;
using sz::EventClock;
using sz::SnapshotReason;
using Time = EventClock::time_point;
using Span = EventClock::duration;
using Options = sz::WindowOptions<EventClock>;

struct Event {
  std::string user{};
  Time time{};
  std::optional<Span> gap{};
  bool is_active = true;
  std::string page{};
  double price = 0;
  int count = 0;
  std::optional<unsigned> code{};
};

auto all_aggregates(std::size_t limit = 3) {
  return sz::aggregates(sz::count(), sz::sum(&Event::price), sz::sum(&Event::count),
                        sz::min(&Event::page), sz::max(&Event::price), sz::first(&Event::page),
                        sz::last(&Event::code), sz::first_arrived(&Event::page),
                        sz::distinct(&Event::page, limit));
}
using Longest = std::optional<sz::MaxDuration<std::chrono::milliseconds>>;
using Midnight = std::optional<sz::DayBoundary>;
using Rule = sz::AnyOf<Longest, Midnight>;
using Windows = sz::SessionWindows<EventClock, std::string, decltype(all_aggregates()), Rule>;

struct Setup {
  const char* name;
  Options options;
  Longest longest{};
  Midnight midnight{};
  bool heartbeats = false;  // whether events have gaps of their own, and some keep nothing alive
};
Windows make(const Setup& setup) {
  return Windows(setup.options, sz::any_of(setup.longest, setup.midnight), all_aggregates());
}

const std::vector<Setup>& setups() {
  static const std::vector<Setup> all = {
      {"final_only", {.gap = 10s, .out_of_order = 8s}},
      {"retractions with lateness",
       {.gap = 4s, .out_of_order = 1s, .lateness = 25s, .emit = sz::Emit::retractions}},
      {"updates of cuts",
       {.gap = 10s, .out_of_order = 3s, .lateness = 9s, .emit = sz::Emit::updates},
       sz::max_duration(12'000ms),
       {},
       true},
      {"cuts", {.gap = 10s, .out_of_order = 5s}, sz::max_duration(9'000ms), sz::day_boundary()},
      {"heartbeats", {.gap = 7s, .out_of_order = 4s, .lateness = 6s}, {}, {}, true},
      {"a watermark of each key",
       {.gap = 10s, .out_of_order = 2s, .watermark_of = sz::WatermarkOf::key}},
      {"far ahead", {.gap = 10s, .out_of_order = 2s, .lateness = 4s, .max_advance = 20s}},
      {"late after a close",
       {.gap = 8s, .out_of_order = 0s, .after_close = sz::AfterClose::is_late}},
      {"evicted",
       {.gap = 20s,
        .out_of_order = 6s,
        .max_keys = 3,
        .max_sessions = 4,
        .at_max = sz::AtMaxSessions::closes_next_due}},
      {"only given watermarks",
       {.gap = 9s, .at_gap = sz::AtGap::splits, .out_of_order = std::nullopt, .lateness = 2s}}};
  return all;
}

/// Events of a few users, many out of order, some long before and some far ahead.
std::vector<Event> make_events(Random& random, std::size_t count, bool heartbeats) {
  std::vector<Event> events;
  Time now{std::chrono::days{100} - 1min};
  for (std::size_t i = 0; i < count; ++i) {
    now += std::chrono::milliseconds(random.below(3'000));
    if (random.once_in(12)) now += std::chrono::seconds(random.below(30));
    Event event{"user" + std::to_string(random.below(5)), now};
    if (random.once_in(3)) event.time -= std::chrono::milliseconds(random.below(9'000));
    if (random.once_in(12)) event.time -= std::chrono::milliseconds(random.below(40'000));
    if (random.once_in(15)) event.time += std::chrono::seconds(30 + random.below(30));
    if (heartbeats && random.once_in(4)) event.is_active = false;
    if (heartbeats && random.once_in(5)) event.gap = std::chrono::seconds(random.below(20));
    event.page = std::string(random.below(24), static_cast<char>('a' + random.below(4)));
    event.price = static_cast<double>(random.below(1'000)) / (random.once_in(5) ? 1e17 : 7);
    event.count = static_cast<int>(random.below(100)) - 50;
    if (random.once_in(2)) event.code = static_cast<unsigned>(random.below(9));
    events.push_back(std::move(event));
    if (i != count / 3) continue;
    // One that bridges what was reported, and one that is within the gap of what was closed.
    for (const Event& other : events) now = std::max(now, other.time);
    now += 30s;
    for (const auto& [user, second] : {std::pair("user0", 0),
                                       {"user0", 7},
                                       {"user1", 9},
                                       {"user2", 18},
                                       {"user1", 15},
                                       {"user0", 4}})
      events.push_back({user, now + 1s * second});
  }
  return events;
}

std::uint64_t seed() { return seeds::one(20'262); }

std::string ticks(Time time) { return std::to_string(time.time_since_epoch().count()); }

/// What the sinks get, as texts.
struct Log {
  std::vector<std::string> lines{};
  std::vector<std::string> late{};  // of one call

  void operator()(const Windows::result_view& result) {
    std::string line(to_string(result.op));
    line += ' ' + std::string(result.key) + ' ' + ticks(result.start) + ' ' + ticks(result.last) +
            ' ' + std::to_string(result.events.value_or(0)) + ' ' + ticks(result.id_time) + ' ' +
            std::string(to_string(result.reason));
    for (const Time time : result.replaces) line += " replaces " + ticks(time);
    const auto& state = result.aggregate;
    const auto distinct = state.get<8>();
    line += " of " + std::to_string(state.get<0>()) + ' ' + std::to_string(state.get<1>()) + ' ' +
            std::to_string(state.get<2>()) + ' ' + state.get<3>().value_or("-") + ' ' +
            std::to_string(state.get<4>().value_or(-1)) + ' ' + state.get<5>().value_or("-") + ' ' +
            std::to_string(state.get<6>().value_or(99)) + ' ' + state.get<7>().value_or("-") + ' ' +
            std::to_string(distinct.count) + (distinct.exact ? "" : "+");
    lines.push_back(std::move(line));
  }
  auto late_sink() {
    return [this](const auto& event) {
      late.push_back("late " + std::string(event.key) + ' ' + ticks(event.time) + ' ' +
                     ticks(event.watermark) + ' ' + std::string(to_string(event.reason)) + ' ' +
                     std::string(event.data));
    };
  }
  /// Late events of several keys that one call finds come in no order.
  void end_call() {
    std::sort(late.begin(), late.end());
    std::move(late.begin(), late.end(), std::back_inserter(lines));
    late.clear();
  }
};

/// What happens at step `at` of a run: an event, and at times what else a caller does.
void play(Windows& windows, const std::vector<Event>& events, std::size_t at, Log& log) {
  const Event& event = events[at];
  const auto by = sz::by(&Event::user, &Event::time)
                      .raw(&Event::page)
                      .gap(&Event::gap)
                      .keeps_alive(&Event::is_active);
  static_cast<void>(windows.process(std::span(&event, 1), by, log, log.late_sink()));
  log.end_call();
  if (at % 7 == 3) static_cast<void>(windows.early(log));
  if (at % 11 == 5)
    static_cast<void>(windows.advance_watermark(event.time - 12s, log, log.late_sink()));
  if (at % 13 >= 11)
    static_cast<void>(windows.advance_idle(Time{1s * (at % 13)}, log, log.late_sink()));
  if (at == 25) windows.set_clock(event.time);
  log.end_call();
}
void flush(Windows& windows, Log& log) {
  static_cast<void>(windows.flush(log, log.late_sink()));
  log.end_call();
}

// Holds: cut behind any event, saved, restored into an object that had something else and another
// hash seed, and continued, a run gives the results, late events and counters of one that was never
// cut; and its snapshot is the same, however it came to its state. Would catch: a report, an event
// that waits, a closed span, a watermark or an aggregate that is not saved; a key that is due at
// another time.
TEST_CASE("snapshot of SessionWindows: cut at every event", "[snapshot][windows]") {
  for (const Setup& setup : setups()) {
    CAPTURE(setup.name, seed());
    Random random(seed());
    const auto events = make_events(random, 60, setup.heartbeats);
    auto whole = make(setup);
    Log expected;
    for (std::size_t i = 0; i < events.size(); ++i) play(whole, events, i, expected);
    const auto whole_bytes = bytes_of(whole);
    flush(whole, expected);

    auto first = make(setup);
    Log before;
    for (std::size_t cut = 0; cut <= events.size(); ++cut) {
      CAPTURE(cut);
      if (cut != 0) play(first, events, cut - 1, before);
      const auto bytes = bytes_of(first, "at " + std::to_string(cut));
      auto second = make(setup);
      Log discarded;
      for (std::size_t i = cut / 2; i < cut; i += 3) play(second, events, i, discarded);
      const auto position = sz::restore(second, bytes);
      REQUIRE(position);
      CHECK(*position == "at " + std::to_string(cut));
      CHECK(bytes_of(second, *position) == bytes);
      CHECK(second.size() == first.size());
      CHECK(second.keys() == first.keys());
      CHECK(second.watermark() == first.watermark());

      Log log = before;
      for (std::size_t i = cut; i < events.size(); ++i) play(second, events, i, log);
      CHECK(bytes_of(second) == whole_bytes);
      flush(second, log);
      REQUIRE(log.lines == expected.lines);
      REQUIRE(second.counters() == whole.counters());
    }
  }
}

// Holds: the streams above have what the snapshots are tested for. Would catch: a test that tests
// nothing.
TEST_CASE("snapshot of SessionWindows: the streams have it all", "[snapshot][windows]") {
  std::string all;
  for (const Setup& setup : setups()) {
    Random random(20'262);
    const auto events = make_events(random, 60, setup.heartbeats);
    auto windows = make(setup);
    Log log;
    for (std::size_t i = 0; i < events.size(); ++i) play(windows, events, i, log);
    flush(windows, log);
    for (const auto& line : log.lines) all += line + '\n';
  }
  for (const char* const word :
       {"retract", "update", " replaces ", "evicted", "max_duration", "day_boundary", "late",
        " closed", "after_close", "final_cut", "unattached", "far_future", "3+"}) {
    CAPTURE(word);
    CHECK(all.find(word) != std::string::npos);
  }
}

// Holds: after the same calls the bytes are the same, however keys are hashed and how large the
// table is. Would catch: an order of the table's own, a capacity that is written down.
TEST_CASE("snapshot of SessionWindows: the same calls, the same bytes", "[snapshot][windows]") {
  using Plain = sz::SessionWindows<EventClock, std::uint32_t>;
  Random random(seed());
  std::string expected;
  for (int round = 0; round < 6; ++round) {
    CAPTURE(round, seed());
    auto& source = sz::detail::seed_source();
    const auto kept = std::exchange(source, random.below(1U << 30));
    Plain windows({.gap = 10s, .out_of_order = 20s});
    source = kept;
    if (round % 2 == 1) windows.reserve(1'000);
    for (std::uint32_t i = 0; i < 200; ++i)
      windows.observe(i * 7 % 64, Time{1h + i * 1s}, [](const Plain::result_view&) {});
    if (round == 0) expected = bytes_of(windows);
    CHECK(bytes_of(windows) == expected);
  }
}

// Holds: a snapshot that is cut off or has a bit changed is refused, and the target is as it was.
// Would catch: a target that has half of a damaged state; a length that is trusted.
TEST_CASE("snapshot of SessionWindows: damage is refused", "[snapshot][windows]") {
  const Setup& setup = setups()[2];
  Random random(seed());
  const auto events = make_events(random, 25, true);
  auto saved = make(setup), target = make(setup);
  Log log;
  for (std::size_t i = 0; i < events.size(); ++i) play(saved, events, i, log);
  for (std::size_t i = 0; i < 4; ++i) play(target, events, i, log);
  const auto bytes = bytes_of(saved), before = bytes_of(target);
  const auto refused = [&](const std::string& damaged) {
    if (sz::restore(target, damaged)) return false;
    return true;
  };
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    REQUIRE(refused(bytes.substr(0, size)));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at, seed());
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    REQUIRE(refused(damaged));
  }
  CHECK(refused(bytes + '\0'));
  CHECK(bytes_of(target) == before);
}

// Holds: a snapshot of other options is refused, with the name of what differs. Would catch: an
// option that no snapshot has.
TEST_CASE("snapshot of SessionWindows: other options are refused by name", "[snapshot][windows]") {
  const Options plain{.gap = 10s, .out_of_order = 8s};
  const auto other = [&](const Setup& setup,
                         SnapshotReason reason = SnapshotReason::other_options) {
    auto target = make({"plain", plain});
    const auto before = bytes_of(target);
    const auto restored = sz::restore(target, bytes_of(make(setup)));
    CAPTURE(setup.name);
    CHECK(bytes_of(target) == before);
    REQUIRE_FALSE(restored);
    CAPTURE(restored.error().message);
    CHECK(to_string(restored.error().reason) == to_string(reason));
    CHECK(restored.error().message.find(setup.name) != std::string::npos);
  };
  const auto with = [&](const char* name, auto change) {
    Setup setup{name, plain};
    change(setup.options);
    other(setup);
  };
  with("gap \"1", [](Options& o) { o.gap = 11s; });
  with("at_gap", [](Options& o) { o.at_gap = sz::AtGap::splits; });
  with("out_of_order \"off\"", [](Options& o) { o.out_of_order.reset(); });
  with("lateness", [](Options& o) { o.lateness = 1s; });
  with("emit \"updates\"", [](Options& o) { o.emit = sz::Emit::updates; });
  with("close \"kafka\"", [](Options& o) { o.close = sz::ClosePolicy::kafka; });
  with("after_close", [](Options& o) { o.after_close = sz::AfterClose::is_late; });
  with("watermark_of", [](Options& o) { o.watermark_of = sz::WatermarkOf::key; });
  with("max_advance", [](Options& o) { o.max_advance = 1s; });
  with("max_keys", [](Options& o) { o.max_keys = 7; });
  with("max_sessions", [](Options& o) { o.max_sessions = 7; });
  with("at_max", [](Options& o) { o.at_max = sz::AtMaxSessions::closes_next_due; });
  with("max_kept_events", [](Options& o) { o.max_kept_events = 7; });
  other({"max_duration", plain, sz::max_duration(5ms)}, SnapshotReason::other_rule);
  other({"day_boundary", plain, {}, sz::day_boundary()}, SnapshotReason::other_rule);

  auto target = make({"plain", plain});
  const Windows fewer(plain, sz::any_of(Longest{}, Midnight{}), all_aggregates(2));
  const auto restored = sz::restore(target, bytes_of(fewer));
  REQUIRE_FALSE(restored);
  CHECK(restored.error().message.find("up to 2") != std::string::npos);
}

// Holds: what a sink has refused is in no snapshot, and while there is something, saving is refused
// by that name. Would catch: a session that is lost between two runs.
TEST_CASE("snapshot of SessionWindows: pending deliveries", "[snapshot][windows]") {
  auto windows = make(setups()[0]);
  const auto empty = bytes_of(windows);
  Log log;
  play(windows, {{"u", Time{1s}}}, 0, log);
  bool refuses = true;
  const auto sink = [&](const Windows::result_view&) {
    return refuses ? sz::Delivery::refused : sz::Delivery::ok;
  };
  CHECK(windows.advance_watermark(Time{1h}, sink).delivery == sz::Delivery::refused);
  int calls = 0;
  const auto saved = sz::save(windows, [&](std::string_view) { ++calls; });
  REQUIRE_FALSE(saved);
  CHECK(saved.error().reason == SnapshotReason::pending_deliveries);
  CHECK(calls == 0);

  refuses = false;
  CHECK(windows.advance_watermark(Time{1h}, sink).delivery == sz::Delivery::ok);
  CHECK_FALSE(bytes_of(windows).empty());
  REQUIRE(sz::restore(windows, empty));
  CHECK(windows.counters() == sz::WindowCounters{});
}

// Holds: wherever memory runs out while it is restored, SessionWindows are as they were. Would
// catch: a part that asks for memory once the others are moved in, which ends the program.
TEST_CASE("snapshot of SessionWindows: no memory", "[snapshot][windows]") {
  using Plain = sz::SessionWindows<EventClock, std::string>;
  const auto made = [](std::string_view user) {
    Plain windows({.gap = 10s});
    CHECK(windows.observe(user, Time{1s}, sz::on_summary([](const auto&) {})) == sz::Delivery::ok);
    return windows;
  };
  const std::string bytes = bytes_of(made("a user whose name is not kept in place"));
  Plain target = made("bob");
  const std::string before = bytes_of(target);
  bool restored = false;
  std::uint64_t k = 0;
  while (!restored && ++k < 1'000) {
    try {
      const allocations::FailNth fail(k);
      restored = sz::restore(target, bytes).has_value();
    } catch (const std::bad_alloc&) {
      const std::string after = bytes_of(target);
      if (after != before) CHECK(after == before);
    }
  }
  CHECK(restored);
  CHECK(k > 10);
}

// Holds: a restored object's snapshot is the one that it was restored from, also where early
// results were given of sessions that a maximum duration has cut since. Would catch: what is saved
// and not restored.
TEST_CASE("snapshot of SessionWindows: saved again", "[snapshot][windows]") {
  const auto make = [] {
    return sz::make_session_windows<EventClock, std::string>({.gap = 10s}, sz::max_duration(20s));
  };
  auto windows = make();
  const auto nobody = sz::on_summary([](const auto&) {});
  for (const auto second : {0s, 8s, 16s})
    static_cast<void>(windows.observe("ann", Time{second}, nobody));
  static_cast<void>(windows.early(nobody));
  for (const auto second : {24s, 32s})
    static_cast<void>(windows.observe("ann", Time{second}, nobody));
  const std::string bytes = bytes_of(windows);
  auto restored = make();
  REQUIRE(sz::restore(restored, bytes).has_value());
  CHECK(bytes_of(restored) == bytes);
}

}  // namespace
}  // namespace snapshot_windows_test
