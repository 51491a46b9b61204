#ifndef SESSIONIZE_WINDOWS_AGGREGATES_HPP
#define SESSIONIZE_WINDOWS_AGGREGATES_HPP

#include <sessionize/detail/exact_sum.hpp>
#include <sessionize/detail/nullable.hpp>
#include <sessionize/detail/snapshot_access.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What is computed of a session's events, whatever the order in which they arrive. An aggregate is
// a type with
//
//   State                               of one session: a default-constructed one has no events,
//     void merge(const State&)          takes in those of another part of the session,
//     result() const                    says what they come to
//   void add(State&, event, Moment) const
//
// Merging must be associative and commutative, as sessions merge in whatever order events bridge
// them. Those below are, for events with different moments.
//
// Events are read through a projection: a pointer to a member, or a callable whose value type is
// named, `sum<double>([](const Click& click) { return click.cents / 100.0; })`. A value that is an
// empty std::optional (or a null pointer) adds nothing. Texts are copied.

namespace sessionize {
inline namespace v0 {

/// When an event happened, in ticks of its clock, and which event it was to arrive. The order of
/// moments is that of event time, ties in arrival order.
struct Moment {
  std::int64_t time = 0;
  std::uint64_t arrival = 0;

  friend constexpr bool operator==(const Moment&, const Moment&) noexcept = default;
  friend constexpr bool operator<(const Moment& a, const Moment& b) noexcept {
    return a.time != b.time ? a.time < b.time : a.arrival < b.arrival;
  }
  friend constexpr bool operator>(const Moment& a, const Moment& b) noexcept { return b < a; }
};

/// What an aggregate knows of one session, or of a part of one.
template <class State>
concept aggregate_state = std::semiregular<State> && requires(State& state, const State& part) {
  state.merge(part);
  part.result();
};

/// An aggregate that reads events of this type.
template <class A, class Event>
concept aggregate = aggregate_state<typename A::State> &&
    requires(const A& a, typename A::State& state, const Event& event, Moment moment) {
  a.add(state, event, moment);
};

namespace detail {

/// The value type of a projection that is a pointer to a member; void of others.
template <class Projection>
struct MemberValue : std::type_identity<void> {};
template <class Member, class Class>
struct MemberValue<Member Class::*>
    : std::remove_cvref<std::invoke_result_t<Member Class::*, const Class&>> {};

/// The type that keeps a projection's value: a text where it is a view of one.
template <class Value>
struct KeptValue : std::type_identity<Value> {};
template <std::convertible_to<std::string_view> Value>
struct KeptValue<Value> : std::type_identity<std::string> {};
template <class Value>
struct KeptValue<std::optional<Value>> : KeptValue<Value> {};

template <class Named, class Projection>
struct AggregateValue : KeptValue<Named> {};
template <class Projection>
struct AggregateValue<void, Projection> : KeptValue<typename MemberValue<Projection>::type> {
  static_assert(!std::is_void_v<typename MemberValue<Projection>::type>,
                "an aggregate of a callable needs the type of its value: "
                "sum<double>(callable); a pointer to a member says it by itself");
};
template <class Named, class Projection>
using aggregate_value_t = typename AggregateValue<Named, Projection>::type;

/// Whether a kept value can be made of what a projection gives, and says the same.
template <class Given, class Value>
concept keeps_as = std::constructible_from<Value, const Given&> &&
    (!std::is_arithmetic_v<Value> || std::floating_point<Value> || requires(const Given& given) {
      Value{given};  // does not narrow
    });

template <class Projection, class Event, class Value>
concept projects_to = std::invocable<const Projection&, const Event&> &&
    keeps_as<std::remove_cvref_t<decltype(value_of(
                 std::declval<std::invoke_result_t<const Projection&, const Event&>>()))>,
             Value>;

/// Whether a value has a place in the order of its type. A NaN has none.
template <class Value>
[[nodiscard]] bool is_ordered(const Value& value) noexcept {
  if constexpr (std::floating_point<Value>)
    return !std::isnan(value);
  else
    return true;
}

/// An aggregate whose state takes in one value of each event: `void add(const Value&, Moment)`.
template <class Value, class StateOf, class Projection>
struct ValueAggregate {
  using State = StateOf;

  [[no_unique_address]] Projection projection;

  template <class Event>
  requires projects_to<Projection, Event, Value>
  constexpr void add(State& state, const Event& event, Moment moment) const {
    auto&& given = std::invoke(projection, event);
    if (is_null(given)) return;
    const auto& value = value_of(given);
    if constexpr (std::same_as<std::remove_cvref_t<decltype(value)>, Value>)
      state.add(value, moment);
    else
      state.add(Value(value), moment);
  }
};

/// Of all values, the first in the order of `Less`.
template <class Value, class Less>
class FirstValue {
 public:
  constexpr void add(const Value& value, Moment) {
    if (is_ordered(value) && (!value_ || Less{}(value, *value_))) value_ = value;
  }
  constexpr void merge(const FirstValue& part) {
    if (part.value_) add(*part.value_, {});
  }
  /// Null where there was none.
  [[nodiscard]] constexpr const std::optional<Value>& result() const noexcept { return value_; }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  std::optional<Value> value_;
};

/// The value of the first event, in the order of `Before`, that has one.
template <class Value, class Before>
class ValueOfFirst {
 public:
  constexpr void add(const Value& value, Moment moment) {
    if (value_ && !Before{}(moment, moment_)) return;
    value_ = value;
    moment_ = moment;
  }
  constexpr void merge(const ValueOfFirst& part) {
    if (part.value_) add(*part.value_, part.moment_);
  }
  /// Null where there was none.
  [[nodiscard]] constexpr const std::optional<Value>& result() const noexcept { return value_; }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  std::optional<Value> value_;
  Moment moment_{};
};

struct ArrivedBefore {
  [[nodiscard]] constexpr bool operator()(Moment a, Moment b) const noexcept {
    return a.arrival < b.arrival;
  }
};

template <class Value>
class ValueSum {
  using Sum = std::conditional_t<std::is_floating_point_v<Value>, DoubleSum, IntegerSum<Value>>;
  static_assert(std::is_arithmetic_v<Value> && sizeof(Value) <= 8,
                "sum() adds integers and floating-point numbers of up to 64 bits: give it a "
                "callable that makes one, and name its type");

 public:
  void add(Value value, Moment) { sum_.add(static_cast<typename Sum::value_type>(value)); }
  void merge(const ValueSum& part) { sum_.add(part.sum_); }
  /// 0 where there was no value.
  [[nodiscard]] typename Sum::value_type result() const noexcept { return sum_.value(); }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  Sum sum_;
};

}  // namespace detail

/// The aggregate of those who want none: it costs nothing.
struct NoAggregate {
  struct State {
    constexpr void merge(const State&) const noexcept {}
    [[nodiscard]] static constexpr State result() noexcept { return {}; }
    friend constexpr bool operator==(const State&, const State&) noexcept = default;
  };
  template <class Event>
  constexpr void add(State&, const Event&, Moment) const noexcept {}
};

/// Made by count().
struct CountOf {
  class State {
   public:
    constexpr void merge(const State& part) noexcept { count_ += part.count_; }
    [[nodiscard]] constexpr std::uint64_t result() const noexcept { return count_; }

   private:
    friend CountOf;
    template <class Object>
    friend struct detail::SnapshotAccess;

    std::uint64_t count_ = 0;
  };
  template <class Event>
  constexpr void add(State& state, const Event&, Moment) const noexcept {
    ++state.count_;
  }
};
/// How many events there are.
[[nodiscard]] constexpr CountOf count() noexcept { return {}; }

template <class Value, class Projection>
using SumOf = detail::ValueAggregate<Value, detail::ValueSum<Value>, Projection>;
/// The sum of the values; 0 where there is none. Integers add up to an int64 or, where they are
/// unsigned, a uint64: the nearest to the true sum that it can say. Floating-point numbers add up
/// to the double that is nearest to the true sum (so that the order of adding has no say; it takes
/// a few doubles on the heap), unless a sum on the way is beyond its range, or a value no number.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto sum(Projection projection) {
  return SumOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection)};
}

