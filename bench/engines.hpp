#ifndef SESSIONIZE_BENCH_ENGINES_HPP
#define SESSIONIZE_BENCH_ENGINES_HPP

#include "workload.hpp"

#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/kind.hpp>

#include <absl/container/flat_hash_map.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// The engines that decide on a workload. Each has `run(events, later, gap)`, which decides on
// events that come `later` than they say, and returns a sum over the session starts of all of them:
// equal sums, equal sessions.

namespace bench {

using std::chrono::milliseconds;

/// Adds up session starts so that their order counts.
struct Checksum {
  std::uint64_t sum = 0;
  void add(Time start) {
    sum = sum * 3 + static_cast<std::uint64_t>(start.time_since_epoch().count());
  }
};

/// The library, event by event.
template <class Key>
class Observe {
 public:
  explicit Observe(milliseconds gap) : sessions_({.gap = gap}) {}

  std::uint64_t run(std::span<const Event<Key>> events, milliseconds later) {
    Checksum starts;
    for (const auto& event : events)
      starts.add(sessions_.observe(event.key, event.time + later).opened_at);
    return starts.sum;
  }

 private:
  sessionize::Sessionizer<sessionize::EventClock, Key, sessionize::NoRule,
                          sessionize::Counting::off>
      sessions_;
};

/// The library, a range at a time.
template <class Key>
class Process {
 public:
  explicit Process(milliseconds gap) : sessions_({.gap = gap}) {}

  std::uint64_t run(std::span<const Event<Key>> events, milliseconds later) {
    Checksum starts;
    static_cast<void>(sessions_.process(
        events,
        sessionize::by(&Event<Key>::key, [later](const Event<Key>& e) { return e.time + later; }),
        sessionize::on_record([&](const auto& record) { starts.add(record.opened_at); })));
    return starts.sum;
  }

 private:
  sessionize::Sessionizer<sessionize::EventClock, Key, sessionize::NoRule,
                          sessionize::Counting::off>
      sessions_;
};

struct State {
  Time start{};
  Time previous{};
};

/// What is written by hand for one event: the start of its session.
template <class Map, class Key>
Time start_of(Map& users, const Key& key, Time time, milliseconds gap) {
  const auto [at, first] = users.try_emplace(key, State{time, time});
  State& state = at->second;
  if (!first && time - state.previous > gap) state.start = time;
  state.previous = time;
  return state.start;
}

/// A loop around a hash map, as it is written by hand.
template <class Map>
class HandWritten {
 public:
  explicit HandWritten(milliseconds gap) : gap_(gap) {}

  template <class Key>
  std::uint64_t run(std::span<const Event<Key>> events, milliseconds later) {
    Checksum starts;
    for (const auto& event : events) {
      const Time time = event.time + later;
      starts.add(start_of(users_, event.key, time, gap_));
    }
    return starts.sum;
  }

 private:
  milliseconds gap_;
  Map users_;
};

/// The same without a branch that hangs on the gap.
template <class Map>
class BranchFree {
 public:
  explicit BranchFree(milliseconds gap) : gap_(gap) {}

  template <class Key>
  std::uint64_t run(std::span<const Event<Key>> events, milliseconds later) {
    Checksum starts;
    for (const auto& event : events) {
      const std::int64_t time = (event.time + later).time_since_epoch().count();
      State& state =
          users_.try_emplace(event.key, State{Time{milliseconds{time}}, Time{milliseconds{time}}})
              .first->second;
      const std::int64_t start = state.start.time_since_epoch().count();
      const std::int64_t split = -static_cast<std::int64_t>(
          time - state.previous.time_since_epoch().count() > gap_.count());
      state.start = Time{milliseconds{start ^ ((start ^ time) & split)}};
      state.previous = Time{milliseconds{time}};
      starts.add(state.start);
    }
    return starts.sum;
  }

 private:
  milliseconds gap_;
  Map users_;
};

/// The same with the slot of the 32nd next event prefetched.
template <class Key>
class Prefetched {
 public:
  explicit Prefetched(milliseconds gap) : gap_(gap) {}

  std::uint64_t run(std::span<const Event<Key>> events, milliseconds later) {
    constexpr std::size_t ahead = 32;
    Checksum starts;
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (i + ahead < events.size()) users_.prefetch(events[i + ahead].key);
      const Time time = events[i].time + later;
      starts.add(start_of(users_, events[i].key, time, gap_));
    }
    return starts.sum;
  }

 private:
  milliseconds gap_;
  absl::flat_hash_map<Key, State> users_;
};

template <class Key>
using StdMap = std::unordered_map<Key, State>;
template <class Key>
using AbslMap = absl::flat_hash_map<Key, State>;
template <class Key>
using BoostMap = boost::unordered_flat_map<Key, State>;

}  // namespace bench

#endif
