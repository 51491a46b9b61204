#ifndef SESSIONIZE_STATE_INTEGER_STATES_HPP
#define SESSIONIZE_STATE_INTEGER_STATES_HPP

#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/seed.hpp>
#include <sessionize/key.hpp>
#include <sessionize/state/line_table.hpp>
#include <sessionize/state/packed_blocks.hpp>
#include <sessionize/state/packed_state.hpp>

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Three keys with their states in a cache line; two where times need 64 bits. In a free place all
/// is zero, and a key may be zero too.
template <std::unsigned_integral Offset>
struct alignas(64) IntegerLine {
  static constexpr unsigned lanes = sizeof(Offset) < 8 ? 3 : 2;

  std::uint64_t key[lanes]{};
  PackedTimes<Offset> times[lanes]{};
  std::uint32_t tally[lanes]{};
  std::uint32_t passed = 0;

  [[nodiscard]] bool is_free(unsigned lane) const noexcept {
    return tally[lane] == 0 && times[lane].start == 0;
  }
  void move(unsigned lane, IntegerLine& to, unsigned at) noexcept {
    to.key[at] = key[lane];
    to.times[at] = times[lane];
    to.tally[at] = tally[lane];
    clear(lane);
  }
  void clear(unsigned lane) noexcept {
    key[lane] = 0;
    times[lane] = {};
    tally[lane] = 0;
  }
};

/// The states of integer keys, packed into the lines of their table. See key_states.hpp.
template <session_clock Clock, class Key, class Rule, Counting counted>
class IntegerStates {
 public:
  static constexpr Counting counting = counted;
  using State = KeyState<Clock, Rule, counting>;
  using View = Key;
  using Packing = StatePacking<Clock, Rule, counting>;
  using Offset = typename Packing::Offset;
  using Line = IntegerLine<Offset>;
  struct HashOf {
    KeyHasher hasher;
    [[nodiscard]] std::uint64_t operator()(const Line& line, unsigned lane) const noexcept {
      return hasher(line.key[lane]);
    }
  };
  using Table = LineTable<Line, HashOf>;
  using Slot = typename Table::Place;
  static constexpr std::size_t group_size = Line::lanes;
  static constexpr bool is_packed = true, in_order = false;
  static constexpr std::size_t max_size = UINT32_MAX - 1;

  IntegerStates() : hasher_(fresh_seed()), table_(HashOf{hasher_}) {}

  [[nodiscard]] Slot find(Key key) const noexcept { return find_word(word(key)); }
  [[nodiscard]] Key key(Slot slot) const noexcept {
    return static_cast<Key>(slot.line->key[slot.lane]);
  }
  [[nodiscard]] State load(Slot slot) const {
    return packing_.load(slot.line->times[slot.lane], slot.line->tally[slot.lane]);
  }
  void store(Slot slot, const State& state) {
    packing_.store(slot.line->times[slot.lane], slot.line->tally[slot.lane], state);
  }
  Slot insert(Key key, const State& state) {
    if (table_.size() == 0) packing_.rebase(state.previous, [](auto) {});
    PackedTimes<Offset> times;
    std::uint32_t tally = 0;
    packing_.store(times, tally, state);
    Release release{*this, times, tally};
    const Slot slot = table_.insert(hasher_(word(key)));
    release.armed = false;
    slot.line->key[slot.lane] = word(key);
    slot.line->times[slot.lane] = times;
    slot.line->tally[slot.lane] = tally;
    return slot;
  }
  void erase(Slot slot) noexcept {
    packing_.release(slot.line->times[slot.lane], slot.line->tally[slot.lane]);
    table_.erase(hasher_(slot.line->key[slot.lane]), slot);
    slot.line->clear(slot.lane);
  }

