#include <sessionize/windows/windows.hpp>

#include "../allocations.hpp"
#include "../catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace session_windows_tests {
namespace {

namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;

Time at(std::chrono::milliseconds after) { return Time{after}; }

/// What was told, as a person would note it down: "ann 0..20 3 idle".
struct Notes {
  std::vector<std::string> lines;

  template <class Key, class State>
  void operator()(const sz::SessionResult<Clock, Key, State>& session) {
    lines.push_back(std::string(session.key) + ' ' + seconds(session.start) + ".." +
                    seconds(session.last) + ' ' + std::to_string(session.events.value_or(0)) + ' ' +
                    std::string(to_string(session.reason)));
  }
  template <class Key, class Event>
  void operator()(const sz::LateEvent<Clock, Key, Event>& late) {
    lines.push_back(std::string(late.key) + ' ' + seconds(late.time) + " is " +
                    std::string(to_string(late.reason)));
  }

 private:
  static std::string seconds(Time time) {
    return std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  }
};

using Lines = std::vector<std::string>;

}  // namespace

// Holds: an event that comes late makes one session of two open ones, which is closed when its end
// is before the watermark, and not at it.
// Would catch: sessions that are not merged, a watermark that is off by one.
TEST_CASE("a bridging event makes one session of two", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s, .out_of_order = 20s});
  for (const auto second : {0s, 20s, 10s}) {
    CHECK(sessions.observe("ann", at(second), notes) == sz::Delivery::ok);
  }
  CHECK(sessions.size() == 1);
  CHECK(sessions.observe("bob", at(50s), notes) == sz::Delivery::ok);  // the watermark is at 30 s
  CHECK(notes.lines.empty());
  CHECK(sessions.observe("bob", at(50s + 1ms), notes) == sz::Delivery::ok);
  CHECK(notes.lines == Lines{"ann 0..20 3 idle"});
  CHECK(sessions.counters().sessions_merged == 1);
}

// Holds: a million users who come once leave nothing behind when their sessions are closed: no key,
// and no more memory than an empty table's and a mebibyte.
// Would catch: keys that are kept for good, vectors that keep the room of their best days.
TEST_CASE("what is closed is freed to the last key", "[windows]") {
  const auto ignore = [](const auto&) {};
  const std::int64_t before = allocations::live_bytes();
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s, .out_of_order = 1min});
  const std::int64_t empty = allocations::live_bytes() - before;
  std::string key;
  for (int user = 0; user < 1'000'000; ++user) {
    key = "a user who comes but once, number " + std::to_string(user);
    static_cast<void>(sessions.observe(key, at(std::chrono::milliseconds{user}), ignore));
  }
  static_cast<void>(sessions.advance_watermark(at(24h), ignore));
  CHECK(sessions.keys() == 0);
  CHECK(sessions.size() == 0);
  CHECK(sessions.counters().events_emitted == 1'000'000);
  CHECK(allocations::live_bytes() - before <=
        empty + (1 << 20) + static_cast<std::int64_t>(key.capacity()));
}

// Holds: one stamp that is years ahead makes nothing late, and is told of; a second one, of another
// key, moves the watermark to the earlier of the two.
// Would catch: a stream that one broken clock has stopped for good.
TEST_CASE("one stamp from far ahead does not stop a stream", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s, .max_advance = 1h});
  const auto observe = [&](const char* key, Time time) {
    static_cast<void>(sessions.observe(key, time, notes, notes));
  };
  observe("ann", at(0s));
  observe("bob", at(5s));
  observe("eve", at(24h * 3650));
  CHECK(notes.lines == Lines{"eve 315360000 is far_future"});
  observe("ann", at(8s));
  CHECK(sessions.watermark() == at(8s));
  CHECK(sessions.counters().lost() == 0);
  observe("bob", at(24h));
  CHECK(sessions.watermark() == at(24h));
}

