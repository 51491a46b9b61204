#ifndef SESSIONIZE_WINDOWS_SESSION_WINDOWS_HPP
#define SESSIONIZE_WINDOWS_SESSION_WINDOWS_HPP

#include <sessionize/detail/check_sink.hpp>
#include <sessionize/detail/intake.hpp>
#include <sessionize/key_table.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/windows/aggregates.hpp>
#include <sessionize/windows/due_queue.hpp>
#include <sessionize/windows/event_time.hpp>
#include <sessionize/windows/key_sessions.hpp>
#include <sessionize/windows/late_queue.hpp>
#include <sessionize/windows/options.hpp>
#include <sessionize/windows/result_queue.hpp>
#include <sessionize/windows/session_result.hpp>
#include <sessionize/windows/watermark.hpp>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// The late sink that is used where none is given: late events are counted, in WindowCounters.
struct CountLate {
  template <class Late>
  constexpr void operator()(const Late&) const noexcept {}
};

/// Cuts each key's events into sessions by their own times, whatever the order of their arrival.
///
/// Two events of a key that are no further apart than the gap are in one session; an event that
/// comes late between two open sessions makes them one. A watermark W says that events before it
/// are no longer expected. A session whose end, its last event's time and the gap, is before W is
/// due: no event that is on time can join it. It is kept for `lateness` more, for events that are
/// not on time, and is then closed: its final result is emitted and its state freed. What can join
/// no session that is kept, and would be due by itself, goes to the late sink. So where no event
/// is further behind than `out_of_order`, none is late, and the sessions are those of a batch.
///
/// Clock      gives the types of times; see session_clock
/// Key        an integer, std::string, a pair or tuple of keys, or a type of the caller's
/// Aggregate  what is computed of each session's events; see aggregates.hpp
/// Rule       NoRule, max_duration(), day_boundary(), any_of() these, or a std::optional of one
///
/// Under a maximum duration D, events that the gap does not separate are cut from the earliest on:
/// a cut has those up to D after its first that its own events' gaps reach. It is final once W is
/// beyond that and the lateness, and an event in it is late from then on. Until then its events are
/// kept.
///
/// An event takes expected constant time, and its share of a short heap, and time linear in those
/// of its key's open sessions that are later than it; under a maximum duration, linear in its
/// session's events. Results come in the order of the steps that the watermark takes, an event or a
/// call; those of one step by (start, key), retractions before what follows them. Throws nothing of
/// its own; where an aggregate throws as two sessions become one, they are one with what it has of
/// them. Sinks must not call back. One thread at a time may use an object; different objects share
/// nothing.
template <session_clock Clock, session_key Key, class Aggregate = NoAggregate, class Rule = NoRule>
class SessionWindows {
 public:
  using clock = Clock;
  using time_point = typename Clock::time_point;
  using duration = typename Clock::duration;
  using key_type = Key;
  using key_view = key_view_t<Key>;
  using aggregate_state = typename Aggregate::State;
  /// What sinks are called with, and the same with its own key and aggregate.
  using result_view = SessionResult<Clock, key_view, const aggregate_state&>;
  using result_type = SessionResult<Clock, Key, aggregate_state>;
  template <class Event>
  using late_view = LateEvent<Clock, key_view, Event>;

  explicit SessionWindows(WindowOptions<Clock> options = {}) requires
      std::default_initializable<Rule> && std::default_initializable<Aggregate>
      : SessionWindows(options, Rule{}) {}
  SessionWindows(WindowOptions<Clock> options, Rule rule, Aggregate aggregate = {})
      : time_(options, rule),
        aggregate_(std::move(aggregate)),
        is_usual_(!time_.is_limited() && !options.max_advance && options.emit == Emit::final_only &&
                  options.watermark_of == WatermarkOf::stream &&
                  options.close != ClosePolicy::spark &&
                  options.close != ClosePolicy::drops_behind),
        due_(detail::plus(time_point{options.gap}, options.lateness).time_since_epoch().count()) {}

  /// Takes in one event; where there is no room for it, it is rejected and counted, which an error
  /// sink of process() would be told. Where the aggregate reads events, use process().
  template <class Sink, class Late = CountLate>
  Delivery observe(key_view key, time_point time, Sink&& sink, Late&& late = {}) {
    check<Sink>();
    check_late<Late, NoEvent>();
    static_assert(detail::check_aggregate<Aggregate, NoEvent>());
    if (results_.drain(sink, counters_) == Delivery::refused) return Delivery::refused;
    late_.drain(late);
    Offering offering{counters_};
    const NoEvent event;
    const auto rejected = admit(Arrival<NoEvent>{key, time, options().gap, true, {}, event}, late);
    if (rejected) counters_.rejected.add(*rejected);
    offering.is_settled = true;
    return results_.drain(sink, counters_);
  }

  /// Takes in a range of events of the caller's own type, read as `by` says: see by(), and there
  /// raw(), gap() and keeps_alive(). `sink` gets result_views, `late` late_views, `errors`
  /// Rejections. Stops where the sink refuses, and says how many events were taken.
  template <std::ranges::input_range Events, class By, class Sink, class Late = CountLate,
            class Errors = CountRejections>
  Progress process(Events&& events, const By& by, Sink&& sink, Late&& late = {},
                   Errors&& errors = {}) {
    using Event = std::remove_cvref_t<std::ranges::range_reference_t<Events>>;
    check<Sink>();
    check_late<Late, Event>();
    static_assert(detail::check_aggregate<Aggregate, Event>());
    Progress progress{0, results_.drain(sink, counters_)};
    if (progress.delivery == Delivery::refused) return progress;
    late_.drain(late);
    for (const auto& event : events) {
      if constexpr (detail::can_look_ahead<Events, By, key_view>)
        if (table_.asks()) look_ahead(events, progress.events, by);
      ++progress.events;
      take(event, by, late, errors);
      progress.delivery = results_.drain(sink, counters_);
      if (progress.delivery == Delivery::refused) break;
    }
    return progress;
  }

