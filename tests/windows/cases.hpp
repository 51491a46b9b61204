#ifndef SESSIONIZE_TESTS_WINDOWS_CASES_HPP
#define SESSIONIZE_TESTS_WINDOWS_CASES_HPP

#include "model.hpp"

#include <sessionize/detail/seed.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Random cases for sessions in event time: rules, and what is done under them.

namespace windows_property {

namespace model = windows_model;
using model::Rules;
using model::Wide;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    return sessionize::detail::splitmix64(state_) % bound;
  }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

inline std::string text_of(Wide number) {
  std::string digits;
  const bool is_negative = number < 0;
  do {
    const auto digit = static_cast<int>(number % 10);
    digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    number /= 10;
  } while (number != 0);
  return is_negative ? "-" + digits : digits;
}
inline std::string text_of(std::optional<Wide> number) {
  return number ? text_of(*number) : "null";
}

constexpr Wide first_time = std::numeric_limits<std::int64_t>::min();
constexpr Wide last_time = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t ticks(Wide time) {
  return static_cast<std::int64_t>(time < first_time  ? first_time
                                   : time > last_time ? last_time
                                                      : time);
}

enum class Does { observe, advance, early, flush, set_clock, idle };
struct Action {
  Does does{};
  std::vector<model::Event> events{};  // of observe: one, or several for one call of process()
  Wide time = 0;                       // of advance, set_clock and idle
};

/// Which SessionWindows a case is for; each is another type.
enum class Kind { plain, nanoseconds, day, cuts };

/// What a sink does with what it gets.
enum class SinkIs { willing, refusing, throwing };

/// Rules and actions, all from one seed.
struct Case {
  std::uint64_t seed = 0;
  Kind kind{};
  Rules rules{};
  SinkIs sink{};
  std::vector<Action> actions{};
};

inline std::string text_of(const Rules& rules) {
  const char* const emits[] = {"final_only", "updates", "retractions"};
  const char* const closes[] = {"exact", "flink", "kafka", "spark", "drops_behind"};
  std::string text = "gap " + text_of(rules.gap) + (rules.splits_at_gap ? " splits" : "") +
                     ", out_of_order " + text_of(rules.out_of_order) + ", lateness " +
                     text_of(rules.lateness) + ", " + emits[static_cast<int>(rules.emit)] + ", " +
                     closes[static_cast<int>(rules.close)];
  if (rules.late_after_close) text += ", late after close";
  if (rules.watermark_of_key) text += ", watermark of key";
  if (rules.max_advance) text += ", max_advance " + text_of(*rules.max_advance);
  if (rules.max_keys < 1000) text += ", max_keys " + std::to_string(rules.max_keys);
  if (rules.max_sessions < 1000) text += ", max_sessions " + std::to_string(rules.max_sessions);
  if (rules.max_kept < 1000) text += ", max_kept " + std::to_string(rules.max_kept);
  if (rules.evicts) text += ", evicts";
  if (rules.max_duration) text += ", max_duration " + text_of(*rules.max_duration);
  if (rules.day) text += ", days of " + text_of(*rules.day) + " + " + text_of(rules.day_offset);
  return text;
}
inline std::string text_of(const model::Event& event) {
  return std::string(1, static_cast<char>('a' + event.key)) + "@" + text_of(event.time) +
         (event.gap ? " gap " + text_of(*event.gap) : "") + (event.keeps_alive ? "" : " heartbeat");
}
inline std::string text_of(const Action& action) {
  if (action.does == Does::early) return "early";
  if (action.does == Does::flush) return "flush";
  if (action.does == Does::advance) return "advance to " + text_of(action.time);
  if (action.does == Does::set_clock) return "clock at " + text_of(action.time);
  if (action.does == Does::idle) return "idle at " + text_of(action.time);
  std::string text;
  for (const model::Event& event : action.events)
    text += (text.empty() ? "" : ", ") + text_of(event);
  return text;
}
inline std::string text_of(const model::Result& result) {
  const char* const ops[] = {"open", "update", "retract", "final"};
  const char* const reasons[] = {"idle", "max_duration", "day_boundary", "flush", "evicted"};
  std::string text = std::string(ops[static_cast<int>(result.op)]) + " " +
                     static_cast<char>('a' + result.key) + "[" + text_of(result.start) + ", " +
                     text_of(result.last) + "] of " + std::to_string(result.events) + ", " +
                     reasons[static_cast<int>(result.reason)] + ", id " + text_of(result.id);
  for (const Wide id : result.replaces) text += ", replaces " + text_of(id);
  const auto& all = result.aggregate;
  for (const std::int64_t number :
       {static_cast<std::int64_t>(all.count), all.sum, all.min, all.max, all.first, all.last,
        all.first_arrived, static_cast<std::int64_t>(all.distinct)})
    text += " " + std::to_string(number);
  return text + (all.distinct_is_exact ? "" : "+");
}
inline std::string text_of(const model::LateEvent& late) {
  const char* const reasons[] = {"closed",           "after_close", "final_cut",
                                 "behind_watermark", "unattached",  "far_future"};
  return "late " + std::string(1, static_cast<char>('a' + late.key)) + "@" + text_of(late.time) +
         " " + reasons[static_cast<int>(late.reason)] + " at W = " + text_of(late.watermark);
}