// Holds: a session is closed though nothing comes any more, when the caller's clock has moved as
// far as events would have.
// Would catch: sessions that stay open for ever on an idle stream.
TEST_CASE("an idle stream's sessions are closed by the caller's clock", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s, .out_of_order = 5s});
  static_cast<void>(sessions.observe("ann", at(100s), notes));
  CHECK(sessions.advance_idle(at(1h), notes).sessions == 0);
  CHECK(sessions.advance_idle(at(1h + 15s), notes).sessions == 0);
  CHECK(sessions.advance_idle(at(1h + 15s + 1ms), notes).sessions == 1);
  CHECK(notes.lines == Lines{"ann 100..100 1 idle"});
}

// Holds: with a watermark for each key, an idle stream moves no key's own: it moves the one that
// was given. Would catch: a timer that makes a slow user's events late.
TEST_CASE("idle time leaves the watermarks of keys alone", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions(
      {.gap = 10s, .watermark_of = sz::WatermarkOf::key});
  const auto observe = [&](const char* key, Time time) {
    static_cast<void>(sessions.observe(key, time, notes, notes));
  };
  observe("fast", at(1h));
  observe("slow", at(0s));
  CHECK(sessions.advance_idle(at(2h), notes, notes).sessions == 0);
  CHECK(sessions.advance_idle(at(3h), notes, notes).sessions == 0);
  observe("slow", at(5s));
  CHECK(notes.lines.empty());
  CHECK(sessions.advance_watermark(at(20s), notes, notes).sessions == 1);
  CHECK(sessions.advance_idle(at(3h), notes, notes).sessions == 0);
  CHECK(sessions.advance_idle(at(5h), notes, notes).sessions == 1);
  CHECK(notes.lines == Lines{"slow 0..5 2 idle", "fast 3600..3600 1 idle"});
}

// Holds: events that are kept one by one are bounded: more are rejected, and touch no state, until
// the watermark has let go of some. Would catch: memory that a user who never pauses takes for
// good.
TEST_CASE("no more events are kept than may be", "[windows]") {
  Notes notes;
  auto sessions = sz::make_session_windows<Clock, std::string>(
      {.gap = 10s, .out_of_order = std::nullopt, .max_kept_events = 3}, sz::max_duration(60s));
  for (const auto second : {0s, 5s, 10s, 15s})
    static_cast<void>(sessions.observe("ann", at(second), notes, notes));
  const auto too_many = sz::RejectReason::too_many_events;
  CHECK(sessions.counters().rejected[too_many] == 1);
  CHECK(sessions.counters().accepted == 3);
  static_cast<void>(sessions.advance_watermark(at(90s), notes, notes));
  CHECK(notes.lines == Lines{"ann 0..10 3 idle"});
  static_cast<void>(sessions.observe("ann", at(95s), notes, notes));
  CHECK(sessions.counters().rejected[too_many] == 1);
}

namespace {

struct Beat {
  std::string user;
  Time time;
  std::chrono::seconds gap;
  bool active = true;
};

}  // namespace

// Holds: an event that keeps no session alive joins the cut that it falls in, makes it no longer,
// and is reported where it falls in none, once the watermark has passed it; it comes out the same
// before and behind the events around it. Would catch: heartbeats that move where sessions are cut.
TEST_CASE("heartbeats under a maximum duration", "[windows]") {
  // Cut at 20 s: [0, 20], then [24, 24]. The beat at 22 s is in neither; the one at 30 s in the
  // second, which reaches 34 s.
  std::vector<Beat> beats = {{"ann", at(0s), 10s},         {"ann", at(9s), 10s},
                             {"ann", at(18s), 10s},        {"ann", at(24s), 10s},
                             {"ann", at(12s), 10s, false}, {"ann", at(22s), 10s, false},
                             {"ann", at(30s), 10s, false}};
  for (int turn = 0; turn < 7; ++turn) {
    Notes notes;
    auto sessions = sz::make_session_windows<Clock, std::string>({.gap = 10s, .out_of_order = 1h},
                                                                 sz::max_duration(20s));
    const auto by = sz::by(&Beat::user, &Beat::time).gap(&Beat::gap).keeps_alive(&Beat::active);
    CHECK(sessions.process(beats, by, notes, notes).events == 7);
    static_cast<void>(sessions.advance_watermark(at(1h), notes, notes));
    std::sort(notes.lines.begin(), notes.lines.end());
    CHECK(notes.lines ==
          Lines{"ann 0..18 4 max_duration", "ann 22 is unattached", "ann 24..24 2 idle"});
    CHECK(sessions.keys() == 0);
    std::rotate(beats.begin(), beats.begin() + 1, beats.end());
  }
}

