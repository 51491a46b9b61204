#ifndef SESSIONIZE_WINDOWS_KEY_SESSIONS_HPP
#define SESSIONIZE_WINDOWS_KEY_SESSIONS_HPP

#include <sessionize/windows/event_time.hpp>
#include <sessionize/windows/open_session.hpp>
#include <sessionize/windows/options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What is known of one key, and what is due of it when. Invariants: sessions are in the order of
/// (start, reach) and, but for those of different days, no two meet.
template <session_clock Clock, class State, class Rule>
struct KeySessions {
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  using Time = EventTime<Clock, Rule>;
  using Session = OpenSession<Clock, State, Time::may_keep>;
  using Part = SessionPart<Clock, State>;

  /// An event that keeps no session alive, and waits for one that it is in.
  struct Waiting {
    time_point time;
    std::uint64_t arrival;
    std::string data;
    State aggregate;
  };
  /// What is closed, where events behind it are late. It is remembered as long as an event with the
  /// gap of the options, or with that of its own end, could be.
  struct Closed {
    time_point start, until;
    duration gap;  ///< the longer of these
    bool is_cut;   ///< by a maximum duration: what is in it is late, whatever else it meets
  };
  struct Rest {
    std::vector<Waiting> waiting{};  // by (time, arrival)
    std::vector<Closed> closed{};
    time_point largest = Time::never;  // seen of the key, where each has its own watermark

    [[nodiscard]] bool has_events() const noexcept { return !waiting.empty() || !closed.empty(); }
  };
  /// A session, and when something is due of it.
  struct FirstDue {
    time_point due, start;
    std::uint32_t number;  ///< of the key
    std::size_t session;
  };

  // All that most keys have is one cache line, with a key of eight bytes.
  [[no_unique_address]] OneOrMore<Session> sessions{};
  std::uint32_t number = 0;      ///< among the keys that are due
  std::unique_ptr<Rest> rest{};  ///< null where it would be empty

  // Sessions

  Session& open(Session&& session) {
    // By (start, reach): a point may begin where another session does.
    std::size_t behind = sessions.size();
    while (behind > 0 && (sessions[behind - 1].start > session.start ||
                          (sessions[behind - 1].start == session.start &&
                           sessions[behind - 1].reach > session.reach)))
      --behind;
    return sessions.insert(behind, std::move(session));
  }
  /// The session that a time is in; null where it is in none.
  [[nodiscard]] Session* holder(const Time& time, time_point at) noexcept {
    for (Session& session : sessions)
      if (time.is_in(at, session)) return &session;
    return nullptr;
  }
  /// Whether a time is in a session; under a maximum duration, in a cut of one.
  [[nodiscard]] bool holds(const Time& time, time_point at) const noexcept {
    const Session* session = const_cast<KeySessions*>(this)->holder(time, at);
    if (session == nullptr || !time.is_limited()) return session != nullptr;
    if constexpr (Time::may_keep) {
      for (std::size_t from = 0; from < session->kept.size();) {
        const auto cut = time.cut(session->kept, from);
        if (time.is_in_cut(at, cut)) return true;
        from = cut.end;
      }
    }
    return false;
  }
  /// The sessions that one is cut in: itself, where there is no maximum duration.
  [[nodiscard]] std::vector<Part> parts(const Time& time, const Session& session) const {
    std::vector<Part> all;
    if constexpr (Time::may_keep) {
      for (std::size_t at = 0; at < session.kept.size();) {
        const std::size_t end = time.cut(session.kept, at).end;
        all.push_back(part(time, session, at, end));
        at = end;
      }
    }
    if (!time.is_limited()) all.push_back(session.whole());
    return all;
  }
  /// A cut of a session, with those of the waiting that are in it.
  [[nodiscard]] Part part(const Time& time, const Session& session, std::size_t from,
                          std::size_t to) const requires Time::may_keep {
    Part made = session.part(from, to);
    if (rest == nullptr) return made;
    for (const Waiting& event : rest->waiting) {
      if (!time.is_in_cut(event.time, made)) continue;
      ++made.events;
      made.aggregate.merge(event.aggregate);
    }
    return made;
  }
  /// Adds the parts of a session that were reported to others.
  void add_reported(std::vector<Part>& to, const Time& time, const Session& session) const {
    if (!session.is_reported()) return;
    for (Part& part : parts(time, session))
      if (session.report_of(part.arrival) != nullptr) to.push_back(std::move(part));
  }

  // Events that wait, and sessions that are closed

