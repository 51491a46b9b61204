#ifndef SESSIONIZE_STATE_ENTRY_STATES_HPP
#define SESSIONIZE_STATE_ENTRY_STATES_HPP

#include <sessionize/decide.hpp>
#include <sessionize/key_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The states of keys of any type and under any rule, as they are, in a KeyTable. See
/// key_states.hpp.
template <session_clock Clock, class Key, class Rule, Counting counted>
class EntryStates {
 public:
  static constexpr Counting counting = counted;
  static constexpr bool is_packed = false;
  static constexpr std::size_t max_size = UINT32_MAX - 1;
  static constexpr std::size_t group_size = 1;
  using State = KeyState<Clock, Rule, counting>;
  using View = key_view_t<Key>;

  /// The number of an entry, from 1; 0 is none.
  struct Slot {
    std::uint32_t entry = 0;
    explicit operator bool() const noexcept { return entry != 0; }
  };

  [[nodiscard]] Slot find(const View& key) const noexcept {
    const auto* entry = table_.find(key);
    return entry == nullptr ? Slot{} : slot(table_.position(*entry));
  }
  [[nodiscard]] View key(Slot slot) const noexcept {
    return View(table_.entries()[slot.entry - 1].key);
  }
  [[nodiscard]] State& load(Slot slot) noexcept { return table_.entries()[slot.entry - 1].value; }
  [[nodiscard]] const State& load(Slot slot) const noexcept {
    return table_.entries()[slot.entry - 1].value;
  }
  void store(Slot, State&) noexcept {}
  Slot insert(const View& key, State&& state) {
    table_.insert(key, std::move(state));
    return slot(table_.size() - 1);
  }
  void erase(Slot slot) noexcept { static_cast<void>(table_.erase_at(slot.entry - 1)); }
  template <class Found>
  void erase_all(std::vector<Found>& found) noexcept {
    // From the last to the first: what takes an erased one's place is behind it, and stays.
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.slot.entry > b.slot.entry; });
    for (const Found& each : found) erase(each.slot);
  }

  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }
  void reserve(std::size_t keys) { table_.reserve(keys); }
  void shrink() { table_.shrink(); }

  [[nodiscard]] std::size_t groups() const noexcept { return size(); }
  template <class Visit>
  void visit(std::size_t group, Visit visit) const {
    visit(slot(group));
  }

 private:
  [[nodiscard]] static Slot slot(std::size_t position) noexcept {
    return {static_cast<std::uint32_t>(position + 1)};
  }

  KeyTable<Key, State> table_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
