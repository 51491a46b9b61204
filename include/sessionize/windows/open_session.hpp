#ifndef SESSIONIZE_WINDOWS_OPEN_SESSION_HPP
#define SESSIONIZE_WINDOWS_OPEN_SESSION_HPP

#include <sessionize/clock.hpp>
#include <sessionize/rules/elapsed.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// One event of a session whose events are kept.
template <session_clock Clock, class State>
struct KeptEvent {
  typename Clock::time_point time;
  typename Clock::time_point reach;  ///< the last time of an event that it is joined by
  std::uint64_t arrival;
  [[no_unique_address]] State aggregate{};
};

/// What a sink has been told of a session, or of a cut of one.
template <session_clock Clock>
struct Report {
  std::uint64_t arrival;  ///< what it is known by: of its events, which was the first to arrive
  typename Clock::time_point start, last;
  std::uint64_t events;

  friend bool operator==(const Report&, const Report&) = default;
};

/// A session as it is reported; under a maximum duration, a cut of one.
template <session_clock Clock, class State>
struct SessionPart {
  using time_point = typename Clock::time_point;

  time_point start{}, last{};
  time_point reach{};         ///< the largest of its events' reaches
  time_point id_time{};       ///< the time of the event in it that arrived first
  std::uint64_t arrival = 0;  ///< of that event
  std::uint64_t events = 0;
  std::size_t from = 0, to = 0;  ///< among the kept events of its session
  [[no_unique_address]] State aggregate{};

  /// Parts with the same report have the same events: they only come.
  [[nodiscard]] Report<Clock> report() const noexcept { return {arrival, start, last, events}; }
};

/// The events of one key between which there is no gap. Where `may_keep`, they can be kept one by
/// one, by (time, reach, arrival), for they may yet be cut in several sessions; all are then, or
/// none.
/// Where results are told before the last one, it has a history; without, it is small.
template <session_clock Clock, class State, bool may_keep>
class OpenSession {
 public:
  using Part = SessionPart<Clock, State>;
  using Kept = KeptEvent<Clock, State>;
  using time_point = typename Clock::time_point;
  struct Nothing {};
  /// What a session is known by, and what was told of it.
  struct History {
    time_point id_time;
    std::uint64_t arrival;
    std::vector<Report<Clock>> reports{};
  };

  time_point start{}, last{};
  time_point reach{};
  std::uint64_t events = 0;
  std::unique_ptr<History> history{};
  [[no_unique_address]] State aggregate{};
  [[no_unique_address]] std::conditional_t<may_keep, std::vector<Kept>, Nothing> kept{};

  OpenSession() = default;
  /// A session of one event, which `add_to` adds to an aggregate's state.
  template <class AddTo>
  OpenSession(time_point time, time_point its_reach, std::uint64_t number, bool keeps, bool is_told,
              AddTo add_to)
      : start(time), last(time), reach(its_reach) {
    if (is_told) history = std::make_unique<History>(History{time, number, {}});
    add(time, its_reach, number, keeps, add_to);
  }

