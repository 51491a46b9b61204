#ifndef SESSIONIZE_SESSIONIZER_HPP
#define SESSIONIZE_SESSIONIZER_HPP

#include <sessionize/counters.hpp>
#include <sessionize/decide.hpp>
#include <sessionize/detail/check_sink.hpp>
#include <sessionize/detail/intake.hpp>
#include <sessionize/detail/nullable.hpp>
#include <sessionize/detail/outbox.hpp>
#include <sessionize/detail/processor.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/state/open_sessions.hpp>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// How far a call got.
struct [[nodiscard]] Progress {
  /// How many events of the range were taken, rejected ones included. After a refusal, go on with
  /// the event behind them; what the sink refused goes out first.
  std::size_t events = 0;
  /// Delivery::refused where the sink refused something, which is kept.
  Delivery delivery = Delivery::ok;
};

/// What closing sessions came to.
struct [[nodiscard]] Closing {
  std::size_t sessions = 0;  ///< how many were closed
  /// Delivery::refused where the sink refused something, which is kept; the rest stays open.
  Delivery delivery = Delivery::ok;
};

/// The error sink that is used where none is given: rejections are counted, in Counters.
struct CountRejections {
  constexpr void operator()(const Rejection&) const noexcept {}
};

/// Cuts each key's events into sessions, in the order of their arrival.
///
/// Clock     gives the types of times; see session_clock
/// Key       an integer, std::string, a pair or tuple of keys, or a type of the caller's
/// Rule      what splits sessions besides the gap; see rules/split_rule.hpp and any_of()
/// counting  what is counted: sessions and their events, sessions, or nothing
///
/// A call takes expected constant time an event, and allocates nothing for an event of a known key
/// that opens no pending delivery. State grows with the keys seen (bounded by max_keys) until
/// expire(), flush() or erase() frees it: nothing expires unasked. Throws nothing of its own; a
/// std::bad_alloc, or what a sink or rule throws, passes through and leaves the state and the
/// counters true; only where copying what a sink has refused throws, the program ends. A sink must
/// not call back into the sessionizer that calls it. One thread at a time may use an object;
/// different objects share nothing.
template <session_clock Clock, session_key Key, class Rule = NoRule,
          Counting counting = Counting::on>
class Sessionizer {
 public:
  using clock = Clock;
  using time_point = typename Clock::time_point;
  using key_type = Key;
  using key_view = key_view_t<Key>;
  using decision_type = Decision<Clock, Key>;
  using summary_view = SummaryView<Clock, Key>;
  using summary_type = Summary<Clock, Key>;

  explicit Sessionizer(Options<Clock> options = {}, Rule rule = {})
      : open_(options, std::move(rule)) {
    assert(options.gap >= Options<Clock>::duration::zero() && "a gap is not negative");
    assert(options.max_keys >= 1 && "a sessionizer needs room for one key");
  }

  /// Decides on one event and returns the decision by value: whether and why it starts a session,
  /// its session's start, the session that it closed. The answer is given at once, also while
  /// something is pending for a sink.
  template <class Event = NoEvent>
  SESSIONIZE_INLINE decision_type observe(key_view key, time_point time, const Event& event = {}) {
    return open_.observe(outbox_.ledger, key, time, event);
  }

  /// Decides on each event of a range of the caller's own type, in order, and gives `sink` each
  /// session that is closed and each event's record; `errors` gets a Rejection for each event that
  /// is rejected. What was pending goes out first; where the sink refuses, the call stops and says
  /// how many events it took. A pending record goes only to the type of sink that refused it, in
  /// whatever call, and a pending summary only to one that takes summaries: keep to one sink while
  /// it may refuse, and to events that own their data. Where something throws, counters().offered
  /// says how many events were taken. A key that is a reference or a view may be asked for twice.
  template <std::ranges::input_range Events, class KeyOf, class TimeOf, class RawOf, class Sink,
            class Errors = CountRejections>
  Progress process(Events&& events, const Projections<KeyOf, TimeOf, RawOf>& by, Sink&& sink,
                   Errors&& errors = {}) {
    using Event = std::remove_cvref_t<std::ranges::range_reference_t<Events>>;
    static_assert(std::copy_constructible<Event>,
                  "an event is copied where a sink refuses its record: make the event copyable, "
                  "or call observe()");
    if constexpr (detail::check_sink<std::remove_reference_t<Sink>, summary_view,
                                     RecordView<Clock, Key, Event>>() &&
                  detail::check_all_get_something<std::remove_reference_t<Sink>, summary_view,
                                                  RecordView<Clock, Key>>() &&
                  detail::check_sink<std::remove_reference_t<Errors>, Rejection>()) {
      Progress progress{0, outbox_.resend(sink)};
      if (progress.delivery == Delivery::refused) return progress;
      constexpr bool looks_ahead =
          std::ranges::random_access_range<Events> &&
          std::is_lvalue_reference_v<std::ranges::range_reference_t<Events>>;
      for (auto&& item : events) {
        const Event& event = item;
        if constexpr (looks_ahead) ask_ahead(events, progress.events, by);
        ++progress.events;
        progress.delivery = process_one(event, by, sink, errors);
        if (progress.delivery == Delivery::refused) break;
      }
      return progress;
    }
  }

