#include <sessionize/sessionizer.hpp>

#include <sessionize/rules/rules.hpp>
#include <sessionize/testing/manual_clock.hpp>
#include <sessionize/testing/sinks.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "seeds.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace sessionizer_tests {

/// A key of the caller's own type: only what std::hash, == and < give.
struct UserKey {
  std::string tenant;
  int id = 0;
  bool operator==(const UserKey&) const = default;
  auto operator<=>(const UserKey&) const = default;
};

/// A key of the caller's own type that is made from a C string.
struct NameKey {
  std::string name;
  NameKey(const char* text) : name(text) {}
  bool operator==(const NameKey&) const = default;
  auto operator<=>(const NameKey&) const = default;
};

}  // namespace sessionizer_tests

template <>
struct std::hash<sessionizer_tests::UserKey> {
  std::size_t operator()(const sessionizer_tests::UserKey& key) const {
    return std::hash<std::string>{}(key.tenant) ^ static_cast<std::size_t>(key.id);
  }
};
template <>
struct std::hash<sessionizer_tests::NameKey> {
  std::size_t operator()(const sessionizer_tests::NameKey& key) const {
    return std::hash<std::string>{}(key.name);
  }
};

namespace sessionizer_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::any_of;
using sessionize::AtGap;
using sessionize::AtMaxKeys;
using sessionize::by;
using sessionize::CloseReason;
using sessionize::Counting;
using sessionize::Delivery;
using sessionize::EventClock;
using sessionize::GapFrom;
using sessionize::make_sessionizer;
using sessionize::Options;
using sessionize::PastCarry;
using sessionize::RejectReason;
using sessionize::Sessionizer;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using sessionize::testing::Recorded;
using Time = EventClock::time_point;

struct Click {
  std::string user;
  Time time;
  std::optional<std::string> campaign{};
  bool logout = false;
};
using Clicks = std::vector<Click>;
using Seen = sessionize::testing::RecordingSink<EventClock, std::string, Click>;
using Strings = Sessionizer<EventClock, std::string>;
constexpr auto by_user = by(&Click::user, &Click::time);

/// What a test looks at in a closed session.
template <class AnySummary>
std::string text(const AnySummary& closed) {
  std::ostringstream out;
  out << std::string(closed.key) << ' ' << closed.start.time_since_epoch().count() << ".."
      << closed.last.time_since_epoch().count()
      << " n=" << (closed.events ? std::to_string(*closed.events) : "null") << ' '
      << to_string(closed.reason) << " #" << closed.ordinal;
  return out.str();
}
std::vector<std::string> texts(
    const std::vector<sessionize::Summary<EventClock, std::string>>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.push_back(text(one));
  return out;
}
std::vector<SplitReason> reasons(const Seen& seen) {
  std::vector<SplitReason> out;
  for (const auto& record : seen.records) out.push_back(record.reason);
  return out;
}
using Reasons = std::vector<SplitReason>;
using Texts = std::vector<std::string>;
constexpr auto none = SplitReason::none;
constexpr auto first = SplitReason::first_event;
constexpr auto gap = SplitReason::gap;

/// The reasons that one key's events at these times get.
template <class Sessions>
Reasons reasons_of(Sessions sessions, std::initializer_list<EventClock::duration> times) {
  Reasons out;
  for (const auto time : times) out.push_back(sessions.observe("ann", at(time)).reason);
  return out;
}

// ---- The table: which condition holds first.

// Holds: an event of a key with no previous event starts a session, reason first_event, whatever
// other keys have done. Would catch: one `previous` for all keys, or a key that is not its own.
TEST_CASE("a key's first event starts a session, first_event") {
  Strings sessions;
  const auto ann = sessions.observe("ann", at(0s));
  CHECK(ann.starts_session());
  CHECK(ann.reason == first);
  CHECK(ann.ordinal == 1);
  CHECK_FALSE(ann.closed);
  CHECK_FALSE(ann.rejected);
  CHECK(sessions.observe("bob", at(1s)).reason == first);
  CHECK(sessions.observe("ann", at(1s)).reason == none);
  CHECK(sessions.observe("", at(1s)).reason == first);
  CHECK(sessions.observe("", at(1s)).reason == none);
  CHECK(sessions.size() == 3);
}