  /// Says that no event before `watermark` is expected any more; a watermark never goes back.
  /// Returns how many sessions that closed.
  template <class Sink, class Late = CountLate>
  Closing advance_watermark(time_point watermark, Sink&& sink, Late&& late = {}) {
    check<Sink>();
    check_late<Late, NoEvent>();
    return closing(sink, late, [&] {
      explicit_ = std::max(explicit_, watermark);
      close_due(watermark_of(nullptr));
    });
  }
  /// To be called by a timer where the stream may pause: from the first call after the last event
  /// on, watermark() moves as fast as `now`, of the caller's clock. With a watermark for each key
  /// that is the one that was given: the latest of all keys' would make the others late.
  template <class Sink, class Late = CountLate>
  Closing advance_idle(time_point now, Sink&& sink, Late&& late = {}) {
    check<Sink>();
    check_late<Late, NoEvent>();
    return closing(sink, late, [&] {
      const auto is = watermark();
      if (!is) return;
      explicit_ = idle_.at(now, *is);
      close_due(watermark_of(nullptr));
    });
  }
  /// Sets the clock that max_advance is measured from; where it is never called, that is the
  /// largest time accepted.
  void set_clock(time_point now) noexcept { now_ = now; }

  /// Emits a result of each open session that has changed since its last one.
  template <class Sink, class Late = CountLate>
  Closing early(Sink&& sink, Late&& late = {}) {
    check<Sink>();
    check_late<Late, NoEvent>();
    return closing(sink, late, [&] {
      for (Entry& entry : table_.entries())
        for (Session& session : entry.value.sessions) {
          for (Part& part : entry.value.parts(time_, session)) {
            const auto* told = session.report_of(part.arrival);
            if (told == nullptr || *told != part.report())
              report(entry.key, session, std::move(part), {});
          }
        }
    });
  }
  /// Closes every session, as `flush`, and tells the sink that the stream has ended.
  template <class Sink, class Late = CountLate>
  Closing flush(Sink&& sink, Late&& late = {}) {
    check<Sink>();
    check_late<Late, NoEvent>();
    Closing done = closing(sink, late, [&] {
      while (table_.size() != 0) settle(table_.size() - 1, CloseReason::flush);
      table_.shrink();
    });
    if (done.delivery == Delivery::ok) done.delivery = end_stream(sink);
    return done;
  }

  /// The watermark of the stream, or of a key; null where there is none yet.
  [[nodiscard]] std::optional<time_point> watermark() const noexcept {
    return or_null(watermark_of(nullptr));
  }
  [[nodiscard]] std::optional<time_point> watermark(key_view key) const noexcept {
    const Entry* entry = table_.find(key);
    return or_null(watermark_of(entry == nullptr ? nullptr : &entry->value));
  }
  /// How many sessions are open; how many keys have state.
  [[nodiscard]] std::size_t size() const noexcept { return sessions_; }
  [[nodiscard]] std::size_t keys() const noexcept { return table_.size(); }
  /// Makes room for `keys` keys in all.
  void reserve(std::size_t keys) {
    table_.reserve(keys);
    due_.reserve(keys);
  }
  /// What became of the events so far.
  [[nodiscard]] const WindowCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const WindowOptions<Clock>& options() const noexcept { return time_.options(); }

 private:
  template <class Object>
  friend struct detail::SnapshotAccess;

  using Time = detail::EventTime<Clock, Rule>;
  static constexpr bool may_keep = Time::may_keep;
  static constexpr time_point never = Time::never;
  using KeyState = detail::KeySessions<Clock, aggregate_state, Rule>;
  using Session = typename KeyState::Session;
  using Part = typename KeyState::Part;
  using Waiting = typename KeyState::Waiting;
  using FirstDue = typename KeyState::FirstDue;
  using Table = KeyTable<Key, KeyState>;
  using Entry = typename Table::Entry;
  static constexpr std::size_t nowhere = SIZE_MAX;

  template <class Event>
  struct Arrival {
    key_view key;
    time_point time;
    duration gap;
    bool alive;
    std::string_view data;
    const Event& event;
  };
  /// What becomes of an event that is in no session and does not wait for one.
  struct Verdict {
    std::optional<RejectReason> rejected{};
    std::optional<LateReason> late{};
  };
  /// Counts an event as offered; no more, unless it was accepted or rejected before, where
  /// something throws.
  struct Offering {
    WindowCounters& counters;
    bool is_settled = false;

    explicit Offering(WindowCounters& counted) noexcept : counters(counted) { ++counters.offered; }
    Offering(const Offering&) = delete;
    Offering& operator=(const Offering&) = delete;
    ~Offering() {
      if (!is_settled) counters.offered = counters.accepted + counters.rejected.total();
    }
  };
  template <class Sink>
  static void check() {
    static_cast<void>(detail::check_closing_sink<std::remove_cvref_t<Sink>, result_view>());
    static_cast<void>(detail::check_gets_something<std::remove_cvref_t<Sink>, result_view>());
  }
  template <class Late, class Event>
  static void check_late() {
    static_cast<void>(detail::check_sink<std::remove_cvref_t<Late>, late_view<Event>>());
    static_assert(takes<std::remove_cvref_t<Late>, late_view<NoEvent>>,
                  "a late sink is called with a LateEvent of any event type: what is known to be "
                  "late only later comes without its event");
  }

