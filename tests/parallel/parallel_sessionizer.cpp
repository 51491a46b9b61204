#include <sessionize/parallel/parallel_sessionizer.hpp>

#include <sessionize/clock.hpp>
#include <sessionize/sinks/kind.hpp>

#include "catch.hpp"

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace parallel_tests {

/// A key of the caller's own type whose hash can fail.
struct Fragile {
  int id = 0;
  bool operator==(const Fragile&) const = default;
  auto operator<=>(const Fragile&) const = default;
};

}  // namespace parallel_tests

template <>
struct std::hash<parallel_tests::Fragile> {
  std::size_t operator()(const parallel_tests::Fragile& key) const {
    if (key.id < 0) throw std::runtime_error("no hash");
    return static_cast<std::size_t>(key.id);
  }
};

namespace parallel_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::Counters;
using sessionize::Delivery;
using sessionize::EventClock;
using sessionize::ParallelSessionizer;
using sessionize::Placement;
using sessionize::RejectReason;
using sessionize::Sessionizer;
using sessionize::shard_of;
using sessionize::Step;
using Time = EventClock::time_point;

template <class Key>
using Summaries = std::vector<sessionize::Summary<EventClock, Key>>;
template <class Key>
auto into(Summaries<Key>& all) {
  return [&all](const sessionize::SummaryView<EventClock, Key>& s) { all.push_back(s.owned()); };
}

template <class Key>
struct Columns {
  std::vector<Key> keys;
  std::vector<Time> times;
};

