#ifndef SESSIONIZE_STATE_PACKED_STATE_HPP
#define SESSIONIZE_STATE_PACKED_STATE_HPP

#include <sessionize/decide.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/options.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/rules/max_duration.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <type_traits>
#include <utility>
#include <vector>

// Key states in a few bytes, so that several share a cache line, and what one event does to such a
// state without a branch. SessionRules is what it must agree with: whatever a packed state cannot
// hold or decide goes that way, one event at a time.

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What a time is packed into: 49 days of milliseconds fit 32 bits. Finer clocks get all 64.
template <session_clock Clock>
using offset_t =
    std::conditional_t<std::ratio_greater_equal_v<typename Clock::duration::period, std::milli>,
                       std::uint32_t, std::uint64_t>;

/// A packed state within a `Line`, which has it in two or three parts, each at the same distance
/// from where the place points to: `previous` and `start`, which are times, and a tally where
/// something is counted. Times are offsets that count backwards and are not zero: one that is zero
/// is later than all there are, so that no event can be decided on at a place that is free (where
/// it is clean, all is zero) or has a state that is kept elsewhere, under the number in `start`.
/// `previous` is also the largest time of the session, so that `start` is not after it: a state of
/// which that is not true is kept elsewhere.
template <class Line>
struct PackedPlace {
  using Offset = typename Line::Offset;

  std::byte* at = nullptr;

  explicit operator bool() const noexcept { return at != nullptr; }
  [[nodiscard]] Offset& previous() const noexcept { return part<Offset>(Line::previous_at); }
  [[nodiscard]] Offset& start() const noexcept { return part<Offset>(Line::start_at); }
  [[nodiscard]] std::uint32_t tally() const noexcept {
    if constexpr (Line::has_tally) return part<std::uint32_t>(Line::tally_at);
    return 0;
  }
  [[nodiscard]] bool is_elsewhere() const noexcept { return previous() == 0 && start() != 0; }
  void set(Offset previous_is, Offset start_is, std::uint32_t tally_is) const noexcept {
    previous() = previous_is;
    start() = start_is;
    if constexpr (Line::has_tally) part<std::uint32_t>(Line::tally_at) = tally_is;
  }

 private:
  template <class Part>
  [[nodiscard]] Part& part(std::size_t distance) const noexcept {
    return *reinterpret_cast<Part*>(at + distance);
  }
};

/// The counts of a packed state in 32 bits: the session's ordinal and its events, as far as they
/// are counted.
template <Counting counting>
struct Tally {
  static constexpr bool is_empty = counting == Counting::nothing;
  static constexpr bool counts = counting == Counting::on;
  static constexpr std::uint64_t most = counts ? 0x7fff : 0x7fff'ffff;

