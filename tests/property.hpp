#ifndef SESSIONIZE_TESTS_PROPERTY_HPP
#define SESSIONIZE_TESTS_PROPERTY_HPP

#include <sessionize/rules/rules.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/testing/reference.hpp>
#include <sessionize/testing/sinks.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

// A Sessionizer and the reference model, driven by the same random calls and compared after each.
// Free of any test framework: a test and a program of its own (planted_bugs/) run it.

namespace property {

namespace sz = sessionize;
using std::chrono::hours;
using std::chrono::milliseconds;
using sz::Counting;
using sz::EventClock;
using Time = EventClock::time_point;
using Options = sz::Options<EventClock>;
using Placement = sz::Placement<EventClock>;
using Summary = sz::Summary<EventClock, std::string>;
using SummaryView = sz::SummaryView<EventClock, std::string>;
using Model = sz::testing::ReferenceModel<EventClock, std::string>;
using ModelRules = sz::testing::ReferenceRules<EventClock>;

struct Event {
  std::optional<std::string> key{};
  std::optional<Time> time{};
  std::optional<std::string> value{};
  bool ends = false;
  bool splits = false;
};

struct OwnRule {
  bool operator()(const sz::Step<Time>&, const Event& event) const { return event.splits; }
};

/// The split rules, each on or off, and not in the order in which they are checked.
using Rule = decltype(sz::any_of(
    std::optional<OwnRule>(), std::optional(sz::value_change(&Event::value)),
    std::optional(sz::day_boundary()), std::optional(sz::max_duration(milliseconds(1))),
    std::optional(sz::end_marker(&Event::ends))));

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return sz::detail::splitmix64(state_) % bound; }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

/// One of all combinations of options and rules; max_keys comes on top, at random.
struct Combination {
  static constexpr unsigned count = 2 * 2 * 3 * 32;

  explicit Combination(unsigned index)
      : at_gap(index % 2 == 0 ? sz::AtGap::continues : sz::AtGap::splits),
        gap_from(index / 2 % 2 == 0 ? sz::GapFrom::previous_arrival : sz::GapFrom::latest_time),
        carry(index / 4 % 3),
        rules(index / 12) {}

  [[nodiscard]] bool has_rule(unsigned which) const { return (rules >> which & 1) != 0; }
  [[nodiscard]] std::string text() const {
    std::string text = at_gap == sz::AtGap::continues ? "at_gap continues" : "at_gap splits";
    text += gap_from == sz::GapFrom::previous_arrival ? ", gap_from previous" : ", gap_from latest";
    text += carry == 0 ? ", carry null" : carry == 1 ? ", carry forever" : ", carry splits";
    const char* const names[] = {"end_marker", "max_duration", "day_boundary", "value_change",
                                 "rule"};
    for (unsigned i = 0; i < 5; ++i)
      if (has_rule(i)) text += std::string(", ") + names[i];
    return text;
  }

  sz::AtGap at_gap;
  sz::GapFrom gap_from;
  unsigned carry;  // 0: a span, 1: forever, 2: splits
  unsigned rules;  // a bit for each
};

inline std::string text_of(Time time) { return std::to_string(time.time_since_epoch().count()); }
template <class T>
std::string text_of(const std::optional<T>& value) {
  if constexpr (std::integral<T>)
    return value ? std::to_string(*value) : "null";
  else
    return value ? text_of(*value) : "null";
}

/// What a sink is given: a record's placement, or a summary.
struct Emitted {
  std::string key{};
  std::optional<Placement> placement{};
  std::optional<Summary> summary{};
};

struct Log {
  std::vector<Emitted> emitted{};

  void operator()(const sz::RecordView<EventClock, std::string, Event>& record) {
    emitted.push_back({std::string(record.key), static_cast<const Placement&>(record), {}});
  }
  void operator()(const SummaryView& summary) {
    emitted.push_back({std::string(summary.key), {}, summary.owned()});
  }
};

/// One random stream of calls to a sessionizer under one combination.
template <Counting counting>
class Run {
 public:
  Run(std::uint64_t seed, const Combination& combination)
      : random_(seed),
        extreme_(random_.once_in(4)),
        evicts_(random_.once_in(4)),
        offset_(random_.one_of({hours(0), hours(-5), hours(14)}) + std::chrono::minutes(30)),
        max_duration_(extreme_ ? span(hours(10)) : milliseconds(hours(10))),
        options_(make_options(combination)),
        sessions_(options_, make_rule(combination)),
        model_(options_, make_model_rules(combination)) {}

