#ifndef SESSIONIZE_BENCH_ENGINES_HPP
#define SESSIONIZE_BENCH_ENGINES_HPP

#include "workload.hpp"

#include <sessionize/rules/max_duration.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/collect.hpp>
#include <sessionize/sinks/kind.hpp>

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>
#include <boost/container_hash/hash.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

// The engines that decide on a workload. Each has `run(columns, starts)`, which writes the start of
// each event's session into a column.

namespace bench {

template <class Key>
using stored_key_t = std::conditional_t<std::same_as<Key, Text>, std::string, Key>;

template <class Clock, class Key, sessionize::Counting counting = sessionize::Counting::nothing,
          class Rule = sessionize::NoRule>
using Sessions = sessionize::Sessionizer<Clock, stored_key_t<Key>, Rule, counting>;

/// The library, on columns, in calls of so many events.
inline constexpr std::size_t events_a_call = 4096;

template <class Sessions>
class ObserveColumns {
 public:
  template <class... Arguments>
  explicit ObserveColumns(Arguments... arguments) : sessions_(arguments...) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    const std::span keys(columns.keys);
    const std::span times(columns.times);
    for (std::size_t i = 0; i < keys.size(); i += events_a_call) {
      const std::size_t count = std::min(events_a_call, keys.size() - i);
      sessions_.observe_columns(keys.subspan(i, count), times.subspan(i, count),
                                starts.subspan(i, count));
    }
  }

 private:
  Sessions sessions_;
};

/// The same with an expiry that keeps pace: a sweep over as many places as events have come.
template <class Sessions>
class SweptColumns {
 public:
  explicit SweptColumns(sessionize::Options<typename Sessions::clock> options)
      : sessions_(options) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    const std::span keys(columns.keys);
    const std::span times(columns.times);
    for (std::size_t i = 0; i < keys.size(); i += events_a_call) {
      const std::size_t count = std::min(events_a_call, keys.size() - i);
      sessions_.observe_columns(keys.subspan(i, count), times.subspan(i, count),
                                starts.subspan(i, count));
      static_cast<void>(sessions_.sweep(times[i + count - 1], count, closed_));
    }
  }

 private:
  Sessions sessions_;
  sessionize::Count closed_;
};

/// The library, event by event.
template <class Sessions>
class Observe {
 public:
  explicit Observe(sessionize::Options<typename Sessions::clock> options) : sessions_(options) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    for (std::size_t i = 0; i < starts.size(); ++i)
      starts[i] = sessions_.observe(columns.keys[i], columns.times[i]).opened_at;
  }

 private:
  Sessions sessions_;
};

/// The library, on rows of the caller's own type and into a sink for records.
template <class Sessions>
class Process {
 public:
  explicit Process(sessionize::Options<typename Sessions::clock> options) : sessions_(options) {}

  template <class Clock, class Key, class Time>
  void run(const Columns<Clock, Key>& columns, std::span<Time> starts) {
    using Row = Event<Clock, Key>;
    // Tables are filled from columns: those events have no rows.
    if (columns.rows.empty()) {
      static_cast<void>(sessions_.observe_columns(columns.keys, std::span(columns.times), starts));
      return;
    }
    auto next = starts.begin();
    static_cast<void>(sessions_.process(
        columns.rows, sessionize::by(&Row::key, &Row::time),
        sessionize::on_record([&next](const auto& record) { *next++ = record.opened_at; })));
  }

 private:
  Sessions sessions_;
};

template <class Clock>
struct State {
  typename Clock::time_point start{}, previous{};
};

/// When an event splits a session: after the gap.
template <class Clock>
struct ByGap {
  typename Clock::duration gap;
  [[nodiscard]] bool operator()(const State<Clock>& state, typename Clock::time_point time) const {
    return time - state.previous > gap;
  }
};
/// The same, or too far from the session's start.
template <class Clock>
struct ByGapOrLength {
  typename Clock::duration gap, length;
  [[nodiscard]] bool operator()(const State<Clock>& state, typename Clock::time_point time) const {
    return static_cast<bool>(static_cast<unsigned>(time - state.previous > gap) |
                             static_cast<unsigned>(time - state.start > length));
  }
};

