#ifndef SESSIONIZE_TESTING_REFERENCE_HPP
#define SESSIONIZE_TESTING_REFERENCE_HPP

#include <sessionize/options.hpp>
#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/rules/reason.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What the library must answer, written down as plainly as possible and without its rules: slow,
// and short enough to be checked by reading. Results of the library, or of a program that uses it,
// are held equal to it.

namespace sessionize {
inline namespace v0 {
namespace testing {

/// Whether later > earlier + span. Where the sum would be beyond the largest time, no time is
/// later. `span` is not negative.
template <class TimePoint>
[[nodiscard]] constexpr bool later_by_more_than(typename TimePoint::duration span,
                                                TimePoint earlier, TimePoint later) noexcept {
  return earlier <= TimePoint::max() - span && later > earlier + span;
}

/// Whether later >= earlier + span; otherwise the same.
template <class TimePoint>
[[nodiscard]] constexpr bool later_by_at_least(typename TimePoint::duration span, TimePoint earlier,
                                               TimePoint later) noexcept {
  return earlier <= TimePoint::max() - span && later >= earlier + span;
}

/// The two columns that the SQL recipe adds to each event.
template <session_clock Clock>
struct ReferenceRow {
  bool starts_session = false;
  std::optional<typename Clock::time_point> session_start{};

  friend bool operator==(const ReferenceRow&, const ReferenceRow&) = default;
};

/// The gap and the carried start over a whole stream of (key, time) in the order of arrival: one
/// row an event. Follows gap, at_gap, gap_from and carry, and no other option. n log(keys).
template <session_clock Clock, class Key>
[[nodiscard]] std::vector<ReferenceRow<Clock>> reference_rows(
    const std::vector<std::pair<Key, typename Clock::time_point>>& events,
    const Options<Clock>& options) {
  std::map<Key, typename Clock::time_point> previous, session_start;
  std::vector<ReferenceRow<Clock>> rows;
  for (const auto& [key, time] : events) {
    bool starts = !previous.contains(key);
    if (!starts && options.at_gap == AtGap::continues)
      starts = later_by_more_than(options.gap, previous[key], time);
    if (!starts && options.at_gap == AtGap::splits)
      starts = later_by_at_least(options.gap, previous[key], time);
    if (starts) session_start[key] = time;

    const bool carried = options.carry.is_forever() ||
                         !later_by_more_than(options.carry.span(), session_start[key], time);
    rows.push_back({starts, carried ? std::optional(session_start[key]) : std::nullopt});

    const bool latest_counts = options.gap_from == GapFrom::latest_time && previous.contains(key);
    previous[key] = latest_counts ? std::max(previous[key], time) : time;
  }
  return rows;
}

/// An event of a ReferenceModel.
template <session_clock Clock, class Key>
struct ReferenceEvent {
  Key key{};
  typename Clock::time_point time{};
  std::optional<std::string> value{};  ///< what the rule value_change watches
  bool ends = false;                   ///< whether it is marked as the last of its session
  bool splits = false;                 ///< what the caller's own rule says of it
};

/// Which split rules a ReferenceModel follows, besides its options.
template <session_clock Clock>
struct ReferenceRules {
  bool end_marker = false;
  std::optional<typename Clock::duration> max_duration{};
  std::optional<std::chrono::seconds> day_boundary{};  ///< at this offset, east of UTC
  bool value_change = false;
  bool own_rule = false;
};

/// The Sessionizer as a specification: every answer is looked up in the whole past of the event's
/// key. An event takes time in proportion to that past.
template <session_clock Clock, class Key>
class ReferenceModel {
 public:
  using time_point = typename Clock::time_point;
  using Event = ReferenceEvent<Clock, Key>;

  struct Answer {
    Placement<Clock> placement{};
    std::optional<Summary<Clock, Key>> closed{};
    std::optional<RejectReason> rejected{};
  };

  explicit ReferenceModel(Options<Clock> options, ReferenceRules<Clock> rules = {})
      : options_(options), rules_(rules) {}

  /// What Sessionizer::observe() answers. Which key is evicted where max_keys have state is not
  /// specified: close() the one that was, in the call before the new key's event.
  Answer observe(const Event& event) {
    if (!pasts_.contains(event.key) && pasts_.size() >= options_.max_keys)
      return {.placement = {}, .closed = {}, .rejected = RejectReason::too_many_keys};
    Past& past = pasts_[event.key];
    const auto [reason, close_reason] = why_it_starts(past, event);
    Answer answer;
    if (reason != SplitReason::none) {
      if (!past.events.empty()) answer.closed = summarize(event.key, past, close_reason);
      past.opened_by = past.events.size();
      ++past.sessions;
    }
    past.events.push_back(event);

    const time_point start = past.start();
    answer.placement = {event.time, reason, {}, start, past.sessions};
    if (is_carried(start, event.time)) answer.placement.session_start = start;
    return answer;
  }

  /// What Sessionizer::expire() emits.
  std::vector<Summary<Clock, Key>> expire(time_point now) {
    std::vector<Key> closing;
    for (const auto& [key, past] : pasts_)
      if (gap_splits(past, now)) closing.push_back(key);
    return close_all(closing, CloseReason::idle);
  }

  /// What Sessionizer::flush() emits.
  std::vector<Summary<Clock, Key>> flush() {
    std::vector<Key> closing;
    for (const auto& [key, past] : pasts_) closing.push_back(key);
    return close_all(closing, CloseReason::flush);
  }

  /// Forgets `key` and returns its session, or null: what Sessionizer::erase() does.
  std::optional<Summary<Clock, Key>> close(const Key& key,
                                           CloseReason reason = CloseReason::erased) {
    auto closed = find(key);
    if (closed) closed->reason = reason;
    pasts_.erase(key);
    return closed;
  }

  /// What Sessionizer::find() answers.
  [[nodiscard]] std::optional<Summary<Clock, Key>> find(const Key& key) const {
    const auto past = pasts_.find(key);
    if (past == pasts_.end()) return std::nullopt;
    return summarize(key, past->second, CloseReason::flush);
  }

  /// How many keys have state.
  [[nodiscard]] std::size_t size() const noexcept { return pasts_.size(); }

 private:
  struct Past {
    std::vector<Event> events{};  // all since the key has state, in the order of arrival
    std::size_t opened_by = 0;    // which of them opened the open session
    std::uint64_t sessions = 0;

    [[nodiscard]] time_point start() const { return events[opened_by].time; }
  };

  struct Reason {
    SplitReason split;
    CloseReason close;
  };

  /// The first condition that holds.
  [[nodiscard]] Reason why_it_starts(const Past& past, const Event& event) const {
    if (past.events.empty()) return {SplitReason::first_event, {}};
    if (gap_splits(past, event.time)) return {SplitReason::gap, CloseReason::idle};
    if (rules_.end_marker && past.events.back().ends)
      return {SplitReason::end_marker, CloseReason::end_marker};
    if (rules_.max_duration && later_by_more_than(*rules_.max_duration, past.start(), event.time))
      return {SplitReason::max_duration, CloseReason::max_duration};
    if (options_.past_carry == PastCarry::splits && !is_carried(past.start(), event.time))
      return {SplitReason::carry, CloseReason::carry};
    if (rules_.day_boundary && day(event.time) > day(previous_time(past)))
      return {SplitReason::day_boundary, CloseReason::day_boundary};
    if (rules_.value_change && event.value && last_value(past) && event.value != last_value(past))
      return {SplitReason::value_change, CloseReason::value_change};
    if (rules_.own_rule && event.splits) return {SplitReason::rule, CloseReason::rule};
    return {SplitReason::none, {}};
  }

  [[nodiscard]] bool gap_splits(const Past& past, time_point time) const {
    return options_.at_gap == AtGap::continues
               ? later_by_more_than(options_.gap, previous_time(past), time)
               : later_by_at_least(options_.gap, previous_time(past), time);
  }
  [[nodiscard]] time_point previous_time(const Past& past) const {
    if (options_.gap_from == GapFrom::previous_arrival) return past.events.back().time;
    return latest_time(past, 0);
  }
  /// The latest time among the events from the `first` on.
  [[nodiscard]] static time_point latest_time(const Past& past, std::size_t first) {
    time_point latest = past.events[first].time;
    for (std::size_t i = first; i < past.events.size(); ++i)
      latest = std::max(latest, past.events[i].time);
    return latest;
  }
  /// The last value of the key that was not null.
  [[nodiscard]] static std::optional<std::string> last_value(const Past& past) {
    std::optional<std::string> last;
    for (const Event& event : past.events)
      if (event.value) last = event.value;
    return last;
  }
  /// The day at the rule's offset. By way of seconds, which the offset cannot carry out of int64.
  [[nodiscard]] auto day(time_point time) const {
    return std::chrono::floor<std::chrono::days>(std::chrono::floor<std::chrono::seconds>(time) +
                                                 *rules_.day_boundary);
  }
  [[nodiscard]] bool is_carried(time_point start, time_point time) const {
    return options_.carry.is_forever() || !later_by_more_than(options_.carry.span(), start, time);
  }

  [[nodiscard]] static Summary<Clock, Key> summarize(const Key& key, const Past& past,
                                                     CloseReason reason) {
    return {.key = key,
            .start = past.start(),
            .last = latest_time(past, past.opened_by),
            .events = past.events.size() - past.opened_by,
            .reason = reason,
            .ordinal = past.sessions};
  }
  std::vector<Summary<Clock, Key>> close_all(const std::vector<Key>& keys, CloseReason reason) {
    std::vector<Summary<Clock, Key>> closed;
    for (const Key& key : keys) closed.push_back(*close(key, reason));
    std::sort(closed.begin(), closed.end(), [](const auto& a, const auto& b) {
      return std::pair(a.start, a.key) < std::pair(b.start, b.key);
    });
    return closed;
  }

  Options<Clock> options_;
  ReferenceRules<Clock> rules_;
  std::map<Key, Past> pasts_;
};

}  // namespace testing
}  // namespace v0
}  // namespace sessionize

#endif