  /// Decides on columns: event i has keys[i] and times[i], and what is known of it goes to
  /// answers[i], exactly as if observe() were called for each in turn, at a fraction of the cost:
  /// the states of many keys are looked up at once. `Answer` says what is wanted:
  ///
  ///     time_point                 the start of the event's session, whatever the carry horizon
  ///     std::optional<time_point>  the same as its record has it: null past the horizon
  ///     Placement<Clock>           everything but the session that it closed
  ///
  /// Returns how many events were rejected, for want of room for their keys; theirs are
  /// time_point::min(), null, and a Placement that was opened at time_point::min(). Sessions that
  /// are closed count as emitted: for their summaries call process(). The three columns are of one
  /// length.
  template <std::ranges::contiguous_range Keys, std::ranges::contiguous_range Answers>
  std::size_t observe_columns(const Keys& keys, std::span<const time_point> times,
                              Answers&& answers) {
    assert(std::ranges::size(keys) == times.size() && std::ranges::size(answers) == times.size());
    return open_.observe_columns(outbox_.ledger, std::ranges::data(keys), times,
                                 std::ranges::data(answers));
  }

  /// Asks the memory for what events of these keys will need. A hint: nothing changes but the time
  /// that the events take. Of use where many sessionizers together are more than a cache holds, and
  /// the keys of a few hundred events for all of them are known: the memory then brings all at once
  /// what they would wait for one by one. What one sessionizer needs, process() and
  /// observe_columns() ask for themselves. Linear in the keys.
  template <std::ranges::forward_range Keys>
  SESSIONIZE_PREFETCHES void prefetch(const Keys& keys) const noexcept {
    open_.ask_all(keys);
  }

  /// Closes each session whose key would start another with an event at `now`, by the gap, and
  /// frees the key's state; its next event is then a first_event. Summaries come in order of
  /// (start, key). Returns how many sessions were closed; where the sink refused, the sessions not
  /// reached stay open. Linear in the keys, n log n in the sessions closed.
  template <class Sink>
  Closing expire(time_point now, Sink&& sink) {
    const Closing closing = close(CloseReason::idle, open_.collect_idle(now), sink);
    open_.shrink();
    return closing;
  }

  /// Does a part of what expire() does: looks at the next `places` places for keys, where the last
  /// sweep has left off, and closes those that are idle at `now`. A table has up to six
  /// places for each key, unless many are gone, so that sweeping as many places as events have come
  /// goes round often enough. Summaries come in order of (start, key) within the call. Linear in
  /// `places`; the call that comes full circle also gives memory back, where less than an eighth is
  /// in use.
  template <class Sink>
  Closing sweep(time_point now, std::size_t places, Sink&& sink) {
    if (hand_ == 0 || hand_ > open_.groups()) hand_ = open_.groups();
    const std::size_t groups = std::min(hand_, open_.groups_of(places));
    const Closing closing =
        close(CloseReason::idle, open_.collect_idle(now, hand_ - groups, groups), sink);
    // What was not reached because the sink refused is swept again.
    if (closing.delivery == Delivery::ok) hand_ -= groups;
    if (hand_ == 0) open_.shrink();
    return closing;
  }

  /// Closes every session, as expire() does, and tells the sink that the stream has ended.
  template <class Sink>
  Closing flush(Sink&& sink) {
    Closing closing = close(CloseReason::flush, open_.collect_all(), sink);
    open_.shrink();
    if (closing.delivery == Delivery::ok) closing.delivery = end_stream(sink);
    return closing;
  }

  /// The open session of `key`, with reason `flush`, or null. Constant time; allocates nothing.
  [[nodiscard]] std::optional<summary_view> find(key_view key) const { return open_.find(key); }

  /// Forgets `key` and returns its session, which is thereby closed as `erased`; null where it has
  /// none. Constant time.
  std::optional<summary_type> erase(key_view key) { return open_.erase(outbox_.ledger, key); }

  /// Takes the open session of each key for which `takes(key)` holds out of `from`, another object
  /// of the same options and rule, as when a shard is split (each part takes its keys) or merged
  /// (the whole takes all, from each part). The key's next event is decided on here as it would
  /// have been there. Counters go along: the session, and its events where they are counted, is
  /// this object's in both objects' counters(). A key that both know stays where it is, and so does
  /// what max_keys leaves no room for. No record may be pending in `from`: the sink that has
  /// refused it gets it first. Returns how many sessions were taken. Linear in the keys of `from`,
  /// n log n in those taken. Where something throws, each session is in one of the two.
  template <std::predicate<key_view> Takes>
  std::size_t take_over(Sessionizer& from, Takes&& takes) {
    assert(&from != this && "sessions are taken out of another object");
    assert(from.outbox_.ledger.records_pending == 0 && "a record that was refused is sent before");
    return open_.take_over(outbox_.ledger, from.open_, from.outbox_.ledger, takes);
  }

