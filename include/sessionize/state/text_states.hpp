#ifndef SESSIONIZE_STATE_TEXT_STATES_HPP
#define SESSIONIZE_STATE_TEXT_STATES_HPP

#include <sessionize/detail/pages.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/seed.hpp>
#include <sessionize/key.hpp>
#include <sessionize/state/line_table.hpp>
#include <sessionize/state/packed_blocks.hpp>
#include <sessionize/state/packed_state.hpp>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// References to records, each with a part of its key's hash. In a free place `record` is 0.
struct alignas(64) TextIndexLine {
  static constexpr unsigned lanes = 8;

  std::uint32_t tag[lanes]{};     // the upper half of the hash
  std::uint32_t record[lanes]{};  // numbers from 1

  /// A bit for each lane that is free, without a branch.
  [[nodiscard]] unsigned free_lanes() const noexcept {
    unsigned free = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      free |= static_cast<unsigned>(record[lane] == 0) << lane;
    return free;
  }
  /// Those where all is zero: there a tag says otherwise.
  [[nodiscard]] unsigned clean_lanes() const noexcept {
    unsigned clean = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      clean |= static_cast<unsigned>((record[lane] | tag[lane]) == 0) << lane;
    return clean;
  }
  /// A bit for each lane with this tag.
  [[nodiscard]] unsigned equal(std::uint32_t wanted) const noexcept {
#ifdef __SSE2__
    const __m128i all = _mm_set1_epi32(static_cast<int>(wanted));
    const auto bits = [all](const std::uint32_t* from) {
      const __m128i there = _mm_load_si128(reinterpret_cast<const __m128i*>(from));
      return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(there, all))));
    };
    return bits(tag) | bits(tag + 4) << 4;
#else
    unsigned equal = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      equal |= static_cast<unsigned>(tag[lane] == wanted) << lane;
    return equal;
#endif
  }
  void copy(unsigned lane, TextIndexLine& to, unsigned at) const noexcept {
    to.tag[at] = tag[lane];
    to.record[at] = record[lane];
  }
  void move(unsigned moved, TextIndexLine& to) noexcept {
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const std::uint32_t moves = std::uint32_t{0} - (moved >> lane & 1);
      to.tag[lane] = tag[lane] & moves;
      to.record[lane] = record[lane] & moves;
      tag[lane] &= ~moves;
      record[lane] &= ~moves;
    }
  }
  void clear(unsigned lane) noexcept { tag[lane] = record[lane] = 0; }
  void soil(unsigned lane) noexcept {
    tag[lane] = UINT32_MAX;
    record[lane] = 0;
  }
};
/// The hash of an item in a line, as far as it counts.
struct HashOfText {
  [[nodiscard]] std::uint64_t operator()(const TextIndexLine& line, unsigned lane) const noexcept {
    return std::uint64_t{line.tag[lane]} << 32;
  }
};

/// A text key with its packed state; one cache line where times have 32 bits. A text that does not
/// fit is kept elsewhere, under the number in its place.
template <std::unsigned_integral Offset_>
struct alignas(sizeof(Offset_) < 8 ? 64 : 8) TextRecord {
  using Offset = Offset_;
  static constexpr bool has_tally = true;

  char text[TextWords::max_size]{};
  Offset previous = 0;
  Offset start = 0;
  std::uint32_t tally = 0;
  std::uint32_t length = 0;

  static constexpr std::size_t previous_at = TextWords::max_size;
  static constexpr std::size_t start_at = previous_at + sizeof(Offset);
  static constexpr std::size_t tally_at = start_at + sizeof(Offset);

  [[nodiscard]] PackedPlace<TextRecord> place() noexcept {
    return {reinterpret_cast<std::byte*>(this)};
  }
};

/// A vector of records that grows by pieces of 2 MB, so that growing moves few of them.
template <class Record>
class RecordArray {
 public:
  static constexpr std::size_t piece = std::size_t{1} << 15;

