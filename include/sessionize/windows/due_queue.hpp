#ifndef SESSIONIZE_WINDOWS_DUE_QUEUE_HPP
#define SESSIONIZE_WINDOWS_DUE_QUEUE_HPP

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
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

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