  /// Calls `visit` with a summary of each open session, in no particular order.
  template <std::invocable<summary_view> Visit>
  void for_each_open(Visit&& visit) const {
    open_.for_each(visit);
  }

  /// How many keys have state; each has one open session.
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }
  /// Makes room for `keys` keys in all, so that none of them causes growth.
  void reserve(std::size_t keys) { open_.reserve(keys); }
  /// What became of the events so far.
  [[nodiscard]] Counters counters() const noexcept {
    return outbox_.ledger.counters(counting == Counting::on);
  }
  [[nodiscard]] const Options<Clock>& options() const noexcept { return open_.rules().options; }

 private:
  template <class Object>
  friend struct detail::SnapshotAccess;
  using Open = detail::OpenSessions<Clock, Key, Rule, counting>;
  using Admission = typename Open::Admission;

  /// Asks the memory for what an event needs that comes a little later than event `at`.
  template <class Events, class By>
  SESSIONIZE_PREFETCHES void ask_ahead(Events& events, std::size_t at, const By& by) const {
    constexpr std::size_t ahead = 12;  // its memory is there when it comes, and not yet gone again
    if constexpr (detail::can_look_ahead<Events&, By, key_view>) {
      if (!open_.asks() || at + ahead >= static_cast<std::size_t>(std::ranges::distance(events)))
        return;
      const auto later = static_cast<std::ranges::range_difference_t<Events>>(at + ahead);
      const auto& key = std::invoke(by.key, std::ranges::begin(events)[later]);
      if (!detail::is_null(key)) open_.ask(key_view{detail::value_of(key)});
    }
  }
  template <class Event, class By, class Sink, class Errors>
  Delivery process_one(const Event& event, const By& by, Sink& sink, Errors& errors) {
    return detail::read_event<Clock, Key>(
        event, by,
        [&](const key_view& key, time_point time) {
          RecordView<Clock, Key, Event> record{{}, key, event};
          const Admission admission = open_.template admit<takes<Sink, summary_view>>(
              outbox_.ledger, key, time, event, record, closed_);
          if (admission == Admission::rejected)
            return tell(RejectReason::too_many_keys, event, by, errors);
          return outbox_.send(sink, admission == Admission::closes ? &*closed_ : nullptr, record);
        },
        [&](RejectReason reason) {
          outbox_.ledger.rejected.add(reason);
          return tell(reason, event, by, errors);
        });
  }

  /// Tells the error sink of a rejection that is counted already. An error sink has no say in how
  /// far the call goes: a refused rejection is not offered again.
  template <class Event, class By, class Errors>
  Delivery tell(RejectReason reason, const Event& event, const By& by, Errors& errors) {
    auto&& raw = std::invoke(by.raw_data, event);
    const std::string_view data = detail::nullable_view(raw).value_or(std::string_view{});
    static_cast<void>(deliver(errors, Rejection{reason,
                                                detail::reject_message(reason),
                                                {},
                                                counters().offered,
                                                data.substr(0, max_rejected_data)}));
    return Delivery::ok;
  }

  /// Closes sessions that were collected, and frees the state of those that were closed, however
  /// that ends.
  template <class Sink>
  Closing close(CloseReason reason, typename Open::Collected collected, Sink& sink) {
    static_cast<void>(detail::check_closing_sink<Sink, summary_view>());
    static_cast<void>(
        detail::check_all_get_something<Sink, summary_view, RecordView<Clock, Key>>());
    Closing result{0, outbox_.resend(sink)};
    if (result.delivery == Delivery::refused) return result;
    const typename Open::EraseClosed erase_closed{open_, collected, result.sessions};
    for (const auto& each : collected) {
      const summary_view closed = open_.close(outbox_.ledger, each, reason);
      ++result.sessions;
      result.delivery = outbox_.send(sink, closed);
      if (result.delivery == Delivery::refused) break;
    }
    return result;
  }

  Open open_;
  detail::Outbox<Clock, Key> outbox_;
  std::optional<summary_view> closed_;  // by the last event of process()
  std::size_t hand_ = 0;                // sweep() has yet to visit the groups below
};

/// A Sessionizer with a rule: `make_sessionizer<EventClock, std::string>({.gap = 30min}, rule)`.
template <session_clock Clock, session_key Key, Counting counting = Counting::on,
          class Rule = NoRule>
[[nodiscard]] Sessionizer<Clock, Key, Rule, counting> make_sessionizer(
    std::type_identity_t<Options<Clock>> options = {}, Rule rule = {}) {
  return Sessionizer<Clock, Key, Rule, counting>(options, std::move(rule));
}

}  // namespace v0
}  // namespace sessionize

#endif
