#ifndef SESSIONIZE_WINDOWS_DUE_QUEUE_HPP
#define SESSIONIZE_WINDOWS_DUE_QUEUE_HPP

#include <sessionize/detail/pages.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Numbers, each with the time when it is due; the earliest goes out first. They lie in one list
/// for each stretch of time, which is sorted when it is that stretch's turn, so that an entry costs
/// a constant time and its share of sorting a short list, however many there are. Invariants: a
/// list's stretch is behind that of `sorted_` and of what is in the heap `late_`, which has those
/// that came when it was their stretch's turn already; `near_` has those of the next stretches,
/// each at its number modulo their count, and `far_` those that were beyond them.
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
    const std::int64_t its = stretch(due.at);
    if (its <= turn_) {
      late_.push_back(due);
      std::push_heap(late_.begin(), late_.end(), later);
    } else if (static_cast<std::uint64_t>(its) - static_cast<std::uint64_t>(turn_) <=
               near_.size()) {
      near_[near(its)].push_back(due);
      filled_ |= std::uint64_t{1} << near(its);
    } else {
      far_[its].push_back(due);
    }
  }
  /// The entry that is due first; null where there is none.
  [[nodiscard]] const Due* first() {
    if (late_.empty() && next_ == sorted_.size()) refill();
    if (next_ == sorted_.size()) return late_.empty() ? nullptr : &late_.front();
    return late_.empty() || sorted_[next_].at <= late_.front().at ? &sorted_[next_]
                                                                  : &late_.front();
  }
  /// Removes first(), which is not null.
  void pop() noexcept {
    if (next_ != sorted_.size() && (late_.empty() || sorted_[next_].at <= late_.front().at)) {
      ++next_;
      return;
    }
    std::pop_heap(late_.begin(), late_.end(), later);
    late_.pop_back();
  }
  /// An entry that will go out soon: so many behind the first. Null where that is not known.
  [[nodiscard]] const Due* soon(std::size_t behind) const noexcept {
    return behind < sorted_.size() - next_ ? &sorted_[next_ + behind] : nullptr;
  }
  /// Removes all, and gives their memory back.
  void clear() noexcept {
    std::vector<Due>().swap(sorted_);
    std::vector<Due>().swap(late_);
    for (auto& list : near_) std::vector<Due>().swap(list);
    filled_ = 0;
    far_.clear();
    next_ = 0;
    turn_ = INT64_MIN;
  }

 private:
  [[nodiscard]] static bool later(const Due& a, const Due& b) noexcept { return a.at > b.at; }
  [[nodiscard]] std::int64_t stretch(std::int64_t at) const noexcept { return at >> bits_; }
  [[nodiscard]] std::size_t near(std::int64_t its) const noexcept {
    return static_cast<std::size_t>(its) % near_.size();
  }
  /// Makes the next stretch's list the sorted one, where there is one.
  void refill() {
    while (next_ == sorted_.size() && (filled_ != 0 || !far_.empty())) sort_next();
  }
  void sort_next() {
    std::int64_t next = far_.empty() ? INT64_MAX : far_.begin()->first;
    if (filled_ != 0) {
      const auto skipped = std::countr_zero(std::rotr(filled_, static_cast<int>(near(turn_ + 1))));
      next = std::min(next, turn_ + 1 + skipped);
    }
    auto& list = near_[near(next)];
    if (!far_.empty() && far_.begin()->first == next) {
      const auto& more = far_.begin()->second;
      list.insert(list.end(), more.begin(), more.end());  // where it throws, nothing has changed
      far_.erase(far_.begin());
    }
    turn_ = next;
    filled_ &= ~(std::uint64_t{1} << near(next));
    sorted_.clear();
    next_ = 0;
    sorted_.swap(list);
    std::sort(sorted_.begin(), sorted_.end(),
              [](const Due& a, const Due& b) { return later(b, a); });
  }

  unsigned bits_;
  std::int64_t turn_ = INT64_MIN;
  std::vector<Due> sorted_;
  std::size_t next_ = 0;
  std::vector<Due> late_;
  std::array<std::vector<Due>, 64> near_;
  std::uint64_t filled_ = 0;  // which of near_ are not empty
  std::map<std::int64_t, std::vector<Due>> far_;
};

