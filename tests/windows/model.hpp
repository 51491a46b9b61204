#ifndef SESSIONIZE_TESTS_WINDOWS_MODEL_HPP
#define SESSIONIZE_TESTS_WINDOWS_MODEL_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

// Sessions in event time, said as plainly as possible: all events of the sessions that are not
// closed are kept, and their sessions are made anew, from nothing, whenever one is asked for. Slow
// on purpose. Times are numbers of ticks in 128 bits: nothing here overflows or saturates. Nothing
// here is the library's, so that both cannot be wrong together.
//
// Where what is promised leaves room, what a batch over all events would say decides:
//
// - An event that is not behind the watermark is never late under ClosePolicy::exact. It matters
//   where the gap is 0, splits at equality and there is no lateness: a session at W is then due
//   at once, and yet disorder within the bound must make nothing late.
// - Where the gap splits, sessions meet as open intervals do: a point (an event with a gap of 0)
//   meets a session that it lies inside of, and none at whose first event it lies. Whether two
//   meet then does not depend on which came first.
// - A day's sessions are made of that day's events alone: what reaches over midnight keeps no two
//   events of the next day together.
// - A maximum duration cuts what the gap connects within a day: a session takes what is next until
//   the gap of its own events, the day or the duration ends it. What the duration has closed while
//   an event could still come within the gap says so, whether or not one comes.
// - Events of a final cut are gone: what connects the rest is the rest alone.
// - A session that W has closed is remembered for AfterClose::is_late as long as an event with the
//   gap of the options, or with that of the session's end, could meet it and not be late by itself;
//   one that had to make room before it was due is not. Nor is a final cut: the next event of a
//   user who never pauses is on time, and within the gap of it.
// - A final cut is remembered as long as such an event in it could meet a session that is open, or
//   that such an event opens.
// - A key has state while it has events or something is remembered of it, which its own watermark
//   is where that is before that of all. The key that something is due of first goes first.
// - An event in a final cut that would be closed by itself is late for either reason.
// - Each of two events that are too far ahead moves the watermark of its own key, if that has
// state,
//   as it has from then on until it is flushed or has to make room.
// - What a maximum duration may yet cut elsewhere counts as one open session.
// - A session that was reported early is reported at each change from then on, due or not.
// - A result that still holds when its session is closed is not retracted.
// - An event that does not keep a session alive moves W as any other does.
// - Of several events of one key that are too far ahead the earliest is to be confirmed. One that
//   confirms another is reported only where it still moves nothing itself.

namespace windows_model {

__extension__ typedef __int128 Wide;

enum class Close { exact, flink, kafka, spark, drops_behind };
enum class Emit { final_only, updates, retractions };
enum class Op { open, update, retract, final };
enum class Reason { idle, max_duration, day_boundary, flush, evicted };
enum class Late { closed, after_close, final_cut, behind_watermark, unattached, far_future };
enum class Rejected { no_key_left, no_session_left, no_event_left };

struct Rules {
  Wide gap = 10;
  bool splits_at_gap = false;
  std::optional<Wide> out_of_order = 0;
  Wide lateness = 0;
  Emit emit = Emit::final_only;
  Close close = Close::exact;
  bool late_after_close = false;
  bool watermark_of_key = false;
  std::optional<Wide> max_advance{};
  std::size_t max_keys = 1000;
  std::size_t max_sessions = 1000;
  std::size_t max_kept = 1000;  // events one by one: under a maximum duration, or waiting
  bool evicts = false;          // at max_sessions; else rejects
  std::optional<Wide> max_duration{};
  std::optional<Wide> day{};  // its length
  Wide day_offset = 0;
};

struct Event {
  int key = 0;
  Wide time = 0;
  std::optional<Wide> gap{};
  bool keeps_alive = true;
  std::int64_t value = 0;
};

/// count, sum, min, max, first, last and up to `distinct_limit` different values.
struct Aggregate {
  static constexpr std::size_t distinct_limit = 3;
  std::uint64_t count = 0;
  std::int64_t sum = 0;
  std::int64_t min = 0, max = 0, first = 0, last = 0, first_arrived = 0;
  std::size_t distinct = 0;
  bool distinct_is_exact = true;