  /// The first disagreement, or nothing.
  std::string run() {
    const std::uint64_t calls = 20 + random_.below(20);
    for (std::uint64_t call = 0; call < calls && failure_.empty(); ++call) {
      const std::uint64_t kind = random_.below(16);
      if (kind == 0)
        close(false);
      else if (kind == 1)
        erase();
      else if (kind == 2 && random_.once_in(3))
        close(true);
      else if (kind < 10 || evicts_)
        observe(next_event());
      else
        process();
      check_state();
    }
    if (failure_.empty()) close(true);
    if (failure_.empty() && !expected_.empty()) fail("what the sink refused never came");
    if (failure_.empty()) check_state();
    return failure_;
  }

 private:
  /// A span of time for streams that reach the ends of int64.
  milliseconds span(milliseconds ordinary) {
    return random_.one_of({milliseconds(0), ordinary, ordinary, milliseconds::max()});
  }

  Options make_options(const Combination& combination) {
    Options options;
    options.gap = extreme_ ? span(hours(3)) : milliseconds(hours(3));
    options.at_gap = combination.at_gap;
    options.gap_from = combination.gap_from;
    options.carry = extreme_ ? span(hours(8)) : milliseconds(hours(8));
    if (combination.carry == 1) options.carry = sz::forever;
    if (combination.carry == 2) options.past_carry = sz::PastCarry::splits;
    if (evicts_) options.at_max_keys = sz::AtMaxKeys::evicts_idle_key;
    if (evicts_ || random_.once_in(3)) options.max_keys = 1 + random_.below(3);
    return options;
  }
  Rule make_rule(const Combination& on) const {
    auto end_marker = std::optional(sz::end_marker(&Event::ends));
    auto max_duration = std::optional(sz::max_duration(max_duration_));
    auto day_boundary = std::optional(sz::day_boundary(offset_));
    auto value_change = std::optional(sz::value_change(&Event::value));
    auto own_rule = std::optional(OwnRule());
    if (!on.has_rule(0)) end_marker.reset();
    if (!on.has_rule(1)) max_duration.reset();
    if (!on.has_rule(2)) day_boundary.reset();
    if (!on.has_rule(3)) value_change.reset();
    if (!on.has_rule(4)) own_rule.reset();
    return Rule(own_rule, value_change, day_boundary, max_duration, end_marker);
  }
  ModelRules make_model_rules(const Combination& on) const {
    ModelRules rules;
    rules.end_marker = on.has_rule(0);
    if (on.has_rule(1)) rules.max_duration = max_duration_;
    if (on.has_rule(2)) rules.day_boundary = offset_;
    rules.value_change = on.has_rule(3);
    rules.own_rule = on.has_rule(4);
    return rules;
  }

  Time next_time(const std::string& key) {
    if (extreme_ && random_.once_in(2)) {
      const auto end = random_.one_of({Time::min(), Time(milliseconds(0)), Time::max()});
      const auto away = random_.one_of({milliseconds(0), milliseconds(1), milliseconds(hours(3))});
      return end == Time::max() || (end > Time::min() && random_.once_in(2)) ? end - away
                                                                             : end + away;
    }
    // Steps of whole hours, so that gap, carry, duration and midnight are often met exactly.
    Time& time = times_[key[1] - '0'];
    time += hours(random_.one_of({0, 1, 1, 1, 2, 2, 3, 3, 4, 5, -1, -2}));
    time += milliseconds(random_.one_of({0, 0, 0, 0, 0, 0, 1, -1}));
    return time;
  }
  Event next_event() {
    Event event;
    event.key = "k" + std::to_string(random_.below(std::size(times_)));
    event.time = next_time(*event.key);
    if (random_.once_in(3)) event.value = random_.one_of({"a", "a", "a", "b"});
    event.ends = random_.once_in(12);
    event.splits = random_.once_in(12);
    return event;
  }

