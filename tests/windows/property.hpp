#ifndef SESSIONIZE_TESTS_WINDOWS_PROPERTY_HPP
#define SESSIONIZE_TESTS_WINDOWS_PROPERTY_HPP

#include "cases.hpp"
#include "model.hpp"

#include <sessionize/rules/rules.hpp>
#include <sessionize/windows/aggregates.hpp>
#include <sessionize/windows/session_windows.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// SessionWindows and the model, driven by the same random calls and compared after each. Free of
// any test framework.

namespace windows_property {

namespace sz = sessionize;

template <class Clock, class Key>
struct Click {
  Key user{};
  typename Clock::time_point time{};
  std::optional<typename Clock::duration> gap{};
  bool is_active = true;
  std::int64_t value = 0;
};

template <class Event>
auto all_aggregates() {
  return sz::aggregates(sz::count(), sz::sum(&Event::value), sz::min(&Event::value),
                        sz::max(&Event::value), sz::first(&Event::value), sz::last(&Event::value),
                        sz::first_arrived(&Event::value),
                        sz::distinct(&Event::value, model::Aggregate::distinct_limit));
}
using TextClick = Click<sz::EventClock, std::string>;
using AllAggregates = decltype(all_aggregates<TextClick>());
using Nanoseconds = sz::BasicEventClock<std::chrono::nanoseconds>;
using MaxDuration = decltype(sz::max_duration(sz::EventClock::duration{}));
using CutsRule =
    decltype(sz::any_of(std::optional<MaxDuration>(), std::optional<sz::DayBoundary>()));

struct SinkThrew {};

/// One SessionWindows under one case.
template <class Clock, class Key, class Aggregate, class Rule>
class Run {
  using Windows = sz::SessionWindows<Clock, Key, Aggregate, Rule>;
  using Time = typename Clock::time_point;
  using Duration = typename Clock::duration;
  using Event = Click<Clock, Key>;
  static constexpr bool has_aggregate = !std::is_same_v<Aggregate, sz::NoAggregate>;

 public:
  explicit Run(const Case& of)
      : rules_(of.rules),
        sink_(of.sink),
        random_(of.seed ^ 0x5eed),
        windows_(options(of.rules), make_rule(of.rules), make_aggregate()),
        model_(of.rules) {}

  /// The first disagreement, or nothing; `at` is the action that shows it.
  std::string play(std::span<const Action> actions, std::size_t& at) {
    for (at = 0; at < actions.size() && failure_.empty(); ++at) play(actions[at]);
    return failure_;
  }
  /// Whether nothing is late and the final results are those of the batch.
  std::string play_within_bound(std::span<const Action> actions, std::size_t& at) {
    std::vector<model::Event> events;
    for (at = 0; at < actions.size(); ++at) {
      events.push_back(actions[at].events.front());
      const std::uint64_t offered = windows_.counters().offered;
      while (windows_.counters().offered == offered) give(actions[at].events);
    }
    while (flush() != sz::Delivery::ok) continue;
    auto batch = model::batch(rules_, events);
    if (!has_aggregate)
      for (model::Result& result : batch) result.aggregate = {};
    std::uint64_t unheld = events.size();
    for (const model::Result& result : batch) unheld -= result.events;
    for (const model::LateEvent& late : late_)
      if (late.reason != model::Late::unattached) return "within the bound, but " + text_of(late);
    if (late_.size() != unheld) return "a heartbeat is in another session, or none";
    std::erase_if(got_, [](const model::Result& result) { return result.op != model::Op::final; });
    for (auto* const results : {&batch, &got_}) {
      for (model::Result& result : *results) {
        result.reason = {};  // what a session ends with may not be known yet when it closes
        result.replaces.clear();
      }
      std::sort(results->begin(), results->end(),
                [](const auto& a, const auto& b) { return text_of(a) < text_of(b); });
    }
    for (std::size_t i = 0; i < std::max(batch.size(), got_.size()); ++i)
      if (i >= got_.size() || i >= batch.size() || !(got_[i] == batch[i]))
        return "streamed " + (i < got_.size() ? text_of(got_[i]) : "nothing") + ", in batch " +
               (i < batch.size() ? text_of(batch[i]) : "nothing");
    return {};
  }

