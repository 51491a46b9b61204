#ifndef SESSIONIZE_STATE_PACKED_BLOCKS_HPP
#define SESSIONIZE_STATE_PACKED_BLOCKS_HPP

#include <sessionize/detail/ledger.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/record.hpp>
#include <sessionize/state/packed_state.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

// Decides on many events at once: the fast path of Sessionizer::observe_columns(). A block of keys
// goes through separate short loops, none of which has a branch that hangs on the data:
//
//   begin     hash the keys, for the lines that say where their states are
//   approach  go from there to the lines where their states are, if those are others
//   locate    find each key's state there, or that it is not there
//   update    move each state past its event, in order of arrival, and write the answer
//
// Each of the first two is a block ahead of the next one, and while a block is located and updated
// the memory is asked for what those ahead need. What an update could not do is done one by one, in
// order of arrival. It comes out the same: events of different keys do not touch each other's
// states, and of one key in one block either all events are set aside or, from the first that is,
// all later ones, as it has not changed the state.

namespace sessionize {
inline namespace v0 {
namespace detail {

/// How many events go through the loops together: enough to hide the memory's latency, few enough
/// for the first-level cache.
inline constexpr std::size_t block_size = 64;

/// The answer to one event as a caller of observe_columns() has asked for it.
template <session_clock Clock, class Answer>
inline void answer_with(Answer& answer, const Placement<Clock>& placement) noexcept {
  if constexpr (std::same_as<Answer, Placement<Clock>>)
    answer = placement;
  else if constexpr (std::same_as<Answer, typename Clock::time_point>)
    answer = placement.opened_at;
  else
    answer = placement.session_start;
}

/// Up to block_size events and where the states of their keys are. Tables add what they look for,
/// and how.
template <class Line_>
struct PackedBlock {
  using Line = Line_;

  PackedPlace<Line> state[block_size];    ///< of each key
  std::uint64_t generation = UINT64_MAX;  ///< of the table that the lines are of
  Line nowhere;

  /// Gives those keys that are not located a place that is nobody's, and their events a time at
  /// which they can be decided on there, and by the gap alone start nothing, whatever came before.
  void lose(std::uint64_t lost, typename Line::Offset* times) noexcept {
    constexpr typename Line::Offset no_time = 1;
    const PackedPlace<Line> no_place{reinterpret_cast<std::byte*>(&nowhere)};
    if (lost != 0) no_place.set(no_time, no_time, 0);
    for (; lost != 0; lost &= lost - 1) {
      state[std::countr_zero(lost)] = no_place;
      times[std::countr_zero(lost)] = no_time;
    }
  }
};

/// The bits of a block of `count` events.
[[nodiscard]] constexpr std::uint64_t all_of(std::size_t count) noexcept {
  return count == 0 ? 0 : ~std::uint64_t{0} >> (block_size - count);
}

/// What update_block() has counted.
struct BlockCounts {
  std::uint64_t events = 0, starts = 0, by_gap = 0, by_duration = 0, events_closed = 0;
};

/// The bits in the other order: they are collected by doubling, which is cheap.
[[nodiscard]] constexpr std::uint64_t reversed(std::uint64_t bits) noexcept {
  bits = (bits >> 1 & 0x5555'5555'5555'5555) | (bits & 0x5555'5555'5555'5555) << 1;
  bits = (bits >> 2 & 0x3333'3333'3333'3333) | (bits & 0x3333'3333'3333'3333) << 2;
  bits = (bits >> 4 & 0x0f0f'0f0f'0f0f'0f0f) | (bits & 0x0f0f'0f0f'0f0f'0f0f) << 4;
  bits = (bits >> 8 & 0x00ff'00ff'00ff'00ff) | (bits & 0x00ff'00ff'00ff'00ff) << 8;
  bits = (bits >> 16 & 0x0000'ffff'0000'ffff) | (bits & 0x0000'ffff'0000'ffff) << 16;
  return bits >> 32 | bits << 32;
}

/// How many bits a mask has, which is mostly none. Without flags for it, popcount is a call.
[[nodiscard]] constexpr std::size_t few_bits(std::uint64_t mask) noexcept {
  return mask == 0 ? 0 : static_cast<std::size_t>(std::popcount(mask));
}

/// Asks for the part of a column that comes a few blocks after event `at`, of `count`. Each loop
/// goes through one column a block at a time: too little for the processor to see that it will go
/// on.
template <class T>
SESSIONIZE_PREFETCHES inline void ask_column(T* column, std::size_t at,
                                             std::size_t count) noexcept {
  constexpr std::size_t ahead = 4 * block_size,
                        step = std::max(std::size_t{64} / sizeof(T), std::size_t{1});
  if (at + ahead + block_size > count) return;
  for (std::size_t i = 0; i < block_size; i += step)
    __builtin_prefetch(column + at + ahead + i, std::is_const_v<T> ? 0 : 1);
}

/// The times of a block as offsets in a window; returns a bit for each that has none.
template <class Window, class TimePoint, class Offset>
std::uint64_t to_offsets(const Window& window, const TimePoint* times, std::size_t count,
                         Offset* offsets) noexcept {
  constexpr std::uint64_t largest = std::numeric_limits<Offset>::max();
  const auto convert = [&window, times, offsets](std::size_t size) {
    std::uint64_t all = 0, none = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t distance = window.distance(times[i]);
      all |= distance;
      none |= static_cast<std::uint64_t>(distance == 0);
      offsets[i] = static_cast<Offset>(distance);
    }
    return all > largest || none != 0;
  };
  // A number that is known makes the compiler use vectors.
  const bool some_have_none =
      run_fast([&] { return count == block_size ? convert(block_size) : convert(count); });
  std::uint64_t outside = 0;
  if (some_have_none)
    for (std::size_t i = 0; i < count; ++i) outside |= std::uint64_t{!window.holds(times[i])} << i;
  return outside;
}

/// The other way round.
template <class Window, class Offset, class TimePoint>
void to_times(const Window& window, const Offset* offsets, std::size_t count,
              TimePoint* times) noexcept {
  const auto convert = [&window, offsets, times](std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) times[i] = window.time(offsets[i]);
    return 0;
  };
  run_fast([&] { return count == block_size ? convert(block_size) : convert(count); });
}

/// Moves packed states past events `from` to `end` of a block, in order, and writes their answers;
/// those that have no bit in `found` are lost, and their answers mean nothing. `ask(i)` is called
/// for each second event, to ask for what later blocks need. Stops at an event that cannot be
/// decided on here, and returns its number; `end` if there is none.
template <bool limited, session_clock Clock, class Rule, Counting counting, class Line,
          class Answer, class Ask>
[[gnu::noinline]] std::size_t update_block(
    const typename StatePacking<Clock, Rule, counting>::Window window,
    const SessionRules<Clock, Rule>& all_rules, const PackedRules rules, PackedBlock<Line>& block,
    std::size_t from, std::size_t end, std::uint64_t found, const offset_t<Clock>* times,
    Answer* answers, Ask ask, BlockCounts& counts) noexcept {
  using Offset = offset_t<Clock>;
  using Step = PackedStep<limited>;
  constexpr bool only_starts = std::same_as<Answer, typename Clock::time_point>;
  [[maybe_unused]] Offset opened[block_size];  // starts, which are then made times all at once
  std::uint64_t starts = 0, by_gap = 0, by_duration = 0, events_closed = 0;
  const auto move = [&](std::size_t i) {
    const PackedPlace<Line> state = block.state[i];
    const std::uint64_t time = times[i], previous = state.previous(), was = state.start();
    const std::uint32_t tally = state.tally();
    if (time > previous || !Tally<counting>::has_room(tally)) [[unlikely]]
      return false;
    const auto [mask, start] = Step::split(previous, was, time, rules);
    const std::uint32_t next = Tally<counting>::next(tally, static_cast<std::uint32_t>(mask));
    state.set(static_cast<Offset>(time), static_cast<Offset>(start), next);
    std::uint64_t counted = mask;
    if constexpr (limited) {
      // Under a gap of zero that splits, lost events start sessions, too.
      const bool is_found = (found >> i & 1) != 0;
      const bool gap_splits = Step::by_gap(previous, time, rules);
      counted &= std::uint64_t{0} - std::uint64_t{is_found};
      by_gap += gap_splits && is_found;
      by_duration += !gap_splits && is_found && Step::by_duration(was, time, rules);
    }
    starts -= counted;
    if constexpr (counting == Counting::on)
      events_closed += Tally<counting>::events(tally) & counted;
    if constexpr (only_starts) {
      opened[i] = static_cast<Offset>(start);
    } else {
      Placement<Clock> placement;
      placement.time = window.time(time);
      placement.opened_at = window.time(start);
      placement.session_start = all_rules.carried(placement.opened_at, placement.time);
      placement.ordinal = Tally<counting>::ordinal(next);
      placement.reason = Step::reason(previous, was, time, rules, mask);
      answer_with<Clock>(answers[i], placement);
    }
    return true;
  };
  // Two at a time: counting them costs as much as a tenth of deciding.
  const std::size_t pairs_end = end - (end - from) % 2;
  std::size_t i = from;
  for (; i != pairs_end; i += 2) {
    ask(i);
    if (!move(i)) break;
    if (!move(i + 1)) {
      ++i;
      break;
    }
  }
  if (i == pairs_end && i != end && move(i)) ++i;
  if constexpr (only_starts) to_times(window, opened + from, i - from, answers + from);
  const std::uint64_t done = all_of(i) & ~all_of(from);
  counts.events += i - from - few_bits(done & ~found);
  counts.starts += starts;
  counts.by_gap += limited ? by_gap : starts;
  counts.by_duration += by_duration;
  counts.events_closed += events_closed;
  return i;
}

/// Enters the counts into a ledger in the end, however it comes.
struct CountBlocks : BlockCounts {
  Ledger& ledger;

