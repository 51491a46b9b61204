#ifndef SESSIONIZE_STATE_OPEN_SESSIONS_HPP
#define SESSIONIZE_STATE_OPEN_SESSIONS_HPP

#include <sessionize/decide.hpp>
#include <sessionize/detail/ledger.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/state/key_states.hpp>
#include <sessionize/state/packed_blocks.hpp>
#include <sessionize/state/turns.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Adds a key with the state that it has elsewhere. Where it throws (memory), the key is not there.
template <class States, class View, class State>
void insert_state(States& states, const View& key, State&& state) {
  if constexpr (States::is_packed) {
    if (states.size() != 0) states.look_at(state.previous);
    states.insert(key, state.session_start);
    struct Undo {
      States& states;
      typename States::Slot slot;
      bool wanted = true;
      ~Undo() {
        if (wanted) states.erase(slot);
      }
    } undo{states, states.find(key)};
    states.store(undo.slot, state);
    undo.wanted = false;
  } else {
    states.insert(key, std::forward<State>(state));
  }
}

/// The open session of each key, and what events do to them: everything of a Sessionizer but its
/// sinks. What it does is entered into the caller's ledger.
///
/// An event is decided on in one of three ways, with the same answer: where the state of its key is
/// packed, in place (PackedDecision), many at a time (decide_in_blocks) or, in any other case, as
/// SessionRules says it, by admit_exactly() and admit_new().
template <session_clock Clock, session_key Key, class Rule, Counting counting>
class OpenSessions {
 public:
  using time_point = typename Clock::time_point;
  using key_view = key_view_t<Key>;
  using decision_type = Decision<Clock, Key>;
  using summary_view = SummaryView<Clock, Key>;
  using summary_type = Summary<Clock, Key>;
  using State = KeyState<Clock, Rule, counting>;
  using States = KeyStates<Clock, Key, Rule, counting>;
  using Slot = typename States::Slot;

  OpenSessions(Options<Clock> options, Rule rule) : rules_{options, std::move(rule)} {
    rules_.options.max_keys = std::min(options.max_keys, States::max_size);
    if constexpr (is_packed) packed_rules_ = States::Packing::rules(rules_);
  }

  [[nodiscard]] const SessionRules<Clock, Rule>& rules() const noexcept { return rules_; }
  [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }
  void reserve(std::size_t keys) {
    const std::size_t room = std::min(keys, rules_.options.max_keys) + 1;
    states_.reserve(room);
    if (evicts()) turns_.reserve(room);
  }
  /// Gives memory back where little of it is in use.
  void shrink() { states_.shrink(); }

  [[nodiscard]] std::optional<summary_view> find(const key_view& key) const {
    const Slot slot = states_.find(key);
    if (!slot) return std::nullopt;
    return summarize(states_.key(slot), states_.load(slot), CloseReason::flush);
  }
  template <class Visit>
  void for_each(Visit& visit) const {
    for (std::size_t group = 0; group < states_.groups(); ++group)
      states_.visit(group, [&](Slot slot) {
        visit(summarize(states_.key(slot), states_.load(slot), CloseReason::flush));
      });
  }
  std::optional<summary_type> erase(Ledger& ledger, const key_view& key) {
    const Slot slot = states_.find(key);
    if (!slot) return std::nullopt;
    std::optional<summary_type> closed =
        summarize(states_.key(slot), states_.load(slot), CloseReason::erased).owned();
    count_closed(ledger, *closed);
    count_emitted(ledger, *closed);
    turns_.forget(key_view(closed->key));
    states_.erase(slot);
    return closed;
  }

  /// See Sessionizer::take_over().
  template <class Takes>
  std::size_t take_over(Ledger& ledger, OpenSessions& from, Ledger& its_ledger, Takes& takes) {
    Collected collected = from.collect(0, from.groups(), [&](Slot slot) {
      const key_view key = from.states_.key(slot);
      return takes(key) && !states_.find(key);
    });
    std::size_t taken = 0;
    {
      const EraseClosed erase_taken{from, collected, taken};
      for (const Found& found : collected) {
        if (size() >= rules_.options.max_keys) break;
        const key_view key = from.states_.key(found.slot);
        State state = from.states_.load(found.slot);
        std::uint64_t events = 0;
        if constexpr (counting == Counting::on) events = state.events;
        typename detail::Turns<Key>::Turn turn(turns_, key, evicts());
        insert_state(states_, key, std::move(state));
        turn.take();
        ledger.accepted += events;
        its_ledger.accepted -= events;
        ++ledger.started(SplitReason::first_event);
        --its_ledger.started(SplitReason::first_event);
        ++taken;
      }
    }
    from.shrink();
    return taken;
  }