  /// The model's answer to one event that was offered, as a sink would get it.
  Model::Answer ask_model(const Event& event) {
    ++offered_;
    auto answer = model_.observe({*event.key, *event.time, event.value, event.ends, event.splits});
    if (answer.rejected) rejected_.add(*answer.rejected);
    if (answer.closed) *answer.closed = count(*answer.closed);
    if (counting == Counting::nothing) answer.placement.ordinal = 0;
    return answer;
  }
  /// Counts a session that the model has closed.
  Summary count(Summary closed) {
    ++closed_[static_cast<std::size_t>(closed.reason)];
    return as_counted(closed);
  }
  /// Without what is not counted.
  static Summary as_counted(Summary summary) {
    if (counting != Counting::on) summary.events.reset();
    if (counting == Counting::nothing) summary.ordinal = 0;
    return summary;
  }

  void observe(const Event& event) {
    const auto decision = sessions_.observe(*event.key, *event.time, event);
    std::optional<Summary> evicted;
    if (decision.closed && decision.closed->reason == sz::CloseReason::evicted) {
      const std::string key(decision.closed->key);
      if (model_.find(*event.key)) return fail("a key was evicted for one that has state");
      if (model_.size() < options_.max_keys) return fail("a key was evicted though there is room");
      evicted = model_.close(key, sz::CloseReason::evicted);
      if (!evicted) return fail("a key without state was evicted");
      evicted = count(*evicted);
    }
    const auto answer = ask_model(event);
    if (decision.rejected != answer.rejected) return fail("rejection differs");
    if (answer.rejected) return;
    compare(decision, answer.placement);
    const auto& expected = evicted ? evicted : answer.closed;
    if (decision.closed && !expected) return closed_wrongly(decision.closed->owned());
    if (expected && !decision.closed) return left_open(*expected);
    if (expected) compare(decision.closed->owned(), *expected);
  }

  void process() {
    std::vector<Event> events;
    for (std::uint64_t left = random_.below(9); left != 0; --left) {
      events.push_back(next_event());
      if (random_.once_in(20)) events.back().key.reset();
      if (random_.once_in(20)) events.back().time.reset();
    }
    std::span<const Event> rest(events);
    const bool refuses = random_.once_in(2);
    for (bool done = false; !done && failure_.empty();) {
      std::vector<sz::RejectReason> errors, expected_errors;
      const auto progress = sessions_.process(
          rest, sz::by(&Event::key, &Event::time), sink(refuses),
          [&](const sz::Rejection& rejection) { errors.push_back(rejection.reason); });
      done = progress.delivery == sz::Delivery::ok;
      if (done && progress.events != rest.size()) return fail("events were left without a refusal");
      for (const Event& event : rest.first(progress.events)) {
        if (const auto reason = offer(event)) expected_errors.push_back(*reason);
      }
      rest = rest.subspan(progress.events);
      if (errors != expected_errors) return fail("the error sink's rejections differ");
      compare_log();
      if (failure_.empty()) check_ledger();
      if (random_.once_in(4)) break;  // what is pending waits for a later call, of any kind
    }
  }
  /// Puts what the model says of an event behind what the sink is still to get.
  std::optional<sz::RejectReason> offer(const Event& event) {
    std::optional<sz::RejectReason> reason;
    if (!event.time) reason = sz::RejectReason::missing_time;
    if (!event.key) reason = sz::RejectReason::missing_key;
    if (reason) {
      ++offered_;
      rejected_.add(*reason);
      return reason;
    }
    const auto answer = ask_model(event);
    if (answer.rejected) return answer.rejected;
    if (answer.closed) expected_.push_back({answer.closed->key, {}, answer.closed});
    expected_.push_back({*event.key, answer.placement, {}});
    return std::nullopt;
  }

  /// expire() at some time, or flush().
  void close(bool all) {
    const Time now = next_time("k" + std::to_string(random_.below(std::size(times_))));
    const auto closing = all ? model_.flush() : model_.expire(now);
    for (const Summary& closed : closing) expected_.push_back({closed.key, {}, count(closed)});
    const bool refuses = random_.once_in(2);
    std::size_t closed = 0;
    for (bool done = false; !done && failure_.empty();) {
      const auto progress =
          all ? sessions_.flush(sink(refuses)) : sessions_.expire(now, sink(refuses));
      done = progress.delivery == sz::Delivery::ok;
      closed += progress.sessions;
      compare_log();
    }
    if (failure_.empty() && !expected_.empty()) fail("a session never came");
    if (closed != closing.size()) fail("closing: the number of sessions differs");
  }

