#ifndef SESSIONIZE_STATE_INTEGER_STATES_HPP
#define SESSIONIZE_STATE_INTEGER_STATES_HPP

#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/seed.hpp>
#include <sessionize/key.hpp>
#include <sessionize/state/integer_line.hpp>
#include <sessionize/state/line_table.hpp>
#include <sessionize/state/packed_blocks.hpp>
#include <sessionize/state/packed_state.hpp>

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The hash of a key in a line. It hangs on nothing else of a Sessionizer, so that tables are
/// compiled once for all.
struct HashOfInteger {
  KeyHasher hasher;
  template <class Line>
  [[nodiscard]] std::uint64_t operator()(const Line& line, unsigned lane) const noexcept {
    return hasher(line.key[lane]);
  }
};

/// The states of integer keys, packed into the lines of their table. See key_states.hpp.
template <session_clock Clock, class Key, class Rule, Counting counted>
class IntegerStates {
 public:
  static constexpr Counting counting = counted;
  using State = KeyState<Clock, Rule, counting>;
  using Packing = StatePacking<Clock, Rule, counting>;
  using Offset = typename Packing::Offset;
  using Line = IntegerLine<Offset, !Tally<counting>::is_empty>;
  using Table = LineTable<Line, HashOfInteger>;
  using Slot = typename Table::Place;
  static constexpr std::size_t group_size = Line::lanes;
  static constexpr bool is_packed = true;
  static constexpr std::size_t max_size = UINT32_MAX - 1;

  IntegerStates() : hasher_(fresh_seed()), table_(HashOfInteger{hasher_}) {}

  [[nodiscard]] Slot find(Key key) const noexcept { return find(word(key), hasher_(word(key))); }
  /// Decides on an event of a key whose state is packed; false where that cannot be done.
  [[nodiscard]] bool decide(Key key, typename Clock::time_point time, const PackedRules& rules,
                            PackedDecision<Clock, Rule, counting>& decision) noexcept {
    const Slot slot = find(key);
    return slot && decision.decide(packing_.window(), rules, place(slot), time);
  }
  /// The same, false also where the key is not in its home line, which is rare.
  template <bool limited>
  [[nodiscard]] SESSIONIZE_INLINE bool decide_at_home(
      Key key, typename Clock::time_point time, const PackedRules& rules,
      PackedDecision<Clock, Rule, counting>& decision) noexcept {
    Line& home = *table_.home(hasher_(word(key)));
#ifdef __SSE2__
    if constexpr (Line::narrow)
      return decide_in_vectors<limited>(home, word(key), packing_.window(), rules, time, decision);
#endif
    const unsigned equal = home.equal(word(key));
    if (equal == 0) [[unlikely]]
      return false;
    const auto place = home.place(static_cast<unsigned>(std::countr_zero(equal)));
    if (!decision.template step<limited>(packing_.window(), rules, place, time)) return false;
    decision.write(place);
    return true;
  }
  /// Asks the memory for what find() needs.
  SESSIONIZE_PREFETCHES void ask(Key key) const noexcept {
    __builtin_prefetch(table_.home(hasher_(word(key))), 1);
  }
  [[nodiscard]] Key key(Slot slot) const noexcept {
    return static_cast<Key>(slot.line->key[slot.lane]);
  }
  [[nodiscard]] static PackedPlace<Line> place(Slot slot) noexcept {
    return slot.line->place(slot.lane);
  }
  [[nodiscard]] State load(Slot slot) const { return packing_.load(place(slot)); }
  void store(Slot slot, const State& state) { packing_.store(place(slot), state); }
  /// Inserts a key that is not there, with a first event at `time`.
  void insert(Key key, typename Clock::time_point time) { insert(key, hasher_(word(key)), time); }
  /// The same where the key is not there; false where it is.
  template <class KeyLike>
  bool insert_if_new(const KeyLike& key, typename Clock::time_point time) {
    const Key wanted = static_cast<Key>(key);
    return insert_if_new(wanted, hasher_(word(wanted)), time);
  }
  void erase(Slot slot) noexcept {
    packing_.release(place(slot));
    table_.erase(hasher_(slot.line->key[slot.lane]), slot);
  }