  enum class Admission : unsigned char {
    rejected,  ///< there is no room for its key: too_many_keys
    accepted,
    closes,  ///< it is accepted, and closes a session, whose summary is given
  };

  /// Decides on one event; the summary of a session that it closes counts as emitted.
  template <class Event>
  SESSIONIZE_INLINE decision_type observe(Ledger& ledger, key_view key, time_point time,
                                          const Event& event) {
    decision_type decision;
    if constexpr (is_packed) {
      Packed packed;
      if (!packed_rules_.limited) [[likely]] {
        if (states_.template decide_at_home<false>(key, time, packed_rules_, packed)) [[likely]] {
          answer(decision, ledger, packed, key, time);
          return decision;
        }
      } else if (states_.template decide_at_home<true>(key, time, packed_rules_, packed)) {
        answer(decision, ledger, packed, key, time);
        return decision;
      }
    }
    // A copy of another object: this one is in registers, unless somebody else has its address.
    decision = observe_anywhere(ledger, key, time, seen_by<Rule, time_point>(event));
    return decision;
  }

  /// Moves the state past one event, and says in `placement` where it stands: filled in in place,
  /// as a copy of it costs more than the decision. The summary of a session that it closes goes to
  /// `closed`, and counts as pending until somebody has it; where nobody `wants_closed`, it counts
  /// as emitted, and the answer is that the event is accepted.
  template <bool wants_closed, class Event>
  Admission admit(Ledger& ledger, key_view key, time_point time, const Event& event,
                  Placement<Clock>& placement, std::optional<summary_view>& closed) {
    if constexpr (is_packed) {
      Packed packed;
      if (!packed_rules_.limited) [[likely]] {
        if (states_.template decide_at_home<false>(key, time, packed_rules_, packed)) [[likely]]
          return admit<wants_closed>(ledger, packed, key, time, placement, closed);
      } else if (states_.template decide_at_home<true>(key, time, packed_rules_, packed)) {
        return admit<wants_closed>(ledger, packed, key, time, placement, closed);
      }
    }
    // Another object, as in observe().
    Placement<Clock> decided_elsewhere;
    const Admission admission = admit_anywhere(ledger, key, time, seen_by<Rule, time_point>(event),
                                               decided_elsewhere, closed);
    placement = decided_elsewhere;
    if (wants_closed || admission != Admission::closes) return admission;
    count_emitted(ledger, *closed);
    return Admission::accepted;
  }

  /// See Sessionizer::observe_columns().
  template <class KeyLike, class Answer>
  std::size_t observe_columns(Ledger& ledger, const KeyLike* keys,
                              std::span<const time_point> times, Answer* answers) {
    std::size_t rejected = 0;
    std::optional<summary_view> closed;
    const auto one = [&](std::size_t i) {
      Placement<Clock> placement;
      const Admission admission =
          admit<false>(ledger, key_view(keys[i]), times[i], NoEvent{}, placement, closed);
      if (admission == Admission::rejected) {
        placement.opened_at = time_point::min();
        ++rejected;
      }
      answer_with<Clock>(answers[i], placement);
    };
    std::size_t done = 0;
    if constexpr (is_packed) {
      const auto first = [&](std::size_t i) {
        answer_with<Clock>(answers[i], first_event(times[i]));
        ++ledger.accepted;
        ++ledger.started(SplitReason::first_event);
      };
      if (size() == 0 && !times.empty()) one(done++);
      // A key that is evicted, or has no room, is one whose order among other keys matters.
      while (times.size() - done >= block_size && rules_.options.max_keys - size() > block_size) {
        const std::size_t count =
            std::min(times.size() - done, rules_.options.max_keys - size() - block_size);
        decide_in_blocks(
            states_, rules_, packed_rules_, keys + done, times.data() + done, answers + done, count,
            ledger, !evicts(), [&](std::size_t i) { one(done + i); },
            [&](std::size_t i) { first(done + i); });
        done += count;
      }
    }
    for (; done < times.size(); ++done) one(done);
    return rejected;
  }