  friend bool operator==(const Aggregate&, const Aggregate&) = default;
};

struct Result {
  Op op{};
  int key = 0;
  Wide start = 0, last = 0;
  std::uint64_t events = 0;
  Reason reason{};
  Wide id = 0;
  std::vector<Wide> replaces{};  // ascending
  Aggregate aggregate{};

  friend bool operator==(const Result&, const Result&) = default;
};

struct LateEvent {
  int key = 0;
  Wide time = 0;
  Late reason{};
  std::optional<Wide> watermark{};
  bool is_either = false;  // closed by itself, and possibly in a final cut

  friend bool operator==(const LateEvent&, const LateEvent&) = default;
};

/// What one call comes to.
struct Answer {
  std::vector<Result> results{};  // in order
  std::vector<LateEvent> late{};
  std::optional<Rejected> rejected{};
  std::size_t closed = 0;
};

struct Counters {
  std::uint64_t offered = 0, emitted = 0, open = 0, waiting = 0;
  std::array<std::uint64_t, 3> rejected{};  // by reason
  std::array<std::uint64_t, 6> late{};      // by reason
};

/// An event that was accepted and is in no closed session.
struct Kept {
  Event event{};
  Wide end = 0;
  std::uint64_t arrival = 0;

  [[nodiscard]] auto moment() const { return std::pair(event.time, arrival); }
};

[[nodiscard]] inline bool earlier(const Kept& a, const Kept& b) { return a.moment() < b.moment(); }

/// What is computed of a session's events, one look at all of them for each number.
[[nodiscard]] inline Aggregate aggregate_of(std::vector<Kept> events) {
  Aggregate all;
  std::sort(events.begin(), events.end(), earlier);
  all.count = events.size();
  all.first = events.front().event.value;
  all.last = events.back().event.value;
  all.min = all.max = all.first;
  std::set<std::int64_t> different;
  const Kept* arrived = &events.front();
  for (const Kept& kept : events) {
    all.sum += kept.event.value;
    all.min = std::min(all.min, kept.event.value);
    all.max = std::max(all.max, kept.event.value);
    different.insert(kept.event.value);
    if (kept.arrival < arrived->arrival) arrived = &kept;
  }
  all.first_arrived = arrived->event.value;
  all.distinct_is_exact = different.size() <= Aggregate::distinct_limit;
  all.distinct = std::min(different.size(), Aggregate::distinct_limit);
  return all;
}

/// A run of a key's events: a session, or before it is cut by the maximum duration more than one.
struct Session {
  std::vector<Kept> events{};      // that keep it alive, by (time, arrival)
  std::vector<Kept> heartbeats{};  // that do not
  Wide start = 0, last = 0, end = 0;
  Reason cut_by = Reason::idle;  // why what follows it is another session, as far as is known

  explicit Session(const Kept& kept)
      : events{kept}, start(kept.event.time), last(kept.event.time), end(kept.end) {}
  void add(const Session& other) {
    events.insert(events.end(), other.events.begin(), other.events.end());
    std::sort(events.begin(), events.end(), earlier);
    start = events.front().event.time;
    last = events.back().event.time;
    end = std::max(end, other.end);
  }
  [[nodiscard]] std::vector<Kept> all_events() const {
    auto all = events;
    all.insert(all.end(), heartbeats.begin(), heartbeats.end());
    return all;
  }
  [[nodiscard]] bool has(std::uint64_t arrival) const {
    for (const Kept& kept : events)
      if (kept.arrival == arrival) return true;
    for (const Kept& kept : heartbeats)
      if (kept.arrival == arrival) return true;
    return false;
  }
  /// The event that opened the part that arrived first.
  [[nodiscard]] const Kept& opener() const {
    return *std::min_element(events.begin(), events.end(),
                             [](const Kept& a, const Kept& b) { return a.arrival < b.arrival; });
  }
};

[[nodiscard]] inline Wide day_of(const Rules& rules, Wide time) {
  if (!rules.day) return 0;
  const Wide local = time + rules.day_offset;
  return local / *rules.day - (local % *rules.day < 0 ? 1 : 0);
}

/// Whether each of two sessions starts no later than the other ends; at equality the gap decides.
[[nodiscard]] inline bool reach_each_other(const Rules& rules, const Session& a, const Session& b) {
  return rules.splits_at_gap ? a.start < b.end && b.start < a.end
                             : a.start <= b.end && b.start <= a.end;
}
[[nodiscard]] inline bool meet(const Rules& rules, const Session& a, const Session& b) {
  return day_of(rules, a.start) == day_of(rules, b.start) && reach_each_other(rules, a, b);
}
[[nodiscard]] inline bool is_beyond(const Rules& rules, const Session& session, Wide time) {
  return rules.max_duration && time - session.start > *rules.max_duration;
}
/// Whether [start, end] holds a time; the end is not in it where the gap splits.
[[nodiscard]] inline bool holds(const Rules& rules, const Session& session, Wide time) {
  return day_of(rules, session.start) == day_of(rules, time) && session.start <= time &&
         (rules.splits_at_gap ? time < session.end : time <= session.end) &&
         !is_beyond(rules, session, time);
}

/// What the gap (and the day) connects among these events.
[[nodiscard]] inline std::vector<Session> runs_of(const Rules& rules,
                                                  const std::vector<Kept>& kept) {
  std::vector<Session> runs;
  for (const Kept& one : kept) {
    Session grown(one);
    for (std::size_t i = 0; i < runs.size();) {
      if (!meet(rules, grown, runs[i])) {
        ++i;
        continue;
      }
      grown.add(runs[i]);
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(i));
      i = 0;
    }
    runs.push_back(std::move(grown));
  }
  return runs;
}