  // Events

  /// Asks the memory for what later events will need: the place of a key's entry, then the entry.
  template <class Events, class By>
  SESSIONIZE_PREFETCHES void look_ahead(const Events& events, std::size_t at, const By& by) const {
    constexpr std::size_t ahead = 8;
    const auto event =
        std::ranges::begin(events) + static_cast<std::ranges::range_difference_t<Events>>(at);
    const auto size = static_cast<std::size_t>(std::ranges::size(events));
    // Of few events, a compiler that knows how many sees that nothing behind them is read.
    if (size > 2 * ahead && at < size - 2 * ahead) {
      const auto& key = std::invoke(by.key, event[2 * ahead]);
      if (!detail::is_null(key)) table_.ask_cell(key_view{detail::value_of(key)});
    }
    if (size > ahead && at < size - ahead) {
      const auto& key = std::invoke(by.key, event[ahead]);
      if (!detail::is_null(key)) table_.ask_entry(key_view{detail::value_of(key)});
    }
  }
  template <class Event, class By, class Late, class Errors>
  void take(const Event& event, const By& by, Late& late, Errors& errors) {
    Offering offering{counters_};
    auto&& raw = std::invoke(by.raw_data, event);
    const std::string_view data =
        detail::nullable_view(raw).value_or(std::string_view{}).substr(0, max_rejected_data);
    const auto rejected = detail::read_event<Clock, Key>(
        event, by,
        [&](const key_view& key, time_point time) -> std::optional<RejectReason> {
          duration gap = options().gap;
          if constexpr (!std::same_as<std::remove_cvref_t<decltype(by.gap_of)>, NoOwnGap>) {
            auto&& own = std::invoke(by.gap_of, event);
            if (!detail::is_null(own)) gap = detail::value_of(own);
            if (gap < duration::zero()) return RejectReason::gap_range;
          }
          const auto alive = static_cast<bool>(std::invoke(by.alive, event));
          return admit(Arrival<Event>{key, time, gap, alive, data, event}, late);
        },
        [](RejectReason reason) { return std::optional(reason); });
    if (rejected) counters_.rejected.add(*rejected);
    offering.is_settled = true;
    if (!rejected) return;
    static_cast<void>(deliver(
        errors,
        Rejection{*rejected, detail::reject_message(*rejected), {}, counters_.offered, data}));
  }

  /// Decides on one event, takes it in, and lets the watermark move; returns why it is rejected.
  template <class Event, class Late>
  std::optional<RejectReason> admit(const Arrival<Event>& arrival, Late& late) {
    const std::size_t at = place_of(arrival.key);
    if (at == nowhere || !extend(table_.entries()[at].value, arrival))
      return admit_any(arrival, at, late);
    if (const auto watermark = watermark_of(nullptr); is_any_due(watermark)) {
      close_due(watermark);
      results_.finish();
      late_.drain(late);
    }
    return std::nullopt;
  }
  /// What nearly all events do: joins the only session of its key, which is affected by nothing
  /// else. False, and nothing done, where that is not so.
  template <class Event>
  bool extend(KeyState& key, const Arrival<Event>& arrival) {
    Session* const session = key.sessions.only();
    if (!is_usual_ || session == nullptr || !key.is_simple() || !arrival.alive) return false;
    const time_point reach = time_.reach(arrival.time, arrival.gap);
    if (!time_.meets(*session, arrival.time, reach)) return false;
    session->add(arrival.time, reach, arrivals_, false, add_to(arrival));
    count_in(false);
    idle_.stop();
    largest_ = std::max(largest_, arrival.time);
    return true;
  }
  /// The same for all events. `at` is where the key is.
  template <class Event, class Late>
  [[gnu::noinline]] std::optional<RejectReason> admit_any(const Arrival<Event>& arrival,
                                                          std::size_t at, Late& late) {
    Seen seen{.counts = true};
    if (options().max_advance) seen = see(arrival.key, arrival.time);
    time_point watermark = watermark_of(at == nowhere ? nullptr : &table_.entries()[at].value);
    if (options().close == ClosePolicy::kafka)
      watermark = std::max(watermark, time_.behind(largest_of(arrival, seen)));
    Scheduling scheduling{*this};
    const Verdict verdict = join(arrival, at, watermark);
    results_.end_event();
    if (verdict.rejected) {
      scheduling.is_done = true;
      return verdict.rejected;
    }
    idle_.stop();
    if (seen.was_far) defer(LateReason::far_future, *seen.was_far, watermark, {});
    if (options().max_advance) far_future_.accept(seen);
    if (seen.counts) move(arrival.key, arrival.time);
    if (seen.confirms) move(key_view(seen.confirms->key), seen.confirms->time);
    close_due(watermark_of(nullptr));
    if (options().watermark_of == WatermarkOf::key) {
      settle_if_due(arrival.key);
      if (seen.confirms) settle_if_due(key_view(seen.confirms->key));
    }
    scheduling.is_done = true;
    results_.finish();
    const auto tell = [&](LateReason reason) {
      ++late_count(reason);
      static_cast<void>(deliver(late, late_view<Event>{arrival.key, arrival.time, watermark, reason,
                                                       arrival.data, &arrival.event}));
    };
    if (verdict.late) {
      ++counters_.accepted;
      tell(*verdict.late);
    } else if (seen.is_far) {
      tell(LateReason::far_future);
    }
    late_.drain(late);
    return std::nullopt;
  }