  void erase() {
    const std::string key = "k" + std::to_string(random_.below(std::size(times_)));
    const auto closed = sessions_.erase(key);
    const auto expected = model_.close(key);
    if (closed.has_value() != expected.has_value()) return fail("erase() found another session");
    if (closed) compare(*closed, count(*expected));
  }

  auto sink(bool refuses) {
    return sz::testing::failing(
        log_, [this, refuses](std::uint64_t) { return refuses && random_.once_in(5); });
  }

  /// Takes what the sink has from the front of what it was to get.
  void compare_log() {
    for (const Emitted& emitted : log_.emitted) {
      if (!failure_.empty()) break;
      if (expected_.empty())
        return emitted.summary ? closed_wrongly(*emitted.summary)
                               : fail("the sink got a record twice, or from nowhere");
      const Emitted expected = expected_.front();
      expected_.pop_front();
      if (emitted.summary && !expected.summary) return closed_wrongly(*emitted.summary);
      if (expected.summary && !emitted.summary) return left_open(*expected.summary);
      if (emitted.key != expected.key) return fail("the sink got another key");
      if (expected.summary)
        compare(*emitted.summary, *expected.summary);
      else
        compare(*emitted.placement, *expected.placement);
    }
    log_.emitted.clear();
  }

  void compare(const Placement& got, const Placement& expected) {
    if (got.reason != expected.reason)
      return differ("reason", std::string(to_string(got.reason)),
                    std::string(to_string(expected.reason)));
    if (got.session_start != expected.session_start)
      return differ("session_start", text_of(got.session_start), text_of(expected.session_start));
    if (got.opened_at != expected.opened_at)
      return differ("opened_at", text_of(got.opened_at), text_of(expected.opened_at));
    if (got.ordinal != expected.ordinal)
      return differ("ordinal", std::to_string(got.ordinal), std::to_string(expected.ordinal));
    if (got != expected) fail("a record differs in its time");
  }
  void compare(const Summary& got, const Summary& expected) {
    if (got.reason != expected.reason)
      return differ("close reason", std::string(to_string(got.reason)),
                    std::string(to_string(expected.reason)));
    if (got.start != expected.start)
      return differ("summary start", text_of(got.start), text_of(expected.start));
    if (got.last != expected.last)
      return differ("summary last", text_of(got.last), text_of(expected.last));
    if (got.events != expected.events)
      return differ("summary events", text_of(got.events), text_of(expected.events));
    if (got.ordinal != expected.ordinal)
      return differ("summary ordinal", std::to_string(got.ordinal),
                    std::to_string(expected.ordinal));
    if (got != expected) fail("a summary differs in its key");
  }

  /// What holds after every call, whatever a sink did.
  void check_ledger() {
    const sz::Counters& counters = sessions_.counters();
    std::uint64_t open = 0;
    sessions_.for_each_open(
        [&](const SummaryView& summary) { open += summary.events.value_or(0); });
    std::uint64_t pending = 0;
    for (const Emitted& emitted : expected_) pending += emitted.placement ? 1 : 0;

    if (counters.offered != offered_) return fail("ledger: offered");
    if (counters.offered != counters.accepted + counters.rejected.total())
      return fail("ledger: offered is not accepted + rejected");
    if (counters.rejected != rejected_) return fail("ledger: rejected");
    if (counters.records_pending != pending) return fail("ledger: records_pending");
    if (counters.accepted != counters.records_emitted + counters.records_pending)
      return fail("ledger: accepted is not records emitted + pending");
    if (counting == Counting::on && counters.accepted != counters.events_emitted +
                                                             counters.events_open +
                                                             counters.events_pending)
      return fail("ledger: accepted is not events emitted + open + pending");
    if (counters.events_open != open) return fail("ledger: events_open is not what is open");
    if (counters.sessions_started != counters.sessions_closed() + sessions_.size())
      return fail("ledger: sessions started are not closed + open");
    for (std::size_t i = 0; i < closed_.size(); ++i) {
      if (counters.sessions_closed_by_reason[i] == closed_[i]) continue;
      const std::string what =
          "ledger: sessions closed by " + std::string(to_string(static_cast<sz::CloseReason>(i)));
      return differ(what, std::to_string(counters.sessions_closed_by_reason[i]),
                    std::to_string(closed_[i]));
    }
  }
  void check_state() {
    if (!failure_.empty()) return;
    check_ledger();
    if (sessions_.size() != model_.size()) return fail("the number of keys differs");
    sessions_.for_each_open([&](const SummaryView& open) {
      const auto expected = model_.find(std::string(open.key));
      if (!expected) return fail("a key is open that should not be");
      compare(open.owned(), as_counted(*expected));
      if (sessions_.find(open.key) != open) fail("find() and for_each_open() differ");
    });
  }