  [[nodiscard]] Rest& made_rest() {
    if (rest == nullptr) rest = std::make_unique<Rest>();
    return *rest;
  }
  void drop_empty_rest() noexcept {
    if (rest != nullptr && !rest->has_events() && rest->largest == Time::never) rest.reset();
  }
  /// Whether there is nothing but sessions.
  [[nodiscard]] bool is_simple() const noexcept { return rest == nullptr || !rest->has_events(); }
  /// The largest time seen of it, where each key has a watermark of its own.
  [[nodiscard]] time_point largest() const noexcept {
    return rest == nullptr ? Time::never : rest->largest;
  }
  void see(time_point time) {
    if (time > largest()) made_rest().largest = time;
  }
  void wait(Waiting&& event) {
    auto& waiting = made_rest().waiting;
    const auto behind =
        std::upper_bound(waiting.begin(), waiting.end(), event.time,
                         [](time_point at, const Waiting& other) { return at < other.time; });
    waiting.insert(behind, std::move(event));
  }
  /// Lets an event join a session that it is in, and makes no longer.
  static void take_in(Session& session, const Waiting& event) {
    session.aggregate.merge(event.aggregate);
    ++session.events;
  }
  /// Lets those join a session that waited for it, of which there are `kept` less then. Under a
  /// maximum duration they wait for a cut.
  void take_waiting(const Time& time, Session& session, std::size_t& kept) {
    if (rest == nullptr || time.is_limited()) return;
    auto& waiting = rest->waiting;
    for (std::size_t i = 0; i < waiting.size();) {
      if (!time.is_in(waiting[i].time, session)) {
        ++i;
        continue;
      }
      // Should the aggregates not merge, it has joined all the same.
      const State its = std::move(waiting[i].aggregate);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
      --kept;
      ++session.events;
      session.aggregate.merge(its);
    }
    drop_empty_rest();
  }
  [[nodiscard]] bool is_in_closed_cut(time_point at) const noexcept {
    return rest != nullptr &&
           std::any_of(rest->closed.begin(), rest->closed.end(), [&](const Closed& closed) {
             return closed.is_cut && closed.start <= at && at <= closed.until;
           });
  }
  [[nodiscard]] bool meets_closed(const Time& time, time_point at,
                                  time_point reach) const noexcept {
    return rest != nullptr &&
           std::any_of(rest->closed.begin(), rest->closed.end(), [&](const Closed& closed) {
             return !closed.is_cut && at <= closed.until && closed.start <= reach &&
                    time.day(closed.start) == time.day(at);
           });
  }
  template <class Its>
  void remember_closed(const Time& time, const Its& closed) {
    if (time.options().after_close == AfterClose::is_late)
      made_rest().closed.push_back({closed.start, closed.reach, gap_of(time, closed), false});
  }
  void remember_cut(const Time& time, const Part& cut) {
    made_rest().closed.push_back({cut.start, time.cut_until(cut.start), gap_of(time, cut), true});
  }
  /// Forgets closed sessions that no event can be late for.
  void forget_closed(const Time& time, time_point watermark) {
    std::erase_if(rest->closed, [&](const Closed& closed) {
      return !is_met(closed) && forgotten_at(time, closed) < watermark;
    });
  }

  // What is due

  /// When the next thing is due of a session.
  [[nodiscard]] time_point next_due(const Time& time, const Session& session) const {
    time_point due = time.closes_at(session.reach);
    if (time.is_limited()) due = std::min(due, time.final_at(session.start));
    if (time.options().emit == Emit::final_only) return due;
    if (!time.is_limited())
      return session.is_reported() ? due : std::min(due, time.due(session.reach));
    for (const Part& each : parts(time, session))
      if (session.report_of(each.arrival) == nullptr) due = std::min(due, fires_at(time, each));
    return due;
  }
  /// When a part is first reported: no event that is on time can change it then.
  [[nodiscard]] static time_point fires_at(const Time& time, const Part& part) noexcept {
    const time_point due = time.due(part.reach);
    return time.is_limited() ? std::min(due, time.cut_until(part.start)) : due;
  }
  /// When the next thing is due of the key, or forgotten.
  [[nodiscard]] time_point next_due(const Time& time) const {
    time_point due = time_point::max();
    for (const Session& session : sessions) {
      due = std::min(due, next_due(time, session));
      // Those behind it end later.
      if (time.options().emit == Emit::final_only && !Time::RuleIs::has_days) break;
    }
    if (rest == nullptr) return due;
    for (const Waiting& event : rest->waiting)
      if (!holds(time, event.time)) due = std::min(due, event.time);
    for (const Closed& closed : rest->closed)
      if (!is_met(closed)) due = std::min(due, forgotten_at(time, closed));
    // Its own watermark says nothing more once that of all has come as far.
    const time_point its = time.behind(rest->largest);
    const bool is_all = sessions.empty() && !rest->has_events();
    if (is_all && its != Time::never) due = minus(its, duration{1});
    return due;
  }
  /// The session that something is due of first, or the key itself where it has none.
  [[nodiscard]] FirstDue first_due(const Time& time) const {
    if (sessions.empty()) return {next_due(time), Time::never, number, 0};
    FirstDue first{};
    for (std::size_t i = 0; i < sessions.size(); ++i)
      if (const time_point due = next_due(time, sessions[i]); i == 0 || due < first.due)
        first = {due, sessions[i].start, number, i};
    return first;
  }

 private:
  template <class Its>
  [[nodiscard]] static duration gap_of(const Time& time, const Its& closed) noexcept {
    return std::max(time.options().gap, saturating_elapsed(closed.last, closed.reach));
  }
  /// When no event can be late for what is closed.
  [[nodiscard]] static time_point forgotten_at(const Time& time, const Closed& closed) noexcept {
    // One in a cut could meet a session that is yet to open, as late as it is.
    const time_point reach = plus(closed.until, closed.gap);
    return plus(closed.is_cut ? plus(reach, closed.gap) : reach, time.options().lateness);
  }
  /// Whether an event in a cut could also meet a session that is kept.
  [[nodiscard]] bool is_met(const Closed& closed) const noexcept {
    return closed.is_cut && !sessions.empty() &&
           sessions[0].start <= plus(closed.until, closed.gap);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