  /// Puts an event where it belongs: into a session, to those that wait, or nowhere.
  template <class Event>
  Verdict join(const Arrival<Event>& arrival, std::size_t at, time_point watermark) {
    const KeyState* key = at == nowhere ? nullptr : &table_.entries()[at].value;
    const time_point time = arrival.time, reach = time_.reach(time, arrival.gap);
    if (options().close == ClosePolicy::drops_behind && time < watermark)
      return {{}, LateReason::behind_watermark};
    if (options().close == ClosePolicy::spark && time_.is_late(time, reach, watermark))
      return {{}, LateReason::closed};
    if (key != nullptr && key->is_in_closed_cut(time)) return {{}, LateReason::final_cut};
    if (!arrival.alive) return attach(arrival, at, watermark);

    const auto [from, to] = key == nullptr ? std::pair(std::size_t{0}, std::size_t{0})
                                           : time_.meeting(key->sessions, time, reach);
    if (from == to && time_.is_late(time, reach, watermark)) return {{}, LateReason::closed};
    if (from == to && key != nullptr && key->meets_closed(time_, time, reach))
      return {{}, LateReason::after_close};
    if (time_.is_limited() && kept_ >= options().max_kept_events)
      return {RejectReason::too_many_events, {}};
    if (from == to) return open(arrival, at, reach, watermark);
    merge(arrival, at, from, to, reach);
    return {};
  }

  /// Whether a key has nothing but open sessions, which are reported when they are closed and cut
  /// by nothing.
  [[nodiscard]] bool is_plain(const KeyState& key) const noexcept {
    return !time_.is_limited() && options().emit == Emit::final_only && key.is_simple();
  }
  template <class Event>
  [[nodiscard]] auto add_to(const Arrival<Event>& arrival) const noexcept {
    return [this, &arrival](aggregate_state& state) {
      aggregate_.add(state, arrival.event,
                     Moment{arrival.time.time_since_epoch().count(), arrivals_});
    };
  }

  template <class Event>
  Verdict open(const Arrival<Event>& arrival, std::size_t at, time_point reach,
               time_point watermark) {
    for (;;) {
      const bool has_session = sessions_ < options().max_sessions;
      const bool has_key = at != nowhere || table_.size() < options().max_keys;
      if (has_session && has_key) break;
      const auto reason = has_key ? RejectReason::too_many_sessions : RejectReason::too_many_keys;
      if (!evict(!has_key, arrival.key, watermark)) return {reason, {}};
      at = place_of(arrival.key);
    }
    Session session(arrival.time, reach, arrivals_, time_.is_limited(),
                    options().emit != Emit::final_only, add_to(arrival));
    at = make_place(arrival.key, at);
    KeyState& key = table_.entries()[at].value;
    Session& opened = key.open(std::move(session));
    count_in(time_.is_limited());
    ++sessions_;
    ++counters_.sessions_opened;
    key.take_waiting(time_, opened, kept_);
    schedule(key, key.next_due(time_, opened));
    return {};
  }

  template <class Event>
  void merge(const Arrival<Event>& arrival, std::size_t at, std::size_t from, std::size_t to,
             time_point reach) {
    Entry& entry = table_.entries()[at];
    KeyState& key = entry.value;
    Session& session = key.sessions[from];
    std::vector<Part> old;
    if (options().emit != Emit::final_only)
      for (std::size_t i = from; i < to; ++i) key.add_reported(old, time_, key.sessions[i]);

    if (to - from > 1) Session::make_room(&session, to - from);
    session.add(arrival.time, reach, arrivals_, time_.is_limited(), add_to(arrival));
    count_in(time_.is_limited());
    swallow(key, from, to);
    Session& merged = key.sessions[from];
    key.take_waiting(time_, merged, kept_);
    if (!old.empty()) report_changes(entry, merged, old);
    if (!time_.is_limited()) return;  // It is due no earlier than its parts were.
    // What a maximum duration cuts off may be, and what waits may be in no cut any more.
    schedule(key, key.next_due(time_, merged));
    if (key.rest != nullptr && !key.rest->waiting.empty()) schedule(key);
  }
  /// Makes one of sessions that an event connects. Should their aggregates not merge, they are one
  /// all the same.
  void swallow(KeyState& key, std::size_t from, std::size_t to) {
    struct Erase {
      KeyState& key;
      std::size_t from, to;
      ~Erase() { key.sessions.erase(from, to); }
    };
    if (to - from == 1) return;
    const Erase swallowed{key, from + 1, to};
    for (std::size_t i = from + 1; i < to; ++i) key.sessions[from].swallow(key.sessions[i]);
    sessions_ -= to - from - 1;
    counters_.sessions_merged += to - from - 1;
    for (std::size_t i = from + 1; i < to; ++i)
      key.sessions[from].aggregate.merge(key.sessions[i].aggregate);
  }