  [[nodiscard]] static constexpr bool fits(std::uint64_t ordinal, std::uint64_t events) noexcept {
    return ordinal <= most && (!counts || events <= most);
  }
  [[nodiscard]] static constexpr std::uint32_t pack(std::uint64_t ordinal,
                                                    std::uint64_t events) noexcept {
    return static_cast<std::uint32_t>(is_empty ? 0 : counts ? ordinal << 16 | events : ordinal);
  }
  [[nodiscard]] static constexpr std::uint64_t ordinal(std::uint32_t tally) noexcept {
    return counts ? tally >> 16 : tally;
  }
  [[nodiscard]] static constexpr std::uint64_t events(std::uint32_t tally) noexcept {
    return counts ? tally & 0xffff : 0;
  }
  /// Whether there is room for one more event and one more session.
  [[nodiscard]] static constexpr bool has_room(std::uint32_t tally) noexcept {
    if constexpr (is_empty) return true;
    if constexpr (counts) return (tally & 0x8000'8000) == 0;
    return static_cast<std::int32_t>(tally) >= 0;
  }
  /// After one more event, which starts a session (`mask` of ones) or continues one (zero).
  [[nodiscard]] static constexpr std::uint32_t next(std::uint32_t tally,
                                                    std::uint32_t mask) noexcept {
    if constexpr (is_empty) return tally;
    if constexpr (counts) return ((tally & ~(mask & 0xffff)) + 1) + (mask & 0x1'0000);
    return tally - mask;
  }
};

/// Whether a rule is one that packed states decide on themselves: none, or a maximum duration.
template <class Rule>
inline constexpr bool is_max_duration = false;
template <class Duration>
inline constexpr bool is_max_duration<MaxDuration<Duration>> = true;
template <class Rule>
inline constexpr bool packed_rule = std::same_as<Rule, NoRule> || is_max_duration<Rule>;

/// The rules as differences of offsets: an event splits where it is at least so far away. Offsets
/// of all widths are decided on in whole registers.
struct PackedRules {
  struct AtLeast {
    std::uint64_t least = 0;
    bool never = false;
    [[nodiscard]] constexpr bool operator()(std::uint64_t from, std::uint64_t to) const noexcept {
      return from - to >= least && !never;
    }
  };
  AtLeast gap;                  ///< from `previous`
  AtLeast duration;             ///< from `start`: the maximum duration
  AtLeast carry;                ///< from `start`: the carry horizon, where it splits
  std::uint64_t under_gap = 0;  ///< the largest difference that the gap does not split
  bool limited = false;         ///< whether there is more than that
};

/// What one event does to a packed state that it does not go back behind.
template <bool limited>
struct PackedStep {
  [[nodiscard]] static constexpr bool by_gap(std::uint64_t previous, std::uint64_t time,
                                             const PackedRules& rules) noexcept {
    return limited ? rules.gap(previous, time) : previous - time > rules.under_gap;
  }
  [[nodiscard]] static constexpr bool by_duration(std::uint64_t start, std::uint64_t time,
                                                  const PackedRules& rules) noexcept {
    return limited && rules.duration(start, time);
  }
  [[nodiscard]] static constexpr bool by_carry(std::uint64_t start, std::uint64_t time,
                                               const PackedRules& rules) noexcept {
    return limited && rules.carry(start, time);
  }
  struct Split {
    std::uint64_t mask;   ///< all ones where the event starts a session, 0 where it continues one
    std::uint64_t start;  ///< of its session, an offset
  };
  /// Whether an event splits, without a branch: compilers turn a choice into one, and one in ten
  /// goes wrong.
  [[nodiscard]] static constexpr Split split(std::uint64_t previous, std::uint64_t start,
                                             std::uint64_t time,
                                             const PackedRules& rules) noexcept {
    Split split{0, start};
#if defined(__GNUC__) && defined(__x86_64__)
    // What follows, in three instructions rather than six.
    if (!limited && !std::is_constant_evaluated()) {
      asm("cmp {%[since], %[under]|%[under], %[since]}\n\t"
          "sbb %[mask], %[mask]\n\t"
          "cmovb {%[time], %[start]|%[start], %[time]}"
          : [mask] "=&r"(split.mask), [start] "+&r"(split.start)
          : [since] "r"(previous - time), [under] "m"(rules.under_gap), [time] "r"(time)
          : "cc");
      return split;
    }
#endif
    const auto bit = [](bool splits) { return static_cast<std::uint64_t>(splits); };
    const std::uint64_t starts = bit(by_gap(previous, time, rules)) |
                                 bit(by_duration(start, time, rules)) |
                                 bit(by_carry(start, time, rules));
    split.mask = std::uint64_t{0} - starts;
#ifdef __GNUC__
    // Seeing through the negation, compilers go back to the bit, and take three instructions more.
    if (!std::is_constant_evaluated()) asm("" : "+r"(split.mask));
#endif
    split.start ^= (split.start ^ time) & split.mask;
    return split;
  }
  /// Why the event starts a session, of which `mask` is split().mask.
  [[nodiscard]] static constexpr SplitReason reason(std::uint64_t previous, std::uint64_t start,
                                                    std::uint64_t time, const PackedRules& rules,
                                                    std::uint64_t mask) noexcept {
    static_assert(static_cast<int>(SplitReason::none) == 0);
    SplitReason reason = SplitReason::gap;
    if constexpr (limited) {
      reason = by_duration(start, time, rules) ? SplitReason::max_duration : SplitReason::carry;
      if (by_gap(previous, time, rules)) reason = SplitReason::gap;
    }
    return static_cast<SplitReason>(static_cast<std::uint64_t>(reason) & mask);
  }
};

/// The times that packed states are relative to, and the states that cannot be packed.
template <session_clock Clock, class Rule, Counting counting>
class StatePacking {
 public:
  using State = KeyState<Clock, Rule, counting>;
  using Offset = offset_t<Clock>;
  using time_point = typename Clock::time_point;
  static constexpr bool narrow = sizeof(Offset) < 8;
  static constexpr std::uint64_t largest = std::numeric_limits<Offset>::max();

  /// What offsets are counted from, backwards.
  struct Window {
    std::uint64_t end = narrow ? largest : std::uint64_t{1} << 63;

    /// How far a time is before the end; it has an offset, the same number, from 1 to `largest`.
    [[nodiscard]] constexpr std::uint64_t distance(time_point time) const noexcept {
      return end - ticks(time);
    }
    [[nodiscard]] static constexpr bool holds(std::uint64_t distance) noexcept {
      return distance - 1 < largest;
    }
    [[nodiscard]] constexpr bool holds(time_point time) const noexcept {
      return holds(distance(time));
    }
    /// The time of an offset.
    [[nodiscard]] constexpr time_point time(std::uint64_t offset) const noexcept {
      using Duration = typename Clock::duration;
      return time_point{Duration{static_cast<typename Duration::rep>(end - offset)}};
    }
    friend constexpr bool operator==(const Window&, const Window&) = default;
  };
  [[nodiscard]] const Window& window() const noexcept { return window_; }

  template <class Line>
  [[nodiscard]] State load(PackedPlace<Line> place) const {
    if (place.previous() == 0) return elsewhere_[static_cast<std::size_t>(place.start()) - 1];
    return unpack(window_, place.previous(), place.start(), place.tally());
  }
  [[nodiscard]] static State unpack(const Window& window, std::uint64_t previous,
                                    std::uint64_t start, std::uint32_t tally) noexcept {
    State state;
    state.session_start = window.time(start);
    state.previous = state.last = window.time(previous);
    state.ordinal = Tally<counting>::ordinal(tally);
    if constexpr (counting == Counting::on) state.events = Tally<counting>::events(tally);
    return state;
  }

  /// Packs a state into the place of one that was loaded, or into a clean one. Where it throws
  /// (memory), nothing has changed.
  template <class Line>
  void store(PackedPlace<Line> place, const State& state) {
    std::uint64_t events = 0;
    if constexpr (counting == Counting::on) events = state.events;
    const std::uint64_t start = window_.distance(state.session_start);
    const std::uint64_t previous = window_.distance(state.previous);
    if (Window::holds(start) && Window::holds(previous) && state.last == state.previous &&
        Tally<counting>::fits(state.ordinal, events)) {
      release(place);
      place.set(static_cast<Offset>(previous), static_cast<Offset>(start),
                Tally<counting>::pack(state.ordinal, events));
    } else if (place.is_elsewhere()) {
      elsewhere_[static_cast<std::size_t>(place.start()) - 1] = state;
    } else {
      place.set(0, keep(state), 0);
    }
  }

  /// Packs the state of a key whose first event is at `time` into a clean place. Where it throws
  /// (memory), nothing has changed.
  template <class Line>
  void begin(PackedPlace<Line> place, time_point time) {
    const std::uint64_t distance = window_.distance(time);
    if (Window::holds(distance)) [[likely]]
      return place.set(static_cast<Offset>(distance), static_cast<Offset>(distance),
                       Tally<counting>::pack(1, 1));
    State state;
    state.session_start = state.previous = state.last = time;
    state.ordinal = 1;
    ++state.events;
    place.set(0, keep(state), 0);
  }

  /// Whether the gap would split an event at `now`; null where that is not to be seen here.
  template <class Line>
  [[nodiscard]] std::optional<bool> is_idle(PackedPlace<Line> place, time_point now,
                                            const PackedRules& rules) const noexcept {
    if (place.previous() == 0 || !window_.holds(now)) return std::nullopt;
    const auto offset = static_cast<Offset>(window_.distance(now));
    return offset <= place.previous() && rules.gap(place.previous(), offset);
  }

  /// Gives back what a state that is forgotten has elsewhere.
  template <class Line>
  void release(PackedPlace<Line> place) noexcept {
    if (!place.is_elsewhere()) return;
    free_.push_back(static_cast<std::uint32_t>(place.start()));
    if (free_.size() == elsewhere_.size()) {
      elsewhere_.clear();
      free_.clear();
    }
  }

  /// Counts one event whose time has no offset, and says whether offsets should be counted anew.
  /// That is so once in `keys` such events, so that moving all states costs constant time for each.
  [[nodiscard]] bool should_rebase(std::size_t keys) noexcept {
    if (!narrow || ++outside_ <= keys) return false;
    outside_ = 0;
    return true;
  }
  /// Counts offsets anew, so that `now` has one with a quarter of their range behind it, but not
  /// beyond the ends of time, where the other end would be next. `for_each(f)` calls f(place) for
  /// each state there is. Where it throws (memory), nothing has changed.
  template <class ForEach>
  void rebase(time_point now, ForEach for_each) {
    if constexpr (!narrow) return;  // they hold all times but the first
    const std::uint64_t below = ticks(now) - (std::uint64_t{1} << 63), above = ~below;
    const std::uint64_t ahead = std::min<std::uint64_t>(0xbfff'ffff, above) + 1;
    const std::uint64_t end = ticks(now) + std::max(ahead, largest - std::min(largest, below));
    const std::uint64_t shift = end - window_.end;
    const auto moved = [shift](Offset old) {
      const std::uint64_t distance = old + shift;
      return Window::holds(distance) ? std::optional(static_cast<Offset>(distance)) : std::nullopt;
    };
    std::size_t leaving = 0;
    for_each([&](auto place) {
      leaving += place.previous() != 0 && !(moved(place.previous()) && moved(place.start()));
    });
    elsewhere_.reserve(elsewhere_.size() + leaving);
    free_.reserve(elsewhere_.size() + leaving);
    for_each([&](auto place) {
      if (place.previous() == 0) return;
      const auto previous = moved(place.previous()), start = moved(place.start());
      if (previous && start)
        place.set(*previous, *start, place.tally());
      else
        place.set(0, keep(load(place)), 0);
    });
    window_.end = end;
  }

  /// The rules as packed states see them.
  [[nodiscard]] static PackedRules rules(const SessionRules<Clock, Rule>& rules) noexcept {
    const auto at_least = [](auto duration, bool inclusive) -> PackedRules::AtLeast {
      const auto ticks = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
      const std::uint64_t least = ticks + (inclusive ? 0U : 1U);
      return {least, least > largest};
    };
    const auto& options = rules.options;
    PackedRules packed;
    packed.gap = at_least(options.gap, options.at_gap == AtGap::splits);
    packed.duration = packed.carry = {0, true};
    if constexpr (is_max_duration<Rule>)
      packed.duration =
          at_least(saturating_duration<typename Clock::duration>(rules.rule.limit), false);
    const bool carry_splits =
        options.past_carry == PastCarry::splits && !options.carry.is_forever();
    if (carry_splits) packed.carry = at_least(options.carry.span(), false);
    packed.under_gap = packed.gap.never ? largest : packed.gap.least - 1;
    // Every event splits at a gap of zero that splits: no difference is under that.
    const bool all_split = packed.gap.least == 0 && !packed.gap.never;
    packed.limited = is_max_duration<Rule> || carry_splits || all_split;
    return packed;
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t ticks(time_point time) noexcept {
    return static_cast<std::uint64_t>(std::int64_t{time.time_since_epoch().count()});
  }
  /// Keeps a state and returns its number. Room to free it again is made first: freeing it must not
  /// fail.
  [[nodiscard]] Offset keep(const State& state) {
    if (!free_.empty()) {
      const std::uint32_t number = free_.back();
      elsewhere_[number - 1] = state;
      free_.pop_back();
      return number;
    }
    if (free_.capacity() <= elsewhere_.size()) free_.reserve(elsewhere_.size() * 2 + 8);
    elsewhere_.push_back(state);
    return static_cast<Offset>(elsewhere_.size());
  }

  Window window_;
  std::size_t outside_ = 0;
  std::vector<State> elsewhere_;
  std::vector<std::uint32_t> free_;
};

/// What one event has done to a packed state.
template <session_clock Clock, class Rule, Counting counting>
struct PackedDecision {
  using Packing = StatePacking<Clock, Rule, counting>;
  using Window = typename Packing::Window;
  using Offset = offset_t<Clock>;
  using time_point = typename Clock::time_point;

  Window window;
  std::uint64_t time, previous, was,
      start;                  // offsets: the event's; the state's before and behind it
  std::uint64_t mask;         // see PackedStep::Split
  std::uint32_t tally, next;  // before and behind it
  SplitReason why;            // where it starts one

  /// Decides on an event of the key that has the state at `place`; false where that cannot be done.
  template <class Line>
  [[nodiscard]] bool decide(const Window& its, const PackedRules& rules, PackedPlace<Line> place,
                            time_point at) noexcept {
    const bool decided =
        rules.limited ? step<true>(its, rules, place, at) : step<false>(its, rules, place, at);
    if (decided) write(place);
    return decided;
  }
  /// Enters what step() has decided.
  template <class Line>
  void write(PackedPlace<Line> place) const noexcept {
    place.set(static_cast<Offset>(time), static_cast<Offset>(start), next);
  }
  /// The same, but for changing the state.
  template <bool limited, class Line>
  [[nodiscard]] SESSIONIZE_INLINE bool step(const Window& its, const PackedRules& rules,
                                            PackedPlace<Line> place, time_point at) noexcept {
    using Step = PackedStep<limited>;
    window = its;
    time = window.distance(at);
    previous = place.previous();
    was = place.start();
    tally = place.tally();
    // Of those that have an offset, and of which the event does not go back.
    if (time - 1 >= previous || !Tally<counting>::has_room(tally)) [[unlikely]]
      return false;
    const auto split = Step::split(previous, was, time, rules);
    mask = split.mask;
    why = Step::reason(previous, was, time, rules, ~std::uint64_t{0});
    start = split.start;
    next = Tally<counting>::next(tally, static_cast<std::uint32_t>(split.mask));
    return true;
  }
  [[nodiscard]] time_point opened_at() const noexcept { return window.time(start); }
  [[nodiscard]] bool starts_session() const noexcept { return mask != 0; }
  [[nodiscard]] std::uint64_t ordinal() const noexcept { return Tally<counting>::ordinal(next); }
  [[nodiscard]] SplitReason reason() const noexcept {
    return static_cast<SplitReason>(static_cast<std::uint64_t>(why) & mask);
  }
  /// The state before the event.
  [[nodiscard]] KeyState<Clock, Rule, counting> closed() const noexcept {
    return Packing::unpack(window, previous, was, tally);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