/// Keys, each with the time when the first thing of it is due. A key has a number for good, as its
/// place in a table is not: the table says where it has moved.
class DueKeys {
 public:
  explicit DueKeys(std::int64_t span) : queue_(span) {}

  /// A number for the key at a place in the table.
  [[nodiscard]] std::uint32_t add(std::size_t place) {
    auto number = static_cast<std::uint32_t>(keys_.size());
    if (free_.empty()) {
      keys_.push_back({});
    } else {
      number = free_.back();
      free_.pop_back();
    }
    keys_[number] = {static_cast<std::uint32_t>(place), 0, never};
    return number;
  }
  void move(std::uint32_t number, std::size_t place) noexcept {
    keys_[number].place = static_cast<std::uint32_t>(place);
  }
  void remove(std::uint32_t number) {
    keys_[number].serial = 0;
    free_.push_back(number);
    if (free_.size() < keys_.size()) return;
    decltype(keys_)().swap(keys_);
    std::vector<std::uint32_t>().swap(free_);
    queue_.clear();
  }
  void reserve(std::size_t keys) { keys_.reserve(keys); }

  /// Makes a key due at a time, unless it is due before that.
  void schedule(std::uint32_t number, std::int64_t at) {
    if (at >= keys_[number].at) return;
    if (++serials_ == 0) ++serials_;
    queue_.push({at, number, serials_});
    soonest_ = std::min(soonest_, at);
    keys_[number].serial = serials_;
    keys_[number].at = at;
  }
  void unschedule(std::uint32_t number) noexcept {
    keys_[number].serial = 0;
    keys_[number].at = never;
  }
  /// Where a key is.
  [[nodiscard]] std::size_t place(std::uint32_t number) const noexcept {
    return keys_[number].place;
  }
  /// When a key is due; the last time of all where it never is.
  [[nodiscard]] std::int64_t at(std::uint32_t number) const noexcept { return keys_[number].at; }
  /// Says that keys may be due that are not scheduled: until pop() has looked again, soonest() is
  /// the first time of all.
  void distrust() noexcept { soonest_ = INT64_MIN; }
  /// No key is due before that.
  [[nodiscard]] std::int64_t soonest() const noexcept { return soonest_; }
  /// Asks for nothing.
  struct NoAsking {
    static constexpr bool is_wanted = false;
    static void entry(std::size_t) noexcept {}
    static void cell(std::size_t) noexcept {}
  };
  /// Unschedules the key that is due first, where `is_due(its time)`, and returns its place.
  /// `ask.entry(place)` asks the memory for the entry of one that will be due soon, and
  /// `ask.cell(place)` later for what can be known only from that; a place may be out of date. It
  /// does where `ask.is_wanted`.
  template <class IsDue, class Ask>
  [[nodiscard]] std::optional<std::size_t> pop(IsDue is_due, Ask ask) {
    while (const auto* first = queue_.first()) {
      const auto due = *first;
      soonest_ = due.at;
      const bool is_current = keys_[due.number].serial == due.serial;
      if (is_current && !is_due(due.at)) return std::nullopt;
      queue_.pop();
      if (ask.is_wanted) {
        constexpr std::size_t ahead = 8;
        if (const auto* soon = queue_.soon(2 * ahead)) __builtin_prefetch(&keys_[soon->number]);
        if (const auto* soon = queue_.soon(ahead)) ask.entry(keys_[soon->number].place);
        if (const auto* soon = queue_.soon(ahead / 2)) ask.cell(keys_[soon->number].place);
      }
      if (!is_current) continue;
      unschedule(due.number);
      return keys_[due.number].place;
    }
    soonest_ = never;
    return std::nullopt;
  }

 private:
  static constexpr std::int64_t never = INT64_MAX;
  struct At {
    std::uint32_t place = 0;
    std::uint32_t serial = 0;  // of its entry in the queue; 0 for none
    std::int64_t at = never;
  };

  DueQueue queue_;
  std::vector<At, PageAllocator<At>> keys_;
  std::vector<std::uint32_t> free_;
  std::uint32_t serials_ = 0;
  std::int64_t soonest_ = never;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
