#ifndef SESSIONIZE_SNAPSHOT_SESSION_WINDOWS_HPP
#define SESSIONIZE_SNAPSHOT_SESSION_WINDOWS_HPP

#include <sessionize/snapshot/aggregates.hpp>
#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/windows/session_windows.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

template <>
struct SnapshotAccess<WindowCounters> {
  static void save(const WindowCounters& counters, SnapshotWriter& out) {
    for (const auto member : members) out.number(counters.*member);
    save_counts(out, counters.rejected.by_reason());
    save_counts(out, counters.late_by_reason);
    save_counts(out, counters.sessions_closed_by_reason);
  }
  static bool load(SnapshotReader& in, WindowCounters& counters) {
    for (const auto member : members)
      if (!in.number(counters.*member)) return false;
    std::array<std::uint64_t, reject_reason_count> rejected{};
    if (!load_counts(in, rejected)) return false;
    counters.rejected = RejectCounts(rejected);
    return load_counts(in, counters.late_by_reason) &&
           load_counts(in, counters.sessions_closed_by_reason);
  }

 private:
  // Nothing is pending.
  static constexpr std::uint64_t WindowCounters::*members[] = {
      &WindowCounters::offered,         &WindowCounters::accepted,
      &WindowCounters::events_emitted,  &WindowCounters::events_open,
      &WindowCounters::sessions_opened, &WindowCounters::sessions_merged};
};

/// Keys are written sorted, and when something is due of each is found out again. Late events that
/// one call finds of several keys come in no promised order, and may come in another one than
/// without the snapshot.
template <class Clock, class Key, class Aggregate, class Rule>
struct SnapshotAccess<SessionWindows<Clock, Key, Aggregate, Rule>> {
  using Object = SessionWindows<Clock, Key, Aggregate, Rule>;
  using Table = typename Object::Table;
  using KeyState = typename Object::KeyState;
  using Session = typename Object::Session;
  using Rest = typename KeyState::Rest;
  using State = typename Object::aggregate_state;
  using Suspect = typename Object::Suspect;
  using Time = typename Clock::time_point;
  using View = key_view_t<Key>;

  static void describe(const Object& object, SnapshotDescription& to) {
    const auto& options = object.options();
    const auto& rule = object.time_.rule_;
    to.add("kind", "SessionWindows", SnapshotReason::other_kind);
    to.add("layout", "2", SnapshotReason::other_version);  // of what a snapshot of this kind has
    describe_types<Clock, Key>(to);
    to.add("max_duration", span_or_off(rule.limit), SnapshotReason::other_rule);
    to.add("day_boundary", span_or_off(rule.day_offset), SnapshotReason::other_rule);
    to.add("aggregate", aggregate_name(object.aggregate_));
    to.add("gap", options.gap);
    to.add("at_gap", options.at_gap == AtGap::continues ? "continues" : "splits");
    to.add("out_of_order", span_or_off(options.out_of_order));
    to.add("lateness", options.lateness);
    to.add("emit", options.emit == Emit::final_only ? "final_only"
                   : options.emit == Emit::updates  ? "updates"
                                                    : "retractions");
    to.add("close", name_of(options.close));
    to.add("after_close", options.after_close == AfterClose::opens_new ? "opens_new" : "is_late");
    to.add("watermark_of", options.watermark_of == WatermarkOf::stream ? "stream" : "key");
    to.add("max_advance", span_or_off(options.max_advance));
    to.add("max_keys", options.max_keys);
    to.add("max_sessions", options.max_sessions);
    to.add("at_max",
           options.at_max == AtMaxSessions::rejects_new ? "rejects_new" : "closes_next_due");
    to.add("max_kept_events", options.max_kept_events);
  }

  static std::string_view busy(const Object& object) {
    if (!object.results_.empty())
      return "a sink has refused a result that is still to be delivered: call process() or flush() "
             "with that sink until it has it, then save";
    if (!object.late_.empty())
      return "a late event is still to be told: call advance_watermark() with the late sink, then "
             "save";
    return {};
  }

