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
#include <utility>

// Decides on many events at once: the fast path of Sessionizer::observe_columns(). A block of keys
// goes through separate short loops, none of which has a branch that hangs on the data:
//
//   begin   hash the keys of the next block, and ask for the lines that they may be in
//   locate  of the block that was begun before: where each key's state is, or that it is not there
//   update  move each state past its event, in order of arrival, and write the answer
//
// and then what these could not do is done one by one, in order of arrival. It comes out the same:
// events of different keys do not touch each other's states, and of one key in one block either all
// events are set aside or, from the first that is, all later ones, as it has not changed the state.

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

/// Up to block_size events and where the states of their keys may be. Tables add what they look
/// for, and how.
template <class Line>
struct PackedBlock {
  Line* line[block_size];
  std::uint8_t lane[block_size];
  std::uint64_t generation = UINT64_MAX;  ///< of the table that the lines are of
};

/// The bits of a block of `count` events.
[[nodiscard]] constexpr std::uint64_t all_of(std::size_t count) noexcept {
  return count == 0 ? 0 : ~std::uint64_t{0} >> (block_size - count);
}

/// What a run of update_block() has counted.
struct BlockCounts {
  std::uint64_t events = 0, starts = 0, by_gap = 0, by_duration = 0, events_closed = 0;
};

/// Moves packed states past those events of a block that have a bit in `found`, in order, and
/// writes their answers; `events` are their places among `times` and `answers`. Stops at an event
/// that cannot be decided on here, and returns what is left of `found`.
template <bool limited, class Line, session_clock Clock, class Rule, Counting counting,
          class Answer, class Places>
[[gnu::always_inline]] inline std::uint64_t update_block(
    typename StatePacking<Clock, Rule, counting>::Window window,
    const SessionRules<Clock, Rule>& all_rules, PackedRules rules, const PackedBlock<Line>& block,
    std::uint64_t found, const typename Clock::time_point* times, Answer* answers, Places places,
    BlockCounts& counts) noexcept {
  using Offset = offset_t<Clock>;
  using Step = PackedStep<limited, counting, Offset>;
  std::uint64_t starts = 0, by_gap = 0, by_duration = 0, events_closed = 0;
  for (; found != 0; found &= found - 1) {
    const auto at = static_cast<std::size_t>(std::countr_zero(found));
    Line& line = *block.line[at];
    const std::size_t lane = block.lane[at];
    const std::size_t i = places(at);
    const Offset previous = line.times[lane].previous;
    const std::uint32_t tally = line.tally[lane];
    const std::uint64_t distance = window.distance(times[i]);
    if (Step::goes_aside(previous, tally, distance)) [[unlikely]]
      break;
    const Offset was = line.times[lane].start;
    const std::uint64_t mask = Step::start_mask(previous, was, distance, rules);
    const auto time = static_cast<Offset>(distance);
    const auto start = static_cast<Offset>(was ^ ((was ^ time) & static_cast<Offset>(mask)));
    line.times[lane].previous = time;
    line.times[lane].start = start;
    line.tally[lane] = Tally<counting>::next(tally, static_cast<std::uint32_t>(mask));
    starts -= mask;
    if constexpr (limited) {
      const bool gap_splits = Step::by_gap(previous, distance, rules);
      by_gap += gap_splits;
      by_duration += Step::by_duration(was, distance, rules) & !gap_splits;
    }
    if constexpr (counting == Counting::on) events_closed += Tally<counting>::events(tally) & mask;
    if constexpr (std::same_as<Answer, typename Clock::time_point>) {
      answers[i] = window.time(start);
    } else {
      Placement<Clock> placement;
      placement.time = times[i];
      placement.opened_at = window.time(start);
      placement.session_start = all_rules.carried(placement.opened_at, times[i]);
      placement.ordinal = Tally<counting>::ordinal(line.tally[lane]);
      if (mask != 0)
        placement.reason = Step::by_gap(previous, distance, rules)   ? SplitReason::gap
                           : Step::by_duration(was, distance, rules) ? SplitReason::max_duration
                                                                     : SplitReason::carry;
      answer_with<Clock>(answers[i], placement);
    }
  }
  counts.starts += starts;
  counts.by_gap += limited ? by_gap : starts;
  counts.by_duration += by_duration;
  counts.events_closed += events_closed;
  return found;
}

/// Enters the counts into a ledger in the end, however it comes.
struct CountBlocks : BlockCounts {
  Ledger& ledger;

  explicit CountBlocks(Ledger& counted) noexcept : ledger(counted) {}
  CountBlocks(const CountBlocks&) = delete;
  CountBlocks& operator=(const CountBlocks&) = delete;
  ~CountBlocks() {
    const auto closed = [this](CloseReason reason) -> std::uint64_t& {
      return ledger.sessions_closed_by_reason[static_cast<std::size_t>(reason)];
    };
    ledger.accepted += events;
    ledger.sessions_started += starts;
    ledger.events_emitted += events_closed;
    closed(CloseReason::idle) += by_gap;
    closed(CloseReason::max_duration) += by_duration;
    closed(CloseReason::carry) += starts - by_gap - by_duration;
  }
};