/// The sessions of one key's events, by start.
[[nodiscard]] inline std::vector<Session> sessions_of(const Rules& rules,
                                                      const std::vector<Kept>& kept) {
  std::vector<Kept> active, heartbeats;
  for (const Kept& one : kept) (one.event.keeps_alive ? active : heartbeats).push_back(one);
  // A point is before what begins where it lies.
  std::sort(active.begin(), active.end(), [](const Kept& a, const Kept& b) {
    return std::tuple(a.event.time, a.end, a.arrival) < std::tuple(b.event.time, b.end, b.arrival);
  });

  std::vector<Session> sessions;
  for (const Kept& one : active) {
    const Session own(one);
    const bool is_met = !sessions.empty() && meet(rules, sessions.back(), own);
    if (is_met && !is_beyond(rules, sessions.back(), own.start)) {
      sessions.back().add(own);
      continue;
    }
    if (is_met) sessions.back().cut_by = Reason::max_duration;
    sessions.push_back(own);
  }
  for (Session& session : sessions) {
    for (const Session& next : sessions) {
      if (session.cut_by != Reason::idle) break;
      if (day_of(rules, next.start) > day_of(rules, session.start) &&
          reach_each_other(rules, session, next))
        session.cut_by = Reason::day_boundary;
    }
  }
  for (const Kept& heartbeat : heartbeats) {
    for (Session& session : sessions) {
      if (!holds(rules, session, heartbeat.event.time)) continue;
      session.heartbeats.push_back(heartbeat);
      break;
    }
  }
  return sessions;
}

/// The sessions of a whole input, sorted and cut; reports nothing of events that belong to none.
[[nodiscard]] inline std::vector<Result> batch(const Rules& rules,
                                               const std::vector<Event>& events) {
  std::map<int, std::vector<Kept>> of_key;
  std::uint64_t arrival = 0;
  for (const Event& event : events)
    of_key[event.key].push_back({event, event.time + event.gap.value_or(rules.gap), arrival++});
  std::vector<Result> results;
  for (const auto& [key, kept] : of_key) {
    for (const Session& session : sessions_of(rules, kept)) {
      const auto all = session.all_events();
      results.push_back(
          {Op::final,
           key,
           session.start,
           session.last,
           all.size(),
           session.cut_by,
           rules.emit == Emit::final_only ? session.start : session.opener().event.time,
           {},
           aggregate_of(all)});
    }
  }
  return results;
}

class Model {
 public:
  explicit Model(Rules rules) : rules_(rules) {}