/// Looks texts up as they are: for std::unordered_map alone it takes a temporary std::string.
template <class Hash>
struct TextHash : Hash {
  using is_transparent = void;
  using is_avalanching = void;  // boost's hash of texts says so, too
};
using AbslTextHash = TextHash<absl::Hash<std::string_view>>;
using BoostTextHash = TextHash<boost::hash<std::string_view>>;

template <class Clock, class Key>
using StdMap = std::unordered_map<stored_key_t<Key>, State<Clock>>;
template <class Clock, class Key>
using AbslMap = std::conditional_t<
    std::same_as<Key, Text>,
    absl::flat_hash_map<std::string, State<Clock>, AbslTextHash, std::equal_to<>>,
    absl::flat_hash_map<Key, State<Clock>>>;
template <class Clock, class Key>
using BoostMap = std::conditional_t<
    std::same_as<Key, Text>,
    boost::unordered_flat_map<std::string, State<Clock>, BoostTextHash, std::equal_to<>>,
    boost::unordered_flat_map<Key, State<Clock>>>;

/// The state of a key, and whether it is new.
template <class Map, class Key, class State>
std::pair<State&, bool> state_of(Map& users, const Key& key, const State& fresh) {
  if constexpr (std::same_as<typename Map::key_type, Key>) {
    const auto [at, is_new] = users.try_emplace(key, fresh);
    return {at->second, is_new};
  } else if constexpr (requires { users.find(key); }) {
    if (const auto at = users.find(key); at != users.end()) return {at->second, false};
    return {users.emplace(std::string(key), fresh).first->second, true};
  } else {
    const auto [at, is_new] = users.try_emplace(std::string(key), fresh);
    return {at->second, is_new};
  }
}

/// The start of one event's session, as it is written by hand.
template <class Map, class Key, class Splits, class Time>
Time start_of(Map& users, const Key& key, Time time, const Splits& splits) {
  const auto [state, is_new] = state_of(users, key, typename Map::mapped_type{time, time});
  if (!is_new && splits(state, time)) state.start = time;
  state.previous = time;
  return state.start;
}

/// A loop around a hash map, as it is written by hand.
template <class Map, class Splits>
class HandWritten {
 public:
  explicit HandWritten(Splits splits) : splits_(splits) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    for (std::size_t i = 0; i < starts.size(); ++i)
      starts[i] = start_of(users_, columns.keys[i], columns.times[i], splits_);
  }

 private:
  Splits splits_;
  Map users_;
};

/// The same with the slot of the 32nd next event prefetched.
template <class Map, class Splits>
class Prefetched {
 public:
  explicit Prefetched(Splits splits) : splits_(splits) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    constexpr std::size_t ahead = 32;
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (i + ahead < starts.size()) users_.prefetch(columns.keys[i + ahead]);
      starts[i] = start_of(users_, columns.keys[i], columns.times[i], splits_);
    }
  }

 private:
  Splits splits_;
  Map users_;
};

/// `time` where it splits, else `start`: without a branch, one in ten of which goes wrong.
template <class Time>
[[nodiscard]] inline Time choose(bool splits, Time time, Time start) {
  const std::int64_t old = start.time_since_epoch().count();
  const std::int64_t mask = -static_cast<std::int64_t>(splits);
  return Time{typename Time::duration{old ^ ((old ^ time.time_since_epoch().count()) & mask)}};
}

/// The loop without a branch that hangs on the gap.
template <class Map, class Splits>
class BranchFree {
 public:
  explicit BranchFree(Splits splits) : splits_(splits) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const Time time = columns.times[i];
      auto& state = state_of(users_, columns.keys[i], typename Map::mapped_type{time, time}).first;
      state.start = choose(splits_(state, time), time, state.start);
      state.previous = time;
      starts[i] = state.start;
    }
  }

 private:
  Splits splits_;
  Map users_;
};

}  // namespace bench

#endif