template <class Value, class Projection>
using MinOf = detail::ValueAggregate<Value, detail::FirstValue<Value, std::less<>>, Projection>;
/// The least value, by `<`; a std::optional, null where there is none. A NaN is no value here.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto min(Projection projection) {
  return MinOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection)};
}

template <class Value, class Projection>
using MaxOf = detail::ValueAggregate<Value, detail::FirstValue<Value, std::greater<>>, Projection>;
/// The greatest value, by `>`; a std::optional, null where there is none. A NaN is no value here.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto max(Projection projection) {
  return MaxOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection)};
}

template <class Value, class Projection>
using FirstOf = detail::ValueAggregate<Value, detail::ValueOfFirst<Value, std::less<>>, Projection>;
/// The value of the earliest event that has one, ties in arrival order; a std::optional.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto first(Projection projection) {
  return FirstOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection)};
}

template <class Value, class Projection>
using LastOf =
    detail::ValueAggregate<Value, detail::ValueOfFirst<Value, std::greater<>>, Projection>;
/// The value of the latest event that has one, ties in arrival order; a std::optional.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto last(Projection projection) {
  return LastOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection)};
}

template <class Value, class Projection>
using FirstArrivedOf =
    detail::ValueAggregate<Value, detail::ValueOfFirst<Value, detail::ArrivedBefore>, Projection>;
/// The value of the event that arrived first of those that have one; a std::optional.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto first_arrived(Projection projection) {
  return FirstArrivedOf<detail::aggregate_value_t<Value, Projection>, Projection>{
      std::move(projection)};
}

/// What distinct() comes to.
struct DistinctCount {
  std::size_t count = 0;  ///< how many different values there were; the limit where not exact
  bool exact = true;      ///< false where there were more than the limit

  friend constexpr bool operator==(const DistinctCount&, const DistinctCount&) = default;
};