 private:
  static sz::WindowOptions<Clock> options(const Rules& rules) {
    const auto span = [](Wide wide) { return Duration(ticks(wide)); };
    sz::WindowOptions<Clock> options;
    options.gap = span(rules.gap);
    options.at_gap = rules.splits_at_gap ? sz::AtGap::splits : sz::AtGap::continues;
    options.out_of_order.reset();
    if (rules.out_of_order) options.out_of_order = span(*rules.out_of_order);
    options.lateness = span(rules.lateness);
    options.emit = static_cast<sz::Emit>(rules.emit);
    options.close = static_cast<sz::ClosePolicy>(rules.close);
    options.after_close =
        rules.late_after_close ? sz::AfterClose::is_late : sz::AfterClose::opens_new;
    options.watermark_of = rules.watermark_of_key ? sz::WatermarkOf::key : sz::WatermarkOf::stream;
    if (rules.max_advance) options.max_advance = span(*rules.max_advance);
    options.max_keys = rules.max_keys;
    options.max_sessions = rules.max_sessions;
    options.max_kept_events = rules.max_kept;
    options.at_max =
        rules.evicts ? sz::AtMaxSessions::closes_next_due : sz::AtMaxSessions::rejects_new;
    return options;
  }
  static Rule make_rule(const Rules& rules) {
    const auto offset =
        std::chrono::duration_cast<std::chrono::seconds>(Duration(ticks(rules.day_offset)));
    if constexpr (std::is_same_v<Rule, sz::DayBoundary>) {
      return sz::day_boundary(offset);
    } else if constexpr (std::is_same_v<Rule, CutsRule>) {
      std::optional<MaxDuration> longest;
      std::optional<sz::DayBoundary> day;
      if (rules.max_duration) longest = sz::max_duration(Duration(ticks(*rules.max_duration)));
      if (rules.day) day = sz::day_boundary(offset);
      return sz::any_of(longest, day);
    } else {
      return {};
    }
  }
  static Aggregate make_aggregate() {
    if constexpr (has_aggregate)
      return all_aggregates<Event>();
    else
      return {};
  }
  static Key key_of(int key) {
    if constexpr (std::is_same_v<Key, std::string>)
      return std::string(1, static_cast<char>('a' + key));
    else
      return static_cast<Key>(key);
  }
  template <class View>
  static int key_from(const View& key) {
    if constexpr (std::is_same_v<Key, std::string>)
      return std::string_view(key)[0] - 'a';
    else
      return static_cast<int>(key);
  }
  static Wide wide(Time time) { return time.time_since_epoch().count(); }

  /// Takes results, refuses them or throws.
  struct Sink {
    Run& run;
    template <class Result>
    sz::Delivery operator()(const Result& result) {
      if (run.sink_ != SinkIs::willing && run.random_.once_in(4)) {
        run.is_willing_ = false;
        if (run.sink_ == SinkIs::throwing) throw SinkThrew{};
        return sz::Delivery::refused;
      }
      run.got_.push_back(run.owned(result));
      return sz::Delivery::ok;
    }
  };
  struct LateSink {
    Run& run;
    template <class Late>
    void operator()(const Late& late) {
      run.late_.push_back({key_from(late.key), wide(late.time),
                           static_cast<model::Late>(late.reason), wide(late.watermark)});
      run.throw_sometimes();
    }
  };
  struct ErrorSink {
    Run& run;
    void operator()(const sz::Rejection& rejection) {
      ++run.errors_;
      if (rejection.position != run.windows_.counters().offered)
        run.fail("a rejection of another event");
      run.throw_sometimes();
    }
  };
  void throw_sometimes() {
    if (sink_ != SinkIs::throwing || !random_.once_in(4)) return;
    is_willing_ = false;
    throw SinkThrew{};
  }