  /// Takes in an event that meets it, and keeps it if it `keeps` events.
  template <class AddTo>
  void add(time_point time, time_point its_reach, std::uint64_t number, bool keeps, AddTo add_to) {
    if constexpr (may_keep) {
      if (keeps) {
        Kept event{time, its_reach, number, {}};
        add_to(event.aggregate);
        kept.insert(std::upper_bound(kept.begin(), kept.end(), event, is_before), std::move(event));
      }
    }
    if (!may_keep || !keeps) add_to(aggregate);
    ++events;
    start = std::min(start, time);
    last = std::max(last, time);
    reach = std::max(reach, its_reach);
  }
  /// Makes room in the first of `count` sessions for all of them, so that swallow() asks for none.
  static void make_room(OpenSession* sessions, std::size_t count) {
    std::size_t events_kept = 0, reports = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (may_keep) events_kept += sessions[i].kept.size();
      if (sessions[i].history != nullptr) reports += sessions[i].history->reports.size();
    }
    if constexpr (may_keep) sessions[0].kept.reserve(events_kept + 1);
    if (reports == 0) return;
    for (std::size_t i = 0; i < count; ++i)
      if (sessions[i].history != nullptr) sessions[i].history->reports.reserve(reports);
  }
  /// Takes in another session, which an event meets as well, but for its aggregate: to add that may
  /// throw.
  void swallow(OpenSession& other) noexcept {
    if constexpr (may_keep) {
      const auto middle = static_cast<std::ptrdiff_t>(kept.size());
      kept.insert(kept.end(), std::make_move_iterator(other.kept.begin()),
                  std::make_move_iterator(other.kept.end()));
      std::inplace_merge(kept.begin(), kept.begin() + middle, kept.end(), is_before);
    }
    events += other.events;
    start = std::min(start, other.start);
    last = std::max(last, other.last);
    reach = std::max(reach, other.reach);
    if (other.history == nullptr) return;
    if (history == nullptr) {
      history = std::move(other.history);
      return;
    }
    if (other.history->arrival < history->arrival) {
      history->id_time = other.history->id_time;
      history->arrival = other.history->arrival;
    }
    for (const auto& report : other.history->reports) history->reports.push_back(report);
  }

  /// All of it.
  [[nodiscard]] Part whole() const& { return described(aggregate); }
  [[nodiscard]] Part whole() && { return described(std::move(aggregate)); }
  /// The part of it that has its kept events `from` up to `to`.
  [[nodiscard]] Part part(std::size_t from, std::size_t to) const requires may_keep {
    Part made{kept[from].time,
              kept[from].time,
              kept[from].reach,
              kept[from].time,
              kept[from].arrival,
              to - from,
              from,
              to,
              kept[from].aggregate};
    for (std::size_t at = from + 1; at < to; ++at) {
      made.last = kept[at].time;
      made.reach = std::max(made.reach, kept[at].reach);
      made.aggregate.merge(kept[at].aggregate);
      if (kept[at].arrival > made.arrival) continue;
      made.arrival = kept[at].arrival;
      made.id_time = kept[at].time;
    }
    return made;
  }
  /// Forgets the first of its kept events, but not all.
  void drop_front(std::size_t count) noexcept requires may_keep {
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count));
    describe_kept();
  }
  /// How many of its kept events, the first ones, the gap connects.
  [[nodiscard]] std::size_t connected() const noexcept requires may_keep {
    std::size_t count = 0;
    for (time_point reached = kept.front().time; count < kept.size(); ++count) {
      if (count != 0 && kept[count].time > reached) break;
      reached = count == 0 ? kept[count].reach : std::max(reached, kept[count].reach);
    }
    return count;
  }
  /// Takes its kept events from `from` on, and what was told of them, to a session of their own.
  [[nodiscard]] OpenSession split(std::size_t from) requires may_keep {
    const auto middle = kept.begin() + static_cast<std::ptrdiff_t>(from);
    OpenSession behind;
    behind.kept.reserve(kept.size() - from);
    if (history != nullptr) behind.history = std::make_unique<History>(*history);
    behind.kept.assign(std::make_move_iterator(middle), std::make_move_iterator(kept.end()));
    if (history != nullptr) {
      const auto is_of = [](const OpenSession& session, const Report<Clock>& report) {
        return std::any_of(session.kept.begin(), session.kept.end(),
                           [&](const Kept& event) { return event.arrival == report.arrival; });
      };
      std::erase_if(behind.history->reports,
                    [&](const auto& report) { return !is_of(behind, report); });
      std::erase_if(history->reports, [&](const auto& report) { return is_of(behind, report); });
    }
    kept.erase(middle, kept.end());
    describe_kept();
    behind.describe_kept();
    return behind;
  }

  /// What was reported of a part, known by its arrival; null where nothing was.
  [[nodiscard]] const Report<Clock>* report_of(std::uint64_t part) const noexcept {
    if (history == nullptr) return nullptr;
    for (const auto& report : history->reports)
      if (report.arrival == part) return &report;
    return nullptr;
  }
  [[nodiscard]] bool is_reported() const noexcept {
    return history != nullptr && !history->reports.empty();
  }
  /// Notes what is told of a part, in place of what was told of any within it.
  void set_report(const Part& part) {
    unset_reports(part);
    if (history == nullptr) history = std::make_unique<History>(History{start, 0, {}});
    history->reports.push_back(part.report());
  }
  void unset_reports(const Part& part) noexcept {
    if (history == nullptr) return;
    std::erase_if(history->reports, [&](const Report<Clock>& report) {
      if (report.arrival == part.arrival || part.to == 0) return true;
      if constexpr (may_keep) {
        if (report.last < part.start || part.last < report.start) return false;
        const Kept* const events_of = kept.data();
        return std::any_of(events_of + part.from, events_of + part.to,
                           [&](const Kept& event) { return event.arrival == report.arrival; });
      }
      return false;
    });
  }
  void unset_report(std::uint64_t part) noexcept {
    if (history == nullptr) return;
    std::erase_if(history->reports, [&](const auto& report) { return report.arrival == part; });
  }

 private:
  [[nodiscard]] static bool is_before(const Kept& a, const Kept& b) noexcept {
    return std::tie(a.time, a.reach, a.arrival) < std::tie(b.time, b.reach, b.arrival);
  }
  /// Says of itself what its kept events say.
  void describe_kept() noexcept requires may_keep {
    start = kept.front().time;
    last = kept.back().time;
    events = kept.size();
    const Kept* first = kept.data();  // to arrive
    reach = first->reach;
    for (const Kept& event : kept) {
      reach = std::max(reach, event.reach);
      if (event.arrival < first->arrival) first = &event;
    }
    if (history == nullptr) return;
    history->id_time = first->time;
    history->arrival = first->arrival;
  }
  template <class Its>
  [[nodiscard]] Part described(Its&& its) const {
    const bool is_known = history != nullptr;
    return {start,
            last,
            reach,
            is_known ? history->id_time : start,
            is_known ? history->arrival : 0,
            events,
            0,
            0,
            std::forward<Its>(its)};
  }
};