/// Decides on columns of events; some key has state. `one(i)` decides on event i alone and writes
/// its answer; it may throw, and then the events before it, and some behind it of other keys, are
/// decided on. `States` does what hangs on how keys are kept:
///
///     begin(block, keys, count)      hashes keys and asks for the lines that say where they are
///     approach(block, count)         goes from there to the lines where their states are
///     locate(block, count)           returns for which events that is so, a bit each
///     may_be_behind(block, i)        whether the key of event i, not located, may be further on
///     follow(block, i, missed, to)   begins with that, in place `to` of another block
///     generation()                   is another when what begin() and approach() found is void
template <class States, session_clock Clock, class Rule, class Key, class Answer, class One>
inline void decide_in_blocks(States& states, const SessionRules<Clock, Rule>& rules,
                             const Key* keys, const typename Clock::time_point* times,
                             Answer* answers, std::size_t count, Ledger& ledger, One one) {
  using Line = typename States::Line;
  using Block = typename States::Block;
  const PackedRules packed = states.packing().rules(rules);
  CountBlocks counts{ledger};
  // Updates the events that have a bit in `found`; event i of the block is event from + places(i).
  const auto update = [&](const Block& block, std::uint64_t found, std::size_t from, auto places) {
    while (found != 0) {
      const auto run = [&]<bool limited>(std::bool_constant<limited>) {
        return run_fast([&block, &rules, &counts, &packed, found, places,
                         window = states.packing().window(), first_time = times + from,
                         first_answer = answers + from] {
          return update_block<limited, Line, Clock, Rule, States::counting>(
              window, rules, packed, block, found, first_time, first_answer, places, counts);
        });
      };
      const std::uint64_t left = packed.limited ? run(std::true_type{}) : run(std::false_type{});
      counts.events += static_cast<std::uint64_t>(std::popcount(found ^ left));
      found = left;
      // One that is set aside may be of a key without state, whose insertion moves the lines.
      do {
        if (found == 0) return;
        one(from + places(static_cast<std::size_t>(std::countr_zero(found))));
        found &= found - 1;
      } while (block.generation != states.generation());
    }
  };

  // Events whose keys are not where they were looked for first, in order of arrival. They go on
  // together, until none is left: so those of one key stay together, and none of their keys is
  // inserted before all others are done.
  Block missed;
  std::size_t missed_event[block_size], misses = 0;
  const auto miss = [&](const Block& block, std::size_t i, std::size_t event) {
    if (misses == 0) missed.generation = block.generation;
    states.follow(block, i, missed, misses);
    missed_event[misses++] = event;
  };
  const auto go_back_to_missed = [&] {
    std::size_t alone[block_size], loners = 0;
    while (misses != 0 && missed.generation == states.generation()) {
      states.approach(missed, misses);
      const std::uint64_t found = states.locate(missed, misses);
      update(missed, found, 0, [&missed_event](std::size_t i) { return missed_event[i]; });
      const std::uint64_t all = all_of(std::exchange(misses, 0));
      for (std::uint64_t lost = all & ~found; lost != 0; lost &= lost - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(lost));
        if (missed.generation == states.generation() && states.may_be_behind(missed, i))
          miss(missed, i, missed_event[i]);
        else
          alone[loners++] = missed_event[i];
      }
    }
    while (misses != 0) alone[loners++] = missed_event[--misses];
    std::sort(alone, alone + loners);
    for (std::size_t i = 0; i < loners; ++i) one(alone[i]);
  };

  // Each step is taken a block ahead of the next, so that what it asks the memory for is there.
  Block blocks[3];
  const auto block_at = [&blocks](std::size_t at) -> Block& { return blocks[at / block_size % 3]; };
  const auto size_at = [count](std::size_t at) { return std::min(block_size, count - at); };
  const auto begin = [&](std::size_t at) {
    if (at < count) states.begin(block_at(at), keys + at, size_at(at));
  };
  const auto approach = [&](std::size_t at) {
    if (at >= count) return;
    if (block_at(at).generation != states.generation()) begin(at);
    states.approach(block_at(at), size_at(at));
  };
  begin(0);
  begin(block_size);
  approach(0);
  for (std::size_t at = 0; at < count; at += block_size) {
    const std::size_t size = size_at(at);
    begin(at + 2 * block_size);
    approach(at + block_size);
    Block& block = block_at(at);
    if (block.generation != states.generation()) approach(at);
    std::uint64_t found = states.locate(block, size);
    if (misses + static_cast<std::size_t>(std::popcount(all_of(size) & ~found)) > block_size) {
      go_back_to_missed();
      // Keys that were inserted are found from now on, by all events that are behind these.
      approach(at);
      approach(at + block_size);
      found = states.locate(block, size);
    }
    update(block, found, at, [](std::size_t i) { return i; });
    for (std::uint64_t lost = all_of(size) & ~found; lost != 0; lost &= lost - 1) {
      const auto i = static_cast<std::size_t>(std::countr_zero(lost));
      miss(block, i, at + i);
    }
  }
  go_back_to_missed();
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
