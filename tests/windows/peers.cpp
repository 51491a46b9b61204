#include <sessionize/clock.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/rules/rules.hpp>
#include <sessionize/windows/aggregates.hpp>
#include <sessionize/windows/options.hpp>
#include <sessionize/windows/session_result.hpp>
#include <sessionize/windows/session_windows.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The session windows of other engines, by the inputs and the answers that their own tests publish.
// Holds: who moves from one of them gets the same sessions, under the options that the table names.
// Would catch: a boundary, a merge, a late event or a retraction that is decided otherwise than
// where people come from, which no test of our own making would show.
//
// A case is a list of steps, each an input and what comes of it. Times are in milliseconds, or with
// an `s` in seconds.
//
//   input   key@time  key@time=value  key@time~gap   an event, as they arrive; `@?`: without a time
//           w4998     Flink's watermark: no event at or before this time is expected, our W = 4999
//           W25       our watermark: an event before it is no longer expected
//           early     asks for what has changed; flush: closes all
//   output  key[1,22)   a session from 1, with its gap up to 22 (Flink, Beam, Spark, Hazelcast)
//           key[0,5]    a session from 0, with its last event at 5 (Kafka); `?`: the source has
//                       another meaning of this side, or does not tell it
//           #events =sum _min ^max :id <replaced    after it, what else the source tells
//           -key[0,0]   is no longer true
//           ~key@19     is late
//           !key        is rejected
//
// The answers of one step are compared in any order, and only the last of each session, for engines
// that answer in bundles, or with a change of what they have answered wait for the watermark, where
// we tell it at once; retractions are compared in order. A final result that repeats what was
// reported is not an answer: no engine sends one.

namespace peers_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::AtGap;
using sessionize::ClosePolicy;
using sessionize::Emit;
using sessionize::EventClock;
using sessionize::Op;
using sessionize::WatermarkOf;
using Duration = EventClock::duration;
using Time = EventClock::time_point;
using Options = sessionize::WindowOptions<EventClock>;

struct Event {
  std::string key;
  std::optional<Time> time;
  std::int64_t value = 0;
  Duration gap{};
};

/// An aggregate: the time that a session reaches with its gap, where each event may have its own.
struct Reach {
  struct State {
    Time end = Time::min();
    void merge(const State& other) { end = std::max(end, other.end); }
    [[nodiscard]] Time result() const { return end; }
  };
  void add(State& state, const Event& event, sessionize::Moment) const {
    state.end = std::max(state.end, *event.time + event.gap);
  }
};

auto contents() {
  return sessionize::aggregates(sessionize::sum(&Event::value), sessionize::min(&Event::value),
                                sessionize::max(&Event::value), Reach{});
}

struct Step {
  const char* input;
  const char* output = "";
};

struct Case {
  const char* source;
  Options options;
  std::vector<Step> steps;
  std::optional<Duration> max_duration{};
  bool own_gaps = false;     // each event has its own
  bool early_each = false;   // asks for what has changed after each event
  bool whole_table = false;  // an output is the table of all sessions, kept up by their ids
  bool only_late = false;    // the source only tells what is late
};

