#ifndef SESSIONIZE_KEY_TABLE_HPP
#define SESSIONIZE_KEY_TABLE_HPP

#include <sessionize/detail/pages.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/seed.hpp>
#include <sessionize/key.hpp>

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// The state of each key: a hash table under a seed of its own.
///
/// Entries lie in one dense array in order of insertion, with the last one moved into the place of
/// an erased one, so that what a caller sees never hangs on the seed. Beside them is an index of
/// 8-byte cells {tag, entry}, linearly probed. Invariants:
/// - `cells_` is empty or a power of two in size, and at most 5/8 full;
/// - a cell's tag is the high half of its key's hash with the lowest bit set, 0 where it is free;
/// - a key's cell is reached from its home (the rest of its tag, masked) without a free cell
///   between; erasing shifts later cells back to keep that so, for which it looks at no entry.
/// Look-up is expected constant time for keys of any origin. Not thread-safe.
template <session_key Key, class Value>
class KeyTable {
 public:
  using View = key_view_t<Key>;
  struct Entry {
    Key key;
    Value value;
  };
  static constexpr std::size_t max_size = UINT32_MAX - 1;

  KeyTable() : hasher_(detail::fresh_seed()) {}

  /// The entry of `key`, or null. Allocates nothing.
  [[nodiscard]] Entry* find(const View& key) noexcept {
    const std::size_t cell = find_cell(key);
    return cell == nowhere ? nullptr : &entries_[cells_[cell].entry];
  }
  [[nodiscard]] const Entry* find(const View& key) const noexcept {
    return const_cast<KeyTable*>(this)->find(key);
  }

  /// Whether it is large enough to ask the memory for things ahead of time.
  [[nodiscard]] bool asks() const noexcept {
    return entries_.size() * sizeof(Entry) > detail::second_level_cache;
  }
  /// Asks the memory for what find() looks at first; then, of a key that is there, for its entry.
  SESSIONIZE_PREFETCHES void ask_cell(const View& key) const noexcept {
    if (!cells_.empty()) __builtin_prefetch(&cells_[home(tag(hash(key)))]);
  }
  SESSIONIZE_PREFETCHES void ask_entry(const View& key) const noexcept {
    if (cells_.empty()) return;
    const std::uint32_t wanted = tag(hash(key));
    std::size_t cell = home(wanted);
    while (cells_[cell].tag != wanted && cells_[cell].tag != 0) cell = after(cell);
    if (cells_[cell].tag != 0) ask_position(cells_[cell].entry);
  }
  /// Asks for an entry by its position.
  SESSIONIZE_PREFETCHES void ask_position(std::size_t at) const noexcept {
    const auto* const entry = reinterpret_cast<const char*>(&entries_[at]);
    for (std::size_t line = 0; line < sizeof(Entry); line += 64)
      __builtin_prefetch(entry + line, 1);
    if constexpr (sizeof(Entry) % 64 != 0) __builtin_prefetch(entry + sizeof(Entry) - 1, 1);
  }

  /// Adds an entry for a key that has none; fewer than max_size keys are present. Invalidates
  /// entries. Where it throws (memory), nothing has changed.
  Entry& insert(const View& key, Value&& value) {
    assert(entries_.size() < max_size && find(key) == nullptr);
    if ((entries_.size() + 1) * 8 > cells_.size() * 5)
      rebuild(cells_.empty() ? 8 : cells_.size() * 2);
    entries_.push_back(Entry{Key(key), std::move(value)});
    place(tag(hash(key)), static_cast<std::uint32_t>(entries_.size() - 1));
    return entries_.back();
  }

  /// Removes the entry at position `at` of entries() and returns it; the last one takes its place.
  Entry erase_at(std::size_t at) noexcept {
    assert(at < entries_.size());
    const std::size_t last = entries_.size() - 1;
    free_cell(cell_of(at));
    if (at != last) {
      cells_[cell_of(last)].entry = static_cast<std::uint32_t>(at);
      std::swap(entries_[at], entries_[last]);
    }
    Entry erased = std::move(entries_.back());
    entries_.pop_back();
    return erased;
  }