// Holds: what one event's long gap holds together is apart once a maximum duration has closed that
// event's session, and closed as if it had never been; each of them is a session of its own. Would
// catch: a session that stays open as long as an event that is gone would have reached.
TEST_CASE("own gaps under a maximum duration", "[windows]") {
  Notes notes;
  auto sessions = sz::make_session_windows<Clock, std::string>(
      {.gap = 10s, .out_of_order = std::nullopt}, sz::max_duration(20s));
  const std::vector<Beat> events = {
      {"ann", at(0s), 100s}, {"ann", at(30s), 1s}, {"ann", at(60s), 1s}};
  CHECK(sessions.process(events, sz::by(&Beat::user, &Beat::time).gap(&Beat::gap), notes, notes)
            .events == 3);
  CHECK(sessions.size() == 1);
  static_cast<void>(sessions.advance_watermark(at(21s), notes, notes));
  CHECK(sessions.size() == 2);
  static_cast<void>(sessions.advance_watermark(at(31s), notes, notes));
  CHECK(notes.lines == Lines{"ann 0..0 1 max_duration"});
  static_cast<void>(sessions.advance_watermark(at(31s + 1ms), notes, notes));
  CHECK(notes.lines == Lines{"ann 0..0 1 max_duration", "ann 30..30 1 idle"});
  CHECK(sessions.size() == 1);
}

// Holds: an event in a final cut is late as long as it could join a session that is open, which one
// with a long gap of its own keeps there. Would catch: a cut that is forgotten while what it meets
// is not, so that an event joins what comes long after it.
TEST_CASE("a final cut is known as long as what it meets is open", "[windows]") {
  for (const auto next : {105s, 115s}) {  // 115 s is as far as an event in the cut can reach
    Notes notes;
    auto sessions = sz::make_session_windows<Clock, std::string>(
        {.gap = 10s, .out_of_order = std::nullopt}, sz::max_duration(100s));
    const auto by = sz::by(&Beat::user, &Beat::time).gap(&Beat::gap);
    const std::vector<Beat> events = {{"ann", at(0s), 60s},
                                      {"ann", at(50s), 60s},
                                      {"ann", at(95s), 10s},
                                      {"ann", at(next), 200s},
                                      {"ann", at(500s), 10s}};
    CHECK(sessions.process(events, by, notes, notes).events == 5);
    static_cast<void>(sessions.advance_watermark(at(150s), notes, notes));
    notes.lines.clear();
    const std::vector<Beat> late = {{"ann", at(100s), 15s}};
    CHECK(sessions.process(late, by, notes, notes).events == 1);
    CHECK(notes.lines == Lines{"ann 100 is final_cut"});
  }
}