  /// Lets an event join that keeps no session alive, or wait.
  template <class Event>
  Verdict attach(const Arrival<Event>& arrival, std::size_t at, time_point watermark) {
    const bool is_held = at != nowhere && table_.entries()[at].value.holds(time_, arrival.time);
    if (!is_held && arrival.time < watermark) return {{}, LateReason::unattached};
    const bool waits = !is_held || time_.is_limited();
    if (waits && kept_ >= options().max_kept_events) return {RejectReason::too_many_events, {}};
    if (at == nowhere && table_.size() >= options().max_keys &&
        !evict(true, arrival.key, watermark))
      return {RejectReason::too_many_keys, {}};

    Waiting event{arrival.time, arrivals_, std::string(arrival.data), {}};
    add_to(arrival)(event.aggregate);
    const std::size_t place = make_place(arrival.key, place_of(arrival.key));
    Entry& entry = table_.entries()[place];
    KeyState& key = entry.value;
    Session* const holder = key.holder(time_, arrival.time);
    std::vector<Part> old;
    if (is_held && options().emit != Emit::final_only) key.add_reported(old, time_, *holder);
    if (waits) {
      key.wait(std::move(event));
      schedule(key);
    } else {
      KeyState::take_in(*holder, event);
    }
    count_in(waits);
    if (!old.empty()) report_changes(entry, *holder, old);
    return {};
  }
  void count_in(bool is_kept) noexcept {
    ++counters_.accepted;
    ++counters_.events_open;
    ++arrivals_;
    kept_ += is_kept ? 1 : 0;
  }
  using Seen = typename detail::FarFuture<Clock, Key>::Seen;
  using Suspect = typename detail::FarFuture<Clock, Key>::Suspect;
  /// What an event's time comes to under max_advance.
  [[nodiscard]] Seen see(const key_view& key, time_point time) const {
    const std::optional<time_point> reference = now_           ? now_
                                                : has_largest_ ? std::optional(largest_)
                                                               : std::nullopt;
    return far_future_.see(key, time, reference, largest_, *options().max_advance);
  }
  /// The largest time that now counts, of those that an event's watermark is behind.
  template <class Event>
  [[nodiscard]] time_point largest_of(const Arrival<Event>& arrival, const Seen& seen) const {
    time_point largest = seen.counts ? arrival.time : never;
    const bool is_own = options().watermark_of == WatermarkOf::key;
    if (seen.confirms && (!is_own || key_view(seen.confirms->key) == arrival.key))
      largest = std::max(largest, seen.confirms->time);
    return largest;
  }
  void move(const key_view& key, time_point to) {
    largest_ = std::max(largest_, to);
    has_largest_ = true;
    if (options().watermark_of != WatermarkOf::key) return;
    Entry* entry = table_.find(key);
    if (entry == nullptr) return;
    entry->value.see(to);
    if (entry->value.sessions.empty()) keep_or_forget(*entry);
  }

  // Results

  /// Emits what has changed of the parts that were reported.
  void report_changes(Entry& entry, Session& session, std::vector<Part>& old) {
    std::vector<Part> now = entry.value.parts(time_, session);
    std::vector<std::vector<time_point>> replaces(now.size());
    std::vector<bool> changed(now.size());
    for (Part& was : old) {
      const auto same = std::find_if(now.begin(), now.end(),
                                     [&](const Part& part) { return part.arrival == was.arrival; });
      if (same != now.end() && same->report() == was.report()) continue;
      const std::size_t at = same != now.end() ? static_cast<std::size_t>(same - now.begin())
                                               : holder_of(session, was.arrival, now);
      changed[at] = true;
      if (same == now.end()) {
        replaces[at].push_back(was.id_time);
        session.unset_report(was.arrival);
      }
      if (options().emit == Emit::retractions)
        emit(ready(entry.key), std::move(was), Op::retract, CloseReason::flush, {}, now[at].start);
    }
    for (std::size_t at = 0; at < now.size(); ++at)
      if (changed[at]) report(entry.key, session, std::move(now[at]), std::move(replaces[at]));
  }
  [[nodiscard]] std::size_t holder_of(const Session& session, std::uint64_t arrival,
                                      const std::vector<Part>& now) const noexcept {
    if constexpr (may_keep)
      for (const auto& event : session.kept)
        if (event.arrival == arrival)
          for (std::size_t at = 0; at < now.size(); ++at)
            if (now[at].start <= event.time && event.time <= now[at].last) return at;
    return 0;
  }
  void report(const Key& key, Session& session, Part&& part, std::vector<time_point>&& replaces) {
    const bool again = session.report_of(part.arrival) != nullptr;
    Key its = ready(key);
    session.set_report(part);
    emit(std::move(its), std::move(part), again ? Op::update : Op::open, CloseReason::flush,
         std::move(replaces));
  }
  /// A key for emit(), which asks the memory for nothing after it: a result is there or it is not.
  [[nodiscard]] Key ready(const Key& key) {
    results_.make_room();
    return key;
  }
  /// `order` is the start that a result has its place by: a retraction goes before what follows it.
  void emit(Key&& key, Part&& part, Op op, CloseReason reason, std::vector<time_point>&& replaces,
            std::optional<time_point> order = {}) {
    const std::uint64_t events = part.events;
    results_.push(result_type{{std::move(key), part.start, part.last, events, reason, 0},
                              op,
                              options().emit == Emit::final_only ? part.start : part.id_time,
                              std::move(replaces),
                              std::move(part.aggregate)},
                  order.value_or(part.start));
    if (op != Op::final) return;
    counters_.events_open -= events;
    counters_.events_pending += events;
    ++counters_.sessions_closed_by_reason[static_cast<std::size_t>(reason)];
    ++closed_;
  }