// Holds: more than the gap, 10 s by default, starts a session with reason gap. Would catch: another
// default, a gap measured from the session's start, or in other units than the clock's.
TEST_CASE("a longer time than the gap starts a session, gap") {
  CHECK(Options<EventClock>{}.gap == 10s);
  CHECK(reasons_of(Strings(), {0ms, 10'001ms}) == Reasons{first, gap});
  CHECK(reasons_of(Strings(), {0s, 9s, 18s, 27s, 38s}) == Reasons{first, none, none, none, gap});
  CHECK(reasons_of(Strings({.gap = 30min}), {0min, 30min, 61min}) == Reasons{first, none, gap});
  CHECK(reasons_of(Strings({.gap = 0s}), {0ms, 0ms, 1ms}) == Reasons{first, none, gap});
}

// Holds: an event that neither is the first, nor is past the gap, nor is split by a rule continues:
// reason none, no session_time, the session's start carried. Would catch: a start that moves.
TEST_CASE("any other event continues its session, none") {
  Strings sessions;
  sessions.observe("ann", at(5s));
  for (const auto time : {6s, 9s, 19s, 19s}) {
    const auto seen = sessions.observe("ann", at(time));
    CHECK_FALSE(seen.starts_session());
    CHECK(seen.reason == none);
    CHECK(seen.session_start == at(5s));
    CHECK(seen.ordinal == 1);
    CHECK_FALSE(seen.closed);
  }
  CHECK(sessions.size() == 1);
}

struct Flags {
  bool ends = false;
  std::optional<int> value{};
  bool own = false;
};

// Holds: where several conditions hold, the reason is the first of first_event, gap, end_marker,
// max_duration, carry, day_boundary, value_change, rule, in whatever order the rules are listed.
// Would catch: a reason by listing order, the gap asked after the rules, carry asked last.
TEST_CASE("the reason is the first condition that holds, in the order of the table") {
  const auto own = [](const Step<Time>&, const Flags& flags) { return flags.own; };
  // Listed the wrong way round.
  const auto rule = any_of(own, sessionize::value_change(&Flags::value), sessionize::day_boundary(),
                           sessionize::max_duration(4h), sessionize::end_marker(&Flags::ends));
  const Options<EventClock> options{.gap = 10h, .carry = 3h, .past_carry = PastCarry::splits};

  struct Case {
    EventClock::duration start, next;
    bool ends, changes, own;
    SplitReason reason;
  };
  const Case cases[] = {
      {23h, 34h, true, true, true, gap},
      {23h, 33h, true, true, true, SplitReason::end_marker},
      {23h, 33h, false, true, true, SplitReason::max_duration},
      {23h, 27h, false, true, true, SplitReason::carry},
      {23h, 26h, false, true, true, SplitReason::day_boundary},
      {24h, 26h, false, true, true, SplitReason::value_change},
      {24h, 26h, false, false, true, SplitReason::rule},
      {24h, 26h, false, false, false, none},
  };
  for (const auto& c : cases) {
    auto sessions = make_sessionizer<EventClock, std::string>(options, rule);
    const auto start = sessions.observe("ann", at(c.start), Flags{c.ends, 1, true});
    CHECK(start.reason == first);
    const auto next = sessions.observe("ann", at(c.next), Flags{true, c.changes ? 2 : 1, c.own});
    CHECK(to_string(next.reason) == to_string(c.reason));
    CHECK(next.closed.has_value() == (c.reason != none));
  }
}

// ---- The gap.

// Holds: exactly the gap continues by default (the SQL's >) and splits by the option AtGap::splits,
// one tick to either side is the same for both. Would catch: >= for >.
TEST_CASE("exactly the gap continues by default and splits by option") {
  CHECK(reasons_of(Strings(), {0ms, 9'999ms}) == Reasons{first, none});
  CHECK(reasons_of(Strings(), {0s, 10s}) == Reasons{first, none});
  CHECK(reasons_of(Strings(), {0ms, 10'001ms}) == Reasons{first, gap});
  const Strings splits({.at_gap = AtGap::splits});
  CHECK(reasons_of(splits, {0ms, 9'999ms}) == Reasons{first, none});
  CHECK(reasons_of(splits, {0s, 10s}) == Reasons{first, gap});
  CHECK(reasons_of(splits, {0ms, 10'001ms}) == Reasons{first, gap});
  CHECK(reasons_of(Strings({.gap = 0s, .at_gap = AtGap::splits}), {0s, 0s, -1s}) ==
        Reasons{first, gap, none});
}

// Holds: a time that goes back never splits, however far, and the event is the next one's prev: LAG
// is the row before. Would catch: an absolute difference; prev kept at the latest time.
TEST_CASE("a time that goes back never splits and becomes the previous time") {
  CHECK(reasons_of(Strings(), {100s, 80s, 91s, 0s, 10s}) == Reasons{first, none, gap, none, none});
  CHECK(reasons_of(Strings({.at_gap = AtGap::splits}), {100s, 80s, 89s}) ==
        Reasons{first, none, none});
  CHECK(reasons_of(Strings(), {1s, -100'000h}) == Reasons{first, none});
}

// Holds: by the option GapFrom::latest_time, prev is the latest time seen of the key. Would catch:
// an option that changes nothing, or that forgets the latest time where a session starts.
TEST_CASE("the gap is measured from the latest time by option") {
  const Strings latest({.gap_from = GapFrom::latest_time});
  CHECK(reasons_of(latest, {100s, 80s, 91s, 110s}) == Reasons{first, none, none, none});
  CHECK(reasons_of(latest, {100s, 80s, 111s}) == Reasons{first, none, gap});
  CHECK(reasons_of(latest, {100s, 111s, 80s, 121s, 132s}) == Reasons{first, gap, none, none, gap});

  // Across a split by a rule too: the latest time is the key's, not the session's.
  const auto own = [](const Step<Time>&, const Flags& flags) { return flags.own; };
  auto sessions =
      make_sessionizer<EventClock, std::string>({.gap_from = GapFrom::latest_time}, own);
  sessions.observe("ann", at(100s), Flags{});
  CHECK(sessions.observe("ann", at(90s), Flags{.own = true}).reason == SplitReason::rule);
  CHECK(sessions.observe("ann", at(105s), Flags{}).reason == none);
}

// Holds: process() decides as observe() does, for every option. Would catch: a faster path that is
// another definition of the gap.
TEST_CASE("a range is decided like its events one by one") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const Options<EventClock> options{
        .gap = 5ms,
        .at_gap = seed % 2 == 0 ? AtGap::continues : AtGap::splits,
        .gap_from = seed % 4 < 2 ? GapFrom::previous_arrival : GapFrom::latest_time,
        .carry = 20ms,
        .past_carry = seed % 8 < 4 ? PastCarry::is_null : PastCarry::splits};
    Clicks clicks;
    EventClock::duration time{0};
    for (int i = 0; i < 300; ++i) {
      time += EventClock::duration{static_cast<int>(random() % 6) - 1};
      clicks.push_back({std::string(1, static_cast<char>('a' + random() % 3)), at(time)});
    }
    Strings one(options), other(options);
    Seen seen;
    const auto progress = other.process(clicks, by_user, seen);
    REQUIRE(progress.events == clicks.size());
    REQUIRE(seen.records.size() == clicks.size());
    std::vector<sessionize::Summary<EventClock, std::string>> closed;
    bool same = true;
    for (std::size_t i = 0; i < clicks.size(); ++i) {
      const auto decision = one.observe(clicks[i].user, clicks[i].time);
      same = same && static_cast<const sessionize::Placement<EventClock>&>(decision) ==
                         static_cast<const sessionize::Placement<EventClock>&>(seen.records[i]);
      if (decision.closed) closed.push_back(decision.closed->owned());
    }
    CHECK(same);
    CHECK(texts(closed) == texts(seen.summaries));
    CHECK(one.counters() == other.counters());
  }
}

// ---- What a record says.

// Holds: session_time is the starting event's own time there and null on all others; latest_time is
// the event's time. Would catch: session_time carried like session_start.
TEST_CASE("session_time is on the starting event alone and latest_time is the event's own") {
  Strings sessions;
  for (const auto& [time, starts] : std::initializer_list<std::pair<std::chrono::seconds, bool>>{
           {0s, true}, {4s, false}, {14s, false}, {25s, true}, {20s, false}}) {
    const auto seen = sessions.observe("ann", at(time));
    CHECK(seen.time == at(time));
    CHECK(seen.starts_session() == starts);
    CHECK(seen.session_time() == (starts ? std::optional(at(time)) : std::nullopt));
  }
}

// Holds: the start is carried for exactly 24 h, then null, to one event at a time; an event stamped
// before the start carries too; opened_at tells the start past the horizon. Would catch: >= for >,
// a horizon measured from the previous event, a start forgotten for good once out of sight.
TEST_CASE("the start is carried for 24 hours by default, then null") {
  Strings sessions({.gap = 30h});
  sessions.observe("ann", at(0h));
  CHECK(sessions.observe("ann", at(24h)).session_start == at(0h));
  const auto past = sessions.observe("ann", at(24h + 1ms));
  CHECK(past.session_start == std::nullopt);
  CHECK(past.opened_at == at(0h));
  CHECK(past.reason == none);
  CHECK(past.ordinal == 1);
  CHECK(sessions.observe("ann", at(3h)).session_start == at(0h));
  CHECK(sessions.observe("ann", at(-100h)).session_start == at(0h));
  CHECK(sessions.observe("ann", at(-60h)).reason == gap);
  CHECK(sessions.observe("ann", at(-36h)).session_start == at(-60h));
  CHECK(sessions.observe("ann", at(-35h)).session_start == std::nullopt);
}

// Holds: the horizon is any span, or none: a start is its own event's whatever the span. Would
// catch: a span that is ignored, `forever` taken for zero.
TEST_CASE("the carry horizon is a span of choice or forever") {
  Strings zero({.gap = 30h, .carry = 0s});
  CHECK(zero.observe("ann", at(1h)).session_start == at(1h));
  CHECK(zero.observe("ann", at(1h)).session_start == at(1h));
  CHECK(zero.observe("ann", at(1h + 1ms)).session_start == std::nullopt);
  CHECK(zero.observe("ann", at(0h)).session_start == at(1h));

  Strings hour({.gap = 30h, .carry = 1h});
  hour.observe("ann", at(0h));
  CHECK(hour.observe("ann", at(1h)).session_start == at(0h));
  CHECK(hour.observe("ann", at(1h + 1ms)).session_start == std::nullopt);

  Strings forever({.gap = EventClock::duration::max(), .carry = sessionize::forever});
  forever.observe("ann", at(0h));
  CHECK(forever.observe("ann", Time::max()).session_start == at(0h));
}

// Holds: by option an event past the horizon starts a session, reason carry, and closes the one
// before for the same reason; exactly the horizon continues even where the gap splits at equality.
// Would catch: a null start on the starting event, the wrong close reason, AtGap applied to carry.
TEST_CASE("past the carry horizon a session starts by option") {
  Strings sessions(
      {.gap = 30h, .at_gap = AtGap::splits, .carry = 24h, .past_carry = PastCarry::splits});
  sessions.observe("ann", at(0h));
  CHECK(sessions.observe("ann", at(24h)).reason == none);
  const auto past = sessions.observe("ann", at(24h + 1ms));
  CHECK(past.reason == SplitReason::carry);
  CHECK(past.session_start == at(24h + 1ms));
  CHECK(past.session_time() == at(24h + 1ms));
  CHECK(past.ordinal == 2);
  REQUIRE(past.closed);
  CHECK(text(*past.closed) == "ann 0..86400000 n=2 carry #1");
  CHECK(sessions.observe("ann", at(-48h)).reason == none);
}

// ---- The split rules, in a sessionizer.

// Holds: a session splits where it would last longer than the limit from its start; exactly the
// limit continues, also where the gap splits at equality. Would catch: a duration from the first
// event of the key, or one that follows AtGap.
TEST_CASE("a maximum duration splits past the limit, never at it") {
  const auto sessions = make_sessionizer<EventClock, std::string>(
      {.gap = 10s, .at_gap = AtGap::splits}, sessionize::max_duration(20s));
  const auto split = SplitReason::max_duration;
  CHECK(reasons_of(sessions, {0ms, 9'000ms, 18'000ms, 20'000ms, 20'001ms, 29'000ms, 38'000ms,
                              40'001ms, 40'002ms}) ==
        Reasons{first, none, none, none, split, none, none, none, split});
  CHECK(reasons_of(sessions, {0s, -50s, -45s}) == Reasons{first, none, none});
}

// Holds: an event on a later day than the previous one splits, at a UTC offset of choice; an
// earlier day does not. Would catch: != for >, days counted toward zero before 1970.
TEST_CASE("a day boundary splits at the offset's midnight") {
  const auto split = SplitReason::day_boundary;
  const auto utc =
      make_sessionizer<EventClock, std::string>({.gap = 100h}, sessionize::day_boundary());
  CHECK(reasons_of(utc, {-1ms, 0ms, 24h - 1ms, 24h, 12h, 24h}) ==
        Reasons{first, split, none, split, none, split});
  CHECK(reasons_of(utc, {-24h - 1ms, -24h, -1ms}) == Reasons{first, split, none});
  const auto india = make_sessionizer<EventClock, std::string>(
      {.gap = 100h}, sessionize::day_boundary(5h + 30min));
  CHECK(reasons_of(india, {0h, 18h + 30min - 1ms, 18h + 30min, 24h}) ==
        Reasons{first, none, split, none});
}

// Holds: a value splits where it differs from the key's last that was not null; null never splits
// and keeps it, also across a gap. Would catch: null taken for a value, a value that is forgotten.
TEST_CASE("a value change splits and null keeps the last value") {
  auto sessions =
      make_sessionizer<EventClock, std::string>({}, sessionize::value_change(&Click::campaign));
  const auto observe = [&](EventClock::duration time, std::optional<std::string> campaign) {
    return sessions.observe("ann", at(time), Click{"ann", at(time), std::move(campaign)}).reason;
  };
  CHECK(observe(0s, {}) == first);
  CHECK(observe(1s, "spring") == none);
  CHECK(observe(2s, {}) == none);
  CHECK(observe(3s, "spring") == none);
  CHECK(observe(4s, "summer") == SplitReason::value_change);
  CHECK(observe(5s, {}) == none);
  CHECK(observe(100s, {}) == gap);
  CHECK(observe(101s, "summer") == none);
  CHECK(observe(102s, "spring") == SplitReason::value_change);
  CHECK(observe(200s, "autumn") == gap);
  CHECK(observe(201s, "autumn") == none);
  CHECK(sessions.observe("bob", at(201s), Click{"bob", at(201s), "winter"}).reason == first);
  CHECK(observe(202s, "autumn") == none);
}

// Holds: the event that carries an end marker is the last of its session. Would catch: a marker
// that splits before its event, that outlives a gap, or that is one for all keys.
TEST_CASE("the marked event is the last of its session") {
  auto sessions =
      make_sessionizer<EventClock, std::string>({}, sessionize::end_marker(&Click::logout));
  const auto observe = [&](std::string_view user, EventClock::duration time, bool logout) {
    return sessions.observe(user, at(time), Click{std::string(user), at(time), {}, logout});
  };
  CHECK(observe("ann", 0s, false).reason == first);
  CHECK(observe("ann", 1s, true).reason == none);
  CHECK(observe("bob", 1s, false).reason == first);
  CHECK(observe("bob", 2s, false).reason == none);
  const auto next = observe("ann", 2s, true);
  CHECK(next.reason == SplitReason::end_marker);
  REQUIRE(next.closed);
  CHECK(text(*next.closed) == "ann 0..1000 n=2 end_marker #1");
  CHECK(observe("ann", 1s, false).reason == SplitReason::end_marker);
  CHECK(observe("ann", 2s, true).reason == none);
  CHECK(observe("ann", 100s, false).reason == gap);
  CHECK(observe("ann", 101s, false).reason == none);
}

// Holds: the caller's own rule is any callable, of times alone or of the event too, that answers
// bool or a reason. Would catch: a rule that is asked for first events or past the gap.
TEST_CASE("the caller's own rule splits with reason rule or one of its choice") {
  int asked = 0;
  const auto counting = [&](const Step<Time>& step) {
    ++asked;
    return step.time == at(3s);
  };
  CHECK(reasons_of(make_sessionizer<EventClock, std::string>({}, counting),
                   {3s, 2s, 3s, 4s, 30s}) == Reasons{first, none, SplitReason::rule, none, gap});
  CHECK(asked == 3);
  const auto choosing = [](const Step<Time>& step) {
    return step.previous == at(1s) ? SplitReason::day_boundary : SplitReason::none;
  };
  CHECK(reasons_of(make_sessionizer<EventClock, std::string>({}, choosing), {0s, 1s, 2s}) ==
        Reasons{first, none, SplitReason::day_boundary});
  const auto from_start = [](const Step<Time>& step, const auto&) {
    return step.time - step.session_start >= 3s;
  };
  CHECK(
      reasons_of(make_sessionizer<EventClock, std::string>({}, from_start), {0s, 2s, 3s, 5s, 6s}) ==
      Reasons{first, none, SplitReason::rule, none, SplitReason::rule});
}

/// Splits each `n`-th event of a key: a rule that remembers.
struct EveryNth {
  struct State {
    unsigned events = 0;
  };
  unsigned n;
  template <class Event>
  bool operator()(const Step<Time>&, const Event&, const State& state) const {
    return state.events % n == 0;
  }
  template <class Event>
  void remember(const Event&, State& state) const {
    ++state.events;
  }
};

// Holds: a rule with state has one for each key, told of every event, freed with the key. Would
// catch: shared state, an event told twice or not at all, state that outlives expire().
TEST_CASE("a rule with state remembers each key's events") {
  auto sessions = make_sessionizer<EventClock, std::string>({}, EveryNth{3});
  const auto observe = [&](std::string_view user, EventClock::duration time) {
    return sessions.observe(user, at(time)).reason;
  };
  CHECK(observe("ann", 0s) == first);
  CHECK(observe("bob", 0s) == first);
  CHECK(observe("ann", 100s) == gap);  // told of past the gap too
  CHECK(observe("bob", 1s) == none);
  CHECK(observe("ann", 101s) == none);
  CHECK(observe("ann", 102s) == SplitReason::rule);
  CHECK(observe("bob", 2s) == none);
  CHECK(observe("bob", 3s) == SplitReason::rule);
  CHECK(sessions.erase("ann"));
  CHECK(observe("ann", 103s) == first);
  CHECK(observe("ann", 104s) == none);
  CHECK(observe("ann", 105s) == none);
  CHECK(observe("ann", 106s) == SplitReason::rule);
}

// Holds: a rule is switched on and off at run time by std::optional. Would catch: an empty rule
// that splits, or remembers.
TEST_CASE("an optional rule that is empty never splits") {
  const auto with = [](auto rule) {
    return reasons_of(make_sessionizer<EventClock, std::string>({}, rule), {0s, 5s, 6s});
  };
  using Rule = decltype(sessionize::max_duration(5s));
  CHECK(with(std::optional<Rule>()) == Reasons{first, none, none});
  CHECK(with(std::optional<Rule>(sessionize::max_duration(5s))) ==
        Reasons{first, none, SplitReason::max_duration});
  CHECK(with(any_of(std::optional<Rule>(), std::optional<EveryNth>())) ==
        Reasons{first, none, none});
}

// ---- Summaries.

// Holds: a summary has the key, the start (its first arrival's time), last (the largest time seen),
// count, duration, and the reason; the ordinal counts the key's sessions. Would catch: last taken
// from the last arrival, or kept from the session before.
TEST_CASE("a summary has its session's key, start, last, count, duration and reason") {
  Strings sessions;
  sessions.observe("ann", at(100s));
  sessions.observe("ann", at(105s));
  sessions.observe("ann", at(50s));
  const auto next = sessions.observe("ann", at(61s));
  REQUIRE(next.closed);
  CHECK(text(*next.closed) == "ann 100000..105000 n=3 idle #1");
  CHECK(next.closed->duration() == 5s);
  CHECK(next.ordinal == 2);
  const auto third = sessions.observe("ann", at(80s));
  REQUIRE(third.closed);
  CHECK(text(*third.closed) == "ann 61000..61000 n=1 idle #2");
  CHECK(third.closed->duration() == 0s);
}

// Holds: a duration is the longest representable where the true one does not fit. Would catch:
// a negative duration for a session from the first to the last time there is.
TEST_CASE("a summary's duration saturates") {
  Strings sessions({.gap = EventClock::duration::max()});
  sessions.observe("ann", Time::min());
  sessions.observe("ann", at(-1ms));
  sessions.observe("ann", Time::max() - 1ms);
  const auto open = sessions.find("ann");
  REQUIRE(open);
  CHECK(open->start == Time::min());
  CHECK(open->last == Time::max() - 1ms);
  CHECK(open->duration() == EventClock::duration::max());
}

// Holds: each split rule's name is the close reason of the session it ends; the gap's is idle.
// Would catch: a table of reasons that is off by one.
TEST_CASE("a session closed by an event has the name of the rule that split") {
  for (const auto reason :
       {SplitReason::end_marker, SplitReason::max_duration, SplitReason::carry,
        SplitReason::day_boundary, SplitReason::value_change, SplitReason::rule}) {
    const auto rule = [&](const Step<Time>&) { return reason; };
    auto sessions = make_sessionizer<EventClock, std::string>({}, rule);
    sessions.observe("ann", at(0s));
    const auto seen = sessions.observe("ann", at(1s));
    REQUIRE(seen.closed);
    CHECK(to_string(seen.closed->reason) == to_string(reason));
    CHECK(sessions.counters().sessions_closed(seen.closed->reason) == 1);
    const auto idle = sessions.observe("ann", at(100s));
    REQUIRE(idle.closed);
    CHECK(idle.closed->reason == CloseReason::idle);
  }
}

// Holds: a sink that takes summaries gets the closed session before the record of the event that
// closed it; one that takes records alone, or summaries alone, gets those. Would catch: the order
// the other way round, a sink that must take both.
TEST_CASE("a closed session is emitted before the record that closes it") {
  const Clicks clicks{{"ann", at(0s)}, {"ann", at(5s)}, {"ann", at(30s)}};
  Strings sessions;
  Seen seen;
  const auto progress = sessions.process(clicks, by_user, seen);
  CHECK(progress.events == 3);
  CHECK(progress.delivery == Delivery::ok);
  CHECK(seen.order ==
        std::vector{Recorded::record, Recorded::record, Recorded::summary, Recorded::record});
  CHECK(reasons(seen) == Reasons{first, none, gap});
  CHECK(texts(seen.summaries) == Texts{"ann 0..5000 n=2 idle #1"});
  CHECK(seen.records[2].key == "ann");
  CHECK(seen.records[2].event.time == at(30s));

  int records = 0, summaries = 0;
  const auto count_records = [&](const sessionize::record auto&) { ++records; };
  const auto count_summaries = [&](const sessionize::summary auto&) { ++summaries; };
  CHECK(Strings().process(clicks, by_user, count_records).events == 3);
  CHECK(Strings().process(clicks, by_user, count_summaries).events == 3);
  CHECK(records == 3);
  CHECK(summaries == 1);
}

// Holds: observe() returns the closed session with the decision. Would catch: a view of a key or of
// numbers that are overwritten by the event itself.
TEST_CASE("observe returns the closed session with the decision") {
  Strings sessions;
  sessions.observe("ann", at(0s));
  const auto seen = sessions.observe("ann", at(11s));
  REQUIRE(seen.closed);
  CHECK(text(*seen.closed) == "ann 0..0 n=1 idle #1");
  CHECK(seen.session_start == at(11s));
  CHECK(seen.opened_at == at(11s));
}

// Holds: the ordinal counts the key's sessions since its state was created, so that two sessions
// that start at one time differ. Would catch: an ordinal of all keys, or of events.
TEST_CASE("the ordinal tells sessions apart that start at one time") {
  const auto own = [](const Step<Time>&, const Flags& flags) { return flags.own; };
  auto sessions = make_sessionizer<EventClock, std::string>({}, own);
  std::set<std::tuple<std::string, Time, std::uint64_t>> ids;
  for (int i = 0; i < 5; ++i)
    for (const char* user : {"ann", "bob"}) {
      const auto seen = sessions.observe(user, at(7s), Flags{.own = true});
      CHECK(seen.ordinal == static_cast<std::uint64_t>(i + 1));
      ids.emplace(user, *seen.session_start, seen.ordinal);
    }
  CHECK(ids.size() == 10);
}

// ---- Closing: expire, flush, erase.

// Holds: expire(now) closes a key exactly when an event at `now` would start a session by the gap.
// Would catch: >= for >, a gap from the start or the largest time, one rule for events and another
// for expiry.
TEST_CASE("expire closes exactly when an event at now would start a session by the gap") {
  for (const auto at_gap : {AtGap::continues, AtGap::splits})
    for (const auto from : {GapFrom::previous_arrival, GapFrom::latest_time})
      for (const auto& [late, early] :
           std::initializer_list<std::pair<int, int>>{{0, 0}, {0, -7}, {-7, 0}, {3, 3}})
        for (int now = -30; now <= 30; ++now) {
          const Options<EventClock> options{.gap = 10ms, .at_gap = at_gap, .gap_from = from};
          Strings asked(options), expired(options);
          for (auto* sessions : {&asked, &expired}) {
            sessions->observe("ann", Time(EventClock::duration(late)));
            sessions->observe("ann", Time(EventClock::duration(early)));
          }
          const Time time{EventClock::duration(now)};
          Seen seen;
          const auto closing = expired.expire(time, seen);
          const bool starts = asked.observe("ann", time).reason == gap;
          if ((closing.sessions == 1) != starts || seen.summaries.size() != closing.sessions ||
              expired.size() != 1 - closing.sessions)
            FAIL("now " << now << " late " << late << " early " << early);
        }
  SUCCEED();
}

// Holds: a key that expire() closed has no state: its next event is a first_event, whose session
// counts from 1 again. Would catch: a key whose previous time or ordinal is kept.
TEST_CASE("after expire a key's next event is its first again") {
  auto sessions =
      make_sessionizer<EventClock, std::string>({}, sessionize::end_marker(&Click::logout));
  sessions.observe("ann", at(0s), Click{});
  sessions.observe("ann", at(20s), Click{});
  sessions.observe("ann", at(21s), Click{.user = "ann", .time = at(21s), .logout = true});
  sessions.observe("bob", at(25s), Click{});
  Seen seen;
  const auto closing = sessions.expire(at(31s), seen);
  CHECK(closing.sessions == 0);
  CHECK(sessions.expire(at(32s), seen).sessions == 1);
  CHECK(texts(seen.summaries) == Texts{"ann 20000..21000 n=2 idle #2"});
  CHECK(seen.order == std::vector{Recorded::summary});  // the stream has not ended
  CHECK_FALSE(sessions.find("ann"));
  const auto next = sessions.observe("ann", at(33s), Click{});
  CHECK(next.reason == first);
  CHECK(next.ordinal == 1);
  CHECK_FALSE(next.closed);
  CHECK(sessions.observe("bob", at(33s), Click{}).reason == none);
}

// Holds: nothing expires unless asked, whatever other keys' times say. Would catch: an automatic
// expiry, which would break LAG for events out of order.
TEST_CASE("nothing expires unless asked") {
  Strings sessions;
  sessions.observe("ann", at(0s));
  for (int i = 1; i <= 1000; ++i) sessions.observe("bob", at(i * 1h));
  CHECK(sessions.size() == 2);
  CHECK(sessions.find("ann"));
  CHECK(sessions.observe("ann", at(10s)).reason == none);
  CHECK(sessions.counters().sessions_closed() == 999);
}

// Holds: flush() closes all with reason flush, in order of (start, key), then tells the sink that
// the stream has ended. Would catch: the order of insertion or of the table, flush() told first.
TEST_CASE("flush closes every session in the order of start and key") {
  Strings sessions;
  for (const auto& [user, time] :
       std::initializer_list<std::pair<const char*, std::chrono::seconds>>{
           {"eve", 3s}, {"bob", 5s}, {"dan", -1s}, {"ann", 5s}, {"cat", 3s}, {"eve", 4s}})
    sessions.observe(user, at(time));
  Seen seen;
  const auto closing = sessions.flush(seen);
  CHECK(closing.sessions == 5);
  CHECK(closing.delivery == Delivery::ok);
  CHECK(texts(seen.summaries) == Texts{"dan -1000..-1000 n=1 flush #1",
                                       "cat 3000..3000 n=1 flush #1", "eve 3000..4000 n=2 flush #1",
                                       "ann 5000..5000 n=1 flush #1",
                                       "bob 5000..5000 n=1 flush #1"});
  CHECK(seen.order.back() == Recorded::flush);
  CHECK(seen.order.size() == 6);
  CHECK(sessions.size() == 0);
  CHECK(sessions.observe("ann", at(6s)).reason == first);
  seen.clear();
  CHECK(sessions.flush(seen).sessions == 1);
  CHECK(sessions.flush(seen).sessions == 0);
}

// Holds: expire() gives its summaries in the order of (start, key) and leaves the others open and
// whole, also where closing moves them in the table. Would catch: an erased position that is read.
TEST_CASE("expire closes some sessions in order and leaves the others whole") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Sessionizer<EventClock, int> sessions({.gap = 50ms});
    std::map<int, Time> start, previous;
    for (int i = 0; i < 200; ++i) {
      const int key = static_cast<int>(random() % 60);
      const Time time{EventClock::duration(random() % 100)};
      if (sessions.observe(key, time).starts_session()) start[key] = time;
      previous[key] = time;
    }
    const Time now{EventClock::duration(100 + random() % 40)};
    std::vector<std::pair<Time, int>> expected, closed;
    for (const auto& [key, time] : previous)
      if (now - time > 50ms) expected.emplace_back(start[key], key);
    std::sort(expected.begin(), expected.end());
    const auto sink = [&](const sessionize::SummaryView<EventClock, int>& summary) {
      closed.emplace_back(summary.start, summary.key);
    };
    CHECK(sessions.expire(now, sink).sessions == expected.size());
    CHECK(closed == expected);
    bool whole = sessions.size() == previous.size() - expected.size();
    for (const auto& [key, time] : previous) {
      const auto open = sessions.find(key);
      whole = whole && open.has_value() == (now - time <= 50ms);
      whole = whole && (!open || (open->key == key && open->start == start[key]));
    }
    CHECK(whole);
  }
}

// Holds: find() tells the open session and changes nothing; erase() returns it, closed as `erased`,
// and forgets the key. Would catch: find() that opens a session, erase() that keeps the ordinal.
TEST_CASE("find shows the open session and erase returns and forgets it") {
  Strings sessions;
  CHECK_FALSE(sessions.find("ann"));
  CHECK_FALSE(sessions.erase("ann"));
  CHECK(sessions.counters() == sessionize::Counters{});
  sessions.observe("ann", at(0s));
  sessions.observe("ann", at(20s));
  sessions.observe("ann", at(21s));
  sessions.observe("bob", at(21s));
  const auto before = sessions.counters();
  const auto open = sessions.find("ann");
  REQUIRE(open);
  CHECK(text(*open) == "ann 20000..21000 n=2 flush #2");
  CHECK_FALSE(sessions.find("cat"));
  CHECK(sessions.counters() == before);

  const auto erased = sessions.erase(sessions.find("ann")->key);
  REQUIRE(erased);
  CHECK(text(*erased) == "ann 20000..21000 n=2 erased #2");
  CHECK(sessions.counters().sessions_closed(CloseReason::erased) == 1);
  CHECK_FALSE(sessions.find("ann"));
  CHECK_FALSE(sessions.erase("ann"));
  CHECK(sessions.size() == 1);
  CHECK(sessions.find("bob"));
  const auto again = sessions.observe("ann", at(22s));
  CHECK(again.reason == first);
  CHECK(again.ordinal == 1);
}

// Holds: for_each_open() visits each open session once. Would catch: an entry left out or stale.
TEST_CASE("for_each_open visits every open session") {
  Strings sessions;
  for (const char* user : {"ann", "bob", "cat", "dan"}) sessions.observe(user, at(1s));
  sessions.erase("bob");
  std::multiset<std::string> seen;
  std::as_const(sessions).for_each_open(
      [&](const sessionize::SummaryView<EventClock, std::string>& open) {
        seen.emplace(open.key);
      });
  CHECK(seen == std::multiset<std::string>{"ann", "cat", "dan"});
}

// ---- Shards that are split and merged.

/// A random stream whose users move between objects, at random times, beside one object that has
/// them all.
template <class Key, class KeyOf, class Rule>
void check_moves(std::uint64_t seed, KeyOf key_of, Rule rule) {
  const auto make = [&] {
    return make_sessionizer<EventClock, Key>({.gap = 10s, .carry = 60s}, rule);
  };
  auto whole = make();
  std::vector<decltype(whole)> parts = {make(), make(), make()};
  std::mt19937_64 random(seed);
  Time now = at(1h);
  std::array<std::size_t, 40> part_of{};
  for (int i = 0; i < 4'000; ++i) {
    if (random() % 100 == 0) {
      const std::size_t from = random() % 3, to = (from + 1 + random() % 2) % 3;
      const auto moves = [&](const auto& key) { return std::hash<Key>{}(Key(key)) % 3 != 0; };
      std::size_t expected = 0;
      for (std::size_t user = 0; user < part_of.size(); ++user) {
        const Key key = key_of(user);
        if (part_of[user] != from || !moves(key)) continue;
        expected += parts[from].find(key) ? 1U : 0U;
        part_of[user] = to;
      }
      CHECK(parts[to].take_over(parts[from], moves) == expected);
    }
    now += std::chrono::milliseconds(random() % 900);
    const std::size_t user = random() % part_of.size();
    const Key key = key_of(user);
    const Time time = random() % 20 == 0 ? now - 30s : now;
    const auto expected = whole.observe(key, time);
    const auto actual = parts[part_of[user]].observe(key, time);
    CHECK(actual.reason == expected.reason);
    CHECK(actual.session_start == expected.session_start);
    CHECK(actual.ordinal == expected.ordinal);
    REQUIRE(actual.closed.has_value() == expected.closed.has_value());
    if (!expected.closed) continue;
    CHECK(actual.closed->start == expected.closed->start);
    CHECK(actual.closed->last == expected.closed->last);
    CHECK(actual.closed->events == expected.closed->events);
  }
  std::uint64_t accepted = 0, open = 0, started = 0, keys = 0;
  for (const auto& part : parts) {
    const auto counters = part.counters();
    CHECK(counters.accepted == counters.events_emitted + counters.events_open);
    CHECK(counters.sessions_started == counters.sessions_closed() + part.size());
    accepted += counters.accepted;
    open += counters.events_open;
    started += counters.sessions_started;
    keys += part.size();
  }
  CHECK(accepted == whole.counters().accepted);
  CHECK(open == whole.counters().events_open);
  CHECK(started == whole.counters().sessions_started);
  CHECK(keys == whole.size());
}

// Holds: a session goes on in the object that takes it over exactly as in the one that it was in,
// for each form of state, and both objects' counters stay true. Would catch: a session that is
// begun anew, counted twice, or left behind as a second one.
TEST_CASE("sessions that are taken over go on as if they had not moved") {
  const auto text = [](std::size_t user) { return "user" + std::to_string(user); };
  const auto number = [](std::size_t user) { return static_cast<std::int64_t>(user) * 7'919; };
  seeds::for_each(3, [&](std::uint64_t seed) {
    check_moves<std::string>(seed, text, sessionize::NoRule{});
    check_moves<std::int64_t>(seed, number, sessionize::max_duration(25s));
    check_moves<std::string>(seed, text, [](const auto& step) { return step.events >= 9; });
    check_moves<UserKey>(
        seed,
        [](std::size_t user) {
          return UserKey{"t", static_cast<int>(user)};
        },
        sessionize::NoRule{});
  });
}

// Holds: what is not wanted, is known here already or has no room stays where it is, whole. Would
// catch: a session that is overwritten or lost.
TEST_CASE("a session that cannot be taken over stays") {
  Strings from, to({.max_keys = 2});
  for (const char* user : {"ann", "bob", "cat", "dan"}) from.observe(user, at(1s));
  to.observe("bob", at(2s));
  CHECK(to.take_over(from, [](std::string_view key) { return key != "ann"; }) == 1);
  CHECK(to.size() == 2);
  CHECK(text(*to.find("bob")) == "bob 2000..2000 n=1 flush #1");
  CHECK(from.size() == 3);
  CHECK(from.find("ann"));
  CHECK(text(*from.find("bob")) == "bob 1000..1000 n=1 flush #1");
  CHECK(from.find("cat").has_value() != from.find("dan").has_value());
}

// Holds: where the memory fails in between, each session is whole in one of the two, and counted
// there. Would catch: a key that is inserted, and whose state then finds no room: a session twice.
TEST_CASE("taking over sessions without memory") {
  const auto far = std::chrono::hours(24) * 365;  // one window of packed times has not all of them
  for (std::uint64_t k = 1, failures = 0;; ++k) {
    Strings from, to;
    to.observe("zoe", at(1s));
    for (const char* user : {"ann", "bob", "cat"}) from.observe(user, at(1s));
    for (const char* user : {"dan", "eve"}) from.observe(user, at(far));
    // These begin in it, and are then not to be packed: the event before is not the latest.
    for (const char* user : {"fay", "gus"})
      for (const auto time : {5s, 3s}) from.observe(user, at(time));
    const auto open = [&](const char* user) {
      const auto here = to.find(user), there = from.find(user);
      REQUIRE(here.has_value() != there.has_value());
      return text(here ? *here : *there);
    };
    const std::vector<const char*> users{"ann", "bob", "cat", "dan", "eve", "fay", "gus"};
    std::vector<std::string> before, after;
    for (const char* user : users) before.push_back(open(user));
    bool threw = false;
    {
      const allocations::FailNth fail(k);
      try {
        to.take_over(from, [](std::string_view) { return true; });
      } catch (const std::bad_alloc&) {
        threw = true;
      }
    }
    CAPTURE(k);
    for (const char* user : users) after.push_back(open(user));
    CHECK(after == before);
    for (const auto* each : {&from, &to}) {
      CHECK(each->counters().sessions_started == each->size());
      CHECK(each->counters().events_open ==
            each->size() + (each->find("fay") ? 1 : 0) + (each->find("gus") ? 1 : 0));
    }
    failures += threw ? 1 : 0;
    if (threw) continue;
    CHECK(failures >= 3);
    break;
  }
}

// Holds: a key that was taken over has its turn to be evicted, and has none any more where it was.
// Would catch: a turn that is forgotten, so that memory is no longer bounded.
TEST_CASE("a key that was taken over can be evicted") {
  const Options<EventClock> options{.max_keys = 2, .at_max_keys = AtMaxKeys::evicts_idle_key};
  Strings from(options), to(options);
  from.observe("ann", at(1s));
  from.observe("bob", at(2s));
  CHECK(to.take_over(from, [](std::string_view) { return true; }) == 2);
  CHECK(from.size() == 0);
  CHECK(to.observe("cat", at(3s)).closed.value().key == "ann");
  for (const char* user : {"dan", "eve", "fay"}) from.observe(user, at(4s));
  CHECK(from.size() == 2);
}

// ---- Bounded memory.

// Holds: at max_keys an event of a new key is rejected by default, as too_many_keys, touches no
// state and says so; known keys go on. Would catch: a limit that is off by one, a key that gets in.
TEST_CASE("at max_keys a new key is rejected by default") {
  Strings sessions({.max_keys = 2});
  sessions.observe("ann", at(0s));
  sessions.observe("bob", at(0s));
  const auto rejected = sessions.observe("cat", at(1s));
  CHECK(rejected.rejected == RejectReason::too_many_keys);
  CHECK_FALSE(rejected.starts_session());
  CHECK_FALSE(rejected.closed);
  CHECK_FALSE(rejected.session_start);
  CHECK(sessions.size() == 2);
  CHECK_FALSE(sessions.find("cat"));
  CHECK(sessions.counters().rejected[RejectReason::too_many_keys] == 1);
  CHECK(sessions.counters().sessions_started == 2);
  CHECK_FALSE(sessions.observe("ann", at(20s)).rejected);
  CHECK(sessions.erase("bob"));
  CHECK(sessions.observe("cat", at(1s)).reason == first);

  Seen seen;
  const Clicks clicks{{"dan", at(2s)}, {"ann", at(21s)}};
  CHECK(sessions.process(clicks, by(&Click::user, &Click::time).raw(&Click::user), seen, seen)
            .events == 2);
  CHECK(seen.order == std::vector{Recorded::rejection, Recorded::record});
  REQUIRE(seen.rejections.size() == 1);
  CHECK(seen.rejections[0].reason == RejectReason::too_many_keys);
  CHECK(seen.rejections[0].data == "dan");
  CHECK(seen.rejections[0].position == 6);
  CHECK_FALSE(seen.rejections[0].message.empty());
}

// Holds: by option a new key evicts an idle one, whose session is closed as `evicted`, its summary
// before the new key's record; the newest key stays. Would catch: a summary with a dangling key, an
// eviction that loses a session, the new key evicted for itself.
TEST_CASE("at max_keys a new key evicts an idle one by option") {
  const Options<EventClock> options{.max_keys = 1, .at_max_keys = AtMaxKeys::evicts_idle_key};
  const std::string long_name(100, 'x');
  Strings sessions(options);
  sessions.observe(long_name + "ann", at(0s));
  sessions.observe(long_name + "ann", at(1s));
  const auto seen = sessions.observe(long_name + "bob", at(2s));
  CHECK(seen.reason == first);
  REQUIRE(seen.closed);
  CHECK(text(*seen.closed) == long_name + "ann 0..1000 n=2 evicted #1");
  CHECK(sessions.size() == 1);
  CHECK(sessions.find(long_name + "bob"));
  // The evicted key's view is good until the next call, which it may be passed to.
  const auto back = sessions.observe(seen.closed->key, at(3s));
  CHECK(back.reason == first);
  CHECK(back.ordinal == 1);
  REQUIRE(back.closed);
  CHECK(text(*back.closed) == long_name + "bob 2000..2000 n=1 evicted #1");
  CHECK(sessions.find(long_name + "ann"));

  Seen sink;
  CHECK(sessions.process(Clicks{{"cat", at(4s)}}, by_user, sink).events == 1);
  CHECK(sink.order == std::vector{Recorded::summary, Recorded::record});
  CHECK(texts(sink.summaries) == Texts{long_name + "ann 3000..3000 n=1 evicted #1"});
}

/// The keys that are evicted, and how many of a hundred open keys have been silent for longer.
struct Evictions {
  std::vector<int> keys;
  std::vector<double> percentiles;
};
Evictions evictions(std::uint64_t seed, int max_keys, int count) {
  std::mt19937_64 random(seed);
  Sessionizer<EventClock, int> sessions({.gap = 1h,
                                         .max_keys = static_cast<std::size_t>(max_keys),
                                         .at_max_keys = AtMaxKeys::evicts_idle_key});
  std::map<int, Time> previous;
  Evictions out;
  int next_key = 0;
  for (std::int64_t i = 0; static_cast<int>(out.keys.size()) < count; ++i) {
    // Three events of keys that have been seen for one of a new key.
    const int key = next_key == 0 || random() % 4 == 0
                        ? next_key++
                        : static_cast<int>(random() % static_cast<unsigned>(next_key));
    const Time time{EventClock::duration(i)};
    const auto seen = sessions.observe(key, time);
    if (seen.closed && seen.closed->reason == CloseReason::evicted) {
      const auto evicted = previous.find(seen.closed->key);
      const auto idler = std::count_if(previous.begin(), previous.end(), [&](const auto& entry) {
        return entry.second < evicted->second;
      });
      out.keys.push_back(seen.closed->key);
      out.percentiles.push_back(100.0 * static_cast<double>(idler) / max_keys);
      previous.erase(evicted);
    }
    previous[key] = time;
    if (static_cast<int>(sessions.size()) > max_keys) break;
  }
  return out;
}

// Holds: the evicted key is among the idlest, and the choice hangs on the events alone, not on the
// hash seed. Would catch: a victim at random or the busiest, a hand that starves, an order of the
// table that shows.
TEST_CASE("an evicted key is among the idlest, the same in every run") {
  const auto one = evictions(7, 1000, 2000), other = evictions(7, 1000, 2000);
  REQUIRE(one.keys.size() == 2000);
  CHECK(one.keys == other.keys);
  double sum = 0;
  for (const double percentile : one.percentiles) sum += percentile;
  CHECK(sum / 2000 < 12);
  CHECK(*std::max_element(one.percentiles.begin(), one.percentiles.end()) < 75);
  CHECK(std::count_if(one.percentiles.begin(), one.percentiles.end(),
                      [](double percentile) { return percentile > 33; }) < 40);
}

// Holds: with few keys the idlest of all is evicted, time and again. Would catch: a hand left past
// the end of a table that shrank.
TEST_CASE("with few keys the idlest is evicted") {
  Sessionizer<EventClock, int> sessions({.max_keys = 5, .at_max_keys = AtMaxKeys::evicts_idle_key});
  for (int key = 0; key < 5; ++key) sessions.observe(key, at(key * 1s));
  for (int key = 5; key < 200; ++key) {
    const auto seen = sessions.observe(key, at(key * 1s));
    REQUIRE(seen.closed);
    CHECK(seen.closed->key == key - 5);
    CHECK(seen.closed->reason == CloseReason::evicted);
  }
  for (int key = 195; key < 199; ++key) CHECK(sessions.erase(key));
  CHECK(sessions.size() == 1);
  for (int key = 300; key < 304; ++key) CHECK_FALSE(sessions.observe(key, at(300s)).closed);
  CHECK(sessions.observe(400, at(300s)).closed->key == 199);
}

// ---- Rejected events.

struct Loose {
  std::optional<std::string> user;
  std::optional<Time> time;
  std::string line{};
};

// Holds: an event without a key or a time is rejected to the error sink with its reason, its place
// in the stream and its raw data, is counted, and touches no state. Would catch: a null taken for
// an empty key or for 1970, a position from 0, an error that is a record too.
TEST_CASE("an event without a key or a time is rejected and touches no state") {
  Sessionizer<EventClock, std::string> sessions;
  sessionize::testing::RecordingSink<EventClock, std::string, Loose> seen;
  const std::vector<Loose> events{{"ann", at(0s), "1"}, {{}, at(1s), "2"},    {"ann", {}, "3"},
                                  {{}, {}, "4"},        {"", at(1s), "5"},    {"ann", at(10s), "6"},
                                  {"ann", {}, "7"},     {"ann", at(20s), "8"}};
  const auto by_loose = by(&Loose::user, &Loose::time).raw(&Loose::line);
  const auto progress = sessions.process(events, by_loose, seen, seen);
  CHECK(progress.events == 8);
  CHECK(progress.delivery == Delivery::ok);
  REQUIRE(seen.rejections.size() == 4);
  const std::array expected{std::tuple(RejectReason::missing_key, 2, "2"),
                            std::tuple(RejectReason::missing_time, 3, "3"),
                            std::tuple(RejectReason::missing_key, 4, "4"),
                            std::tuple(RejectReason::missing_time, 7, "7")};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(seen.rejections[i].reason == std::get<0>(expected[i]));
    CHECK(seen.rejections[i].position == static_cast<std::uint64_t>(std::get<1>(expected[i])));
    CHECK(seen.rejections[i].data == std::get<2>(expected[i]));
    CHECK_FALSE(seen.rejections[i].message.empty());
  }
  CHECK(seen.records.size() == 4);
  CHECK(seen.records[3].reason == none);  // 10 s after the event before: the rejected left no trace
  CHECK(sessions.size() == 2);
  CHECK(sessions.counters().offered == 8);
  CHECK(sessions.counters().accepted == 4);
  CHECK(sessions.counters().rejected[RejectReason::missing_key] == 2);
  CHECK(sessions.counters().rejected[RejectReason::missing_time] == 2);

  // The position goes on from call to call; without an error sink, rejections are counted.
  seen.clear();
  CHECK(sessions.process(std::vector<Loose>{{{}, {}, "9"}}, by_loose, seen, seen).events == 1);
  REQUIRE(seen.rejections.size() == 1);
  CHECK(seen.rejections[0].position == 9);
  CHECK(sessions.process(std::vector<Loose>{{{}, {}, "10"}}, by_loose, seen).events == 1);
  CHECK(sessions.counters().rejected.total() == 6);
}

// Holds: an error carries at most max_rejected_data bytes of raw data, and none by default. Would
// catch: an error stream that grows with what an attacker sends.
TEST_CASE("a rejection's raw data is bounded") {
  Sessionizer<EventClock, std::string> sessions;
  sessionize::testing::RecordingSink<EventClock, std::string, Loose> seen;
  const auto by_loose = by(&Loose::user, &Loose::time);
  const std::size_t limit = sessionize::max_rejected_data;
  for (const std::size_t size : {std::size_t{0}, limit - 1, limit, limit + 1, 10 * limit}) {
    seen.clear();
    const std::vector<Loose> events{{{}, {}, std::string(size, 'x')}};
    CHECK(sessions.process(events, by_loose.raw(&Loose::line), seen, seen).events == 1);
    REQUIRE(seen.rejections.size() == 1);
    CHECK(seen.rejections[0].data == std::string(std::min(size, limit), 'x'));
    CHECK(sessions.process(events, by_loose, seen, seen).events == 1);
    CHECK(seen.rejections.back().data.empty());
    // A text made for the call lives as long as the error is emitted.
    const auto made = [](const Loose& event) { return event.line + "!"; };
    CHECK(sessions.process(events, by_loose.raw(made), seen, seen).events == 1);
    CHECK(seen.rejections.back().data == (std::string(size, 'x') + "!").substr(0, limit));
  }
}

// Holds: a null const char* is no key, and no raw data. Would catch: strlen of a null pointer.
TEST_CASE("a null const char* is no key") {
  struct Raw {
    const char* user;
    Time time;
    const char* line = nullptr;
  };
  Sessionizer<EventClock, std::string> sessions;
  sessionize::testing::RecordingSink<EventClock, std::string, Raw> seen;
  const std::vector<Raw> events{{nullptr, at(0s)}, {"ann", at(0s)}};
  CHECK(sessions.process(events, by(&Raw::user, &Raw::time).raw(&Raw::line), seen, seen).events ==
        2);
  REQUIRE(seen.rejections.size() == 1);
  CHECK(seen.rejections[0].reason == RejectReason::missing_key);
  CHECK(seen.rejections[0].data.empty());
  CHECK(seen.records.size() == 1);
}

// Holds: a time in coarser ticks is converted, and one that the clock cannot hold is out of range:
// its event is rejected. Would catch: seconds that overflow on their way to milliseconds.
TEST_CASE("a coarser time that the clock cannot hold is rejected") {
  struct Coarse {
    std::string user;
    std::chrono::sys_seconds time;
  };
  const std::chrono::sys_seconds last{std::chrono::seconds{INT64_MAX / 1'000}};
  const std::chrono::sys_seconds first_of_all{std::chrono::seconds{INT64_MIN / 1'000}};
  const std::vector<Coarse> events{{"ann", last},
                                   {"bob", first_of_all},
                                   {"cat", last + 1s},
                                   {"dan", first_of_all - 1s},
                                   {"eve", std::chrono::sys_seconds::max()}};
  Strings sessions;
  sessionize::testing::RecordingSink<EventClock, std::string, Coarse> seen;
  CHECK(sessions.process(events, by(&Coarse::user, &Coarse::time), seen, seen).events == 5);
  REQUIRE(seen.records.size() == 2);
  CHECK(seen.records[0].time == last);
  CHECK(seen.records[1].time == first_of_all);
  REQUIRE(seen.rejections.size() == 3);
  for (const auto& rejection : seen.rejections) CHECK(rejection.reason == RejectReason::time_range);
  CHECK(sessions.size() == 2);
}

// ---- Ranges, projections.

// Holds: any input range of the caller's own type will do, with members or callables that give
// values. Would catch: a view of a temporary key, a range that is iterated twice.
TEST_CASE("events come from any input range, keys and times from any projection") {
  const auto key = [](const Click& click) { return "user with a long name: " + click.user; };
  const auto time = [](const Click& click) { return std::optional(click.time); };
  const std::list<Click> list{{"ann", at(0s)}, {"bob", at(1s)}, {"ann", at(30s)}};
  Strings sessions;
  Seen seen;
  CHECK(sessions.process(list, by(key, time), seen).events == 3);
  CHECK(reasons(seen) == Reasons{first, first, gap});
  CHECK(seen.records[1].key == "user with a long name: bob");
  CHECK(sessions.find("user with a long name: ann"));

  // One that can be read but once.
  struct Numbers {
    std::istringstream& in;
    std::istream_iterator<int> begin() const { return std::istream_iterator<int>(in); }
    std::istream_iterator<int> end() const { return {}; }
  };
  std::istringstream numbers("0 4 14 25");
  Sessionizer<EventClock, int> single_pass;
  Reasons got;
  const auto sink = [&](const sessionize::record auto& record) { got.push_back(record.reason); };
  const auto by_number = by([](int) { return 1; }, [](int n) { return at(n * 1s); });
  CHECK(single_pass.process(Numbers{numbers}, by_number, sink).events == 4);
  CHECK(got == Reasons{first, none, none, gap});
  CHECK(single_pass.process(std::vector<int>{}, by_number, sink).events == 0);
}

// Holds: a projection may give what the key is made from. Would catch: a view of a key that was
// made for the expression and is gone in the next.
TEST_CASE("a key of the caller's type is made from what the projection gives") {
  struct Named {
    const char* name;
    Time time;
  };
  Sessionizer<EventClock, NameKey> sessions;
  const char* const name = "a name too long for the small string";
  std::vector<std::string> seen;
  const auto sink = [&](const sessionize::record auto& record) {
    seen.push_back(record.key.get().name);
  };
  CHECK(sessions
            .process(std::vector<Named>{{name, at(0s)}, {name, at(1s)}},
                     by(&Named::name, &Named::time), sink)
            .events == 2);
  CHECK(seen == Texts{name, name});
  CHECK(sessions.size() == 1);
  CHECK(sessions.find(NameKey(name))->events == 2U);
}

// ---- Keys and clocks.

// Holds: integers, texts, composites and the caller's own types are keys, each equal to itself
// alone. Would catch: a hash or comparison that looks at a part of the key.
TEST_CASE("keys are integers, enumerations, texts, composites or types of the caller's") {
  enum class Device : short { phone = -1, desk = 1 };
  const auto check = [](auto sessions, auto... keys) {
    int n = 0;
    for (int round = 0; round < 2; ++round)
      (
          [&](const auto& key) {
            const auto seen = sessions.observe(key, at(1s * round));
            n += seen.reason == (round == 0 ? first : none) ? 1 : 0;
          }(keys),
          ...);
    CHECK(n == 2 * sizeof...(keys));
    CHECK(sessions.size() == sizeof...(keys));
    std::size_t summaries = 0;
    const auto sink = [&](const sessionize::summary auto& summary) {
      summaries += summary.events == 2U ? 1 : 0;
    };
    CHECK(sessions.flush(sink).sessions == sizeof...(keys));
    CHECK(summaries == sizeof...(keys));
  };
  check(Sessionizer<EventClock, std::int64_t>(), INT64_MIN, std::int64_t{-1}, std::int64_t{0},
        std::int64_t{1}, INT64_MAX);
  check(Sessionizer<EventClock, std::uint8_t>(), std::uint8_t{0}, std::uint8_t{255});
  check(Sessionizer<EventClock, Device>(), Device::phone, Device::desk);
  check(Sessionizer<EventClock, std::string>(), std::string(), std::string("a"),
        std::string("a\0", 2), std::string("a\0b", 3), std::string(1000, 'a'));
  using Pair = std::pair<std::string, int>;
  check(Sessionizer<EventClock, Pair>(), Pair("a", 1), Pair("a", 2), Pair("b", 1), Pair("", 1));
  using Two = std::pair<std::string, std::string>;
  check(Sessionizer<EventClock, Two>(), Two("ab", "c"), Two("a", "bc"), Two("abc", ""),
        Two("", "abc"));
  using Triple = std::tuple<std::string, std::uint32_t, Device>;
  check(Sessionizer<EventClock, Triple>(), Triple("a", 1, Device::desk),
        Triple("a", 1, Device::phone), Triple("a", 2, Device::desk));
  check(Sessionizer<EventClock, UserKey>(), UserKey{"a", 1}, UserKey{"a", 2}, UserKey{"b", 1});
  using Nested = std::pair<UserKey, std::tuple<std::string>>;
  check(Sessionizer<EventClock, Nested>(), Nested(UserKey{"a", 1}, "x"),
        Nested(UserKey{"a", 1}, "y"), Nested(UserKey{"b", 1}, "x"));
}

/// A clock that is none of the library's or the standard's, with 32-bit ticks since a boot.
struct BootClock {
  using rep = std::int32_t;
  using period = std::centi;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<BootClock>;
};
using NanoClock = sessionize::BasicEventClock<std::chrono::nanoseconds>;

template <class Clock>
void check_clock() {
  using Point = typename Clock::time_point;
  using Duration = typename Clock::duration;
  const Duration tick{1}, ten_seconds = std::chrono::seconds{10}, day = std::chrono::hours{24};
  const auto start = Point(std::chrono::seconds{-3});
  Sessionizer<Clock, std::string> sessions;
  CHECK(sessions.observe("ann", start).reason == first);
  CHECK(sessions.observe("ann", start + ten_seconds).reason == none);
  CHECK(sessions.observe("ann", start + ten_seconds + ten_seconds + tick).reason == gap);
  CHECK(sessions.observe("ann", start).reason == none);
  CHECK(sessions.expire(start + ten_seconds, [](const auto&) {}).sessions == 0);
  CHECK(sessions.expire(start + ten_seconds + tick, [](const auto&) {}).sessions == 1);
  Sessionizer<Clock, std::string> long_gap({.gap = day + day});
  long_gap.observe("ann", start);
  CHECK(long_gap.observe("ann", start + day).session_start == start);
  CHECK_FALSE(long_gap.observe("ann", start + day + tick).session_start);
}

// Holds: a sessionizer is the same in every clock, to the clock's tick, and asks none for now().
// Would catch: milliseconds taken for granted; a clock that must be the library's own.
TEST_CASE("any clock gives the times") {
  check_clock<std::chrono::system_clock>();
  check_clock<EventClock>();
  check_clock<NanoClock>();
  check_clock<sessionize::BasicEventClock<std::chrono::seconds>>();
  check_clock<BootClock>();
  check_clock<sessionize::testing::ManualClock>();
}

__extension__ using Wide = __int128;
Wide wide(Time time) { return time.time_since_epoch().count(); }

// Holds: every pair of int64 times is decided exactly, by the gap, the carry and the rules, and
// nothing overflows (UBSan watches). Would catch: time - previous > gap, previous + gap < time.
TEST_CASE("the ends of int64 are decided exactly") {
  std::vector<Time> times;
  for (const Time edge : {Time::min(), at(0s), Time::max()})
    for (int tick = -2; tick <= 2; ++tick)
      if ((edge != Time::min() || tick >= 0) && (edge != Time::max() || tick <= 0))
        times.push_back(edge + EventClock::duration(tick));
  std::vector<EventClock::duration> spans{0ms, 1ms, EventClock::duration::max() - 1ms,
                                          EventClock::duration::max()};
  int wrong = 0;
  for (const Time previous : times)
    for (const Time time : times)
      for (const auto span : spans)
        for (const auto at_gap : {AtGap::continues, AtGap::splits})
          for (const auto from : {GapFrom::previous_arrival, GapFrom::latest_time}) {
            auto sessions = make_sessionizer<EventClock, int>(
                {.gap = span, .at_gap = at_gap, .gap_from = from, .carry = span},
                any_of(sessionize::max_duration(span), sessionize::day_boundary(-23h)));
            sessions.observe(1, previous);
            const auto seen = sessions.observe(1, time);
            const Wide ahead = wide(time) - wide(previous), reach = span.count();
            const bool splits = at_gap == AtGap::splits ? ahead >= reach && ahead >= 0
                                                        : ahead > reach && ahead >= 0;
            wrong += (seen.reason == gap) != splits ? 1 : 0;
            wrong += seen.reason == SplitReason::max_duration ? 1 : 0;  // the gap comes first
            const bool same_session = !seen.starts_session();
            wrong += same_session && seen.session_start != previous ? 1 : 0;
            const auto open = sessions.find(1);
            wrong += open->last != (same_session ? std::max(previous, time) : time) ? 1 : 0;
            wrong += open->duration() < EventClock::duration::zero() ? 1 : 0;
            const Time now = Time::max();
            const Time last = from == GapFrom::latest_time ? std::max(previous, time) : time;
            const Wide silent = wide(now) - wide(last);
            const bool expires = at_gap == AtGap::splits ? silent >= reach : silent > reach;
            wrong += (sessions.expire(now, [](const auto&) {}).sessions == 1) != expires ? 1 : 0;
            if (sessions.size() != 0)
              wrong += sessions.expire(Time::min(), [](const auto&) {}).sessions !=
                               (last == now && Time::min() > last ? 1U : 0U)
                           ? 1
                           : 0;
          }
  CHECK(wrong == 0);
}

// ---- Counting, memory, allocations.

// Holds: without counting events a summary has no count, without counting sessions no ordinal, the
// decisions are the same, and a key's state is eight bytes smaller for each. Would catch: a count
// of zero, or one that is paid for and not shown.
TEST_CASE("events and sessions are counted by choice") {
  Sessionizer<EventClock, std::string, sessionize::NoRule, Counting::off> sessions;
  sessions.observe("ann", at(0s));
  CHECK(sessions.observe("ann", at(5s)).reason == none);
  const auto seen = sessions.observe("ann", at(20s));
  REQUIRE(seen.closed);
  CHECK(text(*seen.closed) == "ann 0..5000 n=null idle #1");
  CHECK(sessions.counters().accepted == 3);
  CHECK(sessions.counters().records_emitted == 3);
  CHECK(sessions.counters().events_open == 0);
  CHECK(sessions.counters().events_emitted == 0);
  CHECK(sessions.counters().sessions_started == 2);
  using sessionize::KeyState;
  using sessionize::NoRule;
  static_assert(sizeof(KeyState<EventClock, NoRule, Counting::on>) ==
                sizeof(KeyState<EventClock, NoRule, Counting::off>) + 8);
  static_assert(sizeof(KeyState<EventClock, NoRule, Counting::off>) ==
                sizeof(KeyState<EventClock, NoRule, Counting::nothing>) + 8);

  Sessionizer<EventClock, std::string, NoRule, Counting::nothing> bare;
  CHECK(bare.observe("ann", at(0s)).reason == first);
  CHECK(bare.observe("ann", at(5s)).reason == none);
  const auto next = bare.observe("ann", at(20s));
  REQUIRE(next.closed);
  CHECK(text(*next.closed) == "ann 0..5000 n=null idle #0");
  CHECK(next.ordinal == 0);
  CHECK(bare.counters() == sessions.counters());
}

// Holds: an event of a known key allocates nothing, whether it continues or starts a session, by
// observe() or by process(), nor does a look-up; a rejected one neither. Would catch: a key copied
// to look it up, a vector made for each call.
TEST_CASE("an event of a known key allocates nothing") {
  const std::string ann(60, 'a'), bob(60, 'b'), nobody(60, 'c');
  auto sessions = make_sessionizer<EventClock, std::string>(
      {.max_keys = 2},
      any_of(sessionize::value_change(&Click::campaign), sessionize::end_marker(&Click::logout)));
  const std::string campaign(60, 'd');
  Clicks clicks;
  for (int i = 0; i < 100; ++i)
    clicks.push_back({i % 2 == 0 ? ann : bob, at(i * 7s), campaign, i % 5 == 0});
  clicks.push_back({nobody, at(0s), campaign});
  std::uint64_t records = 0, summaries = 0, rejections = 0;
  struct Count {
    std::uint64_t &records, &summaries, &rejections;
    void operator()(const sessionize::RecordView<EventClock, std::string, Click>&) { ++records; }
    void operator()(const sessionize::SummaryView<EventClock, std::string>&) { ++summaries; }
    void operator()(const sessionize::Rejection&) { ++rejections; }
  } count{records, summaries, rejections};
  const auto by_click = by_user.raw(&Click::user);
  CHECK(sessions.process(clicks, by_click, count, count).events == 101);  // the keys are known now

  const auto before = allocations::made();
  const auto progress = sessions.process(clicks, by_click, count, count);
  for (const Click& click : clicks)
    static_cast<void>(sessions.observe(click.user, click.time, click));
  bool found = sessions.find(ann).has_value() && !sessions.find(nobody);
  found = found && sessions.expire(at(0s), count).sessions == 0;
  const auto after = allocations::made();
  CHECK(after - before == 0);
  CHECK(progress.events == 101);
  CHECK(found);
  CHECK(records == 200);
  CHECK(summaries > 20);
  CHECK(rejections == 2);
}

// Holds: the same for composite keys and keys of the caller's type, looked up by view. Would catch:
// a pair of views that is turned into a pair of strings.
TEST_CASE("a composite key is looked up without an allocation") {
  Sessionizer<EventClock, std::pair<std::string, int>> pairs;
  Sessionizer<EventClock, UserKey> users;
  const std::string tenant(60, 't');
  const UserKey user{tenant, 1};
  pairs.observe({tenant, 1}, at(0s));
  users.observe(user, at(0s));
  const auto before = allocations::made();
  for (int i = 1; i < 50; ++i) {
    static_cast<void>(pairs.observe({tenant, 1}, at(i * 9s)));
    static_cast<void>(users.observe(user, at(i * 11s)));
  }
  const bool found = pairs.find({std::string_view(tenant), 1}) && users.find(user);
  CHECK(allocations::made() == before);
  CHECK(found);
}

// Holds: reserve() makes room for that many keys, so that none of them causes growth, also where
// later ones evict. Would catch: a reserve of one part of the table alone, or one short.
TEST_CASE("reserved keys cause no growth") {
  Sessionizer<EventClock, int> sessions(
      {.max_keys = 1000, .at_max_keys = AtMaxKeys::evicts_idle_key});
  sessions.reserve(1000);
  const auto before = allocations::made();
  for (int key = 0; key < 1000; ++key) static_cast<void>(sessions.observe(key, at(0s)));
  CHECK(allocations::made() == before);
  for (int key = 1000; key < 3000; ++key) static_cast<void>(sessions.observe(key, at(0s)));
  CHECK(allocations::made() == before);
  CHECK(sessions.size() == 1000);
}

// Promise: asking the memory ahead of time changes nothing that comes out, of keys that are there,
// that are not, that fit into a line and that do not, and of a table with none. Would catch: a
// look-up that is made for a hint and finds an index or a record that is not there.
TEST_CASE("prefetching is a hint") {
  const auto check = [](const auto& keys) {
    using Key = typename std::remove_cvref_t<decltype(keys)>::value_type;
    Sessionizer<EventClock, Key> plain{{.gap = 10ms}}, hinted{{.gap = 10ms}};
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        hinted.prefetch(keys);
        const EventClock::time_point time(round * 11ms + (i % 2) * 1ms);
        const auto a = plain.observe(keys[i], time), b = hinted.observe(keys[i], time);
        REQUIRE(a.reason == b.reason);
        REQUIRE(a.closed.has_value() == b.closed.has_value());
      }
    }
    CHECK(plain.counters() == hinted.counters());
    CHECK(hinted.size() == keys.size());
  };
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 200; ++i) texts.push_back(std::to_string(i) + std::string(i, 'x'));
  check(texts);
  check(std::vector<std::int64_t>{0, 1, -1, 7, 1 << 20});
  check(std::vector<std::pair<std::string, int>>{{"a", 1}, {"a", 2}, {"", 0}});
}

// Holds: flush() and expire() free the keys' state; nothing is left of keys that are gone. Would
// catch: keys kept in the table or in the outbox, memory that only ever grows.
TEST_CASE("closed keys leave no memory behind") {
  Strings sessions;
  const auto nothing = [](const sessionize::summary auto&) {};
  const std::string name(60, 'n');
  const auto before = allocations::live();
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < 1000; ++key)
      static_cast<void>(sessions.observe(name + std::to_string(key), at(0s)));
    const auto full = allocations::live();
    const auto closing = round == 0 ? sessions.flush(nothing) : sessions.expire(at(1h), nothing);
    const auto after = allocations::live();
    CHECK(full - before >= 1000);
    CHECK(closing.sessions == 1000);
    CHECK(after == before);
  }
}

// Holds: what a sink sees hangs on the events alone: two sessionizers, whose tables have other hash
// seeds, close and evict in the same order. Would catch: an order of the table that shows.
TEST_CASE("no output hangs on the hash seed") {
  const auto run = [] {
    Sessionizer<EventClock, int> sessions(
        {.max_keys = 100, .at_max_keys = AtMaxKeys::evicts_idle_key});
    std::vector<int> order;
    std::mt19937_64 random(11);
    for (int i = 0; i < 500; ++i) {
      const int key = static_cast<int>(random() % 200);
      if (random() % 4 == 0)
        sessions.erase(key);
      else if (const auto seen = sessions.observe(key, at(0s)); seen.closed)
        order.push_back(seen.closed->key);
    }
    const auto keep = [&](const sessionize::SummaryView<EventClock, int>& summary) {
      order.push_back(summary.key);
    };
    CHECK(sessions.flush(keep).delivery == Delivery::ok);
    return order;
  };
  CHECK(run() == run());
}

// Holds: a copy goes its own way, a moved sessionizer goes on. Would catch: state that is shared,
// or tied to an address.
TEST_CASE("a sessionizer is a value") {
  Strings one;
  one.observe("ann", at(0s));
  Strings copy = one;
  CHECK(copy.observe("ann", at(5s)).reason == none);
  CHECK(one.find("ann")->events == 1U);
  CHECK(copy.find("ann")->events == 2U);
  Strings moved = std::move(copy);
  CHECK(moved.observe("ann", at(6s)).reason == none);
  CHECK(moved.find("ann")->events == 3U);
  CHECK(moved.counters().offered == 3);
}

// Holds: a rule can see how many events the session has, so that "no more than three" is one line,
// and a gap begins to count anew. Would catch: a count of the key instead of its session.
TEST_CASE("a rule may split after a number of events") {
  auto sessions = sessionize::make_sessionizer<EventClock, std::string>(
      {}, [](const auto& step) { return step.events >= 3; });
  std::vector<SplitReason> reasons;
  for (const auto time : {0s, 1s, 20s, 21s, 22s, 23s, 24s})
    reasons.push_back(sessions.observe("ann", at(time)).reason);
  using enum SplitReason;
  CHECK(reasons == std::vector{first_event, none, gap, none, none, rule, none});
}

}  // namespace
}  // namespace sessionizer_tests