  /// Asks the memory for what an event of this key will need, where that is worth it.
  SESSIONIZE_PREFETCHES void ask(const key_view& key) const noexcept {
    if constexpr (is_packed)
      if (asks()) states_.ask(key);
  }
  /// See Sessionizer::prefetch().
  template <class Keys>
  SESSIONIZE_PREFETCHES void ask_all(const Keys& keys) const noexcept {
    if constexpr (is_packed) {
      if (size() == 0) return;
      for (const auto& key : keys) states_.ask(key_view(key));
      if constexpr (std::same_as<Key, std::string>)
        for (const auto& key : keys) states_.ask_record(key_view(key));
    }
  }
  [[nodiscard]] bool asks() const noexcept {
    if constexpr (is_packed) return states_.asks();
    return false;
  }

  /// Keys whose sessions are to be closed, in the order of (start, key).
  struct Found {
    Slot slot;
    time_point start;
  };
  using Collected = std::vector<Found>;

  /// Keys are kept in groups, which are numbered; how many are there, and how many have so many
  /// places for keys.
  [[nodiscard]] std::size_t groups() const noexcept { return states_.groups(); }
  [[nodiscard]] static constexpr std::size_t groups_of(std::size_t places) noexcept {
    return places / States::group_size + (places % States::group_size != 0);
  }
  [[nodiscard]] Collected collect_all() const {
    return collect(0, groups(), [](Slot) { return true; });
  }
  [[nodiscard]] Collected collect_idle(time_point now) const {
    return collect_idle(now, 0, groups());
  }
  /// Those of some groups whose next event, at `now`, would be split off by the gap.
  [[nodiscard]] Collected collect_idle(time_point now, std::size_t first_group,
                                       std::size_t groups) const {
    return collect(first_group, groups, [&](Slot slot) { return is_idle(slot, now); });
  }
  /// Counts the session of a collected key as closed, and pending; its state is still there.
  [[nodiscard]] summary_view close(Ledger& ledger, const Found& found, CloseReason reason) const {
    const summary_view closed =
        summarize(states_.key(found.slot), states_.load(found.slot), reason);
    count_closed(ledger, closed);
    return closed;
  }
  /// In the end, forgets the first `closed` collected keys.
  struct EraseClosed {
    OpenSessions& open;
    Collected& collected;
    const std::size_t& closed;

    ~EraseClosed() {
      collected.resize(closed);
      if (open.evicts())
        for (const Found& found : collected) open.turns_.forget(open.states_.key(found.slot));
      open.states_.erase_all(collected);
    }
  };

 private:
  template <class Object>
  friend struct SnapshotAccess;
  static constexpr bool is_packed = States::is_packed && packed_rule<Rule>;
  using Packed = PackedDecision<Clock, Rule, counting>;