  // What is due

  void schedule(const KeyState& key, time_point at) {
    due_.schedule(key.number, at.time_since_epoch().count());
  }
  void schedule(const KeyState& key) { schedule(key, key.next_due(time_)); }
  /// Asks the memory for keys that will be due soon.
  struct Asking {
    const Table& table;
    bool is_wanted = table.asks();

    SESSIONIZE_PREFETCHES void entry(std::size_t place) const noexcept {
      if (place < table.size()) table.ask_position(place);
    }
    SESSIONIZE_PREFETCHES void cell(std::size_t place) const noexcept {
      if (place < table.size()) table.ask_cell(key_view(table.entries()[place].key));
    }
  };
  /// Whether there may be something that is due by the watermark that all keys have.
  [[nodiscard]] bool is_any_due(time_point watermark) const noexcept {
    return at_ticks(due_.soonest()) < watermark;
  }
  /// Closes and reports whatever is due by it.
  void close_due(time_point watermark) {
    schedule_all();
    if (!is_any_due(watermark)) return;
    const auto is_due = [&](std::int64_t at) { return at_ticks(at) < watermark; };
    const Asking asking{table_};
    while (const auto place = due_.pop(is_due, asking)) settle(*place);
    if (table_.size() < shrunk_at_ / 8) {
      table_.shrink();
      shrunk_at_ = table_.size();
    }
  }
  void settle_if_due(const key_view& its) {
    const std::size_t at = place_of(its);
    if (at == nowhere) return;
    const KeyState& key = table_.entries()[at].value;
    const std::int64_t due = due_.at(key.number);
    if (due != INT64_MAX && at_ticks(due) < watermark_of(&key)) settle(at);
  }
  [[nodiscard]] static time_point at_ticks(std::int64_t ticks) noexcept {
    return time_point{duration{static_cast<typename duration::rep>(ticks)}};
  }

  /// Closes, reports and forgets what is due of one key; everything, where there is another reason.
  void settle(std::size_t at, CloseReason why = CloseReason::idle, time_point behind = never) {
    Entry& entry = table_.entries()[at];
    KeyState& key = entry.value;
    const time_point watermark = std::max(watermark_of(&key), behind);
    const bool is_end = why != CloseReason::idle;
    Scheduling scheduling{*this};
    due_.unschedule(key.number);
    if (const Session* only = key.sessions.only(); only != nullptr && !is_end && is_plain(key)) {
      // It was due when it was scheduled; mostly an event has come since.
      const time_point due = time_.closes_at(only->reach);
      if (due >= watermark) {
        schedule(key, due);
        scheduling.is_done = true;
        return;
      }
    }

    close_sessions(entry, why, watermark);
    if (key.rest != nullptr) settle_rest(entry, watermark, is_end);
    if (is_end)
      forget(at);
    else
      keep_or_forget(entry);
    scheduling.is_done = true;
  }
  /// Closes and reports what is due of a key's sessions.
  void close_sessions(Entry& entry, CloseReason why, time_point watermark) {
    KeyState& key = entry.value;
    struct EraseGone {
      KeyState& key;
      std::size_t from = 0, to = 0;  // those that are gone so far
      ~EraseGone() { key.sessions.erase(from, to); }
    } gone{key};
    for (; gone.to < key.sessions.size(); ++gone.to) {
      const std::size_t at = gone.to;
      bool is_gone = false;
      if constexpr (may_keep)
        if (time_.is_limited()) is_gone = close_cuts(entry, at, why, watermark);
      if (!time_.is_limited()) is_gone = close_whole(entry, at, why, watermark);
      if (is_gone) {
        --sessions_;
        continue;
      }
      if (options().emit != Emit::final_only) fire(entry, key.sessions[at], watermark);
      if (gone.from != at) key.sessions[gone.from] = std::move(key.sessions[at]);
      ++gone.from;
    }
  }
  /// Where what it guards throws, a key may not be scheduled: all are settled in the next step.
  struct Scheduling {
    SessionWindows& windows;
    bool is_done = false;

