#ifndef SESSIONIZE_SESSIONIZER_HPP
#define SESSIONIZE_SESSIONIZER_HPP

#include <sessionize/counters.hpp>
#include <sessionize/decide.hpp>
#include <sessionize/detail/nullable.hpp>
#include <sessionize/detail/outbox.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/state/key_states.hpp>
#include <sessionize/state/turns.hpp>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <ranges>
#include <ratio>
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
/// counting  whether the events of each session are counted
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
      : rules_{options, std::move(rule)} {
    assert(options.gap >= Options<Clock>::duration::zero() && "a gap is not negative");
    assert(options.max_keys >= 1 && "a sessionizer needs room for one key");
    rules_.options.max_keys = std::min(options.max_keys, States::max_size);
    if constexpr (is_packed) packed_rules_ = States::Packing::rules(rules_);
  }

  /// Decides on one event and returns the decision by value: whether and why it starts a session,
  /// its session's start, the session that it closed. The answer is given at once, also while
  /// something is pending for a sink.
  template <class Event = NoEvent>
  [[gnu::always_inline]] decision_type observe(key_view key, time_point time,
                                               const Event& event = {}) {
    if constexpr (is_packed) {
      Packed packed;
      if (states_.decide(key, time, packed_rules_, packed)) [[likely]]
        return answer(packed, key, time);
    }
    return observe_exactly(key, time, event);
  }

  /// Decides on each event of a range of the caller's own type, in order, and gives `sink` each
  /// session that is closed and each event's record; `errors` gets a Rejection for each event that
  /// is rejected. What was pending goes out first; where the sink refuses, the call stops and says
  /// how many events it took. A pending record goes only to the type of sink that refused it, in
  /// whatever call, and a pending summary only to one that takes summaries: keep to one sink while
  /// it may refuse, and to events that own their data. Where something throws, counters().offered
  /// says how many events were taken.
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
                  detail::check_sink<std::remove_reference_t<Errors>, Rejection>()) {
      Progress progress{0, outbox_.resend(sink)};
      if (progress.delivery == Delivery::refused) return progress;
      for (auto&& item : events) {
        const Event& event = item;
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
  /// time_point::min(), null, and a Placement with ordinal 0. Sessions that are closed count as
  /// emitted: for their summaries call process(). The three columns are of one length.
  template <std::ranges::contiguous_range Keys, std::ranges::contiguous_range Answers>
  std::size_t observe_columns(const Keys& keys, std::span<const time_point> times,
                              Answers&& answers) {
    using Answer = std::ranges::range_value_t<Answers>;
    assert(std::ranges::size(keys) == times.size() && std::ranges::size(answers) == times.size());
    const auto* const key = std::ranges::data(keys);
    Answer* const answer = std::ranges::data(answers);
    std::size_t rejected = 0;
    const auto one = [&](std::size_t i) {
      Placement<Clock> placement;
      const Admission admission = admit(key_view(key[i]), times[i], NoEvent{}, placement, closed_);
      if (admission == Admission::closes) count_emitted(*closed_);
      if (admission == Admission::rejected) {
        placement.opened_at = time_point::min();
        ++rejected;
      }
      detail::answer_with<Clock>(answer[i], placement);
    };
    std::size_t done = 0;
    if constexpr (is_packed) {
      if (size() == 0 && !times.empty()) one(done++);
      // A key that is evicted, or has no room, is one whose order among other keys matters.
      while (times.size() - done >= detail::block_size &&
             options().max_keys - size() > detail::block_size) {
        const std::size_t count =
            std::min(times.size() - done, options().max_keys - size() - detail::block_size);
        detail::decide_in_blocks(states_, rules_, packed_rules_, key + done, times.data() + done,
                                 answer + done, count, outbox_.ledger,
                                 [&](std::size_t i) { one(done + i); });
        done += count;
      }
    }
    for (; done < times.size(); ++done) one(done);
    return rejected;
  }

  /// Closes each session whose key would start another with an event at `now`, by the gap, and
  /// frees the key's state; its next event is then a first_event. Summaries come in order of
  /// (start, key). Returns how many sessions were closed; where the sink refused, the sessions not
  /// reached stay open. Linear in the keys, n log n in the sessions closed.
  template <class Sink>
  Closing expire(time_point now, Sink&& sink) {
    const Closing closing = close(CloseReason::idle, 0, states_.groups(), sink, idle_at(now));
    states_.shrink();
    return closing;
  }

  /// Does a part of what expire() does: looks at the next `places` places for keys, where the last
  /// sweep has left off, and closes those that are idle at `now`. A table has two to four places
  /// for each key when it is full, so that sweeping as many places as events have come goes round
  /// often enough. Summaries come in order of (start, key) within the call. Linear in `places`; the
  /// call that comes full circle also gives memory back, where less than an eighth is in use.
  template <class Sink>
  Closing sweep(time_point now, std::size_t places, Sink&& sink) {
    if (hand_ == 0 || hand_ > states_.groups()) hand_ = states_.groups();
    const std::size_t wanted = (places + States::group_size - 1) / States::group_size;
    const std::size_t groups = std::min(hand_, wanted);
    const Closing closing = close(CloseReason::idle, hand_ - groups, groups, sink, idle_at(now));
    // What was not reached because the sink refused is swept again.
    if (closing.delivery == Delivery::ok) hand_ -= groups;
    if (hand_ == 0) states_.shrink();
    return closing;
  }

  /// Closes every session, as expire() does, and tells the sink that the stream has ended.
  template <class Sink>
  Closing flush(Sink&& sink) {
    Closing closing =
        close(CloseReason::flush, 0, states_.groups(), sink, [](const State&) { return true; });
    states_.shrink();
    if (closing.delivery == Delivery::ok) closing.delivery = end_stream(sink);
    return closing;
  }

  /// The open session of `key`, with reason `flush`, or null. Constant time; allocates nothing.
  [[nodiscard]] std::optional<summary_view> find(key_view key) const {
    const Slot slot = states_.find(key);
    if (!slot) return std::nullopt;
    return summarize(states_.key(slot), states_.load(slot), CloseReason::flush);
  }

  /// Forgets `key` and returns its session, which is thereby closed as `erased`; null where it has
  /// none. Constant time.
  std::optional<summary_type> erase(key_view key) {
    const Slot slot = states_.find(key);
    if (!slot) return std::nullopt;
    std::optional<summary_type> closed =
        summarize(states_.key(slot), states_.load(slot), CloseReason::erased).owned();
    count_closed(*closed);
    count_emitted(*closed);
    turns_.forget(key_view(closed->key));
    states_.erase(slot);
    return closed;
  }

  /// Calls `visit` with a summary of each open session, in no particular order.
  template <std::invocable<summary_view> Visit>
  void for_each_open(Visit&& visit) const {
    for (std::size_t group = 0; group < states_.groups(); ++group)
      states_.visit(group, [&](Slot slot) {
        visit(summarize(states_.key(slot), states_.load(slot), CloseReason::flush));
      });
  }

  /// How many keys have state; each has one open session.
  [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }
  /// Makes room for `keys` keys in all, so that none of them causes growth.
  void reserve(std::size_t keys) {
    const std::size_t room = std::min(keys, options().max_keys) + 1;
    states_.reserve(room);
    if (evicts()) turns_.reserve(room);
  }
  /// What became of the events so far.
  [[nodiscard]] Counters counters() const noexcept {
    return outbox_.ledger.counters(counting == Counting::on);
  }
  [[nodiscard]] const Options<Clock>& options() const noexcept { return rules_.options; }

 private:
  using State = KeyState<Clock, Rule, counting>;
  using States = detail::KeyStates<Clock, Key, Rule, counting>;
  using Slot = typename States::Slot;
  static constexpr bool is_packed = States::is_packed && detail::packed_rule<Rule>;
  using Packed = detail::PackedDecision<Clock, Rule, counting>;

  enum class Admission : unsigned char {
    rejected,  ///< there is no room for its key: too_many_keys
    accepted,
    closes,  ///< it is accepted, and closes a session, whose summary is given
  };

  /// Moves the state past one event, and says in `placement` where it stands: filled in in place,
  /// as a copy of it costs more than the decision. The summary of a session that it closes goes to
  /// `closed`, and counts as pending until somebody has it.
  template <class Event>
  Admission admit(key_view key, time_point time, const Event& event, Placement<Clock>& placement,
                  std::optional<summary_view>& closed) {
    if constexpr (is_packed) {
      Packed packed;
      if (states_.decide(key, time, packed_rules_, packed)) [[likely]] {
        placement.time = time;
        placement.reason = packed.starts ? packed.reason() : SplitReason::none;
        placement.session_start = rules_.carried(packed.opened_at(), time);
        placement.opened_at = packed.opened_at();
        placement.ordinal = packed.ordinal();
        count(packed);
        if (!packed.starts) return Admission::accepted;
        fill_in(closed.emplace(), packed, key);
        outbox_.ledger.events_pending += closed->events.value_or(0);
        return Admission::closes;
      }
    }
    return admit_exactly(key, time, event, placement, closed);
  }
  /// The answer to an event that is decided on. Whether it starts a session cannot be foreseen: no
  /// branch hangs on it. Each part is made in its place: a copy costs more than the decision.
  [[nodiscard, gnu::always_inline]] decision_type answer(const Packed& packed, key_view key,
                                                         time_point time) noexcept {
    const SplitReason none = SplitReason::none;
    decision_type decision{
        {time, packed.starts ? packed.reason() : none, rules_.carried(packed.opened_at(), time),
         packed.opened_at(), packed.ordinal()},
        std::nullopt,
        std::nullopt};
    if constexpr (std::integral<Key> || std::is_enum_v<Key>) {
      fill_in(decision.closed.emplace(), packed, key);
      if (!packed.starts) decision.closed.reset();
    } else if (packed.starts) {
      fill_in(decision.closed.emplace(), packed, key);
    }
    count(packed);
    if constexpr (counting == Counting::on)
      outbox_.ledger.events_emitted += packed.starts ? packed.closed().events : 0;
    return decision;
  }
  [[gnu::always_inline]] void fill_in(summary_view& closed, const Packed& packed,
                                      key_view key) const noexcept {
    // The table's view of the key: the caller's may end with the call.
    if constexpr (!std::integral<Key> && !std::is_enum_v<Key>) key = states_.key(states_.find(key));
    const State state = packed.closed();
    closed.key = key;
    closed.start = state.session_start;
    closed.last = state.last;
    closed.reason = close_reason(packed.reason());
    closed.ordinal = state.ordinal;
    if constexpr (counting == Counting::on) closed.events = state.events;
  }
  void count(const Packed& packed) noexcept {
    ++outbox_.ledger.accepted;
    const CloseReason reason = close_reason(packed.reason());
    outbox_.ledger.sessions_started += packed.starts;
    outbox_.ledger.sessions_closed_by_reason[static_cast<std::size_t>(reason)] += packed.starts;
  }
  template <class Event>
  [[gnu::noinline]] decision_type observe_exactly(key_view key, time_point time,
                                                  const Event& event) {
    decision_type decision;
    const Admission admission = admit_exactly(key, time, event, decision, decision.closed);
    if (admission == Admission::closes) {
      count_emitted(*decision.closed);
    } else if (admission == Admission::rejected) {
      decision.time = time;
      decision.rejected = RejectReason::too_many_keys;
    }
    return decision;
  }

  /// The same for any key, state and rule.
  template <class Event>
  [[gnu::noinline]] Admission admit_exactly(key_view key, time_point time, const Event& event,
                                            Placement<Clock>& placement,
                                            std::optional<summary_view>& closed) {
    const Slot slot = states_.find(key);
    if (!slot) return admit_new(key, time, event, placement, closed);
    if constexpr (States::is_packed) states_.look_at(time);
    auto&& state = states_.load(slot);
    const SplitReason reason = rules_.reason(&state, time, event);
    const bool closes = reason != SplitReason::none;
    if (closes) closed.emplace(summarize(states_.key(slot), state, close_reason(reason)));
    rules_.advance(state, reason, time, event);
    place(placement, state, reason, time);
    states_.store(slot, state);
    if (closes) count_closed(*closed);
    ++outbox_.ledger.accepted;
    outbox_.ledger.sessions_started += closes ? 1 : 0;
    return closes ? Admission::closes : Admission::accepted;
  }
  /// The same for an event of a key without state.
  template <class Event>
  Admission admit_new(key_view key, time_point time, const Event& event,
                      Placement<Clock>& placement, std::optional<summary_view>& closed) {
    const bool full = states_.size() >= options().max_keys;
    if (full && !evicts()) {
      outbox_.ledger.rejected.add(RejectReason::too_many_keys);
      return Admission::rejected;
    }
    State state;
    rules_.advance(state, SplitReason::first_event, time, event);
    place(placement, state, SplitReason::first_event, time);
    typename detail::Turns<Key>::Turn turn(turns_, key, evicts());
    states_.insert(key, std::move(state));
    turn.take();
    ++outbox_.ledger.accepted;
    ++outbox_.ledger.sessions_started;
    if (!full) return Admission::accepted;
    closed.emplace(evict());
    count_closed(*closed);
    return Admission::closes;
  }

  void place(Placement<Clock>& placement, const State& state, SplitReason reason,
             time_point time) const noexcept {
    placement.time = time;
    placement.reason = reason;
    placement.session_start = rules_.carried(state.session_start, time);
    placement.opened_at = state.session_start;
    placement.ordinal = state.ordinal;
  }
  [[nodiscard]] bool evicts() const noexcept {
    return options().at_max_keys == AtMaxKeys::evicts_idle_key;
  }
  /// Closes the session of an idle key other than the newest: of the next few keys in turn, the one
  /// that has been silent for longest. Every key has its turn, so that what is evicted is close to
  /// the idlest of all.
  summary_view evict() {
    evicted_.emplace(turns_.take_idlest([this](const key_view& key) {
      const State& state = states_.load(states_.find(key));
      return state.previous;
    }));
    const Slot slot = states_.find(key_view(*evicted_));
    const summary_view closed =
        summarize(key_view(*evicted_), states_.load(slot), CloseReason::evicted);
    states_.erase(slot);
    return closed;
  }

  [[nodiscard]] static summary_view summarize(const key_view& key, const State& state,
                                              CloseReason reason) {
    summary_view closed{key, state.session_start, state.last, {}, reason, state.ordinal};
    if constexpr (counting == Counting::on) closed.events = state.events;
    return closed;
  }

  template <class AnySummary>
  void count_closed(const AnySummary& closed) noexcept {
    ++outbox_.ledger.sessions_closed_by_reason[static_cast<std::size_t>(closed.reason)];
    outbox_.ledger.events_pending += closed.events.value_or(0);
  }
  /// The caller has the summary of a session that was counted as closed.
  template <class AnySummary>
  void count_emitted(const AnySummary& closed) noexcept {
    outbox_.ledger.events_pending -= closed.events.value_or(0);
    outbox_.ledger.events_emitted += closed.events.value_or(0);
  }

  template <class Event, class By, class Sink, class Errors>
  Delivery process_one(const Event& event, const By& by, Sink& sink, Errors& errors) {
    auto&& key = std::invoke(by.key, event);
    auto&& time = std::invoke(by.time, event);
    if (detail::is_null(key)) return reject(RejectReason::missing_key, event, by, errors);
    if (detail::is_null(time)) return reject(RejectReason::missing_time, event, by, errors);
    static_assert(std::convertible_to<decltype(detail::value_of(time)), time_point>,
                  "the time projection gives a time_point of the sessionizer's clock; make one of "
                  "an integer with from_epoch()");
    const std::optional<time_point> at = exact_time(detail::value_of(time));
    if (!at) return reject(RejectReason::time_range, event, by, errors);
    const auto& given = detail::value_of(key);
    using Given = std::remove_cvref_t<decltype(given)>;
    const auto go_on = [&](const key_view& viewed) {
      RecordView<Clock, Key, Event> record{{}, viewed, event};
      const Admission admission = admit(viewed, *at, event, record, closed_);
      if (admission == Admission::rejected)
        return tell(RejectReason::too_many_keys, event, by, errors);
      return outbox_.send(sink, admission == Admission::closes ? &*closed_ : nullptr, record);
    };
    if constexpr (detail::reference_view<key_view> && !std::derived_from<Given, Key>) {
      const Key made(given);  // the view looks at a key: it needs one that stays
      return go_on(made);
    } else {
      static_assert(detail::fits_view<key_view, Given>,
                    "the key projection gives something that is no key of this sessionizer, or an "
                    "integer that does not always fit one");
      return go_on(key_view{given});
    }
  }

  /// A time of a coarser clock in this one's ticks; null where they do not reach that far.
  template <class Given>
  [[nodiscard]] static constexpr std::optional<time_point> exact_time(const Given& given) noexcept {
    if constexpr (std::is_same_v<Given, time_point> || !requires { typename Given::period; }) {
      return static_cast<time_point>(given);
    } else {
      constexpr std::intmax_t factor =
          std::ratio_divide<typename Given::period, typename time_point::period>::num;
      using Limits = std::numeric_limits<typename time_point::rep>;
      const auto ticks = given.time_since_epoch().count();
      if (ticks > Limits::max() / factor || ticks < Limits::min() / factor) return std::nullopt;
      return static_cast<time_point>(given);
    }
  }

  template <class Event, class By, class Errors>
  Delivery reject(RejectReason reason, const Event& event, const By& by, Errors& errors) {
    outbox_.ledger.rejected.add(reason);
    return tell(reason, event, by, errors);
  }

  /// Tells the error sink of a rejection that is counted already. An error sink has no say in how
  /// far the call goes: a refused rejection is not offered again.
  template <class Event, class By, class Errors>
  Delivery tell(RejectReason reason, const Event& event, const By& by, Errors& errors) {
    auto&& raw = std::invoke(by.raw_data, event);
    const std::string_view data = detail::nullable_view(raw).value_or(std::string_view{});
    static_cast<void>(deliver(
        errors,
        Rejection{
            reason, message(reason), {}, counters().offered, data.substr(0, max_rejected_data)}));
    return Delivery::ok;
  }

  [[nodiscard]] static constexpr std::string_view message(RejectReason reason) noexcept {
    if (reason == RejectReason::missing_key) return "the event has no key: give it one";
    if (reason == RejectReason::missing_time) return "the event has no time: give it one";
    if (reason == RejectReason::time_range)
      return "the clock cannot represent the event's time: correct it, or choose another clock";
    return "max_keys keys have open sessions: raise max_keys, call expire(), or choose "
           "AtMaxKeys::evicts_idle_key";
  }

  [[nodiscard]] auto idle_at(time_point now) const {
    return [this, now](const State& state) { return rules_.gap_splits(state.previous, now); };
  }

  /// Closes the sessions of some groups of keys that `is_closed` tells.
  template <class Sink, class IsClosed>
  Closing close(CloseReason reason, std::size_t first_group, std::size_t groups, Sink& sink,
                IsClosed is_closed) {
    static_cast<void>(detail::check_closing_sink<Sink, summary_view>());
    Closing result{0, outbox_.resend(sink)};
    if (result.delivery == Delivery::refused) return result;
    std::vector<Found> closing;
    for (std::size_t group = first_group; group < first_group + groups; ++group)
      states_.visit(group, [&](Slot slot) {
        const State& state = states_.load(slot);
        if (is_closed(state)) closing.push_back({slot, state.session_start});
      });
    std::sort(closing.begin(), closing.end(), [&](const Found& a, const Found& b) {
      if (a.start != b.start) return a.start < b.start;
      return states_.key(a.slot) < states_.key(b.slot);
    });
    {
      const EraseClosed erase_closed{*this, closing, result.sessions};
      for (const Found& found : closing) {
        const summary_view closed =
            summarize(states_.key(found.slot), states_.load(found.slot), reason);
        count_closed(closed);
        ++result.sessions;
        result.delivery = outbox_.send(sink, closed);
        if (result.delivery == Delivery::refused) break;
      }
    }
    return result;
  }

  struct Found {
    Slot slot;
    time_point start;
  };
  /// Erases the keys whose sessions were closed, however closing them ended.
  struct EraseClosed {
    Sessionizer& sessions;
    std::vector<Found>& closing;
    const std::size_t& closed;

    ~EraseClosed() {
      closing.resize(closed);
      if (sessions.evicts())
        for (const Found& found : closing) sessions.turns_.forget(sessions.states_.key(found.slot));
      sessions.states_.erase_all(closing);
    }
  };

  SessionRules<Clock, Rule> rules_;
  detail::PackedRules<detail::offset_t<Clock>> packed_rules_;  // the same, where they can be
  States states_;
  detail::Turns<Key> turns_;
  detail::Outbox<Clock, Key> outbox_;
  std::optional<summary_view> closed_;  // by the last event that was not observe()d
  std::optional<Key> evicted_;          // the key that it may look at
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