namespace detail {

/// The different values of a session, up to a limit.
template <class Value>
class DistinctValues {
 public:
  /// Whether one more value can make a difference.
  [[nodiscard]] bool takes_in(std::size_t limit) noexcept {
    limit_ = limit;
    return !exceeded_;
  }
  void insert(const Value& value) {
    const auto at = std::lower_bound(values_.begin(), values_.end(), value);
    if (at != values_.end() && !(value < *at)) return;
    if (values_.size() == limit_) return exceed();
    values_.insert(at, value);
  }
  void merge(const DistinctValues& part) {
    limit_ = std::max(limit_, part.limit_);
    if (part.exceeded_) exceed();
    for (std::size_t i = 0; i < part.values_.size() && !exceeded_; ++i) insert(part.values_[i]);
  }
  [[nodiscard]] DistinctCount result() const noexcept {
    return exceeded_ ? DistinctCount{limit_, false} : DistinctCount{values_.size(), true};
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  void exceed() noexcept {
    exceeded_ = true;
    std::vector<Value>().swap(values_);
  }

  std::vector<Value> values_;  // sorted; empty once there were too many
  std::size_t limit_ = 0;      // known from the first event on
  bool exceeded_ = false;
};

}  // namespace detail

/// Made by distinct().
template <class Value, class Projection>
struct DistinctOf {
  using State = detail::DistinctValues<Value>;

  [[no_unique_address]] Projection projection;
  std::size_t limit;

  template <class Event>
  requires detail::projects_to<Projection, Event, Value>
  void add(State& state, const Event& event, Moment) const {
    if (!state.takes_in(limit)) return;
    auto&& given = std::invoke(projection, event);
    if (detail::is_null(given)) return;
    const auto& value = detail::value_of(given);
    if (!detail::is_ordered(value)) return;
    if constexpr (std::same_as<std::remove_cvref_t<decltype(value)>, Value>)
      state.insert(value);
    else
      state.insert(Value(value));
  }
};
/// How many different values there are, by `<`, of which a session keeps up to `limit`: at least 1.
/// Logarithmic in those an event whose value is known, linear for a new one. A NaN is no value
/// here.
template <class Value = void, class Projection>
[[nodiscard]] constexpr auto distinct(Projection projection, std::size_t limit) {
  assert(limit > 0 && "a limit of different values is at least 1");
  return DistinctOf<detail::aggregate_value_t<Value, Projection>, Projection>{std::move(projection),
                                                                              limit};
}

template <class... As>
struct Aggregates;

/// The states of several aggregates.
template <class... States>
class AggregateStates {
 public:
  constexpr void merge(const AggregateStates& part) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (std::get<I>(states_).merge(std::get<I>(part.states_)), ...);
    }
    (std::index_sequence_for<States...>{});
  }
  /// What each comes to, in a std::tuple.
  [[nodiscard]] constexpr auto result() const {
    return std::apply(
        [](const auto&... states) {
          return std::tuple<std::remove_cvref_t<decltype(states.result())>...>(states.result()...);
        },
        states_);
  }
  /// What the I-th comes to.
  template <std::size_t I>
  [[nodiscard]] constexpr decltype(auto) get() const {
    return std::get<I>(states_).result();
  }

 private:
  template <class... As>
  friend struct Aggregates;
  template <class Object>
  friend struct detail::SnapshotAccess;

  std::tuple<States...> states_{};
};

/// Several aggregates as one; made by aggregates().
template <class... As>
struct Aggregates {
  using State = AggregateStates<typename As::State...>;

  [[no_unique_address]] std::tuple<As...> parts;

  template <class Event>
  requires(aggregate<As, Event>&&...) constexpr void add(State& state, const Event& event,
                                                         Moment moment) const {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (std::get<I>(parts).add(std::get<I>(state.states_), event, moment), ...);
    }
    (std::index_sequence_for<As...>{});
  }
};
/// Composes aggregates: `aggregates(count(), sum(&Click::cents), last(&Click::page))`. `get<1>()`
/// of a state gives the sum, `result()` a tuple of all. Where adding or merging throws, for want of
/// memory, some may have done it and others not.
template <class... As>
[[nodiscard]] constexpr Aggregates<As...> aggregates(As... parts) {
  return {std::tuple<As...>(std::move(parts)...)};
}

namespace detail {

/// True of an aggregate of such events; any other stops the compiler with a sentence.
template <class A, class Event>
consteval bool check_aggregate() {
  constexpr bool has_state = requires { requires aggregate_state<typename A::State>; };
  constexpr bool right = requires { requires aggregate<A, Event>; };
  static_assert(has_state,
                "this is not an aggregate: an aggregate has a type State, which can be made of "
                "nothing and copied, with merge(const State&) and result() const");
  static_assert(!has_state || right,
                "this aggregate does not read these events: it is called as add(State&, event, "
                "Moment) const, and its projections with the event; a value fits the named type");
  return right;
}

}  // namespace detail

}  // namespace v0
}  // namespace sessionize

#endif