  Answer observe(const Event& event) {
    ++counters_.offered;
    Answer answer;
    decide(event, answer);
    step(answer);
    return answer;
  }
  /// W is at least `watermark` from now on, for every key.
  Answer advance(Wide watermark) {
    explicit_ = std::max(explicit_.value_or(watermark), watermark);
    Answer answer;
    step(answer);
    return answer;
  }
  /// What has changed of the open sessions since it was reported.
  Answer early() {
    Answer answer;
    for (auto& [key, state] : states_)
      for (const Session& session : sessions_of(rules_, state.kept))
        if (changed(state, session)) report(key, session);
    put_in_order(answer);
    return answer;
  }
  Answer flush() {
    Answer answer;
    for (auto& [key, state] : states_) {
      for (const Session& session : sessions_of(rules_, state.kept))
        close(key, session, watermark(key), Reason::flush, answer);
      for (const Kept& heartbeat : std::exchange(state.waiting, {}))
        report_late(heartbeat.event, Late::unattached, answer);
    }
    states_.clear();
    largest_of_.clear();
    put_in_order(answer);
    return answer;
  }
  void set_clock(Wide now) { clock_ = now; }
  /// From the first call after the last event on, W moves as fast as `now`.
  Answer advance_idle(Wide now) {
    Answer answer;
    if (!watermark()) return answer;
    if (!idle_since_) {
      idle_since_ = now;
      idle_watermark_ = watermark();
    } else {
      explicit_ =
          later(explicit_, std::min<Wide>(*idle_watermark_ + (now - *idle_since_), INT64_MAX));
    }
    step(answer);
    return answer;
  }

  [[nodiscard]] std::optional<Wide> watermark() const {
    return rules_.watermark_of_key ? explicit_ : later(explicit_, behind(largest_));
  }
  [[nodiscard]] std::optional<Wide> watermark(int key) const {
    if (!rules_.watermark_of_key) return watermark();
    const auto at = largest_of_.find(key);
    return later(explicit_, at == largest_of_.end() ? std::nullopt : behind(at->second));
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t open = 0;
    for (const auto& [key, state] : states_) open += open_runs(state).size();
    return open;
  }
  [[nodiscard]] std::size_t keys() const { return states_.size(); }
  [[nodiscard]] Counters counters() const {
    Counters all = counters_;
    for (const auto& [key, state] : states_) {
      all.open += state.kept.size();
      all.waiting += state.waiting.size();
    }
    return all;
  }

 private:
  struct Report {
    std::uint64_t opener;  // the arrival of its session's opener
    Result last;
  };
  struct Cut {
    Wide start, end, gap;
  };
  struct Closed {
    Session session;
    Wide gap;
  };
  struct State {
    std::vector<Kept> kept{};     // in sessions that are not closed
    std::vector<Kept> waiting{};  // heartbeats that no session holds yet
    std::vector<Report> reports{};
    std::vector<Closed> closed{};
    std::vector<Cut> final_cuts{};
  };

  static std::optional<Wide> later(std::optional<Wide> a, std::optional<Wide> b) {
    if (!a) return b;
    return b ? std::max(*a, *b) : *a;
  }
  [[nodiscard]] std::optional<Wide> behind(std::optional<Wide> largest) const {
    if (!largest || !rules_.out_of_order) return std::nullopt;
    return *largest - *rules_.out_of_order;
  }

  /// Whether no event that is on time reaches back to `end`.
  [[nodiscard]] bool passed(Wide end, std::optional<Wide> watermark) const {
    if (!watermark) return false;
    const bool at_equality = rules_.close == Close::flink || rules_.close == Close::spark ||
                             (rules_.close != Close::kafka && rules_.splits_at_gap);
    return at_equality ? end <= *watermark : end < *watermark;
  }

  /// Whether there is nothing of a key that would be missed.
  [[nodiscard]] bool is_forgettable(int key, const State& state) const {
    const bool may_be_confirmed = rules_.watermark_of_key && suspect_ && suspect_->key == key;
    return state.kept.empty() && state.waiting.empty() && state.closed.empty() &&
           state.final_cuts.empty() && watermark(key) == watermark() && !may_be_confirmed;
  }