  template <class Found>
  void erase_all(std::vector<Found>& found) noexcept {
    for (const Found& each : found) erase(each.slot);
  }
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
    for (unsigned taken = taken_lanes(line); taken != 0; taken &= taken - 1)
      visit(Slot{&line, static_cast<unsigned>(std::countr_zero(taken))});
  }

  [[nodiscard]] const Packing& packing() const noexcept { return packing_; }
  /// To be called for each event's time: moves the window of times that can be packed with them.
  void look_at(typename Clock::time_point time) {
    if (packing_.window().holds(time) || !packing_.should_rebase(size())) return;
    packing_.rebase(time, [this](auto change) {
      for (std::size_t group = 0; group < groups(); ++group)
        visit(group, [&](Slot slot) { change(place(slot)); });
    });
  }

  /// The steps of decide_in_blocks().
  struct Block : PackedBlock<Line> {
    Line* line[block_size]{};       ///< where each key is looked for
    std::uint64_t key[block_size];  ///< of those that are followed
    bool is_begun = false;
  };
  [[nodiscard]] bool asks() const noexcept { return table_.bytes() > second_level_cache; }
  template <class KeyLike>
  void begin(Block& block, const KeyLike* keys, std::size_t count) const noexcept {
    block.generation = table_.generation();
    block.is_begun = asks();
    if (!block.is_begun) return;
    run_fast([&block, keys, count, homes = table_.homes(), hasher = hasher_] {
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t wanted = word(static_cast<Key>(keys[i]));
        block.line[i] = homes(hasher(wanted));
      }
      return 0;
    });
  }
  static constexpr void approach(Block&, std::size_t) noexcept {}
  SESSIONIZE_PREFETCHES static void ask_locating(std::size_t i, const Block&,
                                                 const Block& last) noexcept {
    __builtin_prefetch(last.line[i + 1], 1);
  }
  SESSIONIZE_PREFETCHES static void ask_updating(std::size_t i, const Block&,
                                                 const Block& last) noexcept {
    __builtin_prefetch(last.line[i], 1);
  }
  /// Looks for each key in one line. At most one place that is taken has it; where a free one has
  /// (zero), the update sees that.
  template <class KeyLike, class Ask>
  std::uint64_t locate(Block& block, const KeyLike* keys, std::size_t count,
                       Ask ask) const noexcept {
    if (block.is_begun)
      return look_up(
          block, count,
          [&block, keys](std::size_t i) {
            return std::pair(block.line[i], word(static_cast<Key>(keys[i])));
          },
          ask);
    return look_up(
        block, count,
        [keys, homes = table_.homes(), hasher = hasher_](std::size_t i) {
          const std::uint64_t wanted = word(static_cast<Key>(keys[i]));
          return std::pair(homes.in_first(hasher(wanted)), wanted);
        },
        ask);
  }
  static std::uint64_t locate_missed(Block& block, std::size_t count) noexcept {
    return look_up(
        block, count, [&block](std::size_t i) { return std::pair(block.line[i], block.key[i]); },
        [](std::size_t) {});
  }
  template <class KeyLike>
  [[nodiscard]] bool goes_on(const Block& block, std::size_t i, const KeyLike& key) const noexcept {
    return Table::goes_on(*line_of(block, i, hasher_(word(static_cast<Key>(key)))));
  }
  template <class KeyLike>
  void follow(const Block& block, std::size_t i, const KeyLike& key, Block& missed,
              std::size_t to) const noexcept {
    const std::uint64_t wanted = word(static_cast<Key>(key)), hash = hasher_(wanted);
    Line* const next = table_.next(hash, line_of(block, i, hash));
    __builtin_prefetch(next, 1);
    missed.is_begun = true;
    missed.key[to] = wanted;
    missed.line[to] = next;
  }
  template <class KeyLike>
  SESSIONIZE_PREFETCHES void ask_to_insert(const KeyLike& key) const noexcept {
    table_.ask_to_pass(hasher_(word(static_cast<Key>(key))));
  }
  template <class KeyLike>
  bool insert_lost(const Block& block, std::size_t i, const KeyLike& key_like,
                   typename Clock::time_point time) {
    const Key key = static_cast<Key>(key_like);
    const std::uint64_t hash = hasher_(word(key));
    if (block.generation == generation() && packing_.window().holds(time)) [[likely]] {
      // It may be there since another event of the block, and further on only if there is no room.
      Line& line = *line_of(block, i, hash);
      if (line.equal(word(key)) == 0)
        if (const Slot slot = table_.insert_at_home(hash, line)) {
          packing_.begin(place(slot), time);
          slot.line->key[slot.lane] = word(key);
          return true;
        }
    }
    return insert_if_new(key, hash, time);
  }
  [[nodiscard]] std::uint64_t generation() const noexcept { return table_.generation(); }

 private:
  [[nodiscard]] Slot find(std::uint64_t wanted, std::uint64_t hash) const noexcept {
    return table_.find(hash, [wanted](Line& line) {
      unsigned equal = line.equal(wanted);
      if (wanted == 0) [[unlikely]]
        equal &= taken_lanes(line);
      return equal;
    });
  }
  bool insert_if_new(Key key, std::uint64_t hash, typename Clock::time_point time) {
    if (find(word(key), hash)) return false;
    insert(key, hash, time);
    return true;
  }
  void insert(Key key, std::uint64_t hash, typename Clock::time_point time) {
    if (table_.size() == 0) packing_.rebase(time, [](auto) {});
    const Slot slot = table_.insert(hash);
    Undo undo{table_, hash, slot};
    packing_.begin(place(slot), time);
    undo.wanted = false;
    slot.line->key[slot.lane] = word(key);
  }
  [[nodiscard]] Line* line_of(const Block& block, std::size_t i,
                              std::uint64_t hash) const noexcept {
    return block.is_begun ? block.line[i] : table_.home(hash);
  }
  /// Looks for the key of each event i in a line; `where(i)` gives both. Calls ask(i) for each
  /// second event.
  template <class Where, class Ask>
  static std::uint64_t look_up(Block& block, std::size_t count, Where where, Ask ask) noexcept {
#ifdef SESSIONIZE_AVX2
    if (use_avx2()) return look_up_avx2(block, count, where, ask);
#endif
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % 2 == 0) ask(i);
      const auto [line, wanted] = where(i);
      const unsigned equal = line->equal(wanted);
      found = found + found + (equal != 0);
      block.state[i] = line->place(static_cast<unsigned>(std::countr_zero(equal | 8U)));
    }
    return reversed(found) >> (block_size - count);
  }
