#ifndef SESSIONIZE_WINDOWS_EVENT_TIME_HPP
#define SESSIONIZE_WINDOWS_EVENT_TIME_HPP

#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/utc.hpp>
#include <sessionize/windows/event_time_rule.hpp>
#include <sessionize/windows/open_session.hpp>
#include <sessionize/windows/options.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What event time decides: what meets, what is due, where a maximum duration cuts. Functions of
/// times alone; SessionWindows keeps the state.
template <session_clock Clock, class Rule>
class EventTime {
 public:
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  using RuleIs = EventTimeRule<Clock, Rule>;
  /// Whether there may be a maximum duration, under which events are kept.
  static constexpr bool may_keep = RuleIs::limits;
  /// The watermark before there is one.
  static constexpr time_point never = time_point::min();

  EventTime(const WindowOptions<Clock>& options, const Rule& rule)
      : options_(options), rule_(rule) {
    assert(options.gap >= duration::zero() && "a gap is not negative");
    assert((options.at_gap == AtGap::continues || options.gap > duration::zero()) &&
           "a gap of 0 that splits leaves no two events together");
    assert(options.lateness >= duration::zero() && "a lateness is not negative");
    assert(options.max_keys > 0 && options.max_sessions > 0);
  }

  [[nodiscard]] const WindowOptions<Clock>& options() const noexcept { return options_; }

  // The watermark

  /// Where it is by the largest time seen.
  [[nodiscard]] time_point behind(time_point largest) const noexcept {
    if (!options_.out_of_order || largest == never) return never;
    return minus(largest, *options_.out_of_order);
  }
  /// When something that reaches as far as `reach` is due: as soon as that is before the watermark.
  /// What reaches beyond all times never is.
  [[nodiscard]] time_point due(time_point reach) const noexcept {
    const bool continues = options_.at_gap == AtGap::continues;
    const bool is_inclusive =
        options_.close == ClosePolicy::flink || options_.close == ClosePolicy::spark;
    if (reach == time_point::max()) return reach;
    if (continues && is_inclusive) return minus(reach, duration{1});
    if (!continues && options_.close == ClosePolicy::kafka) return plus(reach, duration{1});
    return reach;
  }
  /// When it is closed.
  [[nodiscard]] time_point closes_at(time_point reach) const noexcept {
    return due(plus(reach, options_.lateness));
  }
  /// Whether an event that meets no session is too late to form one. One that is on time is not,
  /// though nothing can join it.
  [[nodiscard]] bool is_late(time_point time, time_point reach,
                             time_point watermark) const noexcept {
    const bool can_be =
        options_.close == ClosePolicy::flink || options_.close == ClosePolicy::spark;
    const bool is_on_time = !can_be && time >= watermark;
    return !is_on_time && closes_at(reach) < watermark;
  }

  // The gap, and days

  /// As far as an event reaches: the last time of an event that it would be joined by. Where the
  /// gap splits that is one before its time and its gap.
  [[nodiscard]] time_point reach(time_point time, duration gap) const noexcept {
    const bool continues = options_.at_gap == AtGap::continues;
    if (continues || gap > duration::zero()) return plus(time, continues ? gap : gap - duration{1});
    return minus(time, duration{1});
  }
  /// The number of a time's day; 0 where days do not split.
  [[nodiscard]] std::int64_t day(time_point time) const noexcept {
    if constexpr (RuleIs::has_days)
      if (rule_.day_offset) return day_number(time, *rule_.day_offset);
    return 0;
  }
  /// Whether a time is in a session, which it does not make longer.
  template <class Session>
  [[nodiscard]] bool is_in(time_point time, const Session& session) const noexcept {
    return session.start <= time && time <= session.reach && day(time) == day(session.start);
  }
  /// Whether an event meets a session.
  template <class Session>
  [[nodiscard]] bool meets(const Session& session, time_point time,
                           time_point reach) const noexcept {
    return session.start <= reach && time <= session.reach && day(time) == day(session.start);
  }
  /// Those of a key's sessions, in the order of their starts, that an event meets: from, to.
  template <class Sessions>
  [[nodiscard]] std::pair<std::size_t, std::size_t> meeting(const Sessions& sessions,
                                                            time_point time,
                                                            time_point reach) const noexcept {
    std::size_t to = sessions.size();
    while (to > 0 && (sessions[to - 1].start > reach || day(sessions[to - 1].start) > day(time)))
      --to;
    std::size_t from = to;
    while (from > 0 && time <= sessions[from - 1].reach &&
           day(sessions[from - 1].start) == day(time))
      --from;
    return {from, to};
  }
  /// Whether midnight alone has ended session `at` of a key's, which reaches to `reach`.
  template <class Sessions>
  [[nodiscard]] bool ends_at_midnight(const Sessions& sessions, std::size_t at,
                                      time_point reach) const noexcept {
    return RuleIs::has_days && at + 1 < sessions.size() && sessions[at + 1].start <= reach;
  }

  // A maximum duration

  [[nodiscard]] bool is_limited() const noexcept { return may_keep && rule_.limit.has_value(); }
  /// As far as a cut reaches that begins at `start`. Precondition: is_limited().
  [[nodiscard]] time_point cut_until(time_point start) const noexcept {
    return plus(start, *rule_.limit);
  }
  /// When a cut that begins at `start` is final: as soon as that is before the watermark, no event
  /// that is not late can change it.
  [[nodiscard]] time_point final_at(time_point start) const noexcept {
    return plus(cut_until(start), options_.lateness);
  }
  /// Whether a time is in a cut, which it does not make longer.
  template <class Part>
  [[nodiscard]] bool is_in_cut(time_point time, const Part& cut) const noexcept {
    return is_in(time, cut) && !is_beyond(cut.start, time);
  }
  /// A cut of a session's events: those up to `end`.
  struct Cut {
    std::size_t end;
    time_point start, reach;
  };
  /// The cut that begins with event `from`: the gap of its own events ends it, or the duration.
  template <class Kept>
  [[nodiscard]] Cut cut(const std::vector<Kept>& kept, std::size_t from) const noexcept {
    Cut its{from + 1, kept[from].time, kept[from].reach};
    for (; its.end < kept.size() && kept[its.end].time <= its.reach &&
           !is_beyond(its.start, kept[its.end].time);
         ++its.end)
      its.reach = std::max(its.reach, kept[its.end].reach);
    return its;
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  [[nodiscard]] bool is_beyond(time_point start, time_point time) const noexcept {
    return rule_.limit && exceeds(start, time, *rule_.limit, AtGap::continues);
  }

  WindowOptions<Clock> options_;
  RuleIs rule_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
