#ifndef SESSIONIZE_DUPLICATES_HPP
#define SESSIONIZE_DUPLICATES_HPP

#include <sessionize/clock.hpp>
#include <sessionize/content_id.hpp>
#include <sessionize/detail/intake.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/key.hpp>
#include <sessionize/key_table.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sink.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

template <session_clock Clock>
struct DuplicateOptions {
  using duration = typename Clock::duration;

  /// An id is remembered for so long, not negative; exactly at the horizon it still is.
  duration horizon = std::chrono::hours(1);
  /// So many ids are remembered at most, at least 1; of more, the one that came first is forgotten.
  std::size_t max_ids = std::size_t{1} << 20;
};

/// What became of the ids. After every call, also one that threw,
///
///     seen = duplicates + remembered + expired + forgotten_early
struct DuplicateCounters {
  std::uint64_t seen = 0;             ///< how often an id was asked about
  std::uint64_t duplicates = 0;       ///< how often it was remembered
  std::uint64_t remembered = 0;       ///< ids that are remembered
  std::uint64_t expired = 0;          ///< forgotten as the horizon has passed
  std::uint64_t forgotten_early = 0;  ///< forgotten within the horizon, for want of room
  std::uint64_t without_id = 0;       ///< events that process() has passed on for want of an id

  friend constexpr bool operator==(const DuplicateCounters&, const DuplicateCounters&) = default;
};

/// Knows the events that a source delivers again, by their ids: in front of a Sessionizer it keeps
/// a delayed retry, which is in nobody's order, from splitting or prolonging a session.
///
///     DuplicateFilter<EventClock, std::string> seen{{.horizon = 1h, .max_ids = 1'000'000}};
///     if (seen.is_new(click.id, click.time)) sessions.observe(click.user, click.time);
///
/// `Id` is what a key may be: an integer, std::string, a ContentId where events have no id, ...
/// Times are the events' own or those of their arrival. The largest that was given is the filter's
/// time, and an id is remembered until that is more than the horizon past what it was when the id
/// came; a duplicate does not prolong that. So a time that goes back changes nothing, and one from
/// far ahead makes the filter forget once: where stamps can be wrong, give it times of arrival.
///
/// A duplicate that comes when its id is forgotten is new. Expected constant time, amortized over
/// what is forgotten; a duplicate allocates nothing. An id takes its own size, 16 bytes, and 13 to
/// 26 for finding it. Not to be called from two threads at once; one that was moved from is to be
/// assigned or destroyed.
template <session_clock Clock, session_key Id = std::uint64_t>
class DuplicateFilter {
 public:
  using clock = Clock;
  using time_point = typename Clock::time_point;
  using id_type = Id;
  using id_view = key_view_t<Id>;

  explicit DuplicateFilter(DuplicateOptions<Clock> options = {}) : options_(options) {
    assert(options.horizon >= DuplicateOptions<Clock>::duration::zero() &&
           "a horizon is not negative");
    assert(options.max_ids >= 1 && options.max_ids < Table::max_size &&
           "a filter remembers an id, and no more than a table has room for");
  }

  /// Whether the event of this id is no duplicate; the id is then remembered. Where there is no
  /// memory for it, it is not, and what the allocator throws passes through.
  bool is_new(const id_view& id, time_point time) {
    if (!remember(id, time)) return false;
    make_room();
    return true;
  }

  /// Takes an id back whose event was not processed after all: when it comes again, it is new.
  /// False where it is not remembered.
  bool forget(const id_view& id) noexcept {
    const auto* const entry = ids_.find(id);
    if (entry == nullptr) return false;
    take_back(ids_.position(*entry));
    return true;
  }

  /// Calls `sessions.process(events, by, sinks...)` of a Sessionizer or of SessionWindows for the
  /// events that are new, one by one, and says how many events of the range were taken, duplicates
  /// included. `by_id` names an event's id, and the time that the filter goes by:
  ///
  ///     seen.process(clicks, by(&Click::id, &Click::time),
  ///                  sessions, by(&Click::user, &Click::time), out, errors);
  ///
  /// An event without an id or a time is passed on, as new. The id of an event that `sessions` has
  /// not taken, because a sink refused something before it or something was thrown, is not
  /// remembered: offered again, the event is new. After a throw, those events were taken that
  /// counters() of `sessions` or of the filter have counted: offered + duplicates.
  template <std::ranges::input_range Events, class IdOf, class TimeOf, class RawOf, class Sessions,
            class By, class... Sinks>
  Progress process(Events&& events, const Projections<IdOf, TimeOf, RawOf>& by_id,
                   Sessions& sessions, const By& by, Sinks&&... sinks) {
    using Event = std::remove_cvref_t<std::ranges::range_reference_t<Events>>;
    const auto pass_on = [&](std::span<const Event> one) {
      return sessions.process(one, by, sinks...);
    };
    Progress progress = pass_on({});  // what was refused goes out first
    if (progress.delivery == Delivery::refused) return progress;
    std::uint64_t offered = sessions.counters().offered;
    for (auto&& item : events) {
      const Event& event = item;
      const auto pass = [&](bool has_id) {
        Passing<Sessions> passing{*this, sessions, offered, has_id};
        const Progress passed = pass_on({std::addressof(event), 1});
        passing.ends = passed.events != 0 ? Ends::taken : Ends::not_taken;
        offered += passed.events;
        return passed;
      };
      const Progress step = detail::read_event<Clock, Id>(
          event, by_id,
          [&](const id_view& id, time_point time) {
            return remember(id, time) ? pass(true) : Progress{1, Delivery::ok};
          },
          [&](RejectReason) { return pass(false); });
      progress.events += step.events;
      progress.delivery = step.delivery;
      if (step.delivery == Delivery::refused) break;
    }
    return progress;
  }