  [[nodiscard]] Record& operator[](std::size_t i) noexcept { return pieces_[i / piece][i % piece]; }
  [[nodiscard]] const Record& operator[](std::size_t i) const noexcept {
    return pieces_[i / piece][i % piece];
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Makes room for `count` in all.
  void reserve(std::size_t count) {
    const std::size_t pieces = (count + piece - 1) / piece;
    if (pieces > pieces_.size()) pieces_.resize(pieces);
    for (std::size_t i = 0; i < pieces; ++i)
      pieces_[i].reserve(i == 0 ? std::min(piece, count) : piece);
  }
  /// Returns whether records have moved. Where it throws (memory), nothing has changed.
  bool push_back(const Record& record) {
    const std::size_t at = size_ / piece;
    if (at == pieces_.size()) pieces_.emplace_back();
    auto& last = pieces_[at];
    // Behind the first piece whole ones are made: they need not be moved.
    if (at != 0) last.reserve(piece);
    const bool moves = last.size() == last.capacity();
    last.push_back(record);
    ++size_;
    return moves;
  }
  void pop_back() noexcept {
    --size_;
    pieces_[size_ / piece].pop_back();
  }
  void shrink() {
    pieces_.resize((size_ + piece - 1) / piece);
    pieces_.shrink_to_fit();
    if (pieces_.size() == 1) pieces_[0].shrink_to_fit();
  }

 private:
  std::vector<std::vector<Record, PageAllocator<Record>>> pieces_;
  std::size_t size_ = 0;
};

/// The states of text keys: an index of cache lines, and dense records of key and state, in order
/// of insertion but for the last one taking the place of an erased one.
template <session_clock Clock, class Rule, Counting counted>
class TextStates {
 public:
  static constexpr Counting counting = counted;
  static constexpr bool is_packed = true;
  static constexpr std::size_t max_size = UINT32_MAX - 1;
  static constexpr std::size_t group_size = 1;
  using Key = std::string;
  using State = KeyState<Clock, Rule, counting>;
  using Packing = StatePacking<Clock, Rule, counting>;
  using Offset = typename Packing::Offset;
  using Line = TextRecord<Offset>;

  /// The number of a record, from 1; 0 is none.
  struct Slot {
    std::uint32_t record = 0;
    explicit operator bool() const noexcept { return record != 0; }
  };

  TextStates() : hasher_(fresh_seed()) {}

  [[nodiscard]] Slot find(std::string_view key) const noexcept {
    const std::uint64_t hash = hasher_(key);
    const auto place = find_index(hash, key);
    return place ? Slot{place.line->record[place.lane]} : Slot{};
  }
  /// Decides on an event of a key whose state is packed; false where that cannot be done.
  [[nodiscard]] bool decide(std::string_view key, typename Clock::time_point time,
                            const PackedRules& rules,
                            PackedDecision<Clock, Rule, counting>& decision) noexcept {
    const Slot slot = find(key);
    return slot && decision.decide(packing_.window(), rules, place(slot), time);
  }
  template <bool limited>
  [[nodiscard]] bool decide_at_home(std::string_view key, typename Clock::time_point time,
                                    const PackedRules& rules,
                                    PackedDecision<Clock, Rule, counting>& decision) noexcept {
    return decide(key, time, rules, decision);
  }
  /// Asks the memory for what find() needs first.
  SESSIONIZE_PREFETCHES void ask(std::string_view key) const noexcept {
    __builtin_prefetch(index_.home(hasher_(key)));
  }
  /// The same for what it needs next, when it has that.
  SESSIONIZE_PREFETCHES void ask_record(std::string_view key) const noexcept {
    const std::uint64_t hash = hasher_(key);
    const TextIndexLine& line = *index_.home(hash);
    const unsigned equal = line.equal(static_cast<std::uint32_t>(hash >> 32));
    const std::uint32_t record = line.record[std::countr_zero(equal | 0x80U)];
    __builtin_prefetch(&records_[record - static_cast<std::uint32_t>(record != 0)], 1);
  }
  [[nodiscard]] std::string_view key(Slot slot) const noexcept { return text(at(slot)); }
  [[nodiscard]] PackedPlace<Line> place(Slot slot) const noexcept {
    return const_cast<Line&>(at(slot)).place();
  }
  [[nodiscard]] State load(Slot slot) const { return packing_.load(place(slot)); }
  void store(Slot slot, const State& state) { packing_.store(place(slot), state); }