/// A vector that has its only element within itself: most keys have one session. Where it is a
/// member, another one may lie in its padding.
template <class T>
class OneOrMore {
  static constexpr bool moves_safely = std::is_nothrow_move_constructible_v<T>;

 public:
  // Defaulted, it would be deleted, as a union has no constructor of its own.
  OneOrMore() noexcept {}  // NOLINT(modernize-use-equals-default)
  OneOrMore(OneOrMore&& other) noexcept(moves_safely) { adopt(other); }
  OneOrMore& operator=(OneOrMore&& other) noexcept(moves_safely) {
    if (this == &other) return *this;
    clear();
    adopt(other);
    return *this;
  }
  ~OneOrMore() { clear(); }

  [[nodiscard]] std::size_t size() const noexcept {
    return holds_ == Holds::more ? more_->size() : static_cast<std::size_t>(holds_);
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// The one that it has; null where it has none, or more.
  [[nodiscard]] T* only() noexcept { return holds_ == Holds::one ? &one_ : nullptr; }
  [[nodiscard]] T* begin() noexcept { return holds_ == Holds::more ? more_->data() : &one_; }
  [[nodiscard]] T* end() noexcept { return begin() + size(); }
  [[nodiscard]] const T* begin() const noexcept { return const_cast<OneOrMore*>(this)->begin(); }
  [[nodiscard]] const T* end() const noexcept { return const_cast<OneOrMore*>(this)->end(); }
  [[nodiscard]] T& operator[](std::size_t at) noexcept { return begin()[at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return begin()[at]; }

  T& insert(std::size_t at, T&& value) {
    if (holds_ == Holds::none) return put_one(std::move(value));
    if (holds_ == Holds::one) {
      auto more = std::make_unique<std::vector<T>>();
      more->reserve(2);
      more->push_back(std::move(one_));
      one_.~T();
      more_ = more.release();
      holds_ = Holds::more;
    }
    return *more_->insert(more_->begin() + static_cast<std::ptrdiff_t>(at), std::move(value));
  }
  void erase(std::size_t from, std::size_t to) noexcept(moves_safely) {
    if (from == to) return;
    if (holds_ == Holds::one) return clear();
    more_->erase(more_->begin() + static_cast<std::ptrdiff_t>(from),
                 more_->begin() + static_cast<std::ptrdiff_t>(to));
    if (more_->size() > 1) return;
    const std::unique_ptr<std::vector<T>> left(more_);
    holds_ = Holds::none;
    if (!left->empty()) put_one(std::move(left->front()));
  }

 private:
  enum class Holds : unsigned char { none, one, more };

  T& put_one(T&& value) noexcept(moves_safely) {
    ::new (static_cast<void*>(&one_)) T(std::move(value));
    holds_ = Holds::one;
    return one_;
  }
  void adopt(OneOrMore& other) noexcept(moves_safely) {
    if (other.holds_ == Holds::one) {
      put_one(std::move(other.one_));
      other.clear();
    } else if (other.holds_ == Holds::more) {
      more_ = other.more_;
      holds_ = std::exchange(other.holds_, Holds::none);
    }
  }
  void clear() noexcept {
    if (holds_ == Holds::one) one_.~T();
    if (holds_ == Holds::more) delete more_;
    holds_ = Holds::none;
  }

  union {
    T one_;
    std::vector<T>* more_;
  };
  Holds holds_ = Holds::none;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