  /// How many ids are remembered.
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] DuplicateCounters counters() const noexcept {
    DuplicateCounters counters = counters_;
    counters.remembered = ids_.size();
    return counters;
  }
  [[nodiscard]] const DuplicateOptions<Clock>& options() const noexcept { return options_; }

 private:
  template <class Object>
  friend struct detail::SnapshotAccess;

  static constexpr std::uint32_t none = UINT32_MAX;
  struct Place {
    time_point since;  // the filter's time when it came
    // Its neighbours in the order in which they came, by their positions in the table.
    std::uint32_t older = none, newer = none;
  };
  using Table = KeyTable<Id, Place>;

  enum class Ends : unsigned char { by_throwing, taken, not_taken };
  /// Settles what became of an event that was passed on, also where that throws.
  template <class Sessions>
  struct Passing {
    DuplicateFilter& filter;
    const Sessions& sessions;
    std::uint64_t offered;  // before
    bool has_id;
    Ends ends = Ends::by_throwing;

    ~Passing() {
      const bool taken =
          ends == Ends::by_throwing ? sessions.counters().offered != offered : ends == Ends::taken;
      if (!has_id)
        filter.counters_.without_id += taken ? 1 : 0;
      else if (taken)
        filter.make_room();
      else
        filter.take_back(filter.newest_);
    }
  };

  /// Remembers an id that is not, maybe as one too many; false where it is remembered already.
  bool remember(const id_view& id, time_point time) {
    time_ = std::max(time_, time);
    expire();
    if (ids_.find(id) == nullptr) {
      add(id, time_);
      ++counters_.seen;
      return true;
    }
    ++counters_.seen;
    ++counters_.duplicates;
    return false;
  }
  void add(const id_view& id, time_point since) {
    const auto at =
        static_cast<std::uint32_t>(ids_.position(ids_.insert(id, Place{since, newest_, none})));
    (newest_ == none ? oldest_ : place(newest_).newer) = at;
    newest_ = at;
  }
  void expire() noexcept {
    while (oldest_ != none &&
           exceeds(place(oldest_).since, time_, options_.horizon, AtGap::continues)) {
      remove(oldest_);
      ++counters_.expired;
    }
  }
  void make_room() noexcept {
    if (ids_.size() <= options_.max_ids) return;
    remove(oldest_);
    ++counters_.forgotten_early;
  }
  void take_back(std::size_t at) noexcept {
    remove(at);
    --counters_.seen;
  }

  [[nodiscard]] Place& place(std::size_t at) noexcept { return ids_.entries()[at].value; }
  /// What points to a place from the one before it, and from the one behind it.
  [[nodiscard]] std::uint32_t& to_place_from_older(const Place& place) noexcept {
    return place.older == none ? oldest_ : this->place(place.older).newer;
  }
  [[nodiscard]] std::uint32_t& to_place_from_newer(const Place& place) noexcept {
    return place.newer == none ? newest_ : this->place(place.newer).older;
  }
  void remove(std::size_t at) noexcept {
    const Place removed = place(at);
    to_place_from_older(removed) = removed.newer;
    to_place_from_newer(removed) = removed.older;
    // The last entry takes its place in the table.
    const Place last = place(ids_.size() - 1);
    if (at != ids_.size() - 1)
      to_place_from_older(last) = to_place_from_newer(last) = static_cast<std::uint32_t>(at);
    ids_.erase_at(at);
  }

  DuplicateOptions<Clock> options_;
  Table ids_;
  std::uint32_t oldest_ = none, newest_ = none;
  time_point time_ = time_point::min();  // the largest that was given
  DuplicateCounters counters_;           // without `remembered`
};

}  // namespace v0
}  // namespace sessionize

#endif
