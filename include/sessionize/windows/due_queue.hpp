#ifndef SESSIONIZE_WINDOWS_DUE_QUEUE_HPP
#define SESSIONIZE_WINDOWS_DUE_QUEUE_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Numbers, each with the time when it is due; the earliest goes out first. Times are sorted only
/// by and by: what is due soon lies in a heap, all else in one unsorted list for each stretch of
/// time, so that an entry costs a constant time and its share of a short heap, however many there
/// are. Invariant: a list's stretch begins behind the stretches that are in the heap.
class DueQueue {
 public:
  struct Due {
    std::int64_t at;
    std::uint32_t number;
    std::uint32_t serial;  // of the caller's, to know an entry that is out of date
  };

  /// `span` is how far ahead most entries are: stretches are a fraction of that.
  explicit DueQueue(std::int64_t span)
      : bits_(static_cast<unsigned>(
            std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(span, 1)) / 32))) {}

  void push(Due due) {
    if (stretch(due.at) <= soon_until_) {
      soon_.push_back(due);
      std::push_heap(soon_.begin(), soon_.end(), later);
    } else {
      lists_[stretch(due.at)].push_back(due);
    }
  }
  /// The entry that is due first; null where there is none.
  [[nodiscard]] const Due* first() {
    if (soon_.empty()) refill();
    return soon_.empty() ? nullptr : &soon_.front();
  }
  /// Removes first(), which is not null.
  void pop() noexcept {
    std::pop_heap(soon_.begin(), soon_.end(), later);
    soon_.pop_back();
  }
  /// Removes all, and gives their memory back.
  void clear() noexcept {
    std::vector<Due>().swap(soon_);
    lists_.clear();
    soon_until_ = INT64_MIN;
  }

 private:
  [[nodiscard]] static bool later(const Due& a, const Due& b) noexcept { return a.at > b.at; }
  [[nodiscard]] std::int64_t stretch(std::int64_t at) const noexcept { return at >> bits_; }
  void refill() {
    if (lists_.empty()) return;
    const auto next = lists_.begin();
    soon_ = std::move(next->second);
    std::make_heap(soon_.begin(), soon_.end(), later);
    soon_until_ = next->first;
    lists_.erase(next);
  }

  unsigned bits_;
  std::int64_t soon_until_ = INT64_MIN;
  std::vector<Due> soon_;
  std::map<std::int64_t, std::vector<Due>> lists_;
};

/// Keys, each with the time when the first thing of it is due. A key has a number for good, as its
/// place in a table is not: the table says where it has moved.
class DueKeys {
 public:
  explicit DueKeys(std::int64_t span) : queue_(span) {}

  /// A number for the key at a place in the table.
  [[nodiscard]] std::uint32_t add(std::size_t place) {
    std::uint32_t number = static_cast<std::uint32_t>(keys_.size());
    if (free_.empty()) {
      keys_.push_back({});
    } else {
      number = free_.back();
      free_.pop_back();
    }
    keys_[number] = {static_cast<std::uint32_t>(place), 0};
    return number;
  }
  void move(std::uint32_t number, std::size_t place) noexcept {
    keys_[number].place = static_cast<std::uint32_t>(place);
  }
  void remove(std::uint32_t number) {
    keys_[number].serial = 0;
    free_.push_back(number);
    if (free_.size() < keys_.size()) return;
    std::vector<At>().swap(keys_);
    std::vector<std::uint32_t>().swap(free_);
    queue_.clear();
  }
  void reserve(std::size_t keys) { keys_.reserve(keys); }

  /// Makes a key due at another time.
  void schedule(std::uint32_t number, std::int64_t at) {
    if (++serials_ == 0) ++serials_;
    queue_.push({at, number, serials_});
    keys_[number].serial = serials_;
  }
  void unschedule(std::uint32_t number) noexcept { keys_[number].serial = 0; }
  /// Removes the key that is due first, where `is_due(its time)`, and returns its place.
  template <class IsDue>
  [[nodiscard]] std::optional<std::size_t> pop(IsDue is_due) {
    while (const auto* first = queue_.first()) {
      const auto due = *first;
      const bool is_current = keys_[due.number].serial == due.serial;
      if (is_current && !is_due(due.at)) return std::nullopt;
      queue_.pop();
      if (!is_current) continue;
      keys_[due.number].serial = 0;
      return keys_[due.number].place;
    }
    return std::nullopt;
  }

 private:
  struct At {
    std::uint32_t place;
    std::uint32_t serial;  // of its entry in the queue; 0 for none
  };

  DueQueue queue_;
  std::vector<At> keys_;
  std::vector<std::uint32_t> free_;
  std::uint32_t serials_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
