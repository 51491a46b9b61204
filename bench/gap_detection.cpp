// Nanoseconds an event of gap detection, beside the loop around std::unordered_map that it takes
// the place of. Both decide on the same events, and a run stops where they disagree.

#include <sessionize/sessionizer.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using sessionize::EventClock;

struct Event {
  std::uint64_t number;
  std::string user;
  EventClock::time_point time;
};

/// A stream in which about every tenth event of `users` users starts a session.
const std::vector<Event>& events(std::int64_t users) {
  static std::unordered_map<std::int64_t, std::vector<Event>> streams;
  auto& stream = streams[users];
  if (!stream.empty()) return stream;
  constexpr std::uint64_t count = 1 << 20;
  // The time between two events of one user is exponential with a mean of users * interval: about
  // one in ten is longer than 2.3 means.
  const auto n = static_cast<std::uint64_t>(users);
  const auto interval = std::chrono::milliseconds{std::max<std::int64_t>(4'340 / users, 1)};
  sessionize::testing::ClickGenerator clicks({.users = n, .interval = interval, .pause = interval});
  for (const auto& click : clicks.take(count))
    stream.push_back({std::stoull(click.user_id.substr(4)), click.user_id, click.time});
  return stream;
}

/// The gap that makes about every tenth event a start.
EventClock::duration gap(std::int64_t users) {
  const std::int64_t interval = std::max<std::int64_t>(4'340 / users, 1);
  return EventClock::duration{users * interval * 23 / 10};
}

template <class Key>
const Key& key(const Event& event) {
  if constexpr (std::is_same_v<Key, std::string>)
    return event.user;
  else
    return event.number;
}

template <class Key>
std::uint64_t starts_by_library(std::int64_t users,
                                sessionize::Sessionizer<EventClock, Key>& sessions) {
  std::uint64_t starts = 0;
  for (const auto& event : events(users))
    starts += sessions.observe(key<Key>(event), event.time).starts_session() ? 1 : 0;
  return starts;
}

template <class Key>
struct HandWritten {
  struct State {
    EventClock::time_point previous, start;
  };
  std::unordered_map<Key, State> users_seen;

  std::uint64_t starts(std::int64_t users) {
    std::uint64_t starts = 0;
    for (const auto& event : events(users)) {
      const auto [at, first] = users_seen.try_emplace(key<Key>(event));
      auto& state = at->second;
      if (first || event.time - state.previous > gap(users)) {
        state.start = event.time;
        ++starts;
      }
      state.previous = event.time;
    }
    return starts;
  }
};

template <class Key>
void library(benchmark::State& state) {
  const std::int64_t users = state.range(0);
  HandWritten<Key> other;
  sessionize::Sessionizer<EventClock, Key> sessions{{.gap = gap(users)}};
  if (starts_by_library(users, sessions) != other.starts(users)) {
    state.SkipWithError("the library and the loop disagree");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(starts_by_library(users, sessions));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events(users).size()));
}

template <class Key>
void hand_written(benchmark::State& state) {
  const std::int64_t users = state.range(0);
  HandWritten<Key> loop;
  loop.starts(users);
  for (auto _ : state) benchmark::DoNotOptimize(loop.starts(users));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events(users).size()));
}

}  // namespace

BENCHMARK(library<std::uint64_t>)
    ->Name("integer/library")
    ->RangeMultiplier(100)
    ->Range(1'000, 1'000'000);
BENCHMARK(hand_written<std::uint64_t>)
    ->Name("integer/unordered_map")
    ->RangeMultiplier(100)
    ->Range(1'000, 1'000'000);
BENCHMARK(library<std::string>)
    ->Name("string/library")
    ->RangeMultiplier(100)
    ->Range(1'000, 1'000'000);
BENCHMARK(hand_written<std::string>)
    ->Name("string/unordered_map")
    ->RangeMultiplier(100)
    ->Range(1'000, 1'000'000);

BENCHMARK_MAIN();
