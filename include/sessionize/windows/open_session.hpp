#ifndef SESSIONIZE_WINDOWS_OPEN_SESSION_HPP
#define SESSIONIZE_WINDOWS_OPEN_SESSION_HPP

#include <sessionize/clock.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/rules/elapsed.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
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
  [[no_unique_address]] State aggregate{};

  /// Parts with the same report have the same events: they only come.
  [[nodiscard]] Report<Clock> report() const noexcept { return {arrival, start, last, events}; }
};

/// The events of one key between which there is no gap. Where `may_keep`, they can be kept one by
/// one, by (time, arrival), for they may yet be cut in several sessions; all are then, or none.
template <session_clock Clock, class State, bool may_keep>
struct OpenSession : SessionPart<Clock, State> {
  using Part = SessionPart<Clock, State>;
  using Kept = KeptEvent<Clock, State>;
  using time_point = typename Clock::time_point;
  struct Nothing {};

  [[no_unique_address]] std::conditional_t<may_keep, std::vector<Kept>, Nothing> kept{};

  OpenSession() = default;
  /// A session of one event, which `add_to` adds to an aggregate's state.
  template <class AddTo>
  OpenSession(time_point time, time_point its_reach, std::uint64_t number, bool keeps, AddTo add_to)
      : Part{time, time, its_reach, time, number, 0, {}} {
    add(time, its_reach, number, keeps, add_to);
  }

  /// Takes in an event that meets it, and keeps it if it `keeps` events.
  template <class AddTo>
  void add(time_point time, time_point its_reach, std::uint64_t number, bool keeps, AddTo add_to) {
    if constexpr (may_keep) {
      if (keeps) {
        Kept event{time, its_reach, number, {}};
        add_to(event.aggregate);
        const auto behind =
            std::upper_bound(kept.begin(), kept.end(), time,
                             [](time_point at, const Kept& other) { return at < other.time; });
        kept.insert(behind, std::move(event));
      }
    }
    if (!may_keep || !keeps) add_to(this->aggregate);
    ++this->events;
    this->start = std::min(this->start, time);
    this->last = std::max(this->last, time);
    this->reach = std::max(this->reach, its_reach);
  }
  /// Takes in another session: an event meets both.
  void swallow(OpenSession&& other) {
    if constexpr (may_keep) {
      const auto middle = static_cast<std::ptrdiff_t>(kept.size());
      kept.insert(kept.end(), std::make_move_iterator(other.kept.begin()),
                  std::make_move_iterator(other.kept.end()));
      std::inplace_merge(kept.begin(), kept.begin() + middle, kept.end(),
                         [](const Kept& a, const Kept& b) {
                           return a.time != b.time ? a.time < b.time : a.arrival < b.arrival;
                         });
    }
    this->aggregate.merge(other.aggregate);
    if (other.arrival < this->arrival) {
      this->arrival = other.arrival;
      this->id_time = other.id_time;
    }
    this->events += other.events;
    this->start = std::min(this->start, other.start);
    this->last = std::max(this->last, other.last);
    this->reach = std::max(this->reach, other.reach);
    if (other.reports_ == nullptr) return;
    for (const auto& report : *other.reports_) set_report(report);
  }

  /// The part of it that has its kept events `from` up to `to`.
  [[nodiscard]] Part part(std::size_t from, std::size_t to) const requires may_keep {
    Part made{kept[from].time,    kept[from].time, kept[from].reach,    kept[from].time,
              kept[from].arrival, to - from,       kept[from].aggregate};
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
  void drop_front(std::size_t count) requires may_keep {
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count));
    static_cast<Part&>(*this) = part(0, kept.size());
    this->aggregate = {};
  }

  /// What was reported of a part, known by its arrival; null where nothing was.
  [[nodiscard]] const Report<Clock>* report_of(std::uint64_t part) const noexcept {
    if (reports_ == nullptr) return nullptr;
    for (const auto& report : *reports_)
      if (report.arrival == part) return &report;
    return nullptr;
  }
  [[nodiscard]] bool is_reported() const noexcept { return reports_ != nullptr; }
  void set_report(const Report<Clock>& report) {
    unset_report(report.arrival);
    if (reports_ == nullptr) reports_ = std::make_unique<std::vector<Report<Clock>>>();
    reports_->push_back(report);
  }
  void unset_report(std::uint64_t part) noexcept {
    if (reports_ == nullptr) return;
    std::erase_if(*reports_, [&](const auto& report) { return report.arrival == part; });
    if (reports_->empty()) reports_.reset();
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  std::unique_ptr<std::vector<Report<Clock>>> reports_;  // most sessions have none before the end
};

/// A vector that has its only element within itself: most keys have one session.
template <class T>
class OneOrMore {
 public:
  [[nodiscard]] std::size_t size() const noexcept {
    return more_ != nullptr ? more_->size() : std::size_t{has_one_ ? 1U : 0U};
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] T* begin() noexcept { return more_ != nullptr ? more_->data() : &one_; }
  [[nodiscard]] T* end() noexcept { return begin() + size(); }
  [[nodiscard]] const T* begin() const noexcept { return const_cast<OneOrMore*>(this)->begin(); }
  [[nodiscard]] const T* end() const noexcept { return const_cast<OneOrMore*>(this)->end(); }
  [[nodiscard]] T& operator[](std::size_t at) noexcept { return begin()[at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return begin()[at]; }

  T& insert(std::size_t at, T&& value) {
    if (empty()) {
      one_ = std::move(value);
      has_one_ = true;
      return one_;
    }
    if (more_ == nullptr) {
      auto more = std::make_unique<std::vector<T>>();
      more->reserve(2);
      more->push_back(std::move(one_));
      more_ = std::move(more);
      has_one_ = false;
    }
    return *more_->insert(more_->begin() + static_cast<std::ptrdiff_t>(at), std::move(value));
  }
  void erase(std::size_t from, std::size_t to) {
    if (from == to) return;
    if (more_ == nullptr) {
      one_ = T{};
      has_one_ = false;
      return;
    }
    more_->erase(more_->begin() + static_cast<std::ptrdiff_t>(from),
                 more_->begin() + static_cast<std::ptrdiff_t>(to));
    if (more_->size() > 1) return;
    has_one_ = !more_->empty();
    if (has_one_) one_ = std::move(more_->front());
    more_.reset();
  }

 private:
  // No std::optional: GCC 12 takes moving one that is empty for a use of what is not there.
  T one_{};
  bool has_one_ = false;
  std::unique_ptr<std::vector<T>> more_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