/// Events of `users` users in no order of time; `hot` of ten are of one user.
template <class Key>
Columns<Key> events(std::mt19937_64& random, std::size_t count, std::uint64_t users,
                    std::uint64_t hot) {
  Columns<Key> made;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t user = random() % 10 < hot ? 1 : random() % users;
    if constexpr (std::is_same_v<Key, std::string>)
      made.keys.push_back("a user whose number is " + std::to_string(user));
    else
      made.keys.push_back(user);
    made.times.push_back(Time{std::chrono::milliseconds(i * 20 + random() % 15'000)});
  }
  return made;
}

template <class Key>
void agrees_with_one(std::size_t threads, std::uint64_t hot) {
  std::vector<std::size_t> sizes{0, 1, 2, 63, 64, 1'000, 20'000};
  if (threads == 3) sizes.push_back(150'000);
  if (threads == 2 && hot == 0) sizes.push_back(400'000);  // several stretches
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed << ", " << threads << " threads, hot " << hot);
  std::mt19937_64 random(seed);
  ParallelSessionizer<EventClock, Key> many({}, threads);
  Sessionizer<EventClock, Key> one;
  many.reserve(100);
  for (const std::size_t size : sizes) {
    const auto batch = events<Key>(random, size, 1 + size / 8, hot);
    std::vector<Placement<EventClock>> answers(size), expected(size);
    CHECK(many.observe_columns(batch.keys, batch.times, answers) == 0);
    one.observe_columns(batch.keys, batch.times, expected);
    CHECK((answers == expected));
    std::vector<Time> starts(size), expected_starts(size);
    many.observe_columns(batch.keys, batch.times, starts);
    one.observe_columns(batch.keys, batch.times, expected_starts);
    CHECK((starts == expected_starts));
    CHECK(many.size() == one.size());
    CHECK((many.counters() == one.counters()));
    if (size == 0) continue;

    const Key key = batch.keys.front();
    CHECK((many.find(key) == one.find(key)));
    CHECK((many.erase(key) == one.erase(key)));
    CHECK(!many.find(key));
    CHECK((many.observe(key, batch.times.front()) == one.observe(key, batch.times.front())));

    Summaries<Key> idle, expected_idle;
    const Time now = batch.times[size / 2];
    const auto closing = many.expire(now, into(idle));
    CHECK(closing.sessions == one.expire(now, into(expected_idle)).sessions);
    CHECK((idle == expected_idle));
    CHECK((many.counters() == one.counters()));
  }
  Summaries<Key> rest, expected_rest;
  CHECK(many.flush(into(rest)).sessions == one.flush(into(expected_rest)).sessions);
  CHECK((rest == expected_rest));
  CHECK((many.counters() == one.counters()));
  CHECK(many.size() == 0);
}

// Holds: answers, summaries with their order, look-ups and counters are those of one Sessionizer,
// however many threads there are, for batches of all sizes, and where one shard has most events.
// Would catch: an answer at another's place, a key's events out of order or on two shards, an event
// at the edge of a slice, block or stretch that is lost or taken twice, notes of a stretch that are
// overwritten while somebody reads them, shards delivered one by one.
TEST_CASE("many threads agree with one Sessionizer") {
  for (const std::size_t threads : {1U, 2U, 3U, 7U}) {
    agrees_with_one<std::uint64_t>(threads, 0);
    agrees_with_one<std::uint64_t>(threads, 9);
    agrees_with_one<std::string>(threads, 2);
  }
}

// Holds: what a sink refuses, or throws at, counts as pending and comes first, once, in order, on
// the next call. Would catch: summaries lost between the shards and the sink, or given twice.
TEST_CASE("a sink that fails gets the rest next time") {
  ParallelSessionizer<EventClock, std::uint64_t> many({}, 3);
  for (std::uint64_t key = 0; key < 10; ++key) many.observe(key, Time{std::chrono::seconds(key)});

  Summaries<std::uint64_t> seen;
  int room = 4;
  const auto limited = [&](const sessionize::SummaryView<EventClock, std::uint64_t>& closed) {
    if (room-- == 0) return Delivery::refused;
    seen.push_back(closed.owned());
    return Delivery::ok;
  };
  const auto closing = many.expire(Time{1h}, limited);
  CHECK(closing.sessions == 10);
  CHECK(closing.delivery == Delivery::refused);
  CHECK(many.size() == 0);
  CHECK(many.counters().events_pending == 6);
  CHECK(many.counters().events_emitted == 4);

  const auto failing = [](const sessionize::SummaryView<EventClock, std::uint64_t>&) {
    throw std::runtime_error("no room");
  };
  CHECK_THROWS_AS(many.expire(Time{1h}, failing), std::runtime_error);
  CHECK(many.counters().events_pending == 6);

  room = 100;
  CHECK(many.flush(limited).sessions == 0);
  CHECK(many.counters().events_pending == 0);
  REQUIRE(seen.size() == 10);
  for (std::uint64_t key = 0; key < 10; ++key) CHECK(seen[key].key == key);
}

// Holds: what a rule throws on any thread reaches the caller, the counters are true, and the object
// goes on. Would catch: an exception that ends the program or is lost, threads that wait for ever.
TEST_CASE("what a shard throws reaches the caller") {
  constexpr std::size_t count = 20'000;
  const auto rule = [](const Step<Time>& step) {
    if (step.time == Time{77ms}) throw std::runtime_error("no decision");
    return false;
  };
  using Rule = std::decay_t<decltype(rule)>;
  ParallelSessionizer<EventClock, std::uint64_t, Rule> many({}, 4, rule);
  std::vector<std::uint64_t> keys(count);
  std::vector<Time> times(count), starts(count);
  for (std::size_t i = 0; i < count; ++i) keys[i] = i % 500;
  CHECK(many.observe_columns(keys, times, starts) == 0);
  times[count / 2] = Time{77ms};
  CHECK_THROWS_AS(many.observe_columns(keys, times, starts), std::runtime_error);
  const Counters failed = many.counters();
  CHECK(failed.offered < 2 * count);
  CHECK(failed.accepted == failed.events_open);
  times[count / 2] = Time{};
  CHECK(many.observe_columns(keys, times, starts) == 0);
  CHECK(many.counters().offered == failed.offered + count);
}

// Holds: where the hash of a key throws, none of the events is taken, whichever thread it was on.
// Would catch: shards that go on with what the others have noted, or with the last batch's notes.
TEST_CASE("a hash that throws leaves the state as it was") {
  ParallelSessionizer<EventClock, Fragile> many({}, 3);
  for (const std::size_t count : {100U, 10'000U}) {
    std::vector<Fragile> keys(count);
    std::vector<Time> times(count), starts(count);
    for (std::size_t i = 0; i < count; ++i) keys[i].id = static_cast<int>(i % 50);
    many.observe_columns(keys, times, starts);
    const Counters before = many.counters();
    keys[count - 1].id = -1;
    CHECK_THROWS_AS(many.observe_columns(keys, times, starts), std::runtime_error);
    CHECK((many.counters() == before));
  }
}

// Holds: max_keys bounds all shards together, what has no room is rejected and counted, and there
// are no more shards than keys. Would catch: a bound that each shard has for itself.
TEST_CASE("max_keys is divided among the shards") {
  ParallelSessionizer<EventClock, std::uint64_t> many({.max_keys = 10}, 3);
  std::vector<std::uint64_t> keys(1000);
  std::vector<Time> times(1000), starts(1000);
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = i;
  CHECK(many.observe_columns(keys, times, starts) == 990);
  CHECK(many.size() == 10);
  CHECK(many.counters().rejected[RejectReason::too_many_keys] == 990);
  CHECK(ParallelSessionizer<EventClock, std::uint64_t>({.max_keys = 2}, 8).shards() == 2);
}

// Holds: a stream that is sharded already is decided on by each shard alone, and the object knows
// the keys. Would catch: shards that go by another number than shard_of().
TEST_CASE("shards can be used one by one") {
  ParallelSessionizer<EventClock, std::string> many({}, 2);
  for (int i = 0; i < 20; ++i) {
    const std::string key = "user" + std::to_string(i);
    many.shard(shard_of(key, many.shards())).observe(key, Time{});
    CHECK(many.find(key));
  }
  CHECK(many.size() == 20);
  CHECK(many.shard(0).size() + many.shard(1).size() == 20);
}

// Holds: a shard with a record that its own sink has refused closes nothing, and the call says so.
// Would catch: an end of the stream that is told while sessions are open.
TEST_CASE("a shard that has something to deliver itself") {
  struct Event {
    int user;
    Time time;
  };
  ParallelSessionizer<EventClock, int> sessions({}, 2);
  const std::vector<Event> events = {{1, Time{}}};
  const auto by = sessionize::by(&Event::user, &Event::time);
  bool refuses = true;
  auto own = sessionize::on_record(
      [&](const auto&) { return refuses ? Delivery::refused : Delivery::ok; });
  auto& shard = sessions.shard(shard_of(1, 2));
  CHECK(shard.process(events, by, own).delivery == Delivery::refused);

  struct Sink {
    int sessions = 0, ends = 0;
    void emit(const sessionize::SummaryView<EventClock, int>&) { ++sessions; }
    void flush() { ++ends; }
  } sink;
  CHECK(sessions.flush(sink).delivery == Delivery::refused);
  CHECK(sink.ends == 0);
  refuses = false;
  CHECK(shard.process(std::vector<Event>{}, by, own).delivery == Delivery::ok);
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(sink.sessions == 1);
  CHECK(sink.ends == 1);
}

}  // namespace
}  // namespace parallel_tests
