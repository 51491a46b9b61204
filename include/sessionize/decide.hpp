#ifndef SESSIONIZE_DECIDE_HPP
#define SESSIONIZE_DECIDE_HPP

#include <sessionize/options.hpp>
#include <sessionize/rules/gap.hpp>
#include <sessionize/rules/split_rule.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>

// The whole algorithm: what one event does to the state of its key. Everything else in the library
// finds that state, or carries the answer away.

namespace sessionize {
inline namespace v0 {

/// What is known of one key between two of its events.
template <session_clock Clock, class Rule, Counting counting>
struct KeyState {
  using time_point = typename Clock::time_point;
  template <class Of>
  struct Uncounted {
    constexpr Uncounted& operator=(std::uint64_t) noexcept { return *this; }
    constexpr void operator++() noexcept {}
    constexpr operator std::uint64_t() const noexcept { return 0; }
  };
  struct Sessions;
  struct Events;
  template <bool counted, class Of>
  using count_t = std::conditional_t<counted, std::uint64_t, Uncounted<Of>>;

  time_point session_start{};  ///< the time of the event that opened the open session
  time_point previous{};       ///< what the gap is measured from
  time_point last{};           ///< the largest time in the open session
  [[no_unique_address]] count_t<counting != Counting::nothing, Sessions>
      ordinal{};  ///< of the open session among the key's, from 1
  [[no_unique_address]] count_t<counting == Counting::on, Events>
      events{};  ///< in the open session
  [[no_unique_address]] rule_state_t<Rule> rule{};
};

/// The rules that one stream is sessionized by.
template <session_clock Clock, class Rule = NoRule>
struct SessionRules {
  using time_point = typename Clock::time_point;

  Options<Clock> options{};
  [[no_unique_address]] Rule rule{};

  /// Whether `time` is further from `previous` than a session reaches.
  [[nodiscard]] constexpr bool gap_splits(time_point previous, time_point time) const noexcept {
    return gap_rule(options.gap, options.at_gap)(previous, time);
  }

  /// Why an event starts a session, or `none`; `key` is null for a key without state. Constant
  /// time plus the rule's.
  template <Counting counting, class Event>
  [[nodiscard]] constexpr SplitReason reason(const KeyState<Clock, Rule, counting>* key,
                                             time_point time, const Event& event) const {
    if (key == nullptr) return SplitReason::first_event;
    if (gap_splits(key->previous, time)) return SplitReason::gap;
    Step<time_point> step{time, key->previous, key->session_start};
    if constexpr (counting == Counting::on) step.events = key->events;
    const SplitReason by_rule = ask_rule(rule, step, event, key->rule);
    if (options.past_carry == PastCarry::splits && !options.carry.covers(key->session_start, time))
      return first_reason(by_rule, SplitReason::carry);
    return by_rule;
  }

  /// Moves the state of a key past an event for which reason() gave `reason`. Where the rule's
  /// memory throws, nothing else has changed.
  template <Counting counting, class Event>
  constexpr void advance(KeyState<Clock, Rule, counting>& key, SplitReason reason, time_point time,
                         const Event& event) const {
    remember_event(rule, event, key.rule);
    const bool keeps_later =
        options.gap_from == GapFrom::latest_time && reason != SplitReason::first_event;
    key.previous = keeps_later && key.previous > time ? key.previous : time;
    if (reason != SplitReason::none) {
      key.session_start = time;
      key.last = time;
      key.events = {};
      ++key.ordinal;
    }
    key.last = key.last > time ? key.last : time;
    ++key.events;
  }

  /// The start that an event at `time` still sees: null past the carry horizon.
  [[nodiscard]] constexpr std::optional<time_point> carried(time_point session_start,
                                                            time_point time) const noexcept {
    if (!options.carry.covers(session_start, time)) return std::nullopt;
    return session_start;
  }
};

}  // namespace v0
}  // namespace sessionize

#endif
