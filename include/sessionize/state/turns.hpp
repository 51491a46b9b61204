#ifndef SESSIONIZE_STATE_TURNS_HPP
#define SESSIONIZE_STATE_TURNS_HPP

#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/key_table.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Whose turn it is to be looked at when a key has to make room. Keys are in order of insertion,
/// but for the last one taking the place of one that is gone: the choice hangs on the calls alone,
/// not on how keys are hashed. Empty unless it is asked for.
template <class Key>
class Turns {
 public:
  using View = key_view_t<Key>;

  /// Adds a key, for good once take() is called.
  class Turn {
   public:
    Turn(Turns& turns, const View& key, bool wanted) : turns_(wanted ? &turns : nullptr) {
      if (wanted) turns.keys_.insert(key, Nothing{});
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (turns_ != nullptr) static_cast<void>(turns_->keys_.erase_at(turns_->keys_.size() - 1));
    }
    void take() noexcept { turns_ = nullptr; }

   private:
    Turns* turns_;
  };

  void forget(const View& key) noexcept {
    if (const auto* entry = keys_.find(key))
      static_cast<void>(keys_.erase_at(keys_.position(*entry)));
  }
  void reserve(std::size_t keys) { keys_.reserve(keys); }

  /// Of the next few keys other than the newest, removes the one for which `last_seen` is least.
  template <class LastSeen>
  Key take_idlest(LastSeen last_seen) {
    constexpr std::size_t looked_at = 16;
    const std::size_t count = keys_.size() - 1;
    std::size_t idlest = SIZE_MAX;
    for (std::size_t i = 0; i < std::min(looked_at, count); ++i, ++hand_) {
      if (hand_ >= count) hand_ = 0;
      if (idlest == SIZE_MAX || last_seen(key(hand_)) < last_seen(key(idlest))) idlest = hand_;
    }
    return keys_.erase_at(idlest).key;
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;
  struct Nothing {};
  [[nodiscard]] View key(std::size_t at) const noexcept { return View(keys_.entries()[at].key); }

  KeyTable<Key, Nothing> keys_;
  std::size_t hand_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
