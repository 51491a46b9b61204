#ifndef SESSIONIZE_SNAPSHOT_SESSIONIZER_HPP
#define SESSIONIZE_SNAPSHOT_SESSIONIZER_HPP

#include <sessionize/sessionizer.hpp>
#include <sessionize/snapshot/save.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Enters the types that the times and keys of an object are of.
template <session_clock Clock, class Key>
void describe_types(SnapshotDescription& to) {
  to.add("clock", SnapshotTraits<typename Clock::time_point>::name(), SnapshotReason::other_clock);
  to.add("key", SnapshotTraits<Key>::name(), SnapshotReason::other_key_type);
}

/// The counts in their order. A later version may have more of them.
template <std::size_t size>
void save_counts(SnapshotWriter& out, const std::array<std::uint64_t, size>& counts) {
  out.number(static_cast<std::uint32_t>(size));
  for (const std::uint64_t count : counts) out.number(count);
}
template <std::size_t size>
bool load_counts(SnapshotReader& in, std::array<std::uint64_t, size>& counts) {
  std::uint32_t saved = 0;
  if (!in.number(saved) || saved != size) return false;
  for (std::uint64_t& count : counts)
    if (!in.number(count)) return false;
  return true;
}

/// Counters, of which nothing is pending.
template <>
struct SnapshotAccess<Ledger> {
  static void save(const Ledger& ledger, SnapshotWriter& out) {
    const Counters counters = ledger.counters(true);
    out.number(counters.accepted);
    out.number(counters.events_emitted);
    out.number(counters.sessions_started);
    save_counts(out, counters.rejected.by_reason());
    save_counts(out, counters.sessions_closed_by_reason);
  }
  static bool load(SnapshotReader& in, Ledger& ledger) {
    std::array<std::uint64_t, reject_reason_count> rejected{};
    // Why each session started is not said: those that are closed are counted as closed alone.
    if (!in.number(ledger.accepted) || !in.number(ledger.events_emitted) ||
        !in.number(ledger.started(SplitReason::first_event)) || !load_counts(in, rejected))
      return false;
    ledger.rejected = RejectCounts(rejected);
    return load_counts(in, ledger.sessions_closed);
  }
};

template <class Clock, class Key, class Rule, Counting counting>
struct SnapshotAccess<Sessionizer<Clock, Key, Rule, counting>> {
  using Object = Sessionizer<Clock, Key, Rule, counting>;
  using Open = typename Object::Open;
  using States = typename Open::States;
  using Slot = typename Open::Slot;
  using State = typename Open::State;
  using View = key_view_t<Key>;

  static void describe(const Object& object, SnapshotDescription& to) {
    const auto& options = object.options();
    to.add("kind", "Sessionizer", SnapshotReason::other_kind);
    describe_types<Clock, Key>(to);
    to.add("rule", rule_name(object.open_.rules_.rule), SnapshotReason::other_rule);
    to.add("counting", counting == Counting::on    ? "on"
                       : counting == Counting::off ? "off"
                                                   : "nothing");
    to.add("gap", options.gap);
    to.add("at_gap", options.at_gap == AtGap::continues ? "continues" : "splits");
    to.add("gap_from",
           options.gap_from == GapFrom::previous_arrival ? "previous_arrival" : "latest_time");
    if (options.carry.is_forever())
      to.add("carry", "forever");
    else
      to.add("carry", options.carry.span());
    to.add("past_carry", options.past_carry == PastCarry::is_null ? "is_null" : "splits");
    to.add("max_keys", options.max_keys);
    to.add("at_max_keys", object.open_.evicts() ? "evicts_idle_key" : "rejects_new_keys");
  }

  static std::string_view busy(const Object& object) {
    if (object.outbox_.pending_.empty()) return {};
    return "a sink has refused something that is still to be delivered: call process() or flush() "
           "with that sink until it has it, then save";
  }

  static void save(const Object& object, SnapshotWriter& out) {
    const States& states = object.open_.states_;
    SnapshotAccess<Ledger>::save(object.outbox_.ledger, out);
    std::vector<std::pair<View, Slot>> sorted;
    sorted.reserve(states.size());
    for (std::size_t group = 0; group < states.groups(); ++group)
      states.visit(group, [&](Slot slot) { sorted.emplace_back(states.key(slot), slot); });
    const auto precedes = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::sort(sorted.begin(), sorted.end(), precedes);
    out.number(std::uint64_t{sorted.size()});
    for (const auto& [key, slot] : sorted) {
      out.put(key);
      save_state(states.load(slot), out);
    }
    if (!object.open_.evicts()) return;
    const auto& turns = object.open_.turns_;
    for (std::size_t i = 0; i < turns.keys_.size(); ++i) {
      const auto at =
          std::lower_bound(sorted.begin(), sorted.end(), std::pair(turns.key(i), Slot{}), precedes);
      out.number(static_cast<std::uint32_t>(at - sorted.begin()));
    }
    out.number(std::uint64_t{turns.hand_});
  }

  struct Parts {
    Ledger ledger{};
    States states{};
    Turns<Key> turns{};
  };

  static bool load(const Object& object, SnapshotReader& in, Parts& parts) {
    std::uint64_t size = 0;
    if (!SnapshotAccess<Ledger>::load(in, parts.ledger) || !in.number(size) ||
        size > object.options().max_keys)
      return false;
    std::vector<Key> keys;  // only the last, or all where they have turns
    for (std::uint64_t i = 0; i < size; ++i) {
      Key key{};
      State state{};
      if (!in.get(key) || !load_state(in, state)) return false;
      if (!keys.empty() && !(View(keys.back()) < View(key))) return false;
      insert_state(parts.states, View(key), std::move(state));
      if (!object.open_.evicts()) keys.clear();
      keys.push_back(std::move(key));
    }
    if (!object.open_.evicts()) return true;
    for (std::uint64_t i = 0; i < size; ++i) {
      std::uint32_t at = 0;
      if (!in.number(at) || at >= size || parts.turns.keys_.find(View(keys[at])) != nullptr)
        return false;
      parts.turns.keys_.insert(View(keys[at]), {});
    }
    std::uint64_t hand = 0;
    if (!in.number(hand)) return false;
    parts.turns.hand_ = static_cast<std::size_t>(hand);
    return true;
  }

  static void adopt(Object& object, Parts&& parts) noexcept {
    object.open_.states_ = std::move(parts.states);
    object.open_.turns_ = std::move(parts.turns);
    object.outbox_.ledger = parts.ledger;
    object.outbox_.pending_.clear();
    object.closed_.reset();
    object.hand_ = 0;
  }

 private:
  static void save_state(const State& state, SnapshotWriter& out) {
    out.put(state.session_start);
    out.put(state.previous);
    out.put(state.last);
    if constexpr (counting != Counting::nothing) out.number(state.ordinal);
    if constexpr (counting == Counting::on) out.number(state.events);
    out.put(state.rule);
  }
  static bool load_state(SnapshotReader& in, State& state) {
    if (!in.get(state.session_start) || !in.get(state.previous) || !in.get(state.last))
      return false;
    if constexpr (counting != Counting::nothing)
      if (!in.number(state.ordinal)) return false;
    if constexpr (counting == Counting::on)
      if (!in.number(state.events)) return false;
    return in.get(state.rule);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