  /// Inserts a key that is not there, with a first event at `time`.
  void insert(std::string_view key, typename Clock::time_point time) {
    insert(key, hasher_(key), time);
  }
  /// The same where the key is not there; false where it is.
  template <class KeyLike>
  bool insert_if_new(const KeyLike& key, typename Clock::time_point time) {
    const std::string_view wanted(key);
    return insert_if_new(wanted, hasher_(wanted), time);
  }
  void erase(Slot slot) noexcept {
    Line& record = at(slot);
    drop_index(slot);
    packing_.release(record.place());
    free_text(record);
    const Slot last{static_cast<std::uint32_t>(records_.size())};
    if (slot.record != last.record) {
      const auto place = place_of(last);
      place.line->record[place.lane] = slot.record;
      record = at(last);
    }
    records_.pop_back();
    ++generation_;
  }
  template <class Found>
  void erase_all(std::vector<Found>& found) noexcept {
    // From the last to the first: what takes an erased one's place is behind it, and stays.
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.slot.record > b.slot.record; });
    for (const Found& each : found) erase(each.slot);
  }

  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  void reserve(std::size_t keys) {
    records_.reserve(keys);
    index_.reserve(keys);
    ++generation_;
  }
  void shrink() {
    index_.shrink();
    records_.shrink();
    if (size() == 0) {
      std::vector<std::string>().swap(long_texts_);
      std::vector<std::uint32_t>().swap(free_texts_);
      packing_ = {};
    }
    ++generation_;
  }

  [[nodiscard]] std::size_t groups() const noexcept { return size(); }
  template <class Visit>
  void visit(std::size_t group, Visit visit) const {
    visit(Slot{static_cast<std::uint32_t>(group + 1)});
  }

  [[nodiscard]] const Packing& packing() const noexcept { return packing_; }
  /// To be called for each event's time: moves the window of times that can be packed with them.
  void look_at(typename Clock::time_point time) {
    if (packing_.window().holds(time) || !packing_.should_rebase(size())) return;
    packing_.rebase(time, [this](auto change) {
      for (std::size_t i = 0; i < records_.size(); ++i) change(records_[i].place());
    });
  }

  /// The steps of decide_in_blocks().
  struct Block : PackedBlock<Line> {
    std::string_view text[block_size];
    std::uint64_t hash[block_size];
    Line* line[block_size]{};
    TextIndexLine* index[block_size]{};
  };
  [[nodiscard]] bool asks() const noexcept {
    return records_.size() * sizeof(Line) > second_level_cache;
  }
  template <class KeyLike>
  void begin(Block& block, const KeyLike* keys, std::size_t count) const noexcept {
    block.generation = generation();
    run_fast([&block, keys, count, hasher = hasher_, homes = index_.homes()] {
      for (std::size_t i = 0; i < count; ++i) {
        block.text[i] = std::string_view(keys[i]);
        block.hash[i] = hasher(block.text[i]);
        block.index[i] = homes(block.hash[i]);
      }
      return 0;
    });
  }
  void approach(Block& block, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      const TextIndexLine& line = *block.index[i];
      const unsigned equal = line.equal(static_cast<std::uint32_t>(block.hash[i] >> 32));
      const std::uint32_t record = line.record[std::countr_zero(equal | 0x80U)];
      block.line[i] = &records_[record - static_cast<std::uint32_t>(record != 0)];
    }
  }
  SESSIONIZE_PREFETCHES static void ask_locating(std::size_t i, const Block&,
                                                 const Block& last) noexcept {
    __builtin_prefetch(last.index[i]);
    __builtin_prefetch(last.index[i + 1]);
  }
  SESSIONIZE_PREFETCHES static void ask_updating(std::size_t i, const Block& next,
                                                 const Block&) noexcept {
    __builtin_prefetch(next.line[i], 1);
    __builtin_prefetch(next.line[i + 1], 1);
  }
  template <class KeyLike, class Ask>
  std::uint64_t locate(Block& block, const KeyLike*, std::size_t count, Ask ask) const noexcept {
    return run_fast([this, &block, count, ask] {
      std::uint64_t found = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (i % 2 == 0) ask(i);
        block.state[i] = block.line[i]->place();
        found |= std::uint64_t{equal(*block.line[i], block.text[i])} << i;
      }
      return found;
    });
  }
  std::uint64_t locate_missed(Block& block, std::size_t count) const noexcept {
    return locate(block, block.text, count, [](std::size_t) {});
  }
  template <class KeyLike>
  [[nodiscard]] static bool goes_on(const Block& block, std::size_t i, const KeyLike&) noexcept {
    return Index::goes_on(*block.index[i]);
  }
  template <class KeyLike>
  void follow(const Block& block, std::size_t i, const KeyLike&, Block& missed,
              std::size_t to) const noexcept {
    TextIndexLine* const next = index_.next(block.hash[i], block.index[i]);
    __builtin_prefetch(next);
    missed.text[to] = block.text[i];
    missed.hash[to] = block.hash[i];
    missed.index[to] = next;
  }
  template <class KeyLike>
  SESSIONIZE_PREFETCHES void ask_to_insert(const KeyLike& key) const noexcept {
    index_.ask_to_pass(hasher_(std::string_view(key)));
  }
  template <class KeyLike>
  bool insert_lost(const Block& block, std::size_t i, const KeyLike&,
                   typename Clock::time_point time) {
    return insert_if_new(block.text[i], block.hash[i], time);
  }
  [[nodiscard]] std::uint64_t generation() const noexcept {
    return generation_ + index_.generation();
  }

 private:
  using Index = LineTable<TextIndexLine, HashOfText>;
  /// Undoes what an insertion has done that fails.
  struct Release {
    TextStates& states;
    Line& record;
    bool has_text = false, has_state = false, is_pushed = false;
    Release& operator=(const Release& other) noexcept {
      has_text = other.has_text;
      has_state = other.has_state;
      is_pushed = other.is_pushed;
      return *this;
    }
    ~Release() {
      if (is_pushed) states.records_.pop_back();
      if (has_state) states.packing_.release(record.place());
      if (has_text) states.free_text(record);
    }
  };

  [[nodiscard]] Line& at(Slot slot) noexcept { return records_[slot.record - 1]; }
  [[nodiscard]] const Line& at(Slot slot) const noexcept { return records_[slot.record - 1]; }

  [[nodiscard]] std::string_view text(const Line& record) const noexcept {
    if (record.length <= TextWords::max_size) return {record.text, record.length};
    return long_texts_[long_number(record)];
  }
  [[nodiscard]] static std::uint32_t long_number(const Line& record) noexcept {
    return static_cast<std::uint32_t>(load32(record.text));
  }
  void set_text(Line& record, std::string_view key) {
    if (key.size() <= TextWords::max_size) {
      std::copy(key.begin(), key.end(), record.text);
      record.length = static_cast<std::uint32_t>(key.size());
      return;
    }
    if (free_texts_.empty()) {
      free_texts_.reserve(long_texts_.size() + 1);
      long_texts_.emplace_back();
      free_texts_.push_back(static_cast<std::uint32_t>(long_texts_.size() - 1));
    }
    const std::uint32_t number = free_texts_.back();
    long_texts_[number] = key;
    free_texts_.pop_back();
    std::memcpy(record.text, &number, sizeof number);
    record.length = TextWords::max_size + 1;
  }
  void free_text(const Line& record) noexcept {
    if (record.length <= TextWords::max_size) return;
    const std::uint32_t number = long_number(record);
    long_texts_[number] = {};
    free_texts_.push_back(number);
  }

  [[nodiscard]] bool equal(const Line& record, std::string_view key) const noexcept {
    if (key.size() > TextWords::max_size) [[unlikely]]
      return record.length > TextWords::max_size && text(record) == key;
    const TextWords one(record.text, key.size()), other(key.data(), key.size());
    std::uint64_t difference = record.length ^ key.size();
    for (std::size_t word = 0; word < 6; ++word) difference |= one[word] ^ other[word];
    return difference == 0;
  }
  [[nodiscard]] typename Index::Place find_index(std::uint64_t hash,
                                                 std::string_view key) const noexcept {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    return index_.find(hash, [this, tag, key](const TextIndexLine& line) {
      // Mostly none or one.
      for (unsigned lanes = line.equal(tag); lanes != 0; lanes &= lanes - 1) {
        const std::uint32_t record = line.record[std::countr_zero(lanes)];
        if (record != 0 && equal(records_[record - 1], key)) return lanes;
      }
      return 0U;
    });
  }
  bool insert_if_new(std::string_view key, std::uint64_t hash, typename Clock::time_point time) {
    if (find_index(hash, key)) return false;
    insert(key, hash, time);
    return true;
  }
  void insert(std::string_view key, std::uint64_t hash, typename Clock::time_point time) {
    assert(size() < max_size);
    if (size() == 0) packing_.rebase(time, [](auto) {});
    Line record;
    Release release{*this, record};
    set_text(record, key);
    release.has_text = true;
    packing_.begin(record.place(), time);
    release.has_state = true;
    generation_ += records_.push_back(record) ? 1 : 0;
    release.is_pushed = true;
    const auto place = index_.insert(hash);
    release = Release{*this, record, false, false, false};
    place.line->tag[place.lane] = static_cast<std::uint32_t>(hash >> 32);
    place.line->record[place.lane] = static_cast<std::uint32_t>(records_.size());
  }
  [[nodiscard]] typename Index::Place place_of(Slot slot) const noexcept {
    return index_.find(hasher_(key(slot)), [slot](const TextIndexLine& line) {
      unsigned equal = 0;
      for (unsigned lane = 0; lane < TextIndexLine::lanes; ++lane)
        equal |= static_cast<unsigned>(line.record[lane] == slot.record) << lane;
      return equal;
    });
  }
  void drop_index(Slot slot) noexcept {
    const auto place = place_of(slot);
    index_.erase(hasher_(key(slot)), place);
  }

  KeyHasher hasher_;
  Index index_;
  RecordArray<Line> records_;
  Packing packing_;
  std::vector<std::string> long_texts_;
  std::vector<std::uint32_t> free_texts_;  // as many as that at most: freeing must not fail
  std::uint64_t generation_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