  explicit CountBlocks(Ledger& counted) noexcept : ledger(counted) {}
  CountBlocks(const CountBlocks&) = delete;
  CountBlocks& operator=(const CountBlocks&) = delete;
  ~CountBlocks() {
    ledger.accepted += events;
    ledger.events_emitted += events_closed;
    ledger.started(SplitReason::gap) += by_gap;
    ledger.started(SplitReason::max_duration) += by_duration;
    ledger.started(SplitReason::carry) += starts - by_gap - by_duration;
  }
};

/// Decides on columns of events; some key has state. `one(i)` decides on event i alone and writes
/// its answer; `first(i)` writes that of a key's first event, which has been inserted. Keys are
/// inserted here only where `inserts`. All of these may throw, and then the events before, and some
/// behind of other keys, are decided on. `States` does what hangs on how keys are kept:
///
///     begin(block, keys, count)     hashes keys, for the lines that say where they are
///     approach(block, count)        goes from there to the lines where their states are
///     locate(block, keys, count, ask)   finds their places; returns a bit for each that has one;
///                                   calls ask(i) for each second event
///     locate_missed(block, count)   the same for keys that were followed
///     goes_on(block, i, key)        whether the key of event i, not located, may be further on
///     follow(block, i, key, missed, to)  goes there, for place `to` of another block
///     ask_to_insert(key)            asks for what inserting a key needs that has gone on
///     insert_lost(block, i, key, time)  inserts the key of event i, which is not located and does
///                                   not go on; false where it is there by now
///     insert_if_new(key, time)      the same for any key
///     asks()                        whether the memory should be asked for things ahead of time
///     ask_locating(i, next, last)   asks for what the next block, or the one behind it, needs of
///     ask_updating(i, next, last)   events i and i + 1, while these are located or updated: some
///                                   in each, as the memory takes up only so many requests at once
///     generation()                  is another when what is known of lines is void
template <class States, session_clock Clock, class Rule, class Key, class Answer, class One,
          class First>
void decide_in_blocks(States& states, const SessionRules<Clock, Rule>& rules,
                      const PackedRules& packed, const Key* keys,
                      const typename Clock::time_point* times, Answer* answers, std::size_t count,
                      Ledger& ledger, bool inserts, One one, First first) {
  using Block = typename States::Block;
  using Offset = typename States::Offset;
  CountBlocks counts{ledger};
  // Updates a block of which `found` are located, and returns which of these it has decided on
  // itself; the others went to one(event(i)).
  const auto update = [&](Block& block, std::uint64_t found, std::size_t size,
                          const typename Clock::time_point* block_times, Answer* block_answers,
                          auto ask, auto event) {
    Offset offsets[block_size];
    std::uint64_t alone = 0;
    for (std::size_t i = 0; i < size;) {
      const auto window = states.packing().window();
      const std::uint64_t outside = to_offsets(window, block_times, size, offsets) & found;
      block.lose(all_of(size) & ~found, offsets);
      do {
        const std::uint64_t ahead = outside & ~all_of(i);
        const std::size_t end =
            ahead == 0 ? size : static_cast<std::size_t>(std::countr_zero(ahead));
        const auto run = [&]<bool limited>(std::bool_constant<limited>) {
          return update_block<limited, Clock, Rule, States::counting>(
              window, rules, packed, block, i, end, found, offsets, block_answers, ask, counts);
        };
        i = packed.limited ? run(std::true_type{}) : run(std::false_type{});
        if (i == size) return found & ~alone;
        const std::uint64_t bit = std::uint64_t{1} << i;
        if ((found & bit) != 0) {
          alone |= bit;
          one(event(i));
          if (block.generation != states.generation()) {
            // It was of a key without state, whose insertion has moved the lines.
            for (std::uint64_t left = found & ~all_of(i + 1); left != 0; left &= left - 1)
              one(event(static_cast<std::size_t>(std::countr_zero(left))));
            return found & all_of(i) & ~alone;
          }
        }
        ++i;
      } while (i < size && window == states.packing().window());
    }
    return found & ~alone;
  };

  // Events whose keys are not where they were looked for first, in order of arrival. They go on
  // together, until none is left: so those of one key stay together, and none of their keys is
  // inserted before all others are done.
  Block missed;
  std::size_t missed_event[block_size], misses = 0;
  const auto miss = [&](const Block& block, std::size_t i, std::size_t event) {
    if (misses == 0) missed.generation = block.generation;
    states.follow(block, i, keys[event], missed, misses);
    missed_event[misses++] = event;
  };
  // Those of the events `lost` whose keys go on. Which ones cannot be foreseen: no branch hangs on
  // it.
  const auto going_on = [&](const Block& block, std::uint64_t lost, auto event) {
    std::uint64_t on = 0;
    if (block.generation != states.generation()) return on;
    for (; lost != 0; lost &= lost - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(lost));
      on |= std::uint64_t{states.goes_on(block, i, keys[event(i)])} << i;
    }
    return on;
  };
  const auto go_back_to_missed = [&] {
    typename Clock::time_point missed_time[block_size];
    Answer missed_answer[block_size];
    std::size_t alone[block_size], loners = 0;
    // Few go far, unless there is no end: see LineTable.
    for (int steps = 0; steps < 8 && misses != 0 && missed.generation == states.generation();
         ++steps) {
      const std::size_t size = std::exchange(misses, 0);
      for (std::size_t i = 0; i < size; ++i) missed_time[i] = times[missed_event[i]];
      states.approach(missed, size);
      const std::uint64_t found = states.locate_missed(missed, size);
      std::uint64_t done = update(
          missed, found, size, missed_time, missed_answer, [](std::size_t) {},
          [&missed_event](std::size_t i) { return missed_event[i]; });
      for (; done != 0; done &= done - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(done));
        answers[missed_event[i]] = missed_answer[i];
      }
      const std::uint64_t lost = all_of(size) & ~found,
                          on = going_on(missed, lost,
                                        [&](std::size_t i) { return missed_event[i]; });
      for (std::uint64_t left = lost & ~on; left != 0; left &= left - 1)
        alone[loners++] = missed_event[std::countr_zero(left)];
      for (std::uint64_t left = on; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        miss(missed, i, missed_event[i]);
      }
    }
    while (misses != 0) alone[loners++] = missed_event[--misses];
    if (inserts)
      for (std::size_t i = 0; i < loners; ++i) states.ask_to_insert(keys[alone[i]]);
    std::sort(alone, alone + loners);
    for (std::size_t i = 0; i < loners; ++i) {
      const std::size_t event = alone[i];
      if (inserts && states.insert_if_new(keys[event], times[event]))
        first(event);
      else
        one(event);
    }
  };

  // Where lines have moved, missed keys may be found again: their events come first.
  const auto keep_up = [&] {
    if (misses != 0 && missed.generation != states.generation()) go_back_to_missed();
  };

  const auto size_at = [count](std::size_t at) { return std::min(block_size, count - at); };
  const auto begin = [&](Block& block, std::size_t at) {
    if (at < count) states.begin(block, keys + at, size_at(at));
  };
  const auto approach = [&](Block& block, std::size_t at) {
    if (at >= count) return;
    if (block.generation != states.generation()) begin(block, at);
    states.approach(block, size_at(at));
  };
  Block blocks[3];
  Block *its = &blocks[0], *its_next = &blocks[1], *its_last = &blocks[2];
  begin(*its, 0);
  begin(*its_next, block_size);
  approach(*its, 0);
  for (std::size_t at = 0; at < count; at += block_size) {
    Block &block = *its, &next = *its_next, &last = *its_last;
    const std::size_t size = size_at(at);
    ask_column(keys, at, count);
    ask_column(times, at, count);
    ask_column(answers, at, count);
    begin(last, at + 2 * block_size);
    approach(next, at + block_size);
    if (block.generation != states.generation()) approach(block, at);
    const bool asks = states.asks();
    const auto ask_nothing = [](std::size_t) {};
    const auto ask_locating = [&](std::size_t i) { States::ask_locating(i, next, last); };
    const auto ask_updating = [&](std::size_t i) { States::ask_updating(i, next, last); };
    const std::uint64_t all = all_of(size);
    std::uint64_t found = asks ? states.locate(block, keys + at, size, ask_locating)
                               : states.locate(block, keys + at, size, ask_nothing);
    if (misses + few_bits(all & ~found) > block_size) {
      go_back_to_missed();
      // Keys that were inserted are found from now on, by all events behind these.
      approach(block, at);
      approach(next, at + block_size);
      found = states.locate(block, keys + at, size, ask_nothing);
    }
    const auto event = [at](std::size_t i) { return at + i; };
    if (asks)
      update(block, found, size, times + at, answers + at, ask_updating, event);
    else
      update(block, found, size, times + at, answers + at, ask_nothing, event);
    // All events of a key go the same way: which one is settled before any key is inserted.
    std::uint64_t absent = all & ~found;
    const std::uint64_t on = going_on(block, absent, event);
    for (std::uint64_t left = on; left != 0; left &= left - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(left));
      miss(block, i, at + i);
    }
    absent &= ~on;
    const bool was_absent = absent != 0;
    for (; absent != 0; absent &= absent - 1) {
      keep_up();
      const auto i = static_cast<std::size_t>(std::countr_zero(absent));
      if (inserts && states.insert_lost(block, i, keys[at + i], times[at + i]))
        first(at + i);
      else
        one(at + i);
    }
    if (was_absent) approach(next, at + block_size);  // where some of its keys are now
    keep_up();
    its = &next;
    its_next = &last;
    its_last = &block;
  }
  go_back_to_missed();
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