/// Makes cases of small numbers, so that ties, bridges and exact limits are common.
class CaseMaker {
 public:
  explicit CaseMaker(std::uint64_t seed) : random_(seed) { made_.seed = seed; }

  Case make() {
    make_rules();
    made_.sink =
        random_.one_of({SinkIs::willing, SinkIs::willing, SinkIs::refusing, SinkIs::throwing});
    const std::uint64_t count = 8 + random_.below(24);
    for (std::uint64_t i = 0; i < count; ++i) made_.actions.push_back(make_action(i, count));
    made_.actions.push_back({Does::flush});
    return std::move(made_);
  }
  /// A case with disorder within the bound and nothing but events.
  Case make_within_bound() {
    make_rules();
    Rules& rules = made_.rules;
    rules.close = model::Close::exact;
    rules.max_advance.reset();
    rules.max_keys = rules.max_sessions = rules.max_kept = 1000;
    if (!rules.out_of_order) rules.out_of_order = unit_ * 4;
    const std::uint64_t count = 4 + random_.below(28);
    std::array<std::optional<Wide>, 3> largest{};
    for (std::uint64_t i = 0; i < count; ++i) {
      model::Event event = make_event(i, count);
      auto& seen = largest[rules.watermark_of_key ? static_cast<std::size_t>(event.key) : 0];
      if (seen) event.time = std::max(event.time, *seen - *rules.out_of_order);
      seen = std::max(seen.value_or(event.time), event.time);
      made_.actions.push_back({Does::observe, {event}});
    }
    return std::move(made_);
  }

 private:
  Wide small(std::uint64_t bound) { return unit_ * static_cast<Wide>(random_.below(bound)); }