  /// Puts an event where it belongs: into a session, aside, or to those that are late.
  void decide(const Event& event, Answer& answer) {
    const auto known = states_.find(event.key);
    const State state = known == states_.end() ? State{} : known->second;
    const Kept kept{event, event.time + event.gap.value_or(rules_.gap), arrivals_++};
    const Session own(kept);
    const auto before = std::tuple(largest_, largest_of_, suspect_, confirmed_);
    Answer far;
    if (rules_.close == Close::kafka) move_watermark(event, far);
    const auto now = watermark(event.key);

    if (const auto reason = why_late(state, own, now)) {
      report_late(event, *reason, answer);
      answer.late.back().is_either = rules_.max_duration && passed(own.end + rules_.lateness, now);
    } else if (const auto refused = why_rejected(state, own, now, answer)) {
      answer.rejected = refused;
      ++counters_.rejected[static_cast<std::size_t>(*refused)];
      std::tie(largest_, largest_of_, suspect_, confirmed_) = before;
      return;
    } else {
      State& joined = states_[event.key];
      (event.keeps_alive ? joined.kept : joined.waiting).push_back(kept);
      attach_waiting(joined);
    }
    if (rules_.close != Close::kafka) move_watermark(event, far);
    if (const auto other = std::exchange(confirmed_, std::nullopt);
        other && states_.count(other->key) != 0)
      follow(*other);
    if (states_.count(event.key) == 0) largest_of_.erase(event.key);
    for (const LateEvent& late : far.late) {
      // What is told to be late is told once.
      const auto is_it = [&](const LateEvent& other) {
        return other.key == event.key && other.time == event.time;
      };
      if (is_it(late) && std::any_of(answer.late.begin(), answer.late.end(), is_it)) continue;
      ++counters_.late[static_cast<std::size_t>(late.reason)];
      answer.late.push_back(late);
    }
    idle_since_.reset();
  }

  [[nodiscard]] bool meets_open(const State& state, const Session& own) const {
    for (const Session& run : open_runs(state))
      if (meet(rules_, own, run)) return true;
    return false;
  }
  /// The key's open runs, not cut.
  [[nodiscard]] std::vector<Session> open_runs(const State& state) const {
    std::vector<Kept> active;
    for (const Kept& kept : state.kept)
      if (kept.event.keeps_alive) active.push_back(kept);
    return runs_of(rules_, active);
  }

  [[nodiscard]] std::optional<Late> why_late(const State& state, const Session& own,
                                             std::optional<Wide> now) const {
    const Wide time = own.start;
    const bool is_behind = now && time < *now;
    const bool own_is_closed = passed(own.end + rules_.lateness, now);
    if (rules_.close == Close::drops_behind && is_behind) return Late::behind_watermark;
    if (rules_.close == Close::spark && own_is_closed) return Late::closed;
    for (const Cut& cut : state.final_cuts)
      if (cut.start <= time && time <= cut.end) return Late::final_cut;
    if (!own.events.front().event.keeps_alive)
      return is_behind && !is_held(state, time) ? std::optional(Late::unattached) : std::nullopt;
    if (meets_open(state, own)) return std::nullopt;
    const bool may_be_late =
        is_behind || (rules_.close != Close::exact && rules_.close != Close::drops_behind);
    if (own_is_closed && may_be_late) return Late::closed;
    for (const Closed& closed : state.closed)
      if (meet(rules_, own, closed.session)) return Late::after_close;
    return std::nullopt;
  }

