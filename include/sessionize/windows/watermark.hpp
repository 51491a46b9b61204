#ifndef SESSIONIZE_WINDOWS_WATERMARK_HPP
#define SESSIONIZE_WINDOWS_WATERMARK_HPP

#include <sessionize/clock.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/key.hpp>
#include <sessionize/rules/elapsed.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Keeps one stamp that is far ahead from moving a stream's time. What is more than `max_advance`
/// ahead of a reference, the caller's clock or the largest time accepted, counts only once a second
/// such event, of another key, confirms it; then the earlier of the two does, and the later one
/// where it is not far ahead of that. Where there is no reference yet, the first two events are
/// each other's.
template <session_clock Clock, session_key Key>
class FarFuture {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  struct Suspect {
    Key key;
    time_point time;
  };
  /// What an event comes to.
  struct Seen {
    bool counts = false;                ///< its time does
    std::optional<Suspect> confirms{};  ///< one before it, whose time counts from now on
    bool is_far = false;                ///< it does not count, for now
    std::optional<Suspect> was_far{};   ///< nor does the first event of all, it turns out
    std::optional<Suspect> suspect{};   ///< the one that is to be confirmed from now on
  };

  /// What an event would come to, which it does where that is handed to accept(). `largest` is the
  /// largest time that counts so far, the first time of all where none does.
  [[nodiscard]] Seen see(const key_view_t<Key>& key, time_point time,
                         std::optional<time_point> reference, time_point largest,
                         duration max_advance) const {
    if (reference && !is_far(*reference, time, max_advance))
      return {.counts = true, .suspect = suspect_};
    const Suspect own{Key(key), time};
    if (!suspect_) return {.is_far = reference.has_value(), .suspect = own};
    const bool event_is_low = time < suspect_->time;
    if (reference && key_view_t<Key>(suspect_->key) == key)
      return {.is_far = true, .suspect = event_is_low ? own : *suspect_};
    const time_point low = std::min(suspect_->time, time), high = std::max(suspect_->time, time);
    if (!is_far(std::max(low, largest), high, max_advance))
      return {.counts = true, .confirms = suspect_};
    if (!event_is_low) return {.confirms = suspect_, .is_far = true, .suspect = own};
    // Where there was a reference, the suspect has been told of.
    return {.counts = true, .was_far = reference ? std::nullopt : suspect_, .suspect = suspect_};
  }
  void accept(Seen& seen) noexcept { suspect_ = std::move(seen.suspect); }

  [[nodiscard]] const std::optional<Suspect>& suspect() const noexcept { return suspect_; }
  void suspect(std::optional<Suspect> suspect) { suspect_ = std::move(suspect); }

 private:
  [[nodiscard]] static bool is_far(time_point from, time_point time, duration limit) noexcept {
    return exceeds(from, time, limit, AtGap::continues);
  }

  std::optional<Suspect> suspect_;
};

/// Moves a watermark with the caller's clock while no events come: from the first call after the
/// last event on, as fast as the clock.
template <class TimePoint>
class IdleTime {
 public:
  /// An event has come.
  void stop() noexcept { since_.reset(); }
  /// Where the watermark should be at `now`, that is at `watermark` otherwise.
  [[nodiscard]] TimePoint at(TimePoint now, TimePoint watermark) noexcept {
    if (!since_) since_.emplace(Since{now, watermark});
    return std::max(watermark, plus(since_->watermark, saturating_elapsed(since_->now, now)));
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  struct Since {
    TimePoint now, watermark;
  };
  std::optional<Since> since_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