  void make_rules() {
    made_.kind = random_.one_of(
        {Kind::plain, Kind::plain, Kind::nanoseconds, Kind::day, Kind::cuts, Kind::cuts});
    Rules& rules = made_.rules;
    const bool by_day = made_.kind == Kind::day || (made_.kind == Kind::cuts && random_.once_in(2));
    if (by_day) {
      unit_ = 3'600'000;  // an hour, of milliseconds
      rules.day = 24 * unit_;
      rules.day_offset = unit_ * random_.one_of({0, 0, -5, 14});
    }
    if (made_.kind == Kind::cuts && random_.below(8) != 0) rules.max_duration = small(13);
    base_ = -20 * unit_;
    // Near the ends of int64, with room for a watermark that is behind the first events.
    const bool at_an_end = random_.once_in(8);
    if (at_an_end) base_ = random_.once_in(2) ? first_time + 100 * unit_ : last_time - 60 * unit_;

    rules.splits_at_gap = random_.once_in(2);
    rules.gap = small(11);
    if (rules.splits_at_gap && rules.gap == 0) rules.gap = unit_;
    rules.out_of_order = random_.one_of<Wide>({0, 1, 3, 8, 20}) * unit_;
    if (random_.once_in(5)) rules.out_of_order.reset();
    rules.lateness = random_.once_in(2) ? 0 : small(15);
    if (random_.once_in(16)) rules.gap = last_time;
    if (random_.once_in(16)) rules.lateness = last_time;
    if (random_.once_in(16) && rules.out_of_order && !at_an_end) rules.out_of_order = last_time / 2;
    const bool may_never_be_due =
        at_an_end || rules.gap == last_time || rules.lateness == last_time;
    rules.emit = random_.one_of({model::Emit::final_only, model::Emit::final_only,
                                 model::Emit::updates, model::Emit::retractions});
    rules.close = random_.one_of({model::Close::exact, model::Close::exact, model::Close::exact,
                                  model::Close::flink, model::Close::kafka, model::Close::spark,
                                  model::Close::drops_behind});
    // What ends at the last time of all is taken to reach beyond it: equality there is not tried.
    if (at_an_end && (rules.close == model::Close::flink || rules.close == model::Close::spark))
      rules.close = model::Close::exact;
    rules.late_after_close = random_.once_in(3);
    rules.watermark_of_key = random_.once_in(4);
    if (random_.once_in(6)) rules.max_advance = small(20);
    if (random_.once_in(6)) rules.max_keys = 1 + random_.below(3);
    if (random_.once_in(5)) rules.max_sessions = 1 + random_.below(4);
    if (random_.once_in(6)) rules.max_kept = 1 + random_.below(6);
    // Of sessions that are never due none is due first.
    rules.evicts = random_.once_in(2) && !may_never_be_due;
    has_own_gaps_ = random_.once_in(3) && made_.kind != Kind::nanoseconds;
    has_heartbeats_ = random_.once_in(3) && made_.kind != Kind::nanoseconds;
    walks_ = random_.below(3) != 0;
    keys_ = 1 + random_.below(3);
  }

  Wide make_time(std::uint64_t at, std::uint64_t count) {
    if (!walks_) return base_ + small(61);
    const auto near = static_cast<Wide>(at * 54 / count);
    const Wide time = base_ + (near - 4) * unit_ + small(12);
    // Not the last of all times: what ends there is taken to reach beyond it.
    return std::clamp(time, first_time, last_time - 1);
  }
  model::Event make_event(std::uint64_t at, std::uint64_t count) {
    model::Event event;
    event.key = static_cast<int>(random_.below(keys_));
    event.time = make_time(at, count);
    if (has_own_gaps_ && random_.once_in(2)) event.gap = small(13);
    // Points and the sessions that begin where they lie have one id: updates tell them not apart.
    const Rules& rules = made_.rules;
    if (event.gap == Wide{0} && rules.splits_at_gap && rules.emit != model::Emit::final_only)
      event.gap = unit_;
    if (has_heartbeats_) event.keeps_alive = random_.below(4) != 0;
    event.value = static_cast<std::int64_t>(random_.below(6)) - 2;
    return event;
  }
  Action make_action(std::uint64_t at, std::uint64_t count) {
    const std::uint64_t draw = random_.below(20);
    if (draw == 0) return {Does::early};
    if (draw == 1 && random_.once_in(4)) return {Does::flush};
    if (draw < (made_.rules.out_of_order ? 4U : 8U))
      return {Does::advance, {}, make_time(at, count)};
    if (draw == 8 && !made_.rules.watermark_of_key) return {Does::idle, {}, make_time(at, count)};
    if (draw == 9 && made_.rules.max_advance && random_.once_in(2))
      return {Does::set_clock, {}, make_time(at, count)};
    Action action{Does::observe};
    for (std::uint64_t left = random_.once_in(4) ? 1 + random_.below(4) : 1; left != 0; --left)
      action.events.push_back(make_event(at, count));
    return action;
  }

  Random random_;
  Case made_{};
  Wide unit_ = 1, base_ = 0;
  bool has_own_gaps_ = false, has_heartbeats_ = false, walks_ = false;
  std::uint64_t keys_ = 1;
};

}  // namespace windows_property

#endif