  [[nodiscard]] bool is_held(const State& state, Wide time) const {
    for (const Session& session : sessions_of(rules_, state.kept))
      if (holds(rules_, session, time)) return true;
    return false;
  }
  /// How many events are kept one by one.
  [[nodiscard]] std::size_t kept_one_by_one() const {
    std::size_t all = 0;
    for (const auto& [key, state] : states_)
      all += state.waiting.size() + (rules_.max_duration ? state.kept.size() : 0);
    return all;
  }
  /// Makes room for an event, or says what there is none for.
  std::optional<Rejected> why_rejected(const State& state, const Session& own,
                                       std::optional<Wide> now, Answer& answer) {
    const Event& event = own.events.front().event;
    const bool waits = !event.keeps_alive && !is_held(state, event.time);
    if ((waits || rules_.max_duration) && kept_one_by_one() >= rules_.max_kept)
      return Rejected::no_event_left;
    const bool opens = event.keeps_alive && !meets_open(state, own);
    while ((waits || opens) && states_.count(event.key) == 0 && keys() >= rules_.max_keys)
      if (!rules_.evicts || !evict(true, now, event.key, answer)) return Rejected::no_key_left;
    while (opens && size() >= rules_.max_sessions)
      if (!rules_.evicts || !evict(false, now, event.key, answer)) return Rejected::no_session_left;
    return std::nullopt;
  }
  /// When something is next due of a run: as soon as that is before W.
  [[nodiscard]] Wide due_of(const State& state, const Session& run) const {
    const bool at_equality = rules_.close == Close::flink || rules_.close == Close::spark ||
                             (rules_.close != Close::kafka && rules_.splits_at_gap);
    const Wide early = at_equality ? 1 : 0;
    Wide due = run.end - early + rules_.lateness;
    if (rules_.max_duration)
      due = std::min(due, run.start + *rules_.max_duration + rules_.lateness);
    if (rules_.emit == Emit::final_only) return due;
    for (const Session& session : sessions_of(rules_, state.kept)) {
      if (!run.has(session.opener().arrival) || is_reported(state, session)) continue;
      due = std::min(due, session.end - early);
      if (rules_.max_duration) due = std::min(due, session.start + *rules_.max_duration);
    }
    return due;
  }
  /// When something of a key without a session is next due, or forgotten.
  [[nodiscard]] Wide due_of_rest(int key, const State& state) const {
    Wide due = INT64_MAX;
    for (const Kept& heartbeat : state.waiting) due = std::min(due, heartbeat.event.time);
    for (const Closed& closed : state.closed) due = std::min(due, last_met(closed));
    for (const Cut& cut : state.final_cuts) due = std::min(due, last_met(cut));
    const auto largest = largest_of_.find(key);
    const auto own = largest == largest_of_.end() ? std::nullopt : behind(largest->second);
    const bool is_all = due == INT64_MAX && watermark(key) != watermark();
    return is_all && own ? *own - 1 : due;
  }
  /// Closes the session that something is due of first; or what there is of the key that something
  /// is due of first. False where there is none. `now` is the watermark of `newcomer`.
  bool evict(bool whole_key, std::optional<Wide> now, int newcomer, Answer& answer) {
    std::optional<std::tuple<Wide, Wide, int>> first;  // (due, start, key)
    std::optional<Session> run;
    for (const auto& [key, state] : states_) {
      const auto runs = open_runs(state);
      for (const Session& other : runs)
        if (const std::tuple its(due_of(state, other), other.start, key); !first || its < *first) {
          first = its;
          run = other;
        }
      if (!whole_key || !runs.empty()) continue;
      if (const std::tuple its(due_of_rest(key, state), Wide{INT64_MIN}, key);
          !first || its < *first)
        first = its;
    }
    if (!first) return false;
    const int key = std::get<2>(*first);
    State& state = states_[key];
    if (rules_.watermark_of_key && key != newcomer) now = watermark(key);
    for (const Session& session : sessions_of(rules_, state.kept))
      if (whole_key || run->has(session.opener().arrival))
        close(key, session, now, Reason::evicted, answer);
    if (whole_key) {
      for (const Kept& heartbeat : std::exchange(state.waiting, {}))
        report_late(heartbeat.event, Late::unattached, answer);
      states_.erase(key);
      largest_of_.erase(key);
    }
    put_in_order(answer);
    return true;
  }

  /// Lets W follow an event, unless it is too far ahead to be believed alone.
  void move_watermark(const Event& event, Answer& answer) {
    const auto now = watermark(event.key);
    const auto tell = [&](const Event& far) {
      const auto decided_at = rules_.close == Close::kafka ? watermark(event.key) : now;
      answer.late.push_back({far.key, far.time, Late::far_future, decided_at});
    };
    const auto is_far = [&](Wide time, Wide from) { return time - from > *rules_.max_advance; };
    if (!rules_.max_advance) return follow(event);
    const auto reference = clock_ ? clock_ : largest_;
    if (reference && !is_far(event.time, *reference)) return follow(event);
    if (reference && (!suspect_ || suspect_->key == event.key)) {
      if (!suspect_ || event.time < suspect_->time) suspect_ = event;
      return tell(event);
    }
    if (!suspect_) {  // the first two events are each other's
      suspect_ = event;
      return;
    }
    const Event other = *std::exchange(suspect_, std::nullopt);
    const bool event_is_ahead = event.time >= other.time;
    const auto confirm = [&] {
      // It is known of its key once the event is decided on.
      largest_ = later(largest_, other.time);
      if (other.key == event.key) follow(other);
      confirmed_ = other;
    };
    event_is_ahead ? confirm() : follow(event);
    if (const Event& ahead = event_is_ahead ? event : other; is_far(ahead.time, *largest_)) {
      suspect_ = ahead;
      // Where there was a reference, the other one has been told.
      if (event_is_ahead || !reference) tell(ahead);
    } else {
      event_is_ahead ? follow(event) : confirm();
    }
  }
  void follow(const Event& event) {
    largest_ = later(largest_, event.time);
    auto& largest = largest_of_[event.key];
    largest = later(largest, event.time);
  }