  /// The answer to an event that is decided on. Whether it starts a session cannot be foreseen: no
  /// branch hangs on it. Each part is made in its place: a copy costs more than the decision.
  SESSIONIZE_INLINE void answer(decision_type& decision, Ledger& ledger, const Packed& packed,
                                key_view key, time_point time) const noexcept {
    place(decision, packed, time);
    if constexpr (std::integral<Key> || std::is_enum_v<Key>) {
      fill_in(decision.closed.emplace(), packed, key);
      if (!packed.starts_session()) decision.closed.reset();
    } else if (packed.starts_session()) {
      fill_in(decision.closed.emplace(), packed, key);
    }
    count(ledger, packed);
    count_emitted(ledger, packed);
  }
  SESSIONIZE_INLINE void fill_in(summary_view& closed, const Packed& packed,
                                 key_view key) const noexcept {
    // The table's view of the key: the caller's may end with the call.
    if constexpr (!std::integral<Key> && !std::is_enum_v<Key>) key = states_.key(states_.find(key));
    const State state = packed.closed();
    closed.key = key;
    closed.start = state.session_start;
    closed.last = state.last;
    closed.reason = close_reason(packed.why);
    closed.ordinal = state.ordinal;
    if constexpr (counting == Counting::on) closed.events = state.events;
  }
  SESSIONIZE_INLINE void place(Placement<Clock>& placement, const Packed& packed,
                               time_point time) const noexcept {
    placement.time = time;
    placement.reason = packed.reason();
    placement.session_start = rules_.carried(packed.opened_at(), time);
    placement.opened_at = packed.opened_at();
    placement.ordinal = packed.ordinal();
  }
  static void count(Ledger& ledger, const Packed& packed) noexcept {
    ++ledger.accepted;
    ledger.started(packed.why) -= packed.mask;
  }
  /// Counts the events of the session that it closes, if any, as emitted.
  static void count_emitted(Ledger& ledger, const Packed& packed) noexcept {
    if constexpr (counting == Counting::on)
      ledger.events_emitted += packed.closed().events & packed.mask;
  }
  template <bool wants_closed>
  SESSIONIZE_INLINE Admission admit(Ledger& ledger, const Packed& packed, key_view key,
                                    time_point time, Placement<Clock>& placement,
                                    std::optional<summary_view>& closed) noexcept {
    place(placement, packed, time);
    count(ledger, packed);
    if constexpr (!wants_closed) {
      count_emitted(ledger, packed);
      return Admission::accepted;
    }
    if (!packed.starts_session()) return Admission::accepted;
    fill_in(closed.emplace(), packed, key);
    count_pending(ledger, *closed);
    return Admission::closes;
  }
  /// observe() for a key that need not be in its home line. What is decided there is apart from
  /// what is decided in the caller's loop: it would have to be in memory.
  template <class Event>
  [[gnu::noinline]] decision_type observe_anywhere(Ledger& ledger, key_view key, time_point time,
                                                   const Event& event) {
    decision_type decision;
    if constexpr (is_packed) {
      Packed packed;
      if (states_.decide(key, time, packed_rules_, packed)) {
        answer(decision, ledger, packed, key, time);
        return decision;
      }
    }
    const Admission admission = admit_exactly(ledger, key, time, event, decision, decision.closed);
    if (admission == Admission::closes) {
      count_emitted(ledger, *decision.closed);
    } else if (admission == Admission::rejected) {
      decision.time = time;
      decision.rejected = RejectReason::too_many_keys;
    }
    return decision;
  }

  template <class Event>
  [[gnu::noinline]] Admission admit_anywhere(Ledger& ledger, key_view key, time_point time,
                                             const Event& event, Placement<Clock>& placement,
                                             std::optional<summary_view>& closed) {
    if constexpr (is_packed) {
      Packed packed;
      if (states_.decide(key, time, packed_rules_, packed))
        return admit<true>(ledger, packed, key, time, placement, closed);
    }
    return admit_exactly(ledger, key, time, event, placement, closed);
  }
  /// The same for any key, state and rule.
  template <class Event>
  Admission admit_exactly(Ledger& ledger, key_view key, time_point time, const Event& event,
                          Placement<Clock>& placement, std::optional<summary_view>& closed) {
    const Slot slot = states_.find(key);
    if (!slot) return admit_new(ledger, key, time, event, placement, closed);
    if constexpr (States::is_packed) states_.look_at(time);
    auto&& state = states_.load(slot);
    const SplitReason reason = rules_.reason(&state, time, event);
    const bool closes = reason != SplitReason::none;
    if (closes) closed.emplace(summarize(states_.key(slot), state, close_reason(reason)));
    rules_.advance(state, reason, time, event);
    place(placement, state, reason, time);
    states_.store(slot, state);
    if (closes) count_pending(ledger, *closed);
    ++ledger.accepted;
    ledger.started(reason) += closes ? 1 : 0;
    return closes ? Admission::closes : Admission::accepted;
  }
  /// The same for an event of a key without state.
  template <class Event>
  Admission admit_new(Ledger& ledger, key_view key, time_point time, const Event& event,
                      Placement<Clock>& placement, std::optional<summary_view>& closed) {
    const bool full = states_.size() >= rules_.options.max_keys;
    if (full && !evicts()) {
      ledger.rejected.add(RejectReason::too_many_keys);
      return Admission::rejected;
    }
    typename detail::Turns<Key>::Turn turn(turns_, key, evicts());
    if constexpr (States::is_packed) {
      states_.insert(key, time);
    } else {
      State state;
      rules_.advance(state, SplitReason::first_event, time, event);
      states_.insert(key, std::move(state));
    }
    placement = first_event(time);
    turn.take();
    ++ledger.accepted;
    ++ledger.started(SplitReason::first_event);
    if (!full) return Admission::accepted;
    closed.emplace(evict());
    count_closed(ledger, *closed);
    return Admission::closes;
  }