// Holds: what is remembered of a session that midnight has ended hangs on it alone. Would catch: an
// event on time that is late because the next day's session is open.
TEST_CASE("the next day keeps no closed session in mind", "[windows]") {
  Notes notes;
  auto sessions = sz::make_session_windows<Clock, std::string>(
      {.gap = 1h, .out_of_order = std::nullopt, .after_close = sz::AfterClose::is_late},
      sz::day_boundary());
  const auto by = sz::by(&Beat::user, &Beat::time).gap(&Beat::gap);
  const std::vector<Beat> events = {{"ann", at(23h), 1h}, {"ann", at(24h + 30min), 1h}};
  CHECK(sessions.process(events, by, notes, notes).events == 2);
  static_cast<void>(sessions.advance_watermark(at(25h + 15min), notes, notes));
  const std::vector<Beat> long_one = {{"ann", at(23h + 30min), 10h}};
  CHECK(sessions.process(long_one, by, notes, notes).events == 1);
  CHECK(sessions.counters().lost() == 0);
  CHECK(sessions.size() == 2);
}

// Holds: what a cut leaves is as many sessions as if it had been alone, a point by itself where
// another begins. Would catch: a point that stays with what begins where it lies.
TEST_CASE("a point is split from what begins where it lies", "[windows]") {
  Notes notes;
  auto sessions = sz::make_session_windows<Clock, std::string>(
      {.gap = 10s, .at_gap = sz::AtGap::splits, .out_of_order = std::nullopt},
      sz::max_duration(10s));
  const std::vector<Beat> events = {
      {"ann", at(0s), 100s}, {"ann", at(15s), 0s}, {"ann", at(15s), 5s}};
  const auto by = sz::by(&Beat::user, &Beat::time).gap(&Beat::gap);
  CHECK(sessions.process(events, by, notes, notes).events == 3);
  static_cast<void>(sessions.advance_watermark(at(11s), notes, notes));
  CHECK(sessions.size() == 2);
}