    ~Scheduling() {
      if (is_done) return;
      windows.has_unscheduled_ = true;
      windows.due_.distrust();
    }
  };
  /// Schedules all keys for the next step, where one may not be scheduled.
  void schedule_all() {
    if (!has_unscheduled_) return;
    for (const Entry& entry : table_.entries()) schedule(entry.value, time_point::min());
    has_unscheduled_ = false;
  }
  /// Emits the final result of a session that is due, or of any where there is another reason;
  /// returns whether it has, and the session is to be erased.
  bool close_whole(Entry& entry, std::size_t at, CloseReason why, time_point watermark) {
    KeyState& key = entry.value;
    const bool is_due = time_.closes_at(key.sessions[at].reach) < watermark;
    if (!is_due && why == CloseReason::idle) return false;
    Key its = ready(entry.key);
    if (is_due) {
      key.remember_closed(time_, key.sessions[at]);
      why = CloseReason::idle;
    }
    if (time_.ends_at_midnight(key.sessions, at, key.sessions[at].reach))
      why = CloseReason::day_boundary;
    emit(std::move(its), std::move(key.sessions[at]).whole(), Op::final, why, {});
    return true;
  }
  /// The same for the cuts of a session; returns whether nothing is left of it. What is left may be
  /// several sessions.
  bool close_cuts(Entry& entry, std::size_t at, CloseReason why,
                  time_point watermark) requires may_keep {
    struct DropClosed {
      Session& session;
      std::size_t events = 0;
      ~DropClosed() {
        if (events != 0 && events < session.kept.size()) session.drop_front(events);
      }
    };
    Session& session = entry.value.sessions[at];
    bool is_cut = false;
    {
      DropClosed closed{session};
      while (closed.events < session.kept.size() &&
             close_cut(entry, at, closed.events, why, watermark))
        is_cut = true;
      if (closed.events == session.kept.size()) return true;
    }
    if (is_cut) split(entry.value, at);
    return false;
  }
  /// Closes the cut that begins with event `from` of a session, which then is the first behind it.
  bool close_cut(Entry& entry, std::size_t at, std::size_t& from, CloseReason why,
                 time_point watermark) requires may_keep {
    KeyState& key = entry.value;
    Session& session = key.sessions[at];
    const auto& kept = session.kept;
    const auto cut = time_.cut(kept, from);
    const bool is_due = time_.closes_at(cut.reach) < watermark;
    const bool is_final = time_.final_at(cut.start) < watermark;
    if (!is_due && !is_final && why == CloseReason::idle) return false;
    // What may throw comes first.
    Part made = key.part(time_, session, from, cut.end);
    Key its = ready(entry.key);
    if (is_due) key.remember_closed(time_, made);
    // Whatever steps the watermark takes, what the gap ends before is no cut.
    if (is_final && time_.cut_until(cut.start) <= cut.reach) key.remember_cut(time_, made);

    const bool is_last = cut.end == kept.size();
    CloseReason reason = is_due ? CloseReason::idle : why;
    if ((!is_last && kept[cut.end].time <= cut.reach) || (is_final && !is_due))
      reason = CloseReason::max_duration;
    else if (is_last && time_.ends_at_midnight(key.sessions, at, cut.reach))
      reason = CloseReason::day_boundary;
    kept_ -= cut.end - from;
    if (key.rest != nullptr)
      kept_ -= std::erase_if(key.rest->waiting, [&](const Waiting& event) {
        return time_.is_in_cut(event.time, made);
      });
    session.unset_reports(made);
    emit(std::move(its), std::move(made), Op::final, reason, {});
    from = cut.end;
    return true;
  }
  /// Makes sessions of their own of what nothing connects any more.
  void split(KeyState& key, std::size_t at) requires may_keep {
    for (;; ++at) {
      const std::size_t connected = key.sessions[at].connected();
      if (connected == key.sessions[at].kept.size()) return;
      key.sessions.insert(at + 1, key.sessions[at].split(connected));
      ++sessions_;
    }
  }
  /// Reports what is due, and is still kept.
  void fire(Entry& entry, Session& session, time_point watermark) {
    if (!time_.is_limited() && (session.is_reported() || time_.due(session.reach) >= watermark))
      return;
    for (Part& each : entry.value.parts(time_, session))
      if (session.report_of(each.arrival) == nullptr && KeyState::fires_at(time_, each) < watermark)
        report(entry.key, session, std::move(each), {});
  }
  /// Gives up those that wait in vain, and what no event can be late for.
  void settle_rest(Entry& entry, time_point watermark, bool is_end) {
    KeyState& key = entry.value;
    auto& waiting = key.rest->waiting;
    for (std::size_t i = 0; i < waiting.size();) {
      if (!is_end && (waiting[i].time >= watermark || key.holds(time_, waiting[i].time))) {
        ++i;
        continue;
      }
      defer(LateReason::unattached, {entry.key, waiting[i].time}, watermark,
            std::move(waiting[i].data));
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
      --kept_;
      --counters_.events_open;
    }
    if (is_end) key.rest->closed.clear();
    key.forget_closed(time_, watermark);
    key.drop_empty_rest();
  }

  /// Makes room by closing the session that something is due of first, ties by (start, key). Where
  /// a key has to go, all of it does, and one without a session counts as well. False where that is
  /// not wanted.
  bool evict(bool whole_key, const key_view& newcomer, time_point watermark) {
    if (options().at_max == AtMaxSessions::rejects_new) return false;
    schedule_all();
    const auto key_of = [&](std::uint32_t number) -> Entry& {
      return table_.entries()[due_.place(number)];
    };
    std::vector<std::uint32_t> passed;
    std::optional<FirstDue> first;
    const auto may_be_first = [&](std::int64_t at) { return !first || at_ticks(at) <= first->due; };
    const auto consider = [&](const Entry& entry) {
      if (entry.value.sessions.empty() && !whole_key) return;
      const FirstDue its = entry.value.first_due(time_);
      if (!first || std::tie(its.due, its.start) < std::tie(first->due, first->start) ||
          (its.due == first->due && its.start == first->start &&
           key_view(entry.key) < key_view(key_of(first->number).key)))
        first = its;
    };
    while (const auto place = due_.pop(may_be_first, detail::DueKeys::NoAsking{})) {
      passed.push_back(table_.entries()[*place].value.number);
      consider(table_.entries()[*place]);
    }
    // What reaches to the end of time is never due.
    if (!first)
      for (const Entry& entry : table_.entries()) consider(entry);
    for (const std::uint32_t number : passed) schedule(key_of(number).value);
    if (!first) return false;
    Entry& entry = key_of(first->number);
    if (options().watermark_of == WatermarkOf::key && !(key_view(entry.key) == newcomer))
      watermark = watermark_of(&entry.value);
    if (whole_key)
      settle(due_.place(first->number), CloseReason::evicted, watermark);
    else
      evict_session(entry, first->session, watermark);
    results_.finish();
    return true;
  }
  /// Forgets a key that nothing is known of that would be missed, its own watermark included, which
  /// a stamp that is far ahead may yet move.
  void keep_or_forget(const Entry& entry) {
    const KeyState& key = entry.value;
    if (!key.sessions.empty() || !key.is_simple() || time_.behind(key.largest()) > explicit_)
      return schedule(key);
    const auto& suspect = far_future_.suspect();
    const bool may_yet_move = options().watermark_of == WatermarkOf::key && suspect &&
                              key_view(suspect->key) == key_view(entry.key);
    if (!may_yet_move) forget(table_.position(entry));
  }
  void evict_session(Entry& entry, std::size_t at, time_point watermark) {
    KeyState& key = entry.value;
    if constexpr (may_keep)
      if (time_.is_limited()) close_cuts(entry, at, CloseReason::evicted, watermark);
    if (!time_.is_limited()) close_whole(entry, at, CloseReason::evicted, watermark);
    key.sessions.erase(at, at + 1);
    --sessions_;
    key.drop_empty_rest();
    due_.unschedule(key.number);
    keep_or_forget(entry);
  }