  template <class Result>
  model::Result owned(const Result& got) {
    model::Result result;
    result.op = static_cast<model::Op>(got.op);
    result.key = key_from(got.key);
    result.start = wide(got.start);
    result.last = wide(got.last);
    result.events = got.events.value_or(0);
    switch (got.reason) {
      case sz::CloseReason::idle: result.reason = model::Reason::idle; break;
      case sz::CloseReason::max_duration: result.reason = model::Reason::max_duration; break;
      case sz::CloseReason::day_boundary: result.reason = model::Reason::day_boundary; break;
      case sz::CloseReason::flush: result.reason = model::Reason::flush; break;
      case sz::CloseReason::evicted: result.reason = model::Reason::evicted; break;
      default: fail("a close reason that cannot be");
    }
    result.id = wide(got.id_time);
    for (const auto& id : got.replaces) result.replaces.push_back(wide(id));
    std::sort(result.replaces.begin(), result.replaces.end());
    if constexpr (has_aggregate) {
      const auto& [count, sum, min, max, first, last, first_arrived, distinct] =
          got.aggregate.result();
      result.aggregate = {count,         sum,          min.value(),           max.value(),
                          first.value(), last.value(), first_arrived.value(), distinct.count,
                          distinct.exact};
    }
    return result;
  }

  /// A call whose sink may throw: the answer of one that did is that it has refused.
  template <class Call>
  sz::Delivery guarded(Call call) {
    is_willing_ = true;
    try {
      const sz::Delivery delivery = call();
      if ((delivery == sz::Delivery::ok) != is_willing_) fail("the call's delivery is not true");
      return delivery;
    } catch (const SinkThrew&) {
      return sz::Delivery::refused;
    }
  }
  sz::Delivery give(std::span<const model::Event> events) {
    std::vector<Event> clicks;
    for (const model::Event& event : events) {
      clicks.push_back({key_of(event.key), Time(Duration(ticks(event.time))), std::nullopt,
                        event.keeps_alive, event.value});
      if (event.gap) clicks.back().gap = Duration(ticks(*event.gap));
    }
    return guarded([&] {
      if constexpr (!has_aggregate)
        if (clicks.size() == 1)
          return windows_.observe(clicks[0].user, clicks[0].time, Sink{*this}, LateSink{*this});
      const std::uint64_t offered = windows_.counters().offered;
      const auto progress = windows_.process(
          clicks,
          sz::by(&Event::user, &Event::time).gap(&Event::gap).keeps_alive(&Event::is_active),
          Sink{*this}, LateSink{*this}, ErrorSink{*this});
      if (windows_.counters().offered != offered + progress.events)
        fail("the call took other events than it says");
      return progress.delivery;
    });
  }
  sz::Delivery flush() {
    return guarded([&] { return windows_.flush(Sink{*this}, LateSink{*this}).delivery; });
  }

  void play(const Action& action) {
    switch (action.does) {
      case Does::observe: return observe(action.events);
      case Does::set_clock:
        model_.set_clock(action.time);
        return windows_.set_clock(Time(Duration(ticks(action.time))));
      case Does::advance:
        return close(model_.advance(action.time), [&] {
          return windows_
              .advance_watermark(Time(Duration(ticks(action.time))), Sink{*this}, LateSink{*this})
              .delivery;
        });
      case Does::idle:
        return close(model_.advance_idle(action.time), [&] {
          return windows_
              .advance_idle(Time(Duration(ticks(action.time))), Sink{*this}, LateSink{*this})
              .delivery;
        });
      case Does::early:
        return close(model_.early(),
                     [&] { return windows_.early(Sink{*this}, LateSink{*this}).delivery; });
      case Does::flush:
        return close(model_.flush(),
                     [&] { return windows_.flush(Sink{*this}, LateSink{*this}).delivery; });
    }
  }
  void observe(std::span<const model::Event> rest) {
    while (!rest.empty() && failure_.empty()) {
      const std::uint64_t before = windows_.counters().offered;
      const sz::Delivery delivery = give(rest);
      const std::uint64_t taken = windows_.counters().offered - before;
      if (taken > rest.size()) return fail("more events are offered than there were");
      if (delivery == sz::Delivery::ok && taken != rest.size())
        return fail("events were left without a refusal");
      for (const model::Event& event : rest.first(static_cast<std::size_t>(taken)))
        expect(model_.observe(event));
      rest = rest.subspan(static_cast<std::size_t>(taken));
      compare(delivery == sz::Delivery::ok);
      if (random_.once_in(4)) break;  // what is pending waits for a call of any kind
    }
  }
  /// A call that closes is made until it has done all.
  template <class Call>
  void close(const model::Answer& answer, Call call) {
    expect(answer);
    for (bool is_done = false; !is_done && failure_.empty();) {
      is_done = guarded(call) == sz::Delivery::ok;
      check_ledger();
      if (is_done) compare(true);
    }
  }