// Holds: what was told of a cut is forgotten with it. Would catch: a user who never pauses and
// leaves a report for each cut, for good.
TEST_CASE("what was told of closed cuts is forgotten", "[windows]") {
  const auto ignore = [](const auto&) {};
  auto sessions = sz::make_session_windows<Clock, int>(
      {.gap = 10s, .lateness = 5s, .emit = sz::Emit::updates}, sz::max_duration(10s));
  const auto run = [&](int from, int to) {
    for (int second = from; second < to; ++second)
      static_cast<void>(sessions.observe(1, at(std::chrono::seconds{second}), ignore));
  };
  run(0, 1'000);
  const auto before = allocations::live_bytes();
  run(1'000, 20'000);
  CHECK(allocations::live_bytes() - before < 4'096);
}

// Holds: whether an event is late behind a closed session hangs on its own key and the watermark
// alone. Would catch: an answer that another key's long gap changes.
TEST_CASE("what is late after a closing does not hang on other keys", "[windows]") {
  for (const bool has_other : {false, true}) {
    Notes notes;
    sz::SessionWindows<Clock, std::string> sessions(
        {.gap = 1s, .out_of_order = std::nullopt, .after_close = sz::AfterClose::is_late});
    const auto take = [&](const char* user, Time time, std::chrono::seconds gap) {
      const std::vector<Beat> events = {{user, time, gap}};
      static_cast<void>(
          sessions.process(events, sz::by(&Beat::user, &Beat::time).gap(&Beat::gap), notes, notes));
    };
    if (has_other) take("eve", at(1h), 24h);
    take("ann", at(0s), 1s);
    static_cast<void>(sessions.advance_watermark(at(10s), notes, notes));
    take("ann", at(1s), 60s);
    CHECK(notes.lines == Lines{"ann 0..0 1 idle"});
    CHECK(sessions.counters().lost() == 0);
  }
}

// Holds: with a watermark for each key, an event that confirms another one's far stamp moves its
// own key's watermark to its own time. Would catch: a user whose next event is late because of a
// time that somebody else had.
TEST_CASE("confirming a stamp moves nobody else's watermark", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions(
      {.gap = 1s, .watermark_of = sz::WatermarkOf::key, .max_advance = 1h});
  const auto observe = [&](const char* key, Time time) {
    static_cast<void>(sessions.observe(key, time, notes, notes));
  };
  observe("ann", at(100s));
  observe("bob", at(5s));
  observe("bob", at(6s));
  CHECK(notes.lines.empty());
  CHECK(sessions.watermark("ann") == at(100s));
  CHECK(sessions.watermark("bob") == at(6s));
}

// Holds: a key that is known by its watermark alone is forgotten once that of all has come as far.
// Would catch: a key for each user who ever came, for good.
TEST_CASE("keys that are known by their watermark alone are freed", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, int> sessions({.gap = 10s,
                                           .watermark_of = sz::WatermarkOf::key,
                                           .max_sessions = 1,
                                           .at_max = sz::AtMaxSessions::closes_next_due});
  const auto ignore = [](const auto&) {};
  for (int user = 0; user < 1'000; ++user)
    static_cast<void>(sessions.observe(user, at(std::chrono::seconds{user}), ignore));
  CHECK(sessions.size() == 1);
  CHECK(sessions.keys() == 1'000);
  static_cast<void>(sessions.advance_watermark(at(499s), ignore));
  CHECK(sessions.keys() == 500);
  static_cast<void>(sessions.advance_watermark(at(1h), ignore));
  CHECK(sessions.keys() == 0);
}

// Holds: where a key has to go, one that has no session goes as well. Would catch: new users who
// are rejected for the sake of one that is gone, and only remembered.
TEST_CASE("a key without a session makes room", "[windows]") {
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s,
                                                   .out_of_order = std::nullopt,
                                                   .after_close = sz::AfterClose::is_late,
                                                   .max_keys = 1,
                                                   .at_max = sz::AtMaxSessions::closes_next_due});
  static_cast<void>(sessions.observe("ann", at(0s), notes));
  static_cast<void>(sessions.advance_watermark(at(11s), notes));
  CHECK(sessions.size() == 0);
  CHECK(sessions.keys() == 1);
  static_cast<void>(sessions.observe("bob", at(12s), notes));
  CHECK(sessions.counters().rejected.total() == 0);
  CHECK(sessions.keys() == 1);
  CHECK(sessions.size() == 1);
}

// Holds: of raw data an error and a late sink get the first 256 bytes, also one that is told later.
// Would catch: a line of a gigabyte that is kept for an event that waits.
TEST_CASE("raw data is cut", "[windows]") {
  struct Click {
    std::optional<std::string> user;
    Time time;
    std::string line;
    bool active;
  };
  const std::string line(1'000, 'x');
  const std::vector<Click> clicks = {{std::nullopt, at(100s), line, true},
                                     {"ann", at(105s), line, false},
                                     {"ann", at(200s), line, true},
                                     {"ann", at(1s), line, true}};
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s});
  std::vector<std::size_t> sizes;
  const auto note = [&](const auto& told) { sizes.push_back(told.data.size()); };
  const auto by = sz::by(&Click::user, &Click::time).raw(&Click::line).keeps_alive(&Click::active);
  const auto ignore = [](const auto&) {};
  CHECK(sessions.process(clicks, by, ignore, note, note).events == 4);
  CHECK(sessions.counters().rejected.total() == 1);
  CHECK(sessions.counters().late(sz::LateReason::unattached) == 1);
  CHECK(sessions.counters().late(sz::LateReason::closed) == 1);
  CHECK(sizes == std::vector<std::size_t>(3, sz::max_rejected_data));
}

// Holds: a sink learns of the end of the stream from flush(), once, behind all results. Would
// catch: a file that is never closed, or is before its last session is written.
TEST_CASE("flush tells the end of the stream", "[windows]") {
  struct Sink {
    std::string told;
    void emit(const sz::SessionResult<Clock, std::string_view, const sz::NoAggregate::State&>&) {
      told += "session ";
    }
    void flush() { told += "end"; }
  } sink;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s});
  static_cast<void>(sessions.observe("ann", at(0s), sink));
  static_cast<void>(sessions.advance_watermark(at(5s), sink));
  CHECK(sink.told.empty());
  static_cast<void>(sessions.flush(sink));
  CHECK(sink.told == "session end");
}

