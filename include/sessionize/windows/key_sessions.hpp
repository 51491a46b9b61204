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
  /// What is closed, where events behind it are late.
  struct Closed {
    time_point start, until;
    bool is_cut;  ///< by a maximum duration: what is in it is late, whatever else it meets
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
  [[nodiscard]] bool holds(const Time& time, time_point at) const noexcept {
    return const_cast<KeySessions*>(this)->holder(time, at) != nullptr;
  }
  /// The sessions that one is cut in: itself, where there is no maximum duration.
  [[nodiscard]] std::vector<Part> parts(const Time& time, const Session& session) const {
    std::vector<Part> all;
    if constexpr (Time::may_keep) {
      for (std::size_t at = 0; at < session.kept.size();) {
        const std::size_t behind = time.cut(session.kept, at);
        all.push_back(part(time, session, at, behind));
        at = behind;
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
  /// Lets those join a session that waited for it, and returns how many. Under a maximum duration
  /// they wait for a cut.
  std::size_t take_waiting(const Time& time, Session& session) {
    if (rest == nullptr || time.is_limited()) return 0;
    const std::size_t taken = std::erase_if(rest->waiting, [&](const Waiting& event) {
      if (!time.is_in(event.time, session)) return false;
      take_in(session, event);
      return true;
    });
    drop_empty_rest();
    return taken;
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
      made_rest().closed.push_back({closed.start, closed.reach, false});
  }
  /// Forgets closed sessions that no event can be late for. `gap` is the longest of an event so
  /// far.
  void forget_closed(const Time& time, duration gap, time_point watermark) {
    std::erase_if(rest->closed, [&](const Closed& closed) {
      return !is_met(closed, gap) && forgotten_at(time, closed, gap) < watermark;
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
      if (session.report_of(each.arrival) == nullptr)
        due = std::min(due, fires_at(time, session, each));
    return due;
  }
  /// When a part is first reported: no event that is on time can change it then.
  [[nodiscard]] static time_point fires_at(const Time& time, const Session& session,
                                           const Part& part) noexcept {
    const time_point due = time.due(session.reach);
    return time.is_limited() ? std::min(due, time.cut_until(part.start)) : due;
  }
  /// When the next thing is due of the key.
  [[nodiscard]] time_point next_due(const Time& time, duration gap) const {
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
      if (!is_met(closed, gap)) due = std::min(due, forgotten_at(time, closed, gap));
    return due;
  }
  /// The session that something is due of first. Precondition: there is one.
  [[nodiscard]] FirstDue first_due(const Time& time) const {
    FirstDue first{};
    for (std::size_t i = 0; i < sessions.size(); ++i)
      if (const time_point due = next_due(time, sessions[i]); i == 0 || due < first.due)
        first = {due, sessions[i].start, number, i};
    return first;
  }

 private:
  /// When no event can be late for what is closed.
  [[nodiscard]] static time_point forgotten_at(const Time& time, const Closed& closed,
                                               duration gap) noexcept {
    // One in a cut could meet a session that is yet to open, as late as it is.
    const time_point reach = plus(closed.until, gap);
    return plus(closed.is_cut ? plus(reach, gap) : reach, time.options().lateness);
  }
  /// Whether an event in a cut could also meet a session that is kept.
  [[nodiscard]] bool is_met(const Closed& closed, duration gap) const noexcept {
    return closed.is_cut && !sessions.empty() && sessions[0].start <= plus(closed.until, gap);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