  [[nodiscard]] Placement<Clock> first_event(time_point time) const noexcept {
    return {time, SplitReason::first_event, rules_.carried(time, time), time,
            counting == Counting::nothing ? 0U : 1U};
  }
  void place(Placement<Clock>& placement, const State& state, SplitReason reason,
             time_point time) const noexcept {
    placement.time = time;
    placement.reason = reason;
    placement.session_start = rules_.carried(state.session_start, time);
    placement.opened_at = state.session_start;
    placement.ordinal = state.ordinal;
  }
  [[nodiscard]] bool evicts() const noexcept {
    return rules_.options.at_max_keys == AtMaxKeys::evicts_idle_key;
  }
  /// Closes the session of an idle key other than the newest: of the next few keys in turn, the one
  /// that has been silent for longest. Every key has its turn, so that what is evicted is close to
  /// the idlest of all.
  summary_view evict() {
    evicted_.emplace(turns_.take_idlest([this](const key_view& key) {
      const State& state = states_.load(states_.find(key));
      return state.previous;
    }));
    const Slot slot = states_.find(key_view(*evicted_));
    const summary_view closed =
        summarize(key_view(*evicted_), states_.load(slot), CloseReason::evicted);
    states_.erase(slot);
    return closed;
  }

  [[nodiscard]] static summary_view summarize(const key_view& key, const State& state,
                                              CloseReason reason) {
    summary_view closed{key, state.session_start, state.last, {}, reason, state.ordinal};
    if constexpr (counting == Counting::on) closed.events = state.events;
    return closed;
  }

  template <class AnySummary>
  static void count_closed(Ledger& ledger, const AnySummary& closed) noexcept {
    ++ledger.closed(closed.reason);
    count_pending(ledger, closed);
  }
  template <class AnySummary>
  static void count_pending(Ledger& ledger, const AnySummary& closed) noexcept {
    ledger.events_pending += closed.events.value_or(0);
  }
  /// The caller has the summary of a session that was counted as closed.
  template <class AnySummary>
  static void count_emitted(Ledger& ledger, const AnySummary& closed) noexcept {
    ledger.events_pending -= closed.events.value_or(0);
    ledger.events_emitted += closed.events.value_or(0);
  }

  [[nodiscard]] bool is_idle(Slot slot, time_point now) const {
    if constexpr (is_packed)
      if (const auto idle = states_.packing().is_idle(states_.place(slot), now, packed_rules_))
        return *idle;
    const State& state = states_.load(slot);
    return rules_.gap_splits(state.previous, now);
  }
  template <class IsClosed>
  [[nodiscard]] Collected collect(std::size_t first_group, std::size_t groups,
                                  IsClosed is_closed) const {
    Collected collected;
    for (std::size_t group = first_group; group < first_group + groups; ++group)
      states_.visit(group, [&](Slot slot) {
        if (!is_closed(slot)) return;
        const State& state = states_.load(slot);
        collected.push_back({slot, state.session_start});
      });
    std::sort(collected.begin(), collected.end(), [this](const Found& a, const Found& b) {
      if (a.start != b.start) return a.start < b.start;
      return states_.key(a.slot) < states_.key(b.slot);
    });
    return collected;
  }

  SessionRules<Clock, Rule> rules_;
  PackedRules packed_rules_;  // the same, where they can be
  States states_;
  Turns<Key> turns_;
  std::optional<Key> evicted_;  // the key that the summary of the last eviction looks at
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