namespace {

/// Counts, and cannot merge while it is told so.
struct Fragile {
  struct State {
    int count = 0;
    void merge(const State& other) {
      if (merging_fails) throw std::runtime_error("no merging");
      count += other.count;
    }
    [[nodiscard]] int result() const { return count; }
  };
  template <class Event>
  void add(State& state, const Event&, sz::Moment) const {
    ++state.count;
  }
  static inline bool merging_fails = false;
};

}  // namespace

// Holds: where an aggregate cannot merge, the event is in its session, and the sessions that it
// connects are one. Would catch: an event that is offered again and counted twice, sessions that
// overlap from then on.
TEST_CASE("an aggregate that cannot merge", "[windows]") {
  Notes notes;
  auto sessions =
      sz::make_session_windows<Clock, std::string>({.gap = 10s, .out_of_order = 1h}, {}, Fragile{});
  struct Click {
    std::string user;
    Time time;
  };
  const auto take = [&](Time time) {
    static_cast<void>(sessions.process(std::vector<Click>{{"ann", time}},
                                       sz::by(&Click::user, &Click::time), notes));
  };
  for (const auto second : {0s, 20s, 40s}) take(at(second));
  CHECK(sessions.size() == 3);
  Fragile::merging_fails = true;
  CHECK_THROWS_AS(take(at(10s)), std::runtime_error);
  Fragile::merging_fails = false;
  CHECK(sessions.counters().offered == 4);
  CHECK(sessions.counters().accepted == 4);
  CHECK(sessions.counters().events_open == 4);
  CHECK(sessions.size() == 2);
  take(at(25s));
  static_cast<void>(sessions.flush(notes));
  CHECK(notes.lines == Lines{"ann 0..25 4 flush", "ann 40..40 1 flush"});
}

// Holds: where an aggregate cannot merge while a session is closed, nothing of it is told and all
// of it comes with the next step, and what was told is not told again. Would catch: a key that
// nothing closes any more, a cut that is given twice or without its events.
TEST_CASE("an aggregate that cannot merge while sessions are closed", "[windows]") {
  Notes notes;
  auto sessions = sz::make_session_windows<Clock, std::string>(
      {.gap = 30s, .out_of_order = std::nullopt}, sz::max_duration(10s), Fragile{});
  struct Click {
    std::string user;
    Time time;
  };
  const std::vector<Click> clicks = {
      {"ann", at(0s)}, {"ann", at(20s)}, {"ann", at(21s)}, {"bob", at(0s)}, {"bob", at(1s)}};
  CHECK(sessions.process(clicks, sz::by(&Click::user, &Click::time), notes).events == 5);
  Fragile::merging_fails = true;
  CHECK_THROWS_AS(sessions.advance_watermark(at(1h), notes), std::runtime_error);
  CHECK_THROWS_AS(sessions.advance_watermark(at(1h), notes), std::runtime_error);
  Fragile::merging_fails = false;
  static_cast<void>(sessions.advance_watermark(at(1h), notes));
  std::sort(notes.lines.begin(), notes.lines.end());
  CHECK(notes.lines == Lines{"ann 0..0 1 max_duration", "ann 20..21 2 idle", "bob 0..1 2 idle"});
  CHECK(sessions.size() == 0);
  CHECK(sessions.keys() == 0);
  CHECK(sessions.counters().events_emitted == 5);
}