  /// All entries, densely; in order of insertion but for the effect of erase_at().
  [[nodiscard]] std::span<Entry> entries() noexcept { return entries_; }
  [[nodiscard]] std::span<const Entry> entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t position(const Entry& entry) const noexcept {
    return static_cast<std::size_t>(&entry - entries_.data());
  }

  /// Makes room for `keys` keys in all.
  void reserve(std::size_t keys) {
    entries_.reserve(keys);
    const std::size_t cells = cells_for(keys);
    if (cells > cells_.size()) rebuild(cells);
  }

  /// Gives memory back where less than an eighth of it is in use.
  void shrink() {
    if (cells_.size() <= 8 || entries_.size() * 8 > cells_.size()) return;
    entries_.shrink_to_fit();
    rebuild(cells_for(entries_.size()));
  }

 private:
  struct Cell {
    std::uint32_t tag = 0;
    std::uint32_t entry = 0;
  };
  static constexpr std::size_t nowhere = SIZE_MAX;

  [[nodiscard]] static std::size_t cells_for(std::size_t keys) noexcept {
    return keys == 0 ? 0 : std::bit_ceil(keys * 8 / 5 + 1 < 8 ? std::size_t{8} : keys * 8 / 5 + 1);
  }
  [[nodiscard]] std::uint64_t hash(const View& key) const {
    return KeyTraits<Key>::hash(hasher_, key, 0);
  }
  [[nodiscard]] static std::uint32_t tag(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32) | 1U;
  }
  [[nodiscard]] std::size_t home(std::uint32_t tag) const noexcept {
    return std::size_t{tag >> 1} & mask_;
  }
  [[nodiscard]] std::size_t after(std::size_t cell) const noexcept { return (cell + 1) & mask_; }

  [[nodiscard]] std::size_t find_cell(const View& key) const noexcept {
    if (cells_.empty()) return nowhere;
    const std::uint32_t wanted = tag(hash(key));
    for (std::size_t cell = home(wanted); cells_[cell].tag != 0; cell = after(cell))
      if (cells_[cell].tag == wanted && View(entries_[cells_[cell].entry].key) == key) return cell;
    return nowhere;
  }
  [[nodiscard]] std::size_t cell_of(std::size_t at) const noexcept {
    std::size_t cell = home(tag(hash(View(entries_[at].key))));
    while (cells_[cell].tag == 0 || cells_[cell].entry != at) cell = after(cell);
    return cell;
  }

  void place(std::uint32_t tag, std::uint32_t entry) noexcept {
    std::size_t cell = home(tag);
    while (cells_[cell].tag != 0) cell = after(cell);
    cells_[cell] = {tag, entry};
  }
  void free_cell(std::size_t hole) noexcept {
    for (std::size_t cell = after(hole); cells_[cell].tag != 0; cell = after(cell)) {
      const std::size_t wanted = home(cells_[cell].tag);
      if (((cell - wanted) & mask_) < ((cell - hole) & mask_)) continue;
      cells_[hole] = cells_[cell];
      hole = cell;
    }
    cells_[hole] = {};
  }
  void rebuild(std::size_t cells) {
    std::vector<Cell, detail::PageAllocator<Cell>>(cells).swap(cells_);
    mask_ = cells - 1;
    for (std::size_t at = 0; at < entries_.size(); ++at)
      place(tag(hash(View(entries_[at].key))), static_cast<std::uint32_t>(at));
  }

  KeyHasher hasher_;
  std::vector<Cell, detail::PageAllocator<Cell>> cells_;
  std::size_t mask_ = 0;  // of places in cells_, where there are any
  std::vector<Entry, detail::PageAllocator<Entry>> entries_;
};

}  // namespace v0
}  // namespace sessionize

#endif