  static void save(const Object& object, SnapshotWriter& out) {
    SnapshotAccess<WindowCounters>::save(object.counters_, out);
    out.number(object.arrivals_);
    out.put(object.has_largest_ ? std::optional(object.largest_) : std::nullopt);
    out.put(object.explicit_);
    out.put(object.now_);
    const auto& suspect = object.far_future_.suspect();
    out.put(suspect.has_value());
    if (suspect) {
      out.put(suspect->key);
      out.put(suspect->time);
    }
    const auto& since = object.idle_.since_;
    out.put(since.has_value());
    if (since) {
      out.put(since->now);
      out.put(since->watermark);
    }
    std::vector<const typename Table::Entry*> sorted;
    sorted.reserve(object.table_.size());
    for (const auto& entry : object.table_.entries()) sorted.push_back(&entry);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return View(a->key) < View(b->key); });
    out.number(std::uint64_t{sorted.size()});
    for (const auto* entry : sorted) {
      out.put(entry->key);
      save_key(object, entry->value, out);
    }
  }

  struct Parts {
    WindowCounters counters{};
    std::uint64_t arrivals = 0;
    std::optional<Time> largest{};
    Time given{};
    std::optional<Time> now{};
    std::optional<Suspect> suspect{};
    IdleTime<Time> idle{};
    Table table{};
    std::optional<DueKeys> due{};  // made of what the keys are
    std::size_t sessions = 0, kept = 0;
    decltype(Object::results_) results{};
  };

  static bool load(const Object& object, SnapshotReader& in, Parts& parts) {
    if (!SnapshotAccess<WindowCounters>::load(in, parts.counters) || !in.number(parts.arrivals) ||
        !in.get(parts.largest) || !in.get(parts.given) || !in.get(parts.now) ||
        !load_suspect(in, parts.suspect) || !load_idle(in, parts.idle))
      return false;
    const auto& options = object.options();
    std::uint64_t size = 0;
    if (!in.number(size) || size > options.max_keys) return false;
    parts.due.emplace(plus(Time{options.gap}, options.lateness).time_since_epoch().count());
    for (std::uint64_t i = 0; i < size; ++i) {
      Key key{};
      KeyState state;
      if (!in.get(key) || !load_key(object, in, state, parts)) return false;
      if (i != 0 && !(View(parts.table.entries().back().key) < View(key))) return false;
      auto& entry = parts.table.insert(View(key), std::move(state));
      entry.value.number = parts.due->add(static_cast<std::size_t>(i));
      parts.due->schedule(entry.value.number,
                          entry.value.next_due(object.time_).time_since_epoch().count());
    }
    // What a maximum duration leaves of a session may be more than one.
    return parts.sessions <= options.max_sessions || object.time_.is_limited();
  }

  static void adopt(Object& object, Parts&& parts) noexcept {
    object.counters_ = parts.counters;
    object.arrivals_ = parts.arrivals;
    object.largest_ = parts.largest.value_or(Time::min());
    object.has_largest_ = parts.largest.has_value();
    object.explicit_ = parts.given;
    object.now_ = parts.now;
    object.far_future_.suspect(std::move(parts.suspect));
    object.idle_ = parts.idle;
    object.table_ = std::move(parts.table);
    object.due_ = std::move(*parts.due);
    object.has_unscheduled_ = false;
    object.shrunk_at_ = object.table_.size();
    object.sessions_ = parts.sessions;
    object.kept_ = parts.kept;
    object.results_ = std::move(parts.results);  // none: a new one would ask for memory
    object.late_.clear();
  }

 private:
  template <class Span>
  static std::string span_or_off(const std::optional<Span>& span) {
    return span ? span_text(*span) : "off";
  }
  static const char* name_of(ClosePolicy close) {
    switch (close) {
      case ClosePolicy::exact: return "exact";
      case ClosePolicy::flink: return "flink";
      case ClosePolicy::kafka: return "kafka";
      case ClosePolicy::spark: return "spark";
      case ClosePolicy::drops_behind: return "drops_behind";
    }
    return "unknown";
  }

  static bool load_suspect(SnapshotReader& in, std::optional<Suspect>& suspect) {
    bool is_there = false;
    if (!in.get(is_there) || !is_there) return in.ok();
    suspect.emplace();
    return in.get(suspect->key) && in.get(suspect->time);
  }
  static bool load_idle(SnapshotReader& in, IdleTime<Time>& idle) {
    bool is_there = false;
    if (!in.get(is_there) || !is_there) return in.ok();
    idle.since_.emplace();
    return in.get(idle.since_->now) && in.get(idle.since_->watermark);
  }

  static void save_key(const Object& object, const KeyState& key, SnapshotWriter& out) {
    out.put(key.largest());
    out.number(std::uint64_t{key.sessions.size()});
    for (const Session& session : key.sessions) save_session(object, session, out);
    out.put(!key.is_simple());
    if (key.is_simple()) return;
    out.number(std::uint64_t{key.rest->waiting.size()});
    for (const auto& event : key.rest->waiting) {
      out.put(event.time);
      out.number(event.arrival);
      out.put(event.data);
      out.put(event.aggregate);
    }
    out.number(std::uint64_t{key.rest->closed.size()});
    for (const auto& closed : key.rest->closed) {
      out.put(closed.start);
      out.put(closed.until);
      out.put(closed.gap);
      out.put(closed.is_cut);
    }
  }
  static bool load_key(const Object& object, SnapshotReader& in, KeyState& key, Parts& parts) {
    std::uint64_t size = 0;
    bool has_rest = false;
    Time largest{};
    if (!in.get(largest) || !in.number(size)) return false;
    key.see(largest);
    for (; size != 0; --size) {
      Session session;
      if (!load_session(object, in, session)) return false;
      if constexpr (Object::may_keep) parts.kept += session.kept.size();
      ++parts.sessions;
      key.sessions.insert(key.sessions.size(), std::move(session));
    }
    if (!in.get(has_rest) || !has_rest) return in.ok();
    Rest& rest = key.made_rest();
    if (!in.number(size)) return false;
    for (; size != 0; --size) {
      auto& event = rest.waiting.emplace_back();
      if (!in.get(event.time) || !in.number(event.arrival) || !in.get(event.data) ||
          !in.get(event.aggregate))
        return false;
      ++parts.kept;
    }
    if (!in.number(size)) return false;
    for (; size != 0; --size) {
      auto& closed = rest.closed.emplace_back();
      if (!in.get(closed.start) || !in.get(closed.until) || !in.get(closed.gap) ||
          !in.get(closed.is_cut) || closed.gap < closed.gap.zero())
        return false;
    }
    return true;
  }

  static void save_session(const Object& object, const Session& session, SnapshotWriter& out) {
    using History = typename Session::History;
    // One without reports says nothing where final results alone are given, and is not restored.
    const bool is_known =
        session.history != nullptr &&
        (object.options().emit != Emit::final_only || !session.history->reports.empty());
    const History known = is_known ? *session.history : History{{}, 0, {}};
    out.put(session.start);
    out.put(session.last);
    out.put(session.reach);
    out.put(known.id_time);
    out.number(known.arrival);
    out.number(session.events);
    out.put(session.aggregate);
    if constexpr (Object::may_keep) {
      out.number(std::uint64_t{session.kept.size()});
      for (const auto& event : session.kept) {
        out.put(event.time);
        out.put(event.reach);
        out.number(event.arrival);
        out.put(event.aggregate);
      }
    } else {
      out.number(std::uint64_t{0});
    }
    std::vector<Report<Clock>> reports = known.reports;
    std::sort(reports.begin(), reports.end(),
              [](const auto& a, const auto& b) { return a.arrival < b.arrival; });
    out.number(std::uint64_t{reports.size()});
    for (const auto& report : reports) {
      out.number(report.arrival);
      out.put(report.start);
      out.put(report.last);
      out.number(report.events);
    }
  }
  static bool load_session(const Object& object, SnapshotReader& in, Session& session) {
    std::uint64_t size = 0;
    typename Session::History known{{}, 0, {}};
    if (!in.get(session.start) || !in.get(session.last) || !in.get(session.reach) ||
        !in.get(known.id_time) || !in.number(known.arrival) || !in.number(session.events) ||
        !in.get(session.aggregate) || !in.number(size))
      return false;
    if ((size != 0) != object.time_.is_limited()) return false;
    if constexpr (Object::may_keep) {
      for (; size != 0; --size) {
        auto& event = session.kept.emplace_back();
        if (!in.get(event.time) || !in.get(event.reach) || !in.number(event.arrival) ||
            !in.get(event.aggregate))
          return false;
      }
    }
    if (!in.number(size)) return false;
    for (; size != 0; --size) {
      Report<Clock>& report = known.reports.emplace_back();
      if (!in.number(report.arrival) || !in.get(report.start) || !in.get(report.last) ||
          !in.number(report.events))
        return false;
    }
    if (object.options().emit != Emit::final_only || !known.reports.empty())
      session.history = std::make_unique<typename Session::History>(std::move(known));
    return true;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