  void expect(const model::Answer& answer) {
    for (model::Result result : answer.results) {
      if (!has_aggregate) result.aggregate = {};
      expected_.push_back(std::move(result));
    }
    expected_late_.insert(expected_late_.end(), answer.late.begin(), answer.late.end());
  }
  void compare(bool is_done) {
    for (const model::Result& got : got_) {
      if (expected_.empty()) return fail("got " + text_of(got) + ", expected nothing");
      if (!(got == expected_.front()))
        return fail("got " + text_of(got) + ",\n  expected " + text_of(expected_.front()));
      expected_.pop_front();
    }
    got_.clear();
    if (is_done && !expected_.empty()) return fail("never came: " + text_of(expected_.front()));
    if (is_done) compare_late();
    check_ledger();
    check_counters();
  }
  void compare_late() {
    for (auto* const late : {&late_, &expected_late_})
      std::stable_sort(late->begin(), late->end(), [](const auto& a, const auto& b) {
        return std::tuple(a.time, a.key) < std::tuple(b.time, b.key);
      });
    for (std::size_t i = 0; i < std::max(late_.size(), expected_late_.size()); ++i) {
      if (i >= late_.size()) return fail("not told of: " + text_of(expected_late_[i]));
      if (i >= expected_late_.size()) return fail("should not be " + text_of(late_[i]));
      model::LateEvent expected = expected_late_[i];
      if (std::exchange(expected.is_either, false) &&
          (late_[i].reason == model::Late::closed || late_[i].reason == model::Late::final_cut))
        expected.reason = late_[i].reason;
      expected.watermark = ticks(expected.watermark.value_or(first_time));
      if (!(late_[i] == expected))
        return fail("got " + text_of(late_[i]) + ", expected " + text_of(expected));
    }
    late_.clear();
    expected_late_.clear();
  }

  /// What holds after every call, whatever a sink did.
  void check_ledger() {
    const auto counters = windows_.counters();
    if (counters.offered != counters.accepted + counters.rejected.total())
      return fail("ledger: offered is not accepted + rejected");
    if (counters.accepted !=
        counters.events_emitted + counters.events_open + counters.events_pending + counters.lost())
      return fail("ledger: accepted is not emitted + open + pending + lost");
  }
  /// What holds where the model has seen what the windows have.
  void check_counters() {
    if (!failure_.empty()) return;
    const auto got = windows_.counters();
    const auto expected = model_.counters();
    std::uint64_t pending = 0;
    for (const model::Result& result : expected_)
      pending += result.op == model::Op::final ? result.events : 0;
    check("offered", got.offered, expected.offered);
    check("rejected", got.rejected.total(),
          expected.rejected[0] + expected.rejected[1] + expected.rejected[2]);
    if (has_aggregate) check("the error sink's", errors_, got.rejected.total());
    check("too_many_keys", got.rejected[sz::RejectReason::too_many_keys], expected.rejected[0]);
    check("too_many_sessions", got.rejected[sz::RejectReason::too_many_sessions],
          expected.rejected[1]);
    check("too_many_events", got.rejected[sz::RejectReason::too_many_events], expected.rejected[2]);
    check("events_pending", got.events_pending, pending);
    check("events_emitted", got.events_emitted, expected.emitted - pending);
    check("events_open", got.events_open, expected.open + expected.waiting);
    // Some are late for either of two reasons.
    check("late, closed or in a final cut",
          got.late(sz::LateReason::closed) + got.late(sz::LateReason::final_cut),
          expected.late[0] + expected.late[2]);
    for (const std::size_t i : {1U, 3U, 4U, 5U})
      check("late_by_reason", got.late_by_reason[i], expected.late[i]);
    check("size()", windows_.size(), model_.size());
    check("keys()", windows_.keys(), model_.keys());
    check_watermark("watermark()", windows_.watermark(), model_.watermark());
    for (int key = 0; key < 3; ++key)
      check_watermark("watermark(key)", windows_.watermark(key_of(key)), model_.watermark(key));
  }
  void check(const std::string& what, std::uint64_t got, std::uint64_t expected) {
    if (got != expected)
      fail(what + " is " + std::to_string(got) + ", expected " + std::to_string(expected));
  }
  void check_watermark(const std::string& what, std::optional<Time> got,
                       std::optional<Wide> expected) {
    // One at the first time there is, or before it, says nothing.
    if (expected && *expected <= first_time) expected.reset();
    std::optional<Wide> at;
    if (got && wide(*got) > first_time) at = wide(*got);
    if (at != expected) fail(what + " is " + text_of(at) + ", expected " + text_of(expected));
  }
  void fail(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }

  Rules rules_;
  SinkIs sink_;
  Random random_;
  Windows windows_;
  model::Model model_;
  std::vector<model::Result> got_{};
  std::vector<model::LateEvent> late_{}, expected_late_{};
  std::deque<model::Result> expected_{};
  std::uint64_t errors_ = 0;
  bool is_willing_ = true;
  std::string failure_{};
};

template <class Play>
std::string with_run(const Case& of, Play play) {
  switch (of.kind) {
    case Kind::plain: return play(Run<sz::EventClock, std::string, AllAggregates, sz::NoRule>(of));
    case Kind::nanoseconds:
      return play(Run<Nanoseconds, std::uint64_t, sz::NoAggregate, sz::NoRule>(of));
    case Kind::day:
      return play(Run<sz::EventClock, std::string, AllAggregates, sz::DayBoundary>(of));
    case Kind::cuts: return play(Run<sz::EventClock, std::string, AllAggregates, CutsRule>(of));
  }
  return {};
}

/// The first disagreement of a case with as few actions as show one, or nothing. `play` gives that
/// of a run, and the action that showed it.
template <class Play>
std::string check_case(Case of, Play play) {
  const auto disagreement = [&](const Case& some, std::size_t& at) {
    return with_run(some, [&](auto run) { return play(run, some.actions, at); });
  };
  std::size_t at = 0;
  std::string what = disagreement(of, at);
  if (what.empty()) return {};
  of.actions.resize(std::min(at + 1, of.actions.size()));
  for (std::size_t i = of.actions.size(); i-- > 0;) {
    Case fewer = of;
    fewer.actions.erase(fewer.actions.begin() + static_cast<std::ptrdiff_t>(i));
    const std::string still = disagreement(fewer, at);
    if (still.empty()) continue;
    of = std::move(fewer);
    what = still;
  }
  const char* const kinds[] = {"plain", "nanoseconds", "day", "cuts"};
  const char* const sinks[] = {"willing", "refusing", "throwing"};
  what += "\n  with seed " + std::to_string(of.seed) + ", " + kinds[static_cast<int>(of.kind)] +
          ", sink " + sinks[static_cast<int>(of.sink)] + ", " + text_of(of.rules) + "\n  after";
  for (const Action& action : of.actions) what += "\n    " + text_of(action);
  return what;
}

/// SessionWindows answers what the model does.
inline std::string check_model(std::uint64_t seed) {
  return check_case(CaseMaker(seed).make(), [](auto& run, std::span<const Action> actions,
                                               std::size_t& at) { return run.play(actions, at); });
}
/// With disorder within the bound nothing is late, and the streamed sessions are the batch's.
inline std::string check_theorem(std::uint64_t seed) {
  return check_case(CaseMaker(seed).make_within_bound(),
                    [](auto& run, std::span<const Action> actions, std::size_t& at) {
                      return run.play_within_bound(actions, at);
                    });
}

}  // namespace windows_property

#endif
