#ifndef SESSIONIZE_SNAPSHOT_AGGREGATES_HPP
#define SESSIONIZE_SNAPSHOT_AGGREGATES_HPP

#include <sessionize/snapshot/traits.hpp>
#include <sessionize/windows/aggregates.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>

// Snapshots of what the aggregates of this library know of a session. An aggregate of the caller's
// has SnapshotTraits for its State.

namespace sessionize {
inline namespace v0 {

template <>
struct SnapshotTraits<Moment> {
  static std::string name() { return "moment"; }
  static void save(SnapshotWriter& out, const Moment& moment) {
    out.put(moment.time);
    out.put(moment.arrival);
  }
  static bool load(SnapshotReader& in, Moment& moment) {
    return in.get(moment.time) && in.get(moment.arrival);
  }
};

namespace detail {

template <>
struct SnapshotAccess<NoAggregate::State> {
  static std::string name() { return "none"; }
  template <class State>
  static auto members(State&) {
    return std::tuple<>();
  }
};
template <>
struct SnapshotAccess<CountOf::State> {
  static std::string name() { return "count"; }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.count_);
  }
};
template <class Integer>
struct SnapshotAccess<IntegerSum<Integer>> {
  static std::string name() {
    return SnapshotTraits<typename IntegerSum<Integer>::value_type>::name();
  }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.low_, state.high_);
  }
};
template <>
struct SnapshotAccess<DoubleSum> {
  static std::string name() { return "float64"; }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.parts_, state.special_);
  }
};
template <class Value>
struct SnapshotAccess<ValueSum<Value>> {
  static std::string name() {
    return "sum of " + SnapshotTraits<typename ValueSum<Value>::Sum>::name();
  }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.sum_);
  }
};
template <class Value, class Less>
struct SnapshotAccess<FirstValue<Value, Less>> {
  static std::string name() {
    return (std::same_as<Less, std::less<>> ? "min of " : "max of ") +
           SnapshotTraits<Value>::name();
  }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.value_);
  }
};
template <class Value, class Before>
struct SnapshotAccess<ValueOfFirst<Value, Before>> {
  static std::string name() {
    const char* const which = std::same_as<Before, std::less<>>      ? "first of "
                              : std::same_as<Before, std::greater<>> ? "last of "
                                                                     : "first_arrived of ";
    return which + SnapshotTraits<Value>::name();
  }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.value_, state.moment_);
  }
};
template <class Value>
struct SnapshotAccess<DistinctValues<Value>> {
  static std::string name() { return "distinct of " + SnapshotTraits<Value>::name(); }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.values_, state.limit_, state.exceeded_);
  }
};
template <class... States>
struct SnapshotAccess<AggregateStates<States...>> {
  static std::string name() { return SnapshotTraits<std::tuple<States...>>::name(); }
  template <class State>
  static auto members(State& state) {
    return std::tie(state.states_);
  }
};

template <class T>
concept has_members = requires(T& value) {
  SnapshotAccess<T>::members(value);
};

}  // namespace detail

template <detail::has_members T>
struct SnapshotTraits<T> {
  static std::string name() { return detail::SnapshotAccess<T>::name(); }
  static void save(SnapshotWriter& out, const T& value) {
    std::apply([&](const auto&... member) { (out.put(member), ...); },
               detail::SnapshotAccess<T>::members(value));
  }
  static bool load(SnapshotReader& in, T& value) {
    return std::apply([&](auto&... member) { return (in.get(member) && ...); },
                      detail::SnapshotAccess<T>::members(value));
  }
};

namespace detail {

template <class Aggregate>
inline constexpr bool is_distinct = false;
template <class Value, class Projection>
inline constexpr bool is_distinct<DistinctOf<Value, Projection>> = true;
template <class Aggregate>
inline constexpr bool is_aggregates = false;
template <class... As>
inline constexpr bool is_aggregates<Aggregates<As...>> = true;

/// What a snapshot knows an aggregate by: what it computes of which type, and the limit of a
/// distinct(); not what its projection reads.
template <class Aggregate>
[[nodiscard]] std::string aggregate_name(const Aggregate& aggregate) {
  const auto name = SnapshotTraits<typename Aggregate::State>::name;
  if constexpr (is_distinct<Aggregate>) {
    return name() + " up to " + std::to_string(aggregate.limit);
  } else if constexpr (is_aggregates<Aggregate>) {
    std::string names;
    const auto add = [&](const auto& each) {
      names += (names.empty() ? "" : ", ") + aggregate_name(each);
    };
    std::apply([&](const auto&... each) { (add(each), ...); }, aggregate.parts);
    return "all of (" + names + ')';
  } else {
    return name();
  }
}

}  // namespace detail

}  // namespace v0
}  // namespace sessionize

#endif