  /// Puts heartbeats into the sessions that hold them; an event may have moved these.
  void attach_waiting(State& state) {
    std::vector<Kept> heartbeats = std::exchange(state.waiting, {});
    std::erase_if(state.kept, [&](const Kept& kept) {
      if (!kept.event.keeps_alive) heartbeats.push_back(kept);
      return !kept.event.keeps_alive;
    });
    for (const Kept& heartbeat : heartbeats) {
      const bool is_in = is_held(state, heartbeat.event.time);
      (is_in ? state.kept : state.waiting).push_back(heartbeat);
    }
  }

  /// Closes and reports what the watermark says, wherever it may have moved.
  void step(Answer& answer) {
    for (auto at = states_.begin(); at != states_.end();) {
      const int key = at->first;
      State& state = at->second;
      const auto now = watermark(key);
      for (const Session& session : sessions_of(rules_, state.kept)) {
        const bool is_full = now && rules_.max_duration && session.start < *now &&
                             session.start + *rules_.max_duration < *now;
        if (is_due(session, now) || is_final(session, now)) {
          close(key, session, now, Reason::idle, answer);
        } else if (rules_.emit != Emit::final_only && changed(state, session) &&
                   (is_reported(state, session) || is_full || passed(session.end, now))) {
          report(key, session);
        }
      }
      attach_waiting(state);
      for (const Kept& heartbeat : std::exchange(state.waiting, {})) {
        if (now && heartbeat.event.time < *now)
          report_late(heartbeat.event, Late::unattached, answer);
        else
          state.waiting.push_back(heartbeat);
      }
      forget(state, now);
      at = is_forgettable(key, state) ? states_.erase(at) : std::next(at);
    }
    put_in_order(answer);
  }

  [[nodiscard]] bool is_due(const Session& session, std::optional<Wide> now) const {
    return passed(session.end + rules_.lateness, now);
  }
  /// Whether a maximum duration has ended it, whatever is yet to come.
  [[nodiscard]] bool is_final(const Session& session, std::optional<Wide> now) const {
    return now && rules_.max_duration && session.start < *now &&
           session.start + *rules_.max_duration + rules_.lateness < *now;
  }
  /// The last time that an event joins a session at.
  [[nodiscard]] Wide reach_of(const Session& session) const {
    return session.end - (rules_.splits_at_gap ? 1 : 0);
  }
  [[nodiscard]] Wide last_met(const Closed& closed) const {
    return reach_of(closed.session) + closed.gap + rules_.lateness;
  }
  [[nodiscard]] Wide last_met(const Cut& cut) const {
    return cut.end + 2 * cut.gap + rules_.lateness;
  }
  /// Forgets what no event is late for.
  void forget(State& state, std::optional<Wide> now) const {
    if (!now) return;
    const auto runs = open_runs(state);
    std::erase_if(state.closed, [&](const Closed& closed) { return last_met(closed) < *now; });
    std::erase_if(state.final_cuts, [&](const Cut& cut) {
      const bool is_met = std::any_of(runs.begin(), runs.end(), [&](const Session& run) {
        return run.start <= cut.end + cut.gap;
      });
      return !is_met && last_met(cut) < *now;
    });
  }

  /// Its result has other events in it than the last one that was reported of it.
  [[nodiscard]] bool changed(const State& state, const Session& session) const {
    std::size_t reported = 0;
    for (const Report& report : state.reports) {
      if (!session.has(report.opener)) continue;
      if (report.last.events != session.all_events().size() || report.last.start != session.start ||
          report.last.last != session.last)
        return true;
      ++reported;
    }
    return reported != 1;
  }
  [[nodiscard]] bool is_reported(const State& state, const Session& session) const {
    for (const Report& report : state.reports)
      if (session.has(report.opener)) return true;
    return false;
  }