  void closed_wrongly(const Summary& got) {
    differ("session", "closed by " + std::string(to_string(got.reason)), "to stay open");
  }
  void left_open(const Summary& expected) {
    differ("session", "left open", "closed by " + std::string(to_string(expected.reason)));
  }
  void differ(const std::string& what, const std::string& got, const std::string& expected) {
    fail(what + ": got " + got + ", expected " + expected);
  }
  void fail(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }

  Random random_;
  bool extreme_;  // whether times reach the ends of int64
  bool evicts_;
  std::chrono::seconds offset_;
  milliseconds max_duration_;
  Options options_;
  sz::Sessionizer<EventClock, std::string, Rule, counting> sessions_;
  Model model_;

  // Where each key's time has got to; from before 1970 on.
  Time times_[4] = {Time(hours(-50)), Time(hours(-50)), Time(hours(-24)), Time(hours(-3))};
  Log log_;
  std::deque<Emitted> expected_;  // what the sink is still to get
  std::uint64_t offered_ = 0;
  sz::RejectCounts rejected_;
  std::array<std::uint64_t, sz::close_reason_count> closed_{};
  std::string failure_;
};

/// Holds the two references equal to each other and to a sessionizer on a stream of gaps alone.
inline std::string check_rows(std::uint64_t seed, const Combination& combination) {
  Random random(seed);
  Options options{.gap = milliseconds(10), .carry = milliseconds(30)};
  options.at_gap = combination.at_gap;
  options.gap_from = combination.gap_from;
  if (combination.carry == 1) options.carry = sz::forever;
  std::vector<std::pair<std::uint64_t, Time>> events;
  Time time(milliseconds(-500));
  for (int i = 0; i < 100; ++i) {
    time += milliseconds(random.one_of({0, 0, 1, 2, 3, 5, 9, 10, 11, -1, -4, -10}));
    events.push_back({random.below(3), time});
  }
  const auto rows = sz::testing::reference_rows<EventClock>(events, options);
  sz::testing::ReferenceModel<EventClock, std::uint64_t> model(options);
  sz::Sessionizer<EventClock, std::uint64_t> sessions(options);
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& [key, at] = events[i];
    const auto answer = model.observe({.key = key, .time = at}).placement;
    if (rows[i].starts_session != answer.starts_session() ||
        rows[i].session_start != answer.session_start)
      return "the two references differ on gaps alone";
    const Placement got = sessions.observe(key, at);
    if (got.reason != answer.reason)
      return "gaps alone: got " + std::string(to_string(got.reason)) + ", expected " +
             std::string(to_string(answer.reason));
    if (got != answer)
      return "gaps alone: got session_start " + text_of(got.session_start) + ", expected " +
             text_of(answer.session_start);
  }
  return {};
}

/// The first disagreement of sessionizers with the references on the random streams of a seed, one
/// stream for each combination of options and rules, and each of `countings`; nothing where there
/// is none. Its first line says what differs, the second where.
template <Counting... countings>
std::string check(std::uint64_t seed) {
  for (unsigned index = 0; index < Combination::count; ++index) {
    const Combination combination(index);
    std::uint64_t state = seed * Combination::count + index;
    const std::uint64_t stream_seed = sz::detail::splitmix64(state);
    std::string what;
    static_cast<void>((!(what = Run<countings>(stream_seed, combination).run()).empty() || ...));
    if (what.empty() && combination.carry != 2 && combination.rules == 0)
      what = check_rows(stream_seed, combination);
    if (!what.empty())
      return what + "\n  with seed " + std::to_string(seed) + ", " + combination.text();
  }
  return {};
}

}  // namespace property

#endif
