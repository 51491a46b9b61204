#include <sessionize/snapshot/sessionizer.hpp>

#include "catch.hpp"
#include "property.hpp"
#include "seeds.hpp"
#include "snapshot/bytes.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

// A run that is cut, saved, restored and continued is compared with one that was never cut. Would
// catch: anything that a next event's answer hangs on and that no snapshot has.

namespace snapshot_sessionizer_test {

struct Seat {
  std::string row;
  int number = 0;
  friend bool operator==(const Seat&, const Seat&) = default;
  friend auto operator<=>(const Seat&, const Seat&) = default;
};
enum class Channel : signed char {};
struct Streak {
  std::uint32_t length = 0;
};

}  // namespace snapshot_sessionizer_test

template <>
struct std::hash<snapshot_sessionizer_test::Seat> {
  std::size_t operator()(const snapshot_sessionizer_test::Seat& seat) const noexcept {
    return std::hash<std::string>{}(seat.row) ^ static_cast<std::size_t>(seat.number);
  }
};
template <>
struct sessionize::SnapshotTraits<snapshot_sessionizer_test::Seat> {
  static std::string name() { return "seat"; }
  static void save(SnapshotWriter& out, const snapshot_sessionizer_test::Seat& seat) {
    out.put(seat.row);
    out.put(seat.number);
  }
  static bool load(SnapshotReader& in, snapshot_sessionizer_test::Seat& seat) {
    return in.get(seat.row) && in.get(seat.number);
  }
};
template <>
struct sessionize::SnapshotTraits<snapshot_sessionizer_test::Streak> {
  static std::string name() { return "streak"; }
  static void save(SnapshotWriter& out, const snapshot_sessionizer_test::Streak& streak) {
    out.put(streak.length);
  }
  static bool load(SnapshotReader& in, snapshot_sessionizer_test::Streak& streak) {
    return in.get(streak.length);
  }
};

namespace snapshot_sessionizer_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;
using property::Random;
using sz::Counting;
using sz::EventClock;
using sz::SnapshotReason;
using Time = EventClock::time_point;
using Options = sz::Options<EventClock>;

struct Event {
  unsigned user = 0;
  Time time{};
  std::optional<std::string> page{};
  bool ends = false;
};

/// Splits at each third event of a user's on a page of its own; it remembers how many there were.
struct EveryThird {
  using State = Streak;
  bool operator()(const sz::Step<Time>&, const Event&, const State& streak) const {
    return streak.length == 3;
  }
  void remember(const Event&, State& streak) const {
    streak.length = streak.length == 3 ? 1 : streak.length + 1;
  }
};

template <class Key>
Key key_of(unsigned user) {
  if constexpr (std::is_same_v<Key, std::string>)
    return user % 3 == 0 ? std::string(40 + 7 * user, 'k') : "user" + std::to_string(user);
  else if constexpr (std::is_same_v<Key, Seat>)
    return Seat{std::string(1, static_cast<char>('a' + user % 3)), static_cast<int>(user)};
  else if constexpr (std::is_same_v<Key, std::pair<std::string, int>>)
    return {"user" + std::to_string(user / 2), -static_cast<int>(user)};
  else if constexpr (std::is_same_v<Key, std::tuple<Seat, std::string>>)
    return {key_of<Seat>(user), key_of<std::string>(user)};
  else
    return static_cast<Key>(-static_cast<int>(user));
}