  /// Reports an open session in an update mode.
  void report(int key, const Session& session) {
    State& state = states_[key];
    Result result = result_of(key, session, Reason::flush);
    std::vector<Result> group;
    const bool is_known = take_reports(state, session, result, group);
    result.op = is_known ? Op::update : Op::open;
    state.reports.push_back({session.opener().arrival, result});
    group.push_back(result);
    step_.push_back(group);
  }
  /// Forgets what was reported of a session and of those it has swallowed; true where it was
  /// reported itself.
  bool take_reports(State& state, const Session& session, Result& result,
                    std::vector<Result>& group) const {
    bool is_known = false;
    const bool no_longer_holds = changed(state, session);
    for (std::size_t i = 0; i < state.reports.size();) {
      const Report& report = state.reports[i];
      if (!session.has(report.opener)) {
        ++i;
        continue;
      }
      if (report.opener == session.opener().arrival)
        is_known = true;
      else if (rules_.emit != Emit::final_only)
        result.replaces.push_back(report.last.id);
      if (rules_.emit == Emit::retractions && no_longer_holds) {
        group.push_back(report.last);
        group.back().op = Op::retract;
        group.back().replaces.clear();
      }
      state.reports.erase(state.reports.begin() + static_cast<std::ptrdiff_t>(i));
    }
    std::sort(result.replaces.begin(), result.replaces.end());
    std::sort(group.begin(), group.end(),
              [](const Result& a, const Result& b) { return a.start < b.start; });
    return is_known;
  }
  /// Closes a session, because of its key's watermark `now` or of something else.
  void close(int key, const Session& session, std::optional<Wide> now, Reason why, Answer& answer) {
    State& state = states_[key];
    Reason reason = why;
    if (is_due(session, now))
      reason = session.cut_by;
    else if (is_final(session, now))
      reason = Reason::max_duration;
    else if (session.cut_by != Reason::idle)
      reason = session.cut_by;
    Result result = result_of(key, session, reason);
    std::vector<Result> group;
    take_reports(state, session, result, group);
    result.op = Op::final;
    group.push_back(result);
    step_.push_back(group);
    ++answer.closed;
    counters_.emitted += result.events;
    std::erase_if(state.kept, [&](const Kept& kept) { return session.has(kept.arrival); });
    const Wide reach = reach_of(session), gap = std::max(rules_.gap, reach - session.last);
    if (is_due(session, now) && rules_.late_after_close) state.closed.push_back({session, gap});
    // What the gap ends before is no cut, whatever steps the watermark takes.
    if (is_final(session, now) && session.start + *rules_.max_duration <= reach)
      state.final_cuts.push_back({session.start, session.start + *rules_.max_duration, gap});
  }
  [[nodiscard]] Result result_of(int key, const Session& session, Reason reason) const {
    const auto all = session.all_events();
    return {{},
            key,
            session.start,
            session.last,
            all.size(),
            reason,
            rules_.emit == Emit::final_only ? session.start : session.opener().event.time,
            {},
            aggregate_of(all)};
  }
  void report_late(const Event& event, Late reason, Answer& answer) {
    ++counters_.late[static_cast<std::size_t>(reason)];
    answer.late.push_back({event.key, event.time, reason, watermark(event.key)});
  }
  /// Ends a step: its results by (start, key), each behind those that it takes back.
  void put_in_order(Answer& answer) {
    std::stable_sort(step_.begin(), step_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.back().start, a.back().key) < std::pair(b.back().start, b.back().key);
    });
    for (const auto& group : step_)
      answer.results.insert(answer.results.end(), group.begin(), group.end());
    step_.clear();
  }

  Rules rules_;
  std::map<int, State> states_;
  std::map<int, std::optional<Wide>> largest_of_;  // seen, by key
  std::optional<Wide> explicit_, largest_, clock_, idle_since_, idle_watermark_;
  std::optional<Event> confirmed_;  // by the event that is decided on
  std::optional<Event> suspect_;    // too far ahead to be believed until there is another one
  std::uint64_t arrivals_ = 0;
  std::vector<std::vector<Result>> step_;
  Counters counters_;
};

}  // namespace windows_model

#endif