  // Keys

  [[nodiscard]] std::size_t place_of(const key_view& key) noexcept {
    const Entry* entry = table_.find(key);
    return entry == nullptr ? nowhere : table_.position(*entry);
  }
  [[nodiscard]] std::size_t make_place(const key_view& key, std::size_t at) {
    if (at != nowhere) return at;
    Entry& entry = table_.insert(key, {});
    const std::size_t place = table_.position(entry);
    EraseUnlessAdded undo{table_, place};
    entry.value.number = due_.add(place);
    undo.is_added = true;
    shrunk_at_ = std::max(shrunk_at_, table_.size());
    return place;
  }
  /// Takes a key back that could not be added to those that may be due (memory).
  struct EraseUnlessAdded {
    Table& table;
    std::size_t place;
    bool is_added = false;

    ~EraseUnlessAdded() {
      if (!is_added) static_cast<void>(table.erase_at(place));
    }
  };
  void forget(std::size_t at) {
    due_.remove(table_.entries()[at].value.number);
    static_cast<void>(table_.erase_at(at));
    if (at < table_.size()) due_.move(table_.entries()[at].value.number, at);
  }
  /// The watermark of a key, or of those that have no state.
  [[nodiscard]] time_point watermark_of(const KeyState* key) const noexcept {
    const bool is_own = options().watermark_of == WatermarkOf::key;
    if (is_own && key == nullptr) return explicit_;
    return std::max(explicit_, time_.behind(is_own ? key->largest() : largest_));
  }

  [[nodiscard]] static std::optional<time_point> or_null(time_point watermark) noexcept {
    return watermark == never ? std::nullopt : std::optional(watermark);
  }

  // Sinks

  [[nodiscard]] std::uint64_t& late_count(LateReason reason) noexcept {
    return counters_.late_by_reason[static_cast<std::size_t>(reason)];
  }
  /// Tells the late sink once the state is settled.
  void defer(LateReason reason, Suspect event, time_point watermark, std::string data) {
    late_.push(reason, std::move(event.key), event.time, watermark, std::move(data));
    ++late_count(reason);
  }
  template <class Sink, class Late, class Work>
  Closing closing(Sink& sink, Late& late, Work work) {
    Closing done{0, results_.drain(sink, counters_)};
    if (done.delivery == Delivery::refused) return done;
    late_.drain(late);
    closed_ = 0;
    work();
    results_.finish();
    late_.drain(late);
    return {closed_, results_.drain(sink, counters_)};
  }

  Time time_;
  [[no_unique_address]] Aggregate aggregate_;
  bool is_usual_;  // whether an event that joins the only session of its key affects nothing else

  Table table_;
  detail::DueKeys due_;
  bool has_unscheduled_ = false;  // keys that are to be looked at
  std::size_t shrunk_at_ = 0;     // how many keys there were when the table was last made smaller

  time_point largest_ = never;  // seen, of all keys
  bool has_largest_ = false;
  time_point explicit_ = never;  // the watermark that was given
  std::optional<time_point> now_;
  detail::FarFuture<Clock, Key> far_future_;
  detail::IdleTime<time_point> idle_;

  std::size_t sessions_ = 0;
  std::size_t kept_ = 0;    // events, one by one
  std::size_t closed_ = 0;  // sessions, by this call
  std::uint64_t arrivals_ = 0;
  detail::ResultQueue<Clock, Key, aggregate_state> results_;
  detail::LateQueue<Clock, Key> late_;
  WindowCounters counters_;
};

/// SessionWindows with a rule or an aggregate:
/// `make_session_windows<EventClock, std::string>({.gap = 30min}, max_duration(2h), count())`.
template <session_clock Clock, session_key Key, class Rule = NoRule, class Aggregate = NoAggregate>
[[nodiscard]] SessionWindows<Clock, Key, Aggregate, Rule> make_session_windows(
    std::type_identity_t<WindowOptions<Clock>> options = {}, Rule rule = {},
    Aggregate aggregate = {}) {
  return SessionWindows<Clock, Key, Aggregate, Rule>(options, std::move(rule),
                                                     std::move(aggregate));
}

}  // namespace v0
}  // namespace sessionize

#endif