// Holds: an event whose key cannot be read, as what reads it throws, was not offered. Would catch:
// a ledger that does not add up, and a filter of duplicates in front that takes the event for
// known.
TEST_CASE("a projection that throws", "[windows]") {
  struct Click {
    std::string user;
    Time time;
  };
  const std::vector<Click> clicks = {{"ann", at(1s)}, {"", at(2s)}};
  Notes notes;
  sz::SessionWindows<Clock, std::string> sessions({.gap = 10s});
  const auto user = [](const Click& click) {
    if (click.user.empty()) throw std::runtime_error("no user");
    return click.user;
  };
  CHECK_THROWS_AS(sessions.process(clicks, sz::by(user, &Click::time), notes), std::runtime_error);
  CHECK(sessions.counters().offered == 1);
  CHECK(sessions.counters().accepted == 1);
}

// Holds: wherever memory runs out, the ledger adds up, and the keys that came before are closed
// once, with their events. Would catch: a key that is in the table and not among those that may be
// due, which ended the program; results that are given twice.
TEST_CASE("no memory for an event", "[windows]") {
  const std::string ann(40, 'a'), bob(40, 'b');
  std::uint64_t k = 0;
  for (bool done = false; !done && ++k < 1'000;) {
    CAPTURE(k);
    Notes notes;
    sz::SessionWindows<Clock, std::string> sessions({.gap = 10s, .out_of_order = 20s});
    REQUIRE(sessions.observe("first", at(0s), notes) == sz::Delivery::ok);
    const auto is_whole = [&] {
      const sz::WindowCounters& counters = sessions.counters();
      return counters.offered == counters.accepted + counters.rejected.total() &&
             counters.accepted == counters.events_emitted + counters.events_open +
                                      counters.events_pending + counters.lost();
    };
    try {
      const allocations::FailNth fail(k);
      for (const auto second : {0s, 30s, 60s, 90s}) {
        static_cast<void>(sessions.observe(ann, at(second), notes));
        static_cast<void>(sessions.observe(bob, at(second + 1s), notes));
      }
      done = true;
    } catch (const std::bad_alloc&) {
    }
    if (!is_whole()) CHECK(is_whole());
    static_cast<void>(sessions.flush(notes));
    if (!is_whole()) CHECK(is_whole());
    CHECK(std::count(notes.lines.begin(), notes.lines.end(), "first 0..0 1 idle") +
              std::count(notes.lines.begin(), notes.lines.end(), "first 0..0 1 flush") ==
          1);
  }
  CHECK(k > 10);
}

// Holds: wherever memory runs out while sessions are closed, the next step closes the rest, each
// once, with all its events. Would catch: a key that nothing closes any more, a result that is lost
// or comes twice.
TEST_CASE("no memory for closing", "[windows]") {
  const std::string users[] = {std::string(40, 'a'), std::string(40, 'b'), std::string(40, 'c')};
  for (const bool is_limited : {false, true}) {
    std::uint64_t k = 0;
    for (bool done = false; !done && ++k < 1'000;) {
      CAPTURE(is_limited, k);
      Notes notes;
      std::optional<sz::MaxDuration<std::chrono::milliseconds>> longest;
      if (is_limited) longest = sz::max_duration(std::chrono::milliseconds(15s));
      auto sessions = sz::make_session_windows<Clock, std::string>(
          {.gap = 10s, .out_of_order = std::nullopt, .after_close = sz::AfterClose::is_late},
          longest);
      for (const auto second : {0s, 8s, 16s, 60s})
        for (const std::string& user : users)
          static_cast<void>(sessions.observe(user, at(second), notes));
      try {
        const allocations::FailNth fail(k);
        static_cast<void>(sessions.advance_watermark(at(1h), [](const auto&) {}));
        done = true;
      } catch (const std::bad_alloc&) {
      }
      static_cast<void>(sessions.advance_watermark(at(1h), notes));
      static_cast<void>(sessions.advance_watermark(at(2h), notes));
      CHECK(sessions.size() == 0);
      CHECK(sessions.keys() == 0);
      CHECK(sessions.counters().events_emitted == 12);
      CHECK(sessions.counters().sessions_closed() == (is_limited ? 9 : 6));
    }
    CHECK(k > 10);
  }
}

}  // namespace session_windows_tests