/// Events of a few users, in and out of order, with pauses; some at the ends of time.
std::vector<Event> make_events(Random& random, std::size_t count, unsigned users) {
  std::vector<Event> events;
  Time now{std::chrono::days{100}};
  for (std::size_t i = 0; i < count; ++i) {
    now += std::chrono::milliseconds(random.below(3'000));
    if (random.once_in(12)) now += std::chrono::hours(random.below(30));
    Event event{static_cast<unsigned>(random.below(users)), now, std::nullopt, random.once_in(9)};
    if (random.once_in(5)) event.time -= std::chrono::milliseconds(random.below(9'000));
    if (random.once_in(30)) event.time = random.once_in(2) ? Time::max() : Time::min();
    if (!random.once_in(3)) event.page = std::string(random.below(40), 'p');
    events.push_back(std::move(event));
  }
  return events;
}

std::uint64_t seed() { return seeds::one(20'261); }

/// What a sink gets, as texts.
template <class Key>
struct Log {
  std::vector<std::string> lines{};

  void operator()(const sz::RecordView<EventClock, Key, Event>& record) {
    line("record", record.key,
         {ticks(record.time), to_text(record.session_start), ticks(record.opened_at),
          std::to_string(record.ordinal), std::string(to_string(record.reason))});
  }
  void operator()(const sz::SummaryView<EventClock, Key>& summary) {
    line("summary", summary.key,
         {ticks(summary.start), ticks(summary.last), std::to_string(summary.events.value_or(0)),
          std::to_string(summary.ordinal), std::string(to_string(summary.reason))});
  }

 private:
  static std::string ticks(Time time) { return std::to_string(time.time_since_epoch().count()); }
  static std::string to_text(std::optional<Time> time) { return time ? ticks(*time) : "null"; }
  void line(std::string text, const sz::key_view_t<Key>& key, std::vector<std::string> more) {
    std::string key_bytes;
    auto sink = [&](std::string_view bytes) { key_bytes += bytes; };
    sz::SnapshotWriter out(sink);
    out.put(key);
    static_cast<void>(out.finish());
    text += ' ' + key_bytes;
    for (const auto& part : more) text += ' ' + part;
    lines.push_back(std::move(text));
  }
};

template <class Key, class Sessions>
void feed(Sessions& sessions, const std::vector<Event>& events, std::size_t from, std::size_t to,
          Log<Key>& log) {
  const std::vector<Event> part(events.begin() + static_cast<std::ptrdiff_t>(from),
                                events.begin() + static_cast<std::ptrdiff_t>(to));
  const auto progress = sessions.process(
      part, sz::by([](const Event& event) { return key_of<Key>(event.user); }, &Event::time), log);
  REQUIRE(progress.delivery == sz::Delivery::ok);
}

template <class Key, Counting counting, class Rule>
void check_cuts(const Options& options, const Rule& rule) {
  const auto make = [&] { return sz::make_sessionizer<EventClock, Key, counting>(options, rule); };
  CAPTURE(sz::SnapshotTraits<Key>::name(), sz::rule_name(rule), seed());
  Random random(seed());
  const auto events = make_events(random, 60, 9);
  const auto close = [](auto& sessions, Log<Key>& log) {
    static_cast<void>(sessions.expire(Time{std::chrono::days{101}}, log));
    static_cast<void>(sessions.flush(log));
  };

  auto whole = make();
  Log<Key> expected;
  feed<Key>(whole, events, 0, events.size(), expected);
  const auto whole_bytes = bytes_of(whole);
  close(whole, expected);

  for (std::size_t cut = 0; cut <= events.size(); ++cut) {
    CAPTURE(cut);
    Log<Key> log;
    auto first = make();
    feed<Key>(first, events, 0, cut, log);
    const auto bytes = bytes_of(first, "at " + std::to_string(cut));

    auto second = make();
    Log<Key> discarded;
    feed<Key>(second, events, cut / 2, cut, discarded);  // what it had is replaced
    const auto position = sz::restore(second, bytes);
    REQUIRE(position);
    CHECK(*position == "at " + std::to_string(cut));
    CHECK(second.counters() == first.counters());
    CHECK(bytes_of(second, *position) == bytes);
    CHECK(bytes_of(first, *position) == bytes);

    feed<Key>(second, events, cut, events.size(), log);
    CHECK(bytes_of(second) == whole_bytes);
    close(second, log);
    CHECK(log.lines == expected.lines);
    CHECK(second.counters() == whole.counters());
  }
}

template <class Key, class Rule>
void check_options(const Rule& rule) {
  check_cuts<Key, Counting::on>(Options{}, rule);
  check_cuts<Key, Counting::on>({.gap_from = sz::GapFrom::latest_time}, rule);
  check_cuts<Key, Counting::on>({.gap = 4s,
                                 .at_gap = sz::AtGap::splits,
                                 .carry = 5s,
                                 .past_carry = sz::PastCarry::splits,
                                 .max_keys = 5},
                                rule);
  check_cuts<Key, Counting::on>({.max_keys = 4, .at_max_keys = sz::AtMaxKeys::evicts_idle_key},
                                rule);
}

auto all_rules() {
  return sz::any_of(sz::end_marker(&Event::ends), sz::max_duration(1min), sz::day_boundary(2h),
                    std::optional(sz::value_change(&Event::page)), std::optional(EveryThird{}));
}

// Holds: cut behind any event, saved, restored into an object that had something else, and
// continued, a run gives the records, summaries and counters of one that was never cut; so with
// every kind of key, with times that cannot be packed, and where keys are evicted. Would catch: an
// ordinal, a count or a turn that is not saved; a state that is packed differently.
TEST_CASE("snapshot of a Sessionizer: cut at every event, by key", "[snapshot]") {
  check_options<std::uint32_t>(sz::NoRule{});
  check_options<Channel>(sz::NoRule{});
  check_options<std::string>(sz::NoRule{});
  check_options<std::tuple<Seat, std::string>>(sz::NoRule{});
  check_cuts<std::string, Counting::off>(Options{}, sz::NoRule{});
}

// Holds: the same with each rule, and with what rules remember. Would catch: a campaign or an end
// marker that is forgotten.
TEST_CASE("snapshot of a Sessionizer: cut at every event, by rule", "[snapshot]") {
  check_options<std::string>(sz::max_duration(1min));
  check_options<std::string>(all_rules());
  check_cuts<std::pair<std::string, int>, Counting::nothing>(Options{}, all_rules());
}

// Holds: the same state gives the same bytes, whatever order its keys have come in, however they
// are hashed, how large its tables are, and what was in them before. Would catch: an order of the
// table's own, padding, a capacity that is written down.
TEST_CASE("snapshot of a Sessionizer: the same state, the same bytes", "[snapshot]") {
  const auto check = [](auto key) {
    using Key = decltype(key);
    std::vector<unsigned> users(40);
    for (unsigned i = 0; i < 40; ++i) users[i] = i;
    Random random(seed());
    std::string expected;
    for (int round = 0; round < 6; ++round) {
      CAPTURE(round, seed());
      auto& source = sz::detail::seed_source();
      const auto kept = std::exchange(source, random.below(1U << 30));
      sz::Sessionizer<EventClock, Key> sessions;
      source = kept;
      if (round % 2 == 1) sessions.reserve(1'000);
      // Each has one event in a first pass, and one in a second.
      for (const int pass : {0, 1})
        for (const unsigned user : users)
          sessions.observe(key_of<Key>(user), Time{user * 1s + pass * 3s});
      auto bytes = bytes_of(sessions);
      if (round == 0) expected = bytes;
      CHECK(bytes == expected);
      for (std::size_t i = users.size(); i > 1; --i)
        std::swap(users[i - 1], users[random.below(i)]);
    }
  };
  check(std::uint32_t{});
  check(std::string{});
  check(std::pair<std::string, int>{});
  check(Seat{});
}

// Holds: so too where keys are evicted, after the same calls. Would catch: turns that hang on the
// hash.
TEST_CASE("snapshot of a Sessionizer: turns hang on the calls alone", "[snapshot]") {
  std::string expected;
  for (int round = 0; round < 6; ++round) {
    Random random(seed());
    sz::Sessionizer<EventClock, std::string> sessions{
        {.max_keys = 20, .at_max_keys = sz::AtMaxKeys::evicts_idle_key}};
    for (const Event& event : make_events(random, 300, 60))
      sessions.observe(key_of<std::string>(event.user), event.time);
    if (round == 0) expected = bytes_of(sessions);
    CHECK(bytes_of(sessions) == expected);
  }
}

// Holds: a restored object is a whole one: it can be erased from, expired, swept, saved again.
// Would catch: a table that the first erasure shows to be wrong.
TEST_CASE("snapshot of a Sessionizer: a restored one is a whole one", "[snapshot]") {
  sz::Sessionizer<EventClock, std::string> saved{
      {.max_keys = 200, .at_max_keys = sz::AtMaxKeys::evicts_idle_key}};
  auto restored = saved;
  for (unsigned user = 0; user < 100; ++user)
    saved.observe(key_of<std::string>(user), Time{1s * user});
  REQUIRE(sz::restore(restored, bytes_of(saved)));
  CHECK(restored.size() == 100);
  for (unsigned user = 0; user < 100; user += 2) CHECK(restored.erase(key_of<std::string>(user)));
  std::size_t closed = 0;
  const auto count = [&](const sz::SummaryView<EventClock, std::string>&) { ++closed; };
  CHECK(restored.sweep(Time{30s}, 100, count).sessions == 10);
  CHECK(restored.expire(Time{50s}, count).sessions == 10);
  for (unsigned user = 100; user < 400; ++user)
    restored.observe(key_of<std::string>(user), Time{1s * user});
  CHECK(restored.size() == 200);
  CHECK(restored.counters().events_open == 200);
  REQUIRE(sz::restore(saved, bytes_of(restored)));
  CHECK(saved.counters() == restored.counters());
}

/// That the snapshot of one is refused by the other, for this reason, in words that hold `word`.
template <class Saved, class Target>
void refused(const Saved& saved, Target target, SnapshotReason reason, std::string_view word) {
  const auto before = bytes_of(target);
  const auto bytes = bytes_of(saved);
  const auto restored = sz::restore(target, bytes);
  CHECK(bytes_of(target) == before);
  REQUIRE_FALSE(restored);
  CAPTURE(restored.error().message);
  CHECK(to_string(restored.error().reason) == to_string(reason));
  CHECK(restored.error().message.find(word) != std::string::npos);
}

// Holds: a snapshot of an object of other options, types or rules is refused, with the name of what
// differs. Would catch: an option that no snapshot has; a state of milliseconds that is read as one
// of seconds.
TEST_CASE("snapshot of a Sessionizer: other objects are refused by name", "[snapshot]") {
  const auto make = [](const Options& options) {
    sz::Sessionizer<EventClock, std::string> sessions(options);
    sessions.observe("ann", Time{5s});
    return sessions;
  };
  const auto saved = make({});
  const auto other = [&](const Options& options, std::string_view word) {
    refused(saved, make(options), SnapshotReason::other_options, word);
    refused(make(options), saved, SnapshotReason::other_options, word);
  };
  other({.gap = 11s}, "gap \"1");
  other({.at_gap = sz::AtGap::splits}, "at_gap");
  other({.gap_from = sz::GapFrom::latest_time}, "gap_from");
  other({.carry = 1h}, "carry");
  other({.carry = sz::forever}, "carry");
  other({.past_carry = sz::PastCarry::splits}, "past_carry");
  other({.max_keys = 7}, "max_keys");
  other({.at_max_keys = sz::AtMaxKeys::evicts_idle_key}, "at_max_keys");
  refused(saved, sz::make_sessionizer<EventClock, std::string, Counting::off>(),
          SnapshotReason::other_options, "counting");

  refused(saved, sz::Sessionizer<EventClock, std::uint32_t>(), SnapshotReason::other_key_type,
          "text");
  refused(sz::Sessionizer<EventClock, int>(), sz::Sessionizer<EventClock, unsigned>(),
          SnapshotReason::other_key_type, "int32");
  refused(sz::Sessionizer<EventClock, Seat>(), saved, SnapshotReason::other_key_type, "seat");

  using Seconds = sz::BasicEventClock<std::chrono::seconds>;
  refused(saved, sz::Sessionizer<Seconds, std::string>(), SnapshotReason::other_clock, "1/1000");
  using Milliseconds = std::chrono::milliseconds;
  struct Boot {
    using duration = Milliseconds;
    using time_point = std::chrono::time_point<Boot, duration>;
  };
  refused(saved, sz::Sessionizer<Boot, std::string>(), SnapshotReason::other_clock, "1970");

  const auto with = [](auto rule) {
    return sz::make_sessionizer<EventClock, std::string>({}, std::move(rule));
  };
  const auto rule = SnapshotReason::other_rule;
  refused(saved, with(sz::max_duration(2h)), rule, "max_duration");
  refused(with(sz::max_duration(1h)), with(sz::max_duration(2h)), rule, "max_duration");
  refused(with(sz::day_boundary(1h)), with(sz::day_boundary(-1h)), rule, "day_boundary 3600 s");
  refused(with(std::optional(EveryThird{})), with(std::optional<EveryThird>{}), rule, "off");
  refused(with(sz::any_of(sz::max_duration(1h), sz::day_boundary())),
          with(sz::any_of(sz::day_boundary(), sz::max_duration(1h))), rule, "any of (max_duration");
  refused(with(sz::value_change(&Event::page)),
          with(sz::value_change<int>([](const Event&) { return std::optional(1); })), rule,
          "value_change of text");
  refused(with(sz::end_marker(&Event::ends)), with(EveryThird{}), rule, "streak");
}

struct Named {
  int limit;
  bool operator()(const sz::Step<Time>& step) const {
    return step.events >= static_cast<std::uint64_t>(limit);
  }
  [[nodiscard]] std::string snapshot_name() const { return "limit " + std::to_string(limit); }
};

// Holds: a rule of the caller's is known by the name that it gives, and can do without. Would
// catch: a state of another limit that is taken.
TEST_CASE("snapshot of a Sessionizer: a rule with a name of its own", "[snapshot]") {
  const auto with = [](auto rule) {
    return sz::make_sessionizer<EventClock, std::string>({}, std::move(rule));
  };
  refused(with(Named{3}), with(Named{4}), SnapshotReason::other_rule, "limit 3");
  auto same = with(Named{3});
  CHECK(sz::restore(same, bytes_of(with(Named{3}))));
  const std::uint64_t captured = seed();  // a lambda with a capture cannot be assigned
  auto nameless = with([captured](const sz::Step<Time>& step) { return step.events > captured; });
  CHECK(sz::restore(nameless, bytes_of(nameless)));
}

// Holds: what a sink has refused is in no snapshot, and while there is something, saving is refused
// by that name. Would catch: a summary that is lost between two runs.
TEST_CASE("snapshot of a Sessionizer: pending deliveries", "[snapshot]") {
  sz::Sessionizer<EventClock, std::string> sessions;
  const auto empty = bytes_of(sessions);
  const std::vector<Event> events = {{1, Time{1s}}};
  const auto by = sz::by([](const Event&) { return std::string("u"); }, &Event::time);
  bool refuses = true;
  auto sink = [&](const sz::RecordView<EventClock, std::string, Event>&) {
    return refuses ? sz::Delivery::refused : sz::Delivery::ok;
  };
  CHECK(sessions.process(events, by, sink).delivery == sz::Delivery::refused);
  int calls = 0;
  const auto saved = sz::save(sessions, [&](std::string_view) { ++calls; });
  REQUIRE_FALSE(saved);
  CHECK(saved.error().reason == SnapshotReason::pending_deliveries);
  CHECK(calls == 0);

  auto other = sessions;
  REQUIRE(sz::restore(other, empty));  // what it had is gone
  CHECK(other.counters() == sz::Counters{});
  CHECK(bytes_of(other) == empty);

  refuses = false;
  CHECK(sessions.process(std::vector<Event>{}, by, sink).delivery == sz::Delivery::ok);
  CHECK_FALSE(bytes_of(sessions).empty());
}

}  // namespace
}  // namespace snapshot_sessionizer_test