  template <class Found>
  void erase_all(std::vector<Found>& found) noexcept {
    for (const Found& each : found) erase(each.slot);
  }
  [[nodiscard]] PackedTimes<Offset>& times(Slot slot) noexcept {
    return slot.line->times[slot.lane];
  }
  [[nodiscard]] std::uint32_t& tally(Slot slot) noexcept { return slot.line->tally[slot.lane]; }

  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }
  void reserve(std::size_t keys) { table_.reserve(keys); }
  void shrink() {
    table_.shrink();
    if (size() == 0) packing_ = {};
  }

  /// Visits the slots of a group of keys; there are groups() of them, numbered from 0. What is
  /// visited may be erased.
  [[nodiscard]] std::size_t groups() const noexcept { return table_.lines(); }
  template <class Visit>
  void visit(std::size_t group, Visit visit) const {
    Line& line = table_.line(group);
    for (unsigned lane = 0; lane < Line::lanes; ++lane)
      if (!line.is_free(lane)) visit(Slot{&line, lane});
  }

  [[nodiscard]] Packing& packing() noexcept { return packing_; }
  /// To be called for each event's time: moves the window of times that can be packed with them.
  void look_at(typename Clock::time_point time) {
    if (packing_.window().holds(time) || !packing_.should_rebase(size())) return;
    packing_.rebase(time, [this](auto change) {
      for (std::size_t group = 0; group < groups(); ++group)
        visit(group,
              [&](Slot slot) { change(slot.line->times[slot.lane], slot.line->tally[slot.lane]); });
    });
  }

  /// The steps of decide_in_blocks().
  struct Block : PackedBlock<Line> {
    std::uint64_t key[block_size];
  };
  template <class KeyLike>
  void begin(Block& block, const KeyLike* keys, std::size_t count) const noexcept {
    block.generation = table_.generation();
    run_fast([&block, keys, count, homes = table_.homes(), hasher = hasher_] {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t wanted = word(static_cast<Key>(keys[i]));
        block.key[i] = wanted;
        block.line[i] = homes(hasher(wanted));
      }
      return 0;
    });
    if (table_.bytes() > second_level_cache)
      for (std::size_t i = 0; i < count; ++i) __builtin_prefetch(block.line[i], 1);
  }
  static constexpr void approach(Block&, std::size_t) noexcept {}
  /// Looks for each key in one line, and returns for which it is there. At most one place that is
  /// taken has its hash; where a free one is found, the update sees that.
  static std::uint64_t locate(Block& block, std::size_t count) noexcept {
#ifdef SESSIONIZE_AVX2
    if (use_avx2()) return locate_avx2(block, count);
#endif
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Line& line = *block.line[i];
      unsigned equal = 0;
      for (unsigned lane = 0; lane < Line::lanes; ++lane)
        equal |= static_cast<unsigned>(line.key[lane] == block.key[i]) << lane;
      block.lane[i] = static_cast<std::uint8_t>(std::countr_zero(equal | 1U << Line::lanes));
      found |= std::uint64_t{equal != 0} << i;
    }
    return found;
  }
  [[nodiscard]] static bool may_be_behind(const Block& block, std::size_t i) noexcept {
    return block.line[i]->passed != 0;
  }
  void follow(const Block& block, std::size_t i, Block& missed, std::size_t to) const noexcept {
    Line* const next = table_.next(hasher_(block.key[i]), block.line[i]);
    __builtin_prefetch(next, 1);
    missed.key[to] = block.key[i];
    missed.line[to] = next;
  }
  [[nodiscard]] std::uint64_t generation() const noexcept { return table_.generation(); }

 private:
#ifdef SESSIONIZE_AVX2
  SESSIONIZE_AVX2 static std::uint64_t locate_avx2(Block& block, std::size_t count) noexcept {
    constexpr unsigned all = (1U << Line::lanes) - 1;
    constexpr unsigned none = 32;  // what _tzcnt_u32() says of 0
    for (std::size_t i = 0; i < count; ++i) {
      const __m256i wanted = _mm256_set1_epi64x(static_cast<long long>(block.key[i]));
      const __m256i there = _mm256_load_si256(reinterpret_cast<const __m256i*>(block.line[i]));
      const __m256d equal = _mm256_castsi256_pd(_mm256_cmpeq_epi64(wanted, there));
      block.lane[i] = static_cast<std::uint8_t>(
          _tzcnt_u32(static_cast<unsigned>(_mm256_movemask_pd(equal)) & all));
    }
    const __m256i nowhere = _mm256_set1_epi8(none);
    std::uint64_t missed = 0;
    for (std::size_t half = 0; half < block_size; half += 32) {
      const __m256i lanes_here =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.lane + half));
      const auto mask =
          static_cast<unsigned>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(lanes_here, nowhere)));
      missed |= std::uint64_t{mask} << half;
    }
    return all_of(count) & ~missed;
  }
#endif
  struct Release {
    IntegerStates& states;
    const PackedTimes<Offset>& times;
    const std::uint32_t& tally;
    bool armed = true;
    ~Release() {
      if (armed) states.packing_.release(times, tally);
    }
  };

  [[nodiscard]] static constexpr std::uint64_t word(Key key) noexcept {
    return static_cast<std::uint64_t>(key);
  }
  [[nodiscard]] Slot find_word(std::uint64_t wanted) const noexcept {
    return table_.find(hasher_(wanted), [wanted](const Line& line, unsigned lane) {
      return (line.key[lane] == wanted) & !line.is_free(lane);
    });
  }

  KeyHasher hasher_;
  Table table_;
  Packing packing_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