/// A part of a step's text, read from the left.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }
  [[nodiscard]] bool skip(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string until(std::string_view ends) {
    const auto size = std::min(rest_.find_first_of(ends), rest_.size());
    const std::string read(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return read;
  }
  std::int64_t number() {
    const std::string digits = until("~=#_^:<,)]s");
    return std::stoll(digits) * (skip('s') ? 1000 : 1);
  }
  Duration duration() { return Duration{number()}; }
  Time time() { return Time{duration()}; }
  std::optional<Time> time_or_unknown() {
    if (skip('?')) return std::nullopt;
    return time();
  }

 private:
  std::string_view rest_;
};

std::vector<std::string> words(const char* text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

Event event_of(const std::string& word, Duration gap) {
  Reader read(word);
  Event event{.key = read.until("@"), .time = {}, .gap = gap};
  if (read.skip('@')) event.time = read.time_or_unknown();
  if (read.skip('=')) event.value = read.number();
  if (read.skip('~')) event.gap = read.duration();
  return event;
}

/// Something that SessionWindows has told.
struct Told {
  char kind = ' ';  // as in an output: '-', '~', '!', or a session's result
  std::string key;
  Time start{};  // of a late event: its time
  Time last{};
  Time end{};
  std::uint64_t events = 0;
  std::int64_t sum = 0, min = 0, max = 0;
  Time id{};
  std::vector<Time> replaces{};
  bool is_final = false;

  [[nodiscard]] bool same_session(const Told& other) const {
    return key == other.key && id == other.id;
  }
  [[nodiscard]] bool same_content(const Told& other) const {
    return start == other.start && last == other.last && end == other.end &&
           events == other.events && sum == other.sum && min == other.min && max == other.max;
  }
  [[nodiscard]] std::string text() const {
    const auto at = [](Time time) { return std::to_string(time.time_since_epoch().count()); };
    std::string text = (kind == ' ' ? "" : std::string(1, kind)) + key;
    if (kind == '!') return text;
    if (kind == '~') return text + "@" + at(start);
    text += "[" + at(start) + "," + at(last) + "]..." + at(end) + ")#" + std::to_string(events) +
            "=" + std::to_string(sum) + "_" + std::to_string(min) + "^" + std::to_string(max) +
            ":" + at(id);
    for (const Time replaced : replaces) text += "<" + at(replaced);
    return text;
  }
};

bool matches(const std::string& word, const Told& told) {
  Reader read(word);
  char kind = ' ';
  for (const char mark : {'-', '~', '!'})
    if (read.skip(mark)) kind = mark;
  if (told.kind != kind || told.key != read.until("[@")) return false;
  if (kind == '!') return true;
  if (kind == '~') return read.skip('@') && read.time() == told.start;
  if (!read.skip('[')) return false;
  if (const auto start = read.time_or_unknown(); start && *start != told.start) return false;
  if (!read.skip(',')) return false;
  const auto end = read.time_or_unknown();
  if (end && *end != (read.skip(')') ? told.end : told.last)) return false;
  static_cast<void>(read.skip(')') || read.skip(']'));
  if (read.skip('#') && read.number() != static_cast<std::int64_t>(told.events)) return false;
  if (read.skip('=') && read.number() != told.sum) return false;
  if (read.skip('_') && read.number() != told.min) return false;
  if (read.skip('^') && read.number() != told.max) return false;
  if (read.skip(':') && read.time() != told.id) return false;
  while (read.skip('<'))
    if (std::count(told.replaces.begin(), told.replaces.end(), read.time()) == 0) return false;
  return read.is_at_end();
}

bool all_match(const std::vector<std::string>& expected, std::vector<Told> told, bool in_order) {
  if (expected.size() != told.size()) return false;
  for (const std::string& word : expected) {
    const auto found =
        in_order ? told.begin() : std::find_if(told.begin(), told.end(), [&](const Told& each) {
          return matches(word, each);
        });
    if (found == told.end() || !matches(word, *found)) return false;
    told.erase(found);
  }
  return true;
}

/// Everything that is told in one step, as another engine would tell it.
class Answers {
 public:
  explicit Answers(const Case& told_for) : case_(told_for) {}

  template <class Result>
  void result(const Result& result) {
    if (case_.only_late) return;
    const auto& [sum, min, max, end] = result.aggregate.result();
    Told told{.kind = result.op == Op::retract ? '-' : ' ',
              .key = std::string(result.key),
              .start = result.start,
              .last = result.last,
              .end = end,
              .events = *result.events,
              .sum = sum,
              .min = min.value_or(0),
              .max = max.value_or(0),
              .id = result.id_time,
              .replaces = {result.replaces.begin(), result.replaces.end()},
              .is_final = result.op == Op::final};
    if (case_.options.emit == Emit::retractions)
      in_order(told);
    else
      last_of_each(told);
    if (told.kind != '-') reported_.push_back(told);
  }
  void late(std::string_view key, Time time) {
    told_.push_back({.kind = '~', .key = std::string(key), .start = time});
  }
  void rejected(std::string_view key) { told_.push_back({.kind = '!', .key = std::string(key)}); }

  void compare(const Step& step) {
    std::string got;
    for (const Told& each : told_) got += each.text() + " ";
    INFO("input:    " << step.input);
    INFO("expected: " << step.output);
    INFO("got:      " << got);
    CHECK(all_match(words(step.output), told_, case_.options.emit == Emit::retractions));
    if (!case_.whole_table) told_.clear();
  }

 private:
  [[nodiscard]] bool repeats(const Told& told) const {
    const auto before = std::find_if(reported_.rbegin(), reported_.rend(),
                                     [&](const Told& each) { return each.same_session(told); });
    return told.is_final && before != reported_.rend() && before->same_content(told);
  }
  void last_of_each(const Told& told) {
    if (repeats(told)) return;
    std::erase_if(told_, [&](const Told& each) {
      if (each.kind != ' ' || each.key != told.key) return false;
      return each.id == told.id ||
             std::find(told.replaces.begin(), told.replaces.end(), each.id) != told.replaces.end();
    });
    told_.push_back(told);
  }
  /// Kafka overwrites a session of one time with the next event of that time.
  void in_order(const Told& told) {
    const auto overwrites = [&](const Told& each) {
      return each.kind == '-' && each.same_session(told) && each.start == told.start &&
             each.last == told.last && (told.start == told.last || repeats(told));
    };
    if (told.kind == ' ') std::erase_if(told_, overwrites);
    if (!repeats(told)) told_.push_back(told);
  }

  const Case& case_;
  std::vector<Told> told_;
  std::vector<Told> reported_;
};

template <class Rule>
void run(const Case& test, Rule rule) {
  sessionize::SessionWindows<EventClock, std::string, decltype(contents()), Rule> windows(
      test.options, rule, contents());
  Answers answers(test);
  const auto sink = [&](const auto& result) { answers.result(result); };
  const auto late = [&](const auto& event) { answers.late(event.key, event.time); };
  const auto errors = [&](const sessionize::Rejection& rejected) {
    answers.rejected(rejected.data);
  };
  const auto plain = sessionize::by(&Event::key, &Event::time).raw(&Event::key);
  for (const Step& step : test.steps) {
    for (const std::string& word : words(step.input)) {
      if (word == "early") {
        static_cast<void>(windows.early(sink));
      } else if (word == "flush") {
        static_cast<void>(windows.flush(sink, late));
      } else if (word.find('@') == std::string::npos) {
        const Time time = Reader(std::string_view(word).substr(1)).time();
        static_cast<void>(
            windows.advance_watermark(word.front() == 'w' ? time + 1ms : time, sink, late));
      } else {
        const Event event = event_of(word, test.options.gap);
        const std::span<const Event> one(&event, 1);
        const auto progress = test.own_gaps
                                  ? windows.process(one, plain.gap(&Event::gap), sink, late, errors)
                                  : windows.process(one, plain, sink, late, errors);
        CHECK(progress.events == 1);
        if (test.early_each) static_cast<void>(windows.early(sink));
      }
    }
    answers.compare(step);
    const auto counters = windows.counters();
    CHECK(counters.offered == counters.accepted + counters.rejected.total());
    CHECK(counters.accepted == counters.events_emitted + counters.events_open +
                                   counters.events_pending + counters.lost());
  }
}

void run_all(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    DYNAMIC_SECTION(test.source) {
      if (test.max_duration)
        run(test, sessionize::max_duration(*test.max_duration));
      else
        run(test, sessionize::NoRule{});
    }
  }
}

// Apache Flink: touching windows merge, a window [start, end) is due at its end. Where the source
// tells each merge, the table asks for what has changed after each event.
Options flink(Duration gap, Duration lateness = 0ms, Emit emit = Emit::final_only) {
  return {.gap = gap,
          .out_of_order = std::nullopt,
          .lateness = lateness,
          .emit = emit,
          .close = ClosePolicy::flink};
}

// Holds: the boundary, merges and windows of Flink's event time sessions. Would catch: a session
// that closes one millisecond early or late, or that takes in an event behind its end.
TEST_CASE("Flink: sessions") {
  run_all({
      {"Flink, WindowOperatorTest.testSessionWindows",
       flink(3s),
       {{"key2@0=1 key2@1000=2 key2@2500=3 key1@10=1 key1@1000=2"},
        {"key1@2500=3 key2@5501=4 key2@6000=5 key2@6000=5 key2@6050=6"},
        {"w12000", "key1[10,5500)=6 key2[0,5500)=6 key2[5501,9050)=20"},
        {"key2@15000=10 key2@15000=20"},
        {"w17999", "key2[15000,18000)=30"}}},
      {"Flink, WindowOperatorTest.testReduceSessionWindows",
       flink(3s),
       {{"key2@0=1 key2@1000=2 key2@2500=3"},
        {"key1@10=1 key1@1000=2 key1@2500=3"},
        {"key2@5501=4 key2@6000=5 key2@6000=5 key2@6050=6"},
        {"w12000", "key1[10,5500)=6 key2[0,5500)=6 key2[5501,9050)=20"},
        {"key2@15000=10 key2@15000=20"},
        {"w17999", "key2[15000,18000)=30"}}},
      {"Flink, WindowOperatorTest.testSessionWindowsWithCountTrigger (the sessions at the end)",
       flink(3s),
       {{"key2@0=1 key2@1000=2 key2@2500=3 key2@3500=4 key1@10=1 key1@1000=2"},
        {"key1@2500=3 key1@6000=1 key1@6500=2 key1@7000=3"},
        {"key1@4500=10 flush", "key2[0,6500)=10 key1[10,10000)=22"}}},
      {"Flink, WindowOperatorTest.testSessionWindowsWithContinuousEventTimeTrigger",
       flink(3s, 0s, Emit::updates),
       {{"key1@1500=1 key2@0=1 key2@2500=3 key2@1000=2"},
        {"w2500 early", "key1[1500,4500)=1 key2[0,5500)=6"},
        {"key2@4000=5 w3000 key1@4000=2 key2@3500=4 w4000 early",
         "key1[1500,7000)=3 key2[0,7000)=15"}}},
      {"Flink, WindowOperatorTest.testProcessingTimeSessionWindows (the clock as watermark)",
       flink(3s),
       {{"w3 key2@3=1 w1000 key2@1000=1"},
        {"w5000", "key2[3,4000)=2"},
        {"key2@5000=1 key2@5000=1 key1@5000=1 key1@5000=1 key1@5000=1"},
        {"w10000", "key2[5000,8000)=2 key1[5000,8000)=3"}}},
      {"Flink, WindowOperatorTest.testCleanupTimerWithEmptyReduceStateForSessionWindows",
       flink(3s, 10ms, Emit::updates),
       {{"key2@1000=1"}, {"w4998", "key2[1000,4000)=1"}, {"w14600"}}},
      {"Flink, EventTimeSessionWindowsTest.testWindowAssignment (a key for each window)",
       flink(5s),
       {{"a@0 b@4999 c@5000"},
        {"w4998"},
        {"w4999", "a[0,5000)"},
        {"w9997"},
        {"w9998", "b[4999,9999)"},
        {"w9999", "c[5000,10000)"}}},
  });
}

// Holds: what is late for Flink, and what it answers during the lateness. Would catch: an event
// that touches a session which is kept and is dropped all the same, a merge of what is kept that is
// not told, or a second answer when its state is freed.
TEST_CASE("Flink: late events") {
  const std::vector<Step> first_half = {{"key2@1000=1 w1999"}, {"key2@2000=1 w4998"},
                                        {"key2@4500=1"},       {"key2@8500=1 w7400"},
                                        {"key2@7000=1"},       {"w11501", "key2[1000,11500)=5"},
                                        {"key2@11600=1"},      {"w14600", "key2[11600,14600)=1"}};
  const auto and_then = [&](std::vector<Step> steps) {
    steps.insert(steps.begin(), first_half.begin(), first_half.end());
    return steps;
  };
  run_all({
      {"Flink, WindowOperatorTest.testSideOutputDueToLatenessSessionZeroLateness", flink(3s),
       and_then({{"key2@10000=1", "~key2@10000"},
                 {"key2@14500=1"},
                 {"w20000", "key2[14500,17500)=1"},
                 {"w100000"}})},
      {"Flink, WindowOperatorTest.testSideOutputDueToLatenessSessionZeroLatenessPurgingTrigger",
       flink(3s),
       and_then({{"key2@10000=1", "~key2@10000"},
                 {"key2@10100=1", "~key2@10100"},
                 {"key2@14500=1"},
                 {"w20000", "key2[14500,17500)=1"},
                 {"w100000"}})},
      {"Flink, WindowOperatorTest.testNotSideOutputDueToLatenessSessionWithLateness",
       flink(3s, 10ms, Emit::updates),
       and_then({{"key2@10000=1", "key2[10000,14600)=2"},
                 {"key2@14500=1 w20000", "key2[10000,17500)=3"},
                 {"w100000"}})},
      {"Flink, WindowOperatorTest.testNotSideOutputDueToLatenessSessionWithHugeLateness",
       flink(3s, 10s, Emit::updates),
       and_then({{"key2@10000=1", "key2[1000,14600)=7"},
                 {"key2@14500=1 w20000", "key2[1000,17500)=8"},
                 {"w100000"}})},
  });
}

// Holds: sessions of events with gaps of their own, down to none. Would catch: last + gap in place
// of the furthest end, an end that moves back, or windows that touch or cover each other and do
// not merge.
TEST_CASE("Flink: gaps by event") {
  const Options merging = flink(3ms, 0ms, Emit::updates);
  run_all({
      {.source = "Flink, WindowOperatorTest.testDynamicEventTimeSessionWindows",
       .options = flink(3s),
       .steps = {{"key1@10=3~3000 key2@5000=4~2000 key2@6000=5~2000"},
                 {"w8999", "key1[10,3010)=3 key2[5000,8000)=9"},
                 {"key2@9000=1~2000 key2@10000=2~2000 key2@10500=10~1000"},
                 {"w12999", "key2[9000,12000)=13"},
                 {"key2@13000=10~1000 key2@13500=10~1000 key2@14000=1~2000"},
                 {"w16999", "key2[13000,16000)=21"}},
       .own_gaps = true},
      {.source = "Flink, WindowOperatorTest.testDynamicProcessingTimeSessionWindows (the clock as "
                 "watermark)",
       .options = flink(3s),
       .steps = {{"w10 key1@10=3~3000"},
                 {"w5000 key2@5000=4~2000", "key1[10,3010)=3"},
                 {"w6000 key2@6000=5~2000"},
                 {"w8999", "key2[5000,8000)=9"},
                 {"w9000 key2@9000=1~2000 w10000 key2@10000=2~2000 w10500 key2@10500=10~1000"},
                 {"w13000 key2@13000=10~1000", "key2[9000,12000)=13"},
                 {"w13500 key2@13500=10~1000 w14000 key2@14000=1~2000"},
                 {"w16999", "key2[13000,16000)=21"}},
       .own_gaps = true},
      {.source = "Flink, WindowOperatorTest.testPointSessions",
       .options = flink(3s),
       .steps = {{"key2@0=1~3000 key2@1000=33~0"},
                 {"key2@2500=33~0 key1@10=1~3000 key1@1000=2~3000 key1@2500=33~0"},
                 {"w12000", "key1[10,4000)=36 key2[0,3000)=67"}},
       .own_gaps = true},
      {.source = "Flink, MergingWindowSetTest.testIncrementalMerging",
       .options = merging,
       .steps = {{"k@0~4", "k[0,4)"},
                 {"k@0~4", "k[0,4)"},
                 {"k@3~2", "k[0,5)"},
                 {"k@4~2", "k[0,6)"},
                 {"k@1~3", "k[0,6)"},
                 {"k@0~4", "k[0,6)"},
                 {"k@3~2", "k[0,6)"},
                 {"k@4~2", "k[0,6)"},
                 {"k@11~3", "k[11,14)"},
                 {"k@10~3", "k[10,14)"},
                 {"k@12~3", "k[10,15)"},
                 {"k@11~3", "k[10,15)"}},
       .own_gaps = true,
       .early_each = true},
      {.source = "Flink, MergingWindowSetTest.testLateMerging",
       .options = merging,
       .steps = {{"k@0~3", "k[0,3)"},
                 {"k@5~3", "k[5,8)"},
                 {"k@10~3", "k[10,13)"},
                 {"k@8~2", "k[5,13)<10"},
                 {"k@5~3", "k[5,13)"},
                 {"k@8~2", "k[5,13)"},
                 {"k@10~3", "k[5,13)"},
                 {"k@3~2", "k[0,13)<5"}},
       .own_gaps = true,
       .early_each = true},
      {.source = "Flink, MergingWindowSetTest.testMergeLargeWindowCoveringSingleWindow",
       .options = merging,
       .steps = {{"k@1~1", "k[1,2)"}, {"k@0~3", "k[0,3)"}},
       .own_gaps = true,
       .early_each = true},
      {.source = "Flink, MergingWindowSetTest.testMergeLargeWindowCoveringMultipleWindows",
       .options = merging,
       .steps = {{"k@1~2", "k[1,3)"},
                 {"k@5~3", "k[5,8)"},
                 {"k@10~3", "k[10,13)"},
                 {"k@0~13", "k[0,13)<5<10"}},
       .own_gaps = true,
       .early_each = true},
      {.source = "Flink, MergingWindowSetTest.testAddingIdenticalWindows",
       .options = merging,
       .steps = {{"k@1~1", "k[1,2)"}, {"k@1~1", "k[1,2)"}},
       .own_gaps = true,
       .early_each = true},
      {.source = "Flink, MergingWindowSetTest.testPersist",
       .options = merging,
       .steps = {{"k@1~1 k@17~25 flush", "k[1,2) k[17,42)"}},
       .own_gaps = true},
      {.source = "Flink, EventTimeSessionWindowsTest.testMergeConsecutiveWindows",
       .options = flink(5s),
       .steps = {{"k@0~1 k@1~1 k@2~1 k@4~1 k@5~1 flush", "k[0,3)#3 k[4,6)#2"}},
       .own_gaps = true},
      {.source = "Flink, EventTimeSessionWindowsTest.testMergeCoveringWindow",
       .options = flink(5s),
       .steps = {{"k@1~0 k@0~2 k@4~3 k@5~1 flush", "k[0,2)#2 k[4,7)#2"}},
       .own_gaps = true},
      {.source = "Flink, EventTimeSessionWindowsTest.testMergeSinglePointWindow",
       .options = flink(5s),
       .steps = {{"k@0~0 flush", "k[0,0)#1"}},
       .own_gaps = true},
  });
}

// Kafka Streams: windows [first, last], stream time is the largest time with the event's own.
Options kafka(Duration gap, Duration grace = 0ms, Emit emit = Emit::final_only) {
  return {.gap = gap, .lateness = grace, .emit = emit, .close = ClosePolicy::kafka};
}

// Holds: sessions and final results of Kafka Streams. Would catch: a final result at exactly the
// gap, where Kafka's is strict, and stream time that lags one event behind.
TEST_CASE("Kafka Streams: sessions and final results") {
  run_all({
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldCreateSingleSessionWhen"
       "WithinGap",
       kafka(300s),
       {{"john@0 john@500 flush", "john[?,?]#2"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldUpdateSessionIfTheSameTime",
       kafka(300s),
       {{"mel@0 mel@0 flush", "mel[0,0]#2"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldRemoveMergedSessionsFrom"
       "StateStore",
       kafka(300s, 0ms, Emit::updates),
       {{"a@0 early", "a[0,0]#1"}, {"a@100 early", "a[0,100]#2"}, {"flush"}}},
      // The store keeps sessions for three gaps, which are one gap and a lateness of two.
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldMergeSessions",
       kafka(300s, 600s, Emit::updates),
       {{"mel@0 early", "mel[0,0]"},
        {"mel@300001 early", "mel[300001,300001]"},
        {"mel@150000 early", "mel[0,300001]#3"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldHaveMultipleSessionsFor"
       "SameIdWhenTimestampApartBySessionGap, on window close",
       kafka(300s),
       {{"mel@0"},
        {"mel@300001 mel@300001", "mel[0,0]#1"},
        {"mel@600002 mel@600002 mel@600002", "mel[300001,300001]#2"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldHaveMultipleSessionsFor"
       "SameIdWhenTimestampApartBySessionGap, on window update",
       kafka(300s, 0ms, Emit::updates),
       {{"mel@0 mel@300001 mel@300001 mel@600002 mel@600002 mel@600002 early",
         "mel[0,0]#1 mel[300001,300001]#2 mel[600002,600002]#3"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldHandleMultipleSessionsAnd"
       "Merging, on window close",
       kafka(300s),
       {{"a@0 b@0 c@0 d@0 d@150000"},
        {"a@300001", "a[0,0]#1 b[0,0]#1 c[0,0]#1"},
        {"b@300001"},
        {"a@450001", "d[0,150000]#2"},
        {"c@450001"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldHandleMultipleSessionsAnd"
       "Merging, on window update",
       kafka(300s, 0ms, Emit::updates),
       {{"a@0 b@0 c@0 d@0 d@150000 a@300001 b@300001 a@450001 c@450001 early",
         "a[0,0]#1 b[0,0]#1 c[0,0]#1 d[0,150000]#2 b[300001,300001]#1 a[300001,450001]#2 "
         "c[450001,450001]#1"}}},
      {"Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldGetAggregatedValuesFrom"
       "ValueGetter",
       kafka(300s),
       {{"a@0 a@300001 a@300001 flush", "a[0,0]#1 a[300001,300001]#2"}}},
      {"Kafka Streams, KGroupedStreamImplTest.shouldCountSessionWindows",
       kafka(30ms),
       {{"1@10 2@15 1@30 1@70 1@100 1@90 flush", "1[10,30]#2 2[15,15]#1 1[70,100]#3"}}},
      {"Kafka Streams, KStreamAggregationIntegrationTest.shouldCountSessionWindows",
       kafka(300s),
       {{"bob@0 penny@0 jo@0 emily@0 emily@150000 bob@300001 penny@300001 bob@450001 jo@450001 "
         "jo@450000 flush",
         "bob[0,0]#1 penny[0,0]#1 jo[0,0]#1 jo[450000,450001]#2 emily[0,150000]#2 "
         "bob[300001,450001]#2 penny[300001,300001]#1"}}},
      {"Kafka Streams, KStreamAggregationIntegrationTest.shouldReduceSessionWindows",
       kafka(1s, 60s),
       {{"bob@0 penny@0 jo@0 emily@0 emily@500 bob@1001 penny@1001 bob@1501 jo@1501 jo@1500 flush",
         "bob[0,0]#1 penny[0,0]#1 jo[0,0]#1 jo[1500,1501]#2 emily[0,500]#2 bob[1001,1501]#2 "
         "penny[1001,1001]#1"}}},
      {"Kafka Streams, SessionWindowedKStreamImplTest.shouldCountSessionWindowed, on window close",
       kafka(500ms),
       {{"1@10 1@15"}, {"1@600", "1[10,15]#2"}, {"2@600 2@599"}}},
      {"Kafka Streams, SuppressScenarioTest.shouldSupportFinalResultsForSessionWindows "
       "(suppressed)",
       kafka(5ms),
       {{"k1@0 k1@5 k1@1"}, {"k2@11", "k1[0,5]#3"}, {"k1@5", "~k1@5"}, {"k1@30", "k2[11,11]#1"}}},
  });
}

// Holds: what is late in Kafka Streams. Would catch: a grace that ends one millisecond early.
TEST_CASE("Kafka Streams: late records") {
  run_all({
      {.source = "Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldLogAndMeterWhen"
                 "SkippingLateRecordWithZeroGrace",
       .options = kafka(10ms),
       .steps = {{"dummy@0 OnTime1@0 dummy@11"}, {"Late1@0", "~Late1@0"}},
       .only_late = true},
      {.source = "Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldLogAndMeterWhen"
                 "SkippingLateRecordWithNonzeroGrace",
       .options = kafka(10ms, 1ms),
       .steps =
           {{"dummy@0 OnTime1@0 dummy@11"}, {"OnTime2@0"}, {"dummy@12"}, {"Late1@0", "~Late1@0"}},
       .only_late = true},
  });
}

// Holds: the answers to each record of Kafka Streams without a cache, where a merge takes back what
// it replaces, first. Would catch: a retraction of something else than what was reported, one that
// is missing or comes behind its replacement, or a session that is told twice when it closes.
TEST_CASE("Kafka Streams: updates with retractions") {
  const auto updates = [](Duration gap, Duration grace) {
    return kafka(gap, grace, Emit::retractions);
  };
  run_all({
      {.source = "Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldImmediately"
                 "ForwardNewSessionWhenNonCachedStore",
       .options = updates(300s, 0s),
       .steps = {{"a@0", "a[0,0]#1"}, {"b@0", "b[0,0]#1"}, {"c@0", "c[0,0]#1"}},
       .early_each = true},
      {.source = "Kafka Streams, KStreamSessionWindowAggregateProcessorTest.shouldImmediately"
                 "ForwardRemovedSessionsWhenMerging",
       .options = updates(300s, 0s),
       .steps = {{"a@0", "a[0,0]#1"}, {"a@5", "-a[0,0] a[0,5]#2"}},
       .early_each = true},
      {.source = "Kafka Streams, SessionWindowedKStreamImplTest.shouldCountSessionWindowed, on "
                 "window update",
       .options = updates(500ms, 0s),
       .steps = {{"1@10", "1[10,10]#1"},
                 {"1@15", "-1[10,10] 1[10,15]#2"},
                 {"1@600", "1[600,600]#1"},
                 {"2@600", "2[600,600]#1"},
                 {"2@599", "-2[600,600] 2[599,600]#2"}},
       .early_each = true},
      {.source = "Kafka Streams, SuppressScenarioTest.shouldSupportFinalResultsForSessionWindows "
                 "(raw)",
       .options = updates(5ms, 0s),
       .steps = {{"k1@0", "k1[0,0]#1"},
                 {"k1@5", "-k1[0,0] k1[0,5]#2"},
                 {"k1@1", "-k1[0,5] k1[0,5]#3"},
                 {"k2@11", "k2[11,11]#1"},
                 {"k1@5", "~k1@5"},
                 {"k1@30", "k1[30,30]#1"}},
       .early_each = true},
      {.source =
           "Kafka Streams, SessionWindowedCogroupedKStreamImplTest.sessionWindowAggregateTest",
       .options = updates(500ms, 0s),
       .steps = {{"k1@0", "k1[?,0]#1"},
                 {"k2@0", "k2[?,0]#1"},
                 {"k1@599", "k1[?,599]#1"},
                 {"k2@607", "k2[?,607]#1"}},
       .early_each = true},
      {.source = "Kafka Streams, SessionWindowedCogroupedKStreamImplTest.sessionWindowAggregate2"
                 "Test",
       .options = updates(500ms, 0s),
       .steps = {{"k1@0", "k1[?,0]#1"},
                 {"k1@0", "k1[?,0]#2"},
                 {"k2@599", "k2[?,599]#1"},
                 {"k1@607", "k1[?,607]#1"}},
       .early_each = true},
      {.source = "Kafka Streams, SessionWindowedCogroupedKStreamImplTest.sessionWindowAggregateTest"
                 "2StreamsTest",
       .options = updates(100ms, 24h),
       .steps = {{"k1@0", "k1[?,0]#1"},
                 {"k1@84", "-k1[?,0] k1[?,84]#2"},
                 {"k1@113", "-k1[?,84] k1[?,113]#3"},
                 {"k1@199", "-k1[?,113] k1[?,199]#4"},
                 {"k1@300", "k1[?,300]#1"},
                 {"k2@301", "k2[?,301]#1"},
                 {"k2@400", "-k2[?,301] k2[?,400]#2"},
                 {"k1@400", "-k1[?,300] k1[?,400]#2"}},
       .early_each = true},
      {.source = "Kafka Streams, SessionWindowedCogroupedKStreamImplTest.sessionWindowMix"
                 "AggregatorsTest",
       .options = updates(100ms, 24h),
       .steps = {{"k1@0", "k1[?,0]#1"},
                 {"k2@0", "k2[?,0]#1"},
                 {"k2@1", "-k2[?,0] k2[?,1]#2"},
                 {"k1@2", "-k1[?,0] k1[?,2]#2"},
                 {"k1@3", "-k1[?,2] k1[?,3]#3"},
                 {"k2@3", "-k2[?,1] k2[?,3]#3"},
                 {"k2@444", "k2[?,444]#1"},
                 {"k1@444", "k1[?,444]#1"}},
       .early_each = true},
      {.source = "Kafka Streams, SessionWindowedCogroupedKStreamImplTest.sessionWindowMix"
                 "AggregatorsManyWindowsTest",
       .options = updates(100ms, 24h),
       .steps = {{"k1@0", "k1[?,0]#1"},
                 {"k2@0", "k2[?,0]#1"},
                 {"k2@1", "-k2[?,0] k2[?,1]#2"},
                 {"k1@2", "-k1[?,0] k1[?,2]#2"},
                 {"k1@3", "-k1[?,2] k1[?,3]#3"},
                 {"k2@500", "k2[?,500]#1"},
                 {"k2@501", "-k2[?,500] k2[?,501]#2"},
                 {"k1@501", "k1[?,501]#1"}},
       .early_each = true},
  });
}

// Apache Beam: windows [start, end) that only touch stay apart. Its watermark is ours.
Options beam(Duration gap, Duration lateness = 0ms, Emit emit = Emit::final_only) {
  return {.gap = gap,
          .at_gap = AtGap::splits,
          .out_of_order = std::nullopt,
          .lateness = lateness,
          .emit = emit};
}

// Holds: Beam's sessions, early, on time and late. Would catch: a merge at exactly the gap where it
// splits, and an event that merges sessions that have been answered without taking both in.
TEST_CASE("Beam: sessions") {
  run_all({
      {"Beam, SessionsTest.testSimple",
       beam(10ms),
       {{"k@0 k@10 k@101 flush", "k[0,10)#1 k[10,20)#1 k[101,111)#1"}}},
      {"Beam, SessionsTest.testConsecutive",
       beam(10ms),
       {{"k@1 k@2 k@5 k@9 k@100 k@101 flush", "k[1,19)#4 k[100,111)#2"}}},
      {"Beam, SessionsTest.testMerging",
       beam(10ms),
       {{"k@1 k@15 k@30 k@100 k@101 k@95 k@22 k@10 flush", "k[1,40)#5 k[95,111)#3"}}},
      {"Beam, SessionsTest.testTimeUnit",
       beam(1s),
       {{"k@1 k@2 k@1000 k@5000 k@5001 k@10000 flush",
         "k[1,2000)#3 k[5000,6001)#2 k[10000,11000)#1"}}},
      {"Beam, GroupAlsoByWindowsProperties.groupsElementsInMergedSessions",
       beam(10ms),
       {{"key@0 key@5 key@15 flush", "key[0,15)#2 key[15,25)#1"}}},
      {"Beam, GroupAlsoByWindowsProperties.combinesElementsPerSession (sums)",
       beam(10ms),
       {{"k@0=1 k@5=2 k@15=4 flush", "k[0,15)=3 k[15,25)=4"}}},
      {.source = "Beam, MergingActiveWindowSetTest.testLifecycle",
       .options = beam(10ms, 0ms, Emit::updates),
       .steps = {{"k@1 k@2 k@15 early", "k[1,12) k[15,25)"},
                 {"k@3 early", "k[1,13) k[15,25)"},
                 {"k@8 early", "k[1,25)"},
                 {"k@9 early", "k[1,25)"},
                 {"k@1 early", "k[1,25)"}},
       .whole_table = true},
      {"Beam, DefaultTriggerTest.testDefaultTriggerWithSessionWindow",
       beam(10ms, 100ms, Emit::updates),
       {{"k@1=1 k@9=2"}, {"W10"}, {"k@15=3 k@30=4"}, {"W100", "k[1,25)#3=6 k[30,40)#1=4"}}},
      {"Beam, ReduceFnRunnerTest.testMergeBeforeFinalizing",
       beam(10ms),
       {{"k@1 k@10"}, {"W100", "k[1,20)#2"}}},
      {"Beam, ReduceFnRunnerTest.testMergingWithCloseBeforeGC",
       beam(10ms, 50ms, Emit::updates),
       {{"k@1 k@10"}, {"W30", "k[1,20)#2"}, {"W100"}}},
      {"Beam, trigger_test.py test_sessions_default",
       beam(10ms),
       {{"k@1 k@2 k@15 k@16 k@30 k@9 k@10 k@30"}, {"W100", "k[1,26)#6 k[30,40)#2"}}},
      {"Beam, trigger_test.py test_sessions_default, the other way round",
       beam(10ms),
       {{"k@30 k@10 k@9 k@30 k@16 k@15 k@2 k@1"}, {"W100", "k[1,26)#6 k[30,40)#2"}}},
      {"Beam, trigger_test.py test_sessions_watermark",
       beam(10ms),
       {{"k@1 k@2"}, {"W100", "k[1,12)#2"}}},
      {"Beam, trigger_test.py test_sessions_watermark_with_early_late (on time and late)",
       beam(10ms, 100s, Emit::updates),
       {{"k@1 k@15 k@7 k@30"},
        {"W100", "k[1,25)#3 k[30,40)#1"},
        {"k@1 k@2", "k[1,25)#5"},
        {"k@21", "k[1,40)#7<30"}}},
      {"Beam, trigger_test.py test_sessions_repeatedly_after_count (accumulating)",
       beam(10ms, 0ms, Emit::updates),
       {{"k@1 k@15 k@6 early", "k[1,25)#3"}, {"k@2 k@7 early", "k[1,25)#5"}}},
      // The late elements count as one bundle: its third one is what makes the engine answer.
      {"Beam, trigger_transcripts.yaml early_late_sessions",
       beam(10ms, 100s, Emit::updates),
       {{"k@1 k@2 k@3 early", "k[1,13)#3"},
        {"k@4 k@5 early", "k[1,15)#5"},
        {"k@6 W100", "k[1,16)#6"},
        {"k@1 k@3 k@4", "k[1,16)#9"}}},
  });
}

// Apache Spark: windows [start, end) that touch merge; a watermark of a bound behind the largest
// time.
Options spark(std::optional<Duration> bound = std::nullopt, Emit emit = Emit::final_only) {
  return {.gap = 10s, .out_of_order = bound, .emit = emit, .close = ClosePolicy::spark};
}

// Holds: Spark's batch sessions. Would catch: keys that share a session, or a row without a time
// that is in one.
TEST_CASE("Spark: batch sessions") {
  run_all({
      {"Spark, DataFrameSessionWindowingSuite: simple session window with record at window start",
       spark(),
       {{"a@30s flush", "a[30s,40s)#1"}}},
      {"Spark, DataFrameSessionWindowingSuite: session window groupBy statement",
       spark(),
       {{"k@34s k@56s k@27s flush", "k[?,?)#2 k[?,?)#1"}}},
      {"Spark, DataFrameSessionWindowingSuite: session window groupBy with multiple keys statement",
       spark(),
       {{"a@34s=1 a@39s=1 a@56s=2 a@64s=2 b@27s=4 flush",
         "b[27s,37s)#1=4 a[34s,49s)#2=2 a[56s,74s)#2=4"}}},
      {"Spark, DataFrameSessionWindowingSuite: session window groupBy with multiple keys statement "
       "- keys overlapped with sessions",
       spark(),
       {{"a@34s=1 b@39s=1 a@40s=2 b@45s=2 b@27s=4 flush",
         "b[27s,37s)#1=4 a[34s,50s)#2=3 b[39s,55s)#2=3"}}},
      {"Spark, DataFrameSessionWindowingSuite: SPARK-36724 timestamp_ntz",
       spark(),
       {{"k@30s k@25s flush", "k[25s,40s)#2"}}},
      {"Spark, DataFrameSessionWindowingSuite: null timestamps, a key for each row",
       spark(),
       {{"1@5s=1 2@32s=2 3@?=3 4@?=4", "!3 !4"}, {"flush", "1[?,?)=1 2[?,?)=2"}}},
  });
}

// Holds: Spark's gaps by row: no grouping, so that each row has a key here. Would catch: the
// options' gap in place of the row's, and a negative gap that is taken.
TEST_CASE("Spark: gaps by event") {
  run_all({
      {.source = "Spark, DataFrameSessionWindowingSuite: SPARK-36465 dynamic string expression",
       .options = spark(),
       .steps = {{"1@34s~10s 2@56s~20s 4@27s~30s"},
                 {"W43999"},
                 {"W44s", "1[34s,44s)"},
                 {"W56999"},
                 {"W57s", "4[27s,57s)"},
                 {"W75999"},
                 {"W76s", "2[56s,76s)"}},
       .own_gaps = true},
      {.source = "Spark, DataFrameSessionWindowingSuite: SPARK-36465 UDF as gap duration",
       .options = spark(),
       .steps = {{"1@34s~10s 2@56s~20s 4@27s~40s flush", "4[27s,67s) 1[34s,44s) 2[56s,76s)"}},
       .own_gaps = true},
      {.source = "Spark, DataFrameSessionWindowingSuite: SPARK-36465 conditional expression as gap",
       .options = spark(),
       .steps = {{"1@34s~2s 2@56s~10s 4@27s~20s flush", "4[27s,47s) 1[34s,36s) 2[56s,66s)"}},
       .own_gaps = true},
      {.source = "Spark, DataFrameSessionWindowingSuite: SPARK-36465 filter out events with "
                 "negative gap duration",
       .options = spark(),
       .steps = {{"k@56s~-10s", "!k"}, {"k@27s~5s flush", "k[27s,32s)#1"}},
       .own_gaps = true},
      {.source = "Spark, StreamingSessionWindowSuite: SPARK-36465 dynamic gap duration, without "
                 "the word of no gap",
       .options = spark(30s),
       .steps = {{"hello@40s~1s world@40s~-10s spark@40s~10s streaming@40s~10s", "!world"},
                 {"world@41s~-10s hello@41s~1s streaming@41s~10s", "!world"},
                 {"spark@25s~10s streaming@25s~10s"},
                 {"spark@0s~10s streaming@0s~10s", "~spark@0s ~streaming@0s"},
                 {"spark@30s~10s streaming@30s~10s"},
                 {"hello@60s~1s apache@60s~10s spark@60s~10s"},
                 {"streaming@90s~10s", "spark[25s,50s)#3 streaming[25s,51s)#4 hello[40s,42s)#2"}},
       .own_gaps = true},
  });
}

// Holds: Spark's streaming modes. Would catch: an event that is late by its own end, or is not,
// sessions that close by the batch and not by the watermark, and a table by ids that keeps a
// session which has been merged.
TEST_CASE("Spark: streaming sessions") {
  run_all({
      {"Spark, StreamingSessionWindowSuite: append mode - session window",
       spark(30s),
       {{"hello@40s world@40s spark@40s streaming@40s"},
        {"world@41s hello@41s structured@41s streaming@41s"},
        {"spark@25s streaming@25s"},
        {"spark@0s streaming@0s", "~spark@0s ~streaming@0s"},
        {"spark@30s streaming@30s"},
        {"hello@60s apache@60s spark@60s"},
        {"structured@90s streaming@90s",
         "spark[25s,50s)#3 streaming[25s,51s)#4 hello[40s,51s)#2 world[40s,51s)#2 "
         "structured[41s,51s)#1"}}},
      {.source = "Spark, StreamingSessionWindowSuite: complete mode - session window",
       .options = spark(std::nullopt, Emit::updates),
       .steps = {{"hello@40s world@40s spark@40s streaming@40s world@41s hello@41s structured@41s "
                  "streaming@41s early",
                  "hello[40s,51s)#2 world[40s,51s)#2 streaming[40s,51s)#2 spark[40s,50s)#1 "
                  "structured[41s,51s)#1"},
                 {"spark@25s streaming@25s early",
                  "spark[25s,35s)#1 streaming[25s,35s)#1 hello[40s,51s)#2 world[40s,51s)#2 "
                  "streaming[40s,51s)#2 spark[40s,50s)#1 structured[41s,51s)#1"},
                 {"spark@30s streaming@30s early",
                  "spark[25s,50s)#3 streaming[25s,51s)#4 hello[40s,51s)#2 world[40s,51s)#2 "
                  "structured[41s,51s)#1"},
                 {"hello@60s apache@60s spark@60s early",
                  "spark[25s,50s)#3 streaming[25s,51s)#4 hello[40s,51s)#2 world[40s,51s)#2 "
                  "structured[41s,51s)#1 hello[60s,70s)#1 apache[60s,70s)#1 spark[60s,70s)#1"},
                 {"structured@90s streaming@90s early",
                  "spark[25s,50s)#3 streaming[25s,51s)#4 hello[40s,51s)#2 world[40s,51s)#2 "
                  "structured[41s,51s)#1 hello[60s,70s)#1 apache[60s,70s)#1 spark[60s,70s)#1 "
                  "structured[90s,100s)#1 streaming[90s,100s)#1"}},
       .whole_table = true},
      {"Spark, StreamingSessionWindowSuite: session window with first/last function (min and max "
       "time)",
       spark(30s),
       {{"a@41s=41 a@42s=42 a@40s=40"}, {"b@100s=100 b@101s=101", "a[40s,52s)_40^42"}}},
      {"Spark, StreamingSessionWindowSuite: session window - with more aggregation functions (sum)",
       spark(30s),
       {{"a@41s=41 a@42s=42 a@40s=40"}, {"b@100s=100 b@101s=101", "a[40s,52s)=123"}}},
  });
}

// Proton: each key's own events close its sessions; at exactly the gap, and at exactly the size, it
// splits. The size is five gaps where none is given: a duration of one millisecond less at most.
// Values are in tenths. An end of `?` is Proton's start + size, for a session whose next event is
// further away than that.
Options proton(Duration gap) {
  return {.gap = gap, .at_gap = AtGap::splits, .watermark_of = WatermarkOf::key};
}

// Holds: Proton's sessions and their maximum duration. Would catch: one key's events that close
// another key's session, a cut that is not where the batch's is, and one that waits for a pause.
TEST_CASE("Proton: sessions of a maximum size") {
  const auto smoke = [](const char* source, Duration gap, Duration size, std::vector<Step> steps) {
    return Case{.source = source,
                .options = proton(gap),
                .steps = std::move(steps),
                .max_duration = size - 1ms};
  };
  run_all({
      smoke("Proton, 0006_session_window.json 0: session_size triggered emit", 2s, 10s,
            {{"dev1@0s=573 dev2@0s=583"},
             {"dev1@2s=660", "dev1[0s,2s)^573"},
             {"dev1@15s=670", "dev1[2s,?)^660"}}),
      smoke(
          "Proton, 0006_session_window.json 1: session_size triggered emit", 2s, 10s,
          {{"dev1@0s=573 dev2@0s=583 dev1@2s=660 dev2@15s=670", "dev2[0s,?)^583 dev1[0s,2s)^573"}}),
      smoke("Proton, 0006_session_window.json 2: force timeout", 1s, 5s,
            {{"dev1@0s dev2@0s dev1@999 dev2@999 dev1@1s dev2@1s dev1@1999 dev2@1999 dev1@2s "
              "dev2@2s dev1@2999 dev2@2999 dev1@3s dev2@3s dev1@3999 dev2@3999 dev1@4s dev2@4s "
              "dev1@4999 dev2@4999"},
             {"dev1@5s dev2@5s", "dev2[0s,?)#10 dev1[0s,?)#10"}}),
      smoke("Proton, 0006_session_window.json 3: multiple emits", 2s, 10s,
            {{"dev1@0s dev2@0s dev3@0s dev1@1s dev2@1s dev3@1s dev4@5s"},
             {"dev1@6s dev2@6s dev3@6s", "dev2[0s,3s)#2 dev3[0s,3s)#2 dev1[0s,3s)#2"},
             {"dev1@7s dev2@7s dev3@7s dev4@11s", "dev4[5s,7s)#1"}}),
      smoke("Proton, 0006_session_window.json 4: where clause", 2s, 10s,
            {{"dev1@0s dev2@0s dev3@0s dev1@1s dev2@1s dev3@1s dev2@2s dev3@2s dev2@4s dev3@4s",
              "dev2[0s,4s)#3 dev3[0s,4s)#3"}}),
      smoke("Proton, 0006_session_window.json 5: timeout interval triggered emit", 2s, 10s,
            {{"dev1@0s=573 dev2@1s=583 dev1@1s=660 dev2@2s=600"},
             {"dev2@5s=670", "dev2[1s,4s)^600"},
             {"dev1@3s=680", "dev1[0s,3s)^660"},
             {"dev1@6s=690", "dev1[3s,5s)^680"}}),
      smoke("Proton, 0006_session_window.json 6: times rounded down to two seconds", 5s, 25s,
            {{"dev1@0s=573 dev2@0s=583 dev1@0s=660 dev2@2s=600"},
             {"dev2@8s=670", "dev2[0s,7s)^600"}}),
      smoke("Proton, 0006_session_window.json 7: multiple session keys", 2s, 10s,
            {{"dev1/ca@0s=573 dev2/bj@1s=583"},
             {"dev1/ca@2s=660 dev2/ca@2s=600", "dev1/ca[0s,2s)^573"},
             {"dev2/ca@15s=670", "dev2/ca[2s,?)^600"}}),
      smoke("Proton, 0006_session_window.json 14: timestamp in datetime64", 5s, 25s,
            {{"dev1@262=573 dev1@5261=583"},
             {"dev1@10263=660", "dev1[262,10261)^583"},
             {"dev1@20s=670", "dev1[10263,15263)^660"}}),
      smoke("Proton, 0006_session_window.json 15: max emit timeout", 5s, 10s,
            {{"dev1@262=573 dev1@5261=583 dev1@8262=593"},
             {"dev1@10263=660", "dev1[262,?)^593"},
             {"dev1@13262=670 dev1@16262=680"},
             {"dev1@21262=690", "dev1[10263,?)^680"}}),
  });
}

// Holds: Proton's answers to each event. Would catch: an answer of the change in place of the
// session.
TEST_CASE("Proton: updates") {
  Options options = proton(300s);
  options.emit = Emit::updates;
  const std::vector<Step> steps = {
      {"k@0s=1", "k[0s,0s]#1_1^1"}, {"k@5s=2", "k[0s,5s]#2_1^2"}, {"k@10s=3", "k[0s,10s]#3_1^3"}};
  run_all({
      {.source = "Proton, 0034_emit_mode.yaml emit-mode-1-6: emit on update",
       .options = options,
       .steps = steps,
       .early_each = true},
      {.source = "Proton, 0034_emit_mode.yaml emit-mode-2-4: emit periodic",
       .options = options,
       .steps = {{"k@0s=1"},
                 {"early", "k[0s,0s]#1_1^1"},
                 {"k@5s=2 early", "k[0s,5s]#2_1^2"},
                 {"k@10s=3 early", "k[0s,10s]#3_1^3"}}},
  });
}

// Holds: Hazelcast's sessions, and that it drops what is behind the watermark whatever it could
// join. Would catch: an event that is dropped only where its own session would be closed.
TEST_CASE("Hazelcast: sessions") {
  const Options options{.gap = 10ms,
                        .at_gap = AtGap::splits,
                        .out_of_order = std::nullopt,
                        .close = ClosePolicy::drops_behind};
  run_all({
      {"Hazelcast, SessionWindowPTest.when_orderedEventsWithOneKey",
       options,
       {{"a@1 a@6 a@12 a@30 a@35 a@40"}, {"W100", "a[1,22)#3 a[30,50)#3"}}},
      {"Hazelcast, SessionWindowPTest.when_disorderedEventsWithOneKey (one of the orders)",
       options,
       {{"a@40 a@12 a@1 a@30 a@6 a@35"}, {"W100", "a[1,22)#3 a[30,50)#3"}}},
      {"Hazelcast, SessionWindowPTest.when_orderedEventsWithThreeKeys",
       options,
       {{"a@1 a@6 a@12 a@30 a@35 a@40 b@1 b@6 b@12 b@30 b@35 b@40 c@1 c@6 c@12 c@30 c@35 c@40"},
        {"W100", "a[1,22)#3 a[30,50)#3 b[1,22)#3 b[30,50)#3 c[1,22)#3 c[30,50)#3"}}},
      {"Hazelcast, SessionWindowPTest.when_batchProcessing_then_flushEverything",
       options,
       {{"a@1 a@6 a@12 a@30 a@35 a@40"}, {"W25", "a[1,22)#3"}, {"flush", "a[30,50)#3"}}},
      {"Hazelcast, SessionWindowPTest.when_lateEvent_then_dropped",
       options,
       {{"W20"}, {"key@19", "~key@19"}, {"flush"}}},
      {"Hazelcast, SessionWindowPTest.when_sessionsTouch_then_shouldNotBeMerged",
       options,
       {{"key@0 key@10 flush", "key[0,10)#1 key[10,20)#1"}}},
  });
}

// Holds: Bytewax's sessions, with the ids that they keep: the one that was opened first. Would
// catch: an id that moves with the start, or a merge that keeps the id of the earlier time.
TEST_CASE("Bytewax: sessions and the ids that they keep") {
  const Options options{.gap = 10s,
                        .out_of_order = std::nullopt,
                        .emit = Emit::updates,
                        .close = ClosePolicy::drops_behind};
  const auto logic = [&](const char* source, std::vector<Step> steps) {
    return Case{
        .source = source, .options = options, .steps = std::move(steps), .early_each = true};
  };
  run_all({
      logic("Bytewax, test_session_windower.py test_initial_session", {{"k@0s", "k[0s,0s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_extend_forward_within_gap",
            {{"k@0s", "k[0s,0s]:0s"}, {"k@5s", "k[0s,5s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_extend_forward_exact_gap",
            {{"k@0s", "k[0s,0s]:0s"}, {"k@10s", "k[0s,10s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_extend_backward_within_gap",
            {{"k@0s", "k[0s,0s]:0s"}, {"k@-5s", "k[-5s,0s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_extend_backward_exact_gap",
            {{"k@0s", "k[0s,0s]:0s"}, {"k@-10s", "k[-10s,0s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_extend_merge",
            {{"k@0s", "k[0s,0s]:0s"}, {"k@20s", "k[20s,20s]:20s"}, {"k@10s", "k[0s,20s]:0s<20s"}}),
      logic("Bytewax, test_session_windower.py test_within_existing",
            {{"k@0s k@10s", "k[0s,10s]:0s"}, {"k@5s", "k[0s,10s]:0s"}}),
      logic("Bytewax, test_session_windower.py test_find_merges_no_yes_no",
            {{"k@0s k@20s k@25s k@40s", "k[0s,0s]:0s k[20s,25s]:20s k[40s,40s]:40s"}}),
      logic("Bytewax, test_session_windower.py test_find_merges_multi",
            {{"k@0s k@5s k@10s", "k[0s,10s]:0s"}}),
  });
}

}  // namespace
}  // namespace peers_tests