#ifdef SESSIONIZE_AVX2
  template <class Where, class Ask>
  SESSIONIZE_AVX2 [[gnu::flatten]] static std::uint64_t look_up_avx2(Block& block,
                                                                     std::size_t count, Where where,
                                                                     Ask ask) noexcept {
    alignas(32) std::uint8_t equals[block_size];
    if (count != block_size) std::memset(equals, 0, block_size);
    const auto look = [&](std::size_t i) {
      const auto [line, wanted] = where(i);
      const unsigned equal = line->equal_by_avx2(wanted);
      equals[i] = static_cast<std::uint8_t>(equal);
      block.state[i] = line->place(static_cast<unsigned>(std::countr_zero(equal)));
    };
    // Two at a time, as counting them is a good part of it.
    std::size_t at = 0;
    for (; at + 2 <= count; at += 2) {
      ask(at);
      look(at);
      look(at + 1);
    }
    if (at != count) look(at);
    std::uint64_t lost = 0;
    for (std::size_t i = 0; i < block_size; i += 32) {
      const __m256i none = _mm256_cmpeq_epi8(
          _mm256_load_si256(reinterpret_cast<const __m256i*>(equals + i)), _mm256_setzero_si256());
      lost |= std::uint64_t{static_cast<std::uint32_t>(_mm256_movemask_epi8(none))} << i;
    }
    return ~lost;
  }
#endif
  /// Takes an insertion back that fails.
  struct Undo {
    Table& table;
    std::uint64_t hash;
    Slot slot;
    bool wanted = true;
    ~Undo() {
      if (wanted) table.erase(hash, slot);
    }
  };

  [[nodiscard]] static constexpr std::uint64_t word(Key key) noexcept {
    return static_cast<std::uint64_t>(key);
  }
  KeyHasher hasher_;
  Table table_;
  Packing packing_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
