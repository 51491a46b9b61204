#include "model.hpp"
#include "cases.hpp"

#include "../catch.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

// What the model of sessions in event time says, against answers worked out by hand.

// A namespace of its own: the model's names are not to meet those of other tests in one unit.
namespace windows_model_test {
namespace {

using namespace windows_model;

/// "start-last*events reason", of each result, in order.
std::string text_of(const std::vector<Result>& results) {
  const char* const reasons[] = {"idle", "max_duration", "day_boundary", "flush", "evicted"};
  const char* const ops[] = {"open ", "update ", "retract ", ""};
  std::string text;
  for (const Result& result : results) {
    text += text.empty() ? "" : ", ";
    text += ops[static_cast<int>(result.op)];
    text += std::to_string(static_cast<std::int64_t>(result.start)) + "-" +
            std::to_string(static_cast<std::int64_t>(result.last)) + "*" +
            std::to_string(result.events) + " " + reasons[static_cast<int>(result.reason)];
  }
  return text;
}
std::string text_of(const std::vector<LateEvent>& late) {
  const char* const reasons[] = {"closed",           "after_close", "final_cut",
                                 "behind_watermark", "unattached",  "far_future"};
  std::string text;
  for (const LateEvent& event : late) {
    text += text.empty() ? "" : ", ";
    text += std::to_string(static_cast<std::int64_t>(event.time)) + " " +
            reasons[static_cast<int>(event.reason)];
  }
  return text;
}
/// Feeds events of key 0 that come at these times; what they all emit.
std::string feed(Model& model, std::initializer_list<int> times) {
  std::vector<Result> results;
  for (const int time : times)
    for (const Result& result : model.observe({0, time}).results) results.push_back(result);
  return text_of(results);
}
Event heartbeat(int time) { return {0, time, {}, false}; }

}  // namespace

// Holds: an event that two open sessions reach makes one of them, and of three with a chain.
// Would catch: a bridge that joins only the first session that it meets.
TEST_CASE("model: bridging events", "[windows][model]") {
  Model model({.gap = 10, .out_of_order = 100});
  CHECK(feed(model, {0, 20, 40}).empty());
  CHECK(model.size() == 3);
  CHECK(feed(model, {10}).empty());  // exactly the gap from both
  CHECK(model.size() == 2);
  CHECK(feed(model, {30}).empty());
  CHECK(model.size() == 1);
  CHECK(text_of(model.flush().results) == "0-40*5 flush");
}

// Holds: at exactly the gap two events are together, or apart where the gap splits.
// Would catch: the comparison turned round, in meeting or in closing.
TEST_CASE("model: exactly the gap", "[windows][model]") {
  Model continues({.gap = 10});
  CHECK(feed(continues, {0, 10}).empty());
  CHECK(continues.size() == 1);
  CHECK(text_of(continues.advance(20).results).empty());
  CHECK(text_of(continues.advance(21).results) == "0-10*2 idle");

  Model splits({.gap = 10, .splits_at_gap = true});
  CHECK(feed(splits, {0}).empty());
  CHECK(feed(splits, {10}) == "0-0*1 idle");
  CHECK(feed(splits, {19}).empty());
  CHECK(text_of(splits.advance(28).results).empty());
  CHECK(text_of(splits.advance(29).results) == "10-19*2 idle");
}

// Holds: with lateness a session waits so much longer; an event is late only where it meets no open
// session and would be closed by itself, and after a closing it opens a new session by default.
// Would catch: lateness that is forgotten for the event's own session.
TEST_CASE("model: lateness", "[windows][model]") {
  Model model({.gap = 10, .lateness = 5});
  CHECK(feed(model, {0, 15}).empty());  // W = 15: 0 + 10 + 5 is not before it
  CHECK(feed(model, {16}) == "0-0*1 idle");
  CHECK(text_of(model.observe({0, 0}).late) == "0 closed");  // 15 < 16
  CHECK(model.observe({0, 1}).late.empty());                 // 16: its own is open, by itself
  CHECK(model.size() == 2);
  CHECK(feed(model, {6}).empty());  // meets both
  CHECK(text_of(model.flush().results) == "1-16*4 flush");

  Model strict({.gap = 10, .lateness = 5, .late_after_close = true});
  CHECK(feed(strict, {0, 30}) == "0-0*1 idle");
  CHECK(strict.advance(12).results.empty());
  CHECK(text_of(strict.observe({0, 10}).late) == "10 closed");
  Model after({.gap = 10, .out_of_order = {}, .late_after_close = true});
  CHECK(feed(after, {0}).empty());
  CHECK(text_of(after.advance(11).results) == "0-0*1 idle");
  CHECK(text_of(after.observe({0, 10}).late) == "10 after_close");
  CHECK(after.observe({0, 11}).late.empty());
}

// Holds: each policy's answer to the same events. Would catch: two of them mixed up.
TEST_CASE("model: close policies", "[windows][model]") {
  Model flink({.gap = 10, .out_of_order = {}, .close = Close::flink});
  CHECK(feed(flink, {0, 10}).empty());
  CHECK(flink.size() == 1);
  CHECK(text_of(flink.advance(20).results) == "0-10*2 idle");
  CHECK(text_of(flink.observe({0, 10}).late) == "10 closed");
  CHECK(flink.observe({0, 11}).late.empty());
  CHECK(flink.observe({0, 5}).late.empty());  // meets the one at 11

  Model kafka({.gap = 10, .splits_at_gap = true, .out_of_order = {}, .close = Close::kafka});
  CHECK(feed(kafka, {0}).empty());
  CHECK(text_of(kafka.advance(10).results).empty());
  CHECK(text_of(kafka.advance(11).results) == "0-0*1 idle");

  Model spark({.gap = 10, .out_of_order = {}, .close = Close::spark});
  CHECK(feed(spark, {11}).empty());
  CHECK(spark.advance(15).results.empty());
  CHECK(text_of(spark.observe({0, 5}).late) == "5 closed");  // though it meets the one at 11
  CHECK(spark.observe({0, 6}).late.empty());

  Model drops({.gap = 10, .out_of_order = {}, .close = Close::drops_behind});
  CHECK(feed(drops, {11}).empty());
  CHECK(drops.advance(15).results.empty());
  CHECK(text_of(drops.observe({0, 14}).late) == "14 behind_watermark");
  CHECK(drops.observe({0, 15}).late.empty());
}

// Holds: cuts are greedy from the earliest event, move while an earlier one may come, are final
// once none can, and then everything inside one is late.
// Would catch: cuts that start at the event that arrived first, or that stay where they were.
TEST_CASE("model: maximum duration", "[windows][model]") {
  const Rules rules{.gap = 10, .out_of_order = {}, .max_duration = 15};
  Model model(rules);
  CHECK(feed(model, {10, 20, 26, 34}).empty());       // 10 20 | 26 34
  CHECK(feed(model, {2}).empty());                    // 2 10 | 20 26 34
  CHECK(model.size() == 1);                           // they may yet move
  CHECK(text_of(model.advance(17).results).empty());  // 2 + 15 is not before it
  CHECK(text_of(model.advance(18).results) == "2-10*2 max_duration");
  CHECK(text_of(model.observe({0, 12}).late) == "12 final_cut");  // though 20 is within the gap
  CHECK(text_of(model.observe({0, 17}).late) == "17 final_cut");
  CHECK(feed(model, {18}).empty());  // 18 20 26 | 34
  CHECK(text_of(model.advance(34).results) == "18-26*3 max_duration");
  CHECK(text_of(model.advance(45).results) == "34-34*1 idle");

  // A user who never pauses.
  Model steady({.gap = 10, .max_duration = 15});
  CHECK(feed(steady, {0, 8, 15, 16, 24, 31, 32, 40, 47}) ==
        "0-15*3 max_duration, 16-31*3 max_duration");
  CHECK(feed(steady, {48}) == "32-47*3 max_duration");  // followed by the one that closes it

  // Merging moves the cuts of what comes later.
  Model merging({.gap = 10, .out_of_order = {}, .max_duration = 15});
  CHECK(feed(merging, {0, 20, 30}).empty());
  CHECK(merging.size() == 2);
  CHECK(feed(merging, {10}).empty());  // 0 10 | 20 30
  CHECK(text_of(merging.flush().results) == "0-10*2 max_duration, 20-30*2 flush");
}

// Holds: a cut ends where the gap of its own events ends it, whatever an event before it reached.
// Would catch: events that one with a long gap of its own keeps together once it is gone.
TEST_CASE("model: maximum duration and an event's own gap", "[windows][model]") {
  const auto take = [](Model& model, Wide time, Wide gap) {
    return text_of(model.observe({0, time, gap}).results);
  };
  Model model({.gap = 10, .out_of_order = {}, .max_duration = 20});
  CHECK(take(model, 0, 100).empty());
  CHECK(take(model, 30, 1).empty());
  CHECK(take(model, 60, 1).empty());
  CHECK(model.size() == 1);
  CHECK(text_of(model.advance(21).results) == "0-0*1 max_duration");
  CHECK(model.size() == 2);
  CHECK(text_of(model.advance(31).results).empty());
  CHECK(text_of(model.advance(32).results) == "30-30*1 idle");
}

// Holds: a closed session is remembered as long as an event of the usual gap, or of the gap that it
// ended with, could meet it and not be late by itself; and so is its key. Would catch: memory that
// hangs on other keys' events, or lasts for ever.
TEST_CASE("model: what is remembered of closed sessions", "[windows][model]") {
  for (const Wide gap : {2, 10, 30}) {
    const Wide longest = std::max<Wide>(gap, 10);
    for (const Wide beyond : {0, 1}) {
      Model model({.gap = 10, .out_of_order = {}, .lateness = 5, .late_after_close = true});
      CHECK(model.observe({0, 0, gap}).late.empty());
      CHECK(model.advance(gap + longest + 5 + beyond).closed == 1);
      CHECK(model.keys() == (beyond == 0 ? 1 : 0));
      CHECK(text_of(model.observe({0, 0, 100}).late) == (beyond == 0 ? "0 after_close" : ""));
    }
  }
}

// Holds: midnight parts what the gap connects, and the earlier day's session says so.
// Would catch: a day taken from the event that arrived before.
TEST_CASE("model: day boundary", "[windows][model]") {
  Model model({.gap = 10, .out_of_order = {}, .day = 100});
  CHECK(feed(model, {105, 95, 250}).empty());
  CHECK(model.size() == 3);
  CHECK(text_of(model.advance(300).results) ==
        "95-95*1 day_boundary, 105-105*1 idle, 250-250*1 idle");
  Model west({.gap = 10, .out_of_order = {}, .day = 100, .day_offset = -7});
  CHECK(feed(west, {95, 105, 106, 107, -3}).empty());
  CHECK(text_of(west.flush().results) == "-3--3*1 flush, 95-106*3 day_boundary, 107-107*1 flush");
}

// Holds: a session reports when it is due, at each change until it is closed, and what it swallows.
// Would catch: an update that is forgotten, or comes twice; an id that changes.
TEST_CASE("model: updates and retractions", "[windows][model]") {
  Model model({.gap = 10, .out_of_order = {}, .lateness = 100, .emit = Emit::updates});
  CHECK(feed(model, {20, 0}).empty());
  CHECK(text_of(model.advance(11).results) == "open 0-0*1 flush");
  CHECK(text_of(model.advance(31).results) == "open 20-20*1 flush");
  CHECK(text_of(model.advance(32).results).empty());
  const auto merged = model.observe({0, 10}).results;
  CHECK(text_of(merged) == "update 0-20*3 flush");
  CHECK(merged.front().id == 20);
  CHECK(merged.front().replaces == std::vector<Wide>{0});
  CHECK(text_of(model.early().results).empty());
  CHECK(text_of(model.advance(131).results) == "0-20*3 idle");

  Model undone({.gap = 10, .out_of_order = {}, .lateness = 100, .emit = Emit::retractions});
  CHECK(feed(undone, {20, 0}).empty());
  CHECK(text_of(undone.early().results) == "open 0-0*1 flush, open 20-20*1 flush");
  CHECK(feed(undone, {10}) == "retract 0-0*1 flush, retract 20-20*1 flush, update 0-20*3 flush");
  CHECK(undone.advance(31).results.empty());
  CHECK(text_of(undone.advance(200).results) == "0-20*3 idle");
}

// Holds: an event that keeps nothing alive joins what holds it, also what comes later, and is
// reported once W is past it. Would catch: one that prolongs its session, or is lost.
TEST_CASE("model: heartbeats", "[windows][model]") {
  Model model({.gap = 10, .out_of_order = {}});
  CHECK(feed(model, {0}).empty());
  CHECK(model.observe(heartbeat(10)).late.empty());
  CHECK(model.observe(heartbeat(11)).late.empty());
  CHECK(model.observe(heartbeat(25)).late.empty());
  CHECK(text_of(model.advance(11).results) == "0-0*2 idle");
  CHECK(model.counters().waiting == 2);
  CHECK(text_of(model.advance(12).late) == "11 unattached");
  CHECK(feed(model, {20}).empty());
  CHECK(text_of(model.advance(31).results) == "20-20*2 idle");
  CHECK(text_of(model.observe(heartbeat(25)).late) == "25 unattached");
}

// Holds: where no more sessions may be open, an event that needs one is rejected and moves nothing,
// or the session that is due first makes room. Would catch: a bridging event that is rejected.
TEST_CASE("model: limits", "[windows][model]") {
  Model full({.gap = 10, .out_of_order = 50, .max_sessions = 2});
  CHECK(feed(full, {0, 11}).empty());
  CHECK(full.observe({0, 100}).rejected == Rejected::no_session_left);
  CHECK(full.watermark() == Wide{-39});
  CHECK(feed(full, {5}).empty());
  CHECK(full.size() == 1);

  Model evicts({.gap = 10, .out_of_order = 50, .max_sessions = 2, .evicts = true});
  CHECK(feed(evicts, {0, 11}).empty());
  CHECK(feed(evicts, {40}) == "0-0*1 evicted");
  CHECK(Model({.max_keys = 1}).observe({0, 0}).rejected == std::nullopt);
  Model one({.max_keys = 1});
  CHECK(feed(one, {0}).empty());
  CHECK(one.observe({1, 0}).rejected == Rejected::no_key_left);

  // A key that only waits, or is remembered, has to go as well.
  Model waits({.max_keys = 1, .evicts = true});
  CHECK(waits.observe(heartbeat(0)).late.empty());
  CHECK(text_of(waits.observe({1, 0}).late) == "0 unattached");
  CHECK(waits.keys() == 1);

  Model few({.gap = 10, .out_of_order = {}, .max_kept = 2, .max_duration = 20});
  CHECK(feed(few, {0, 5}).empty());
  CHECK(few.observe({0, 6}).rejected == Rejected::no_event_left);
  CHECK(text_of(few.advance(21).results) == "0-5*2 idle");
  CHECK(feed(few, {22}).empty());
}

// Holds: a stamp far ahead moves nothing until another key has one, and then W follows the earlier.
// Would catch: a jump that one key confirms by itself; one far stamp that freezes the stream.
TEST_CASE("model: far-future stamps", "[windows][model]") {
  Model model({.gap = 10, .max_advance = 100});
  CHECK(model.observe({0, 500}).late.empty());
  CHECK(model.watermark() == std::nullopt);
  CHECK(text_of(model.observe({1, 0}).late) == "500 far_future");  // it was the first
  CHECK(model.watermark() == Wide{0});
  CHECK(text_of(model.observe({0, 480}).late) == "480 far_future");
  CHECK(model.observe({1, 100}).late.empty());
  CHECK(model.observe({1, 450}).late.empty());
  CHECK(model.watermark() == Wide{480});
  CHECK(model.counters().late[static_cast<std::size_t>(Late::far_future)] == 2);

  // Where each key has its own, each event moves that of its key.
  Model own({.gap = 10, .watermark_of_key = true, .max_advance = 100});
  CHECK(own.observe({0, 0}).late.empty());
  CHECK(own.observe({0, 50}).late.empty());
  CHECK(text_of(own.observe({0, 500}).late) == "500 far_future");
  CHECK(own.observe({1, 450}).late.empty());
  CHECK(own.watermark(0) == Wide{500});
  CHECK(own.watermark(1) == Wide{450});
}

// Holds: while no events come, W moves with the clock, from the first look at it on.
// Would catch: the time between the last event and the first look that is counted.
TEST_CASE("model: idle time", "[windows][model]") {
  Model model({.gap = 10});
  CHECK(feed(model, {0}).empty());
  CHECK(model.advance_idle(1'000).results.empty());
  CHECK(model.advance_idle(1'010).results.empty());
  CHECK(text_of(model.advance_idle(1'011).results) == "0-0*1 idle");
  CHECK(feed(model, {5}).empty());
  CHECK(model.advance_idle(2'000).results.empty());
  CHECK(model.watermark() == Wide{11});
}

// Holds: the model itself keeps the promise that is asked of the windows.
// Would catch: a model that is wrong in the same way as what it is held against.
TEST_CASE("model: within the bound it is the batch", "[windows][model]") {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    const auto made = windows_property::CaseMaker(seed).make_within_bound();
    Model model(made.rules);
    std::vector<Event> events;
    std::vector<Result> results;
    std::uint64_t unattached = 0;
    auto actions = made.actions;
    actions.push_back({windows_property::Does::flush});
    for (const auto& action : actions) {
      const Answer answer =
          action.events.empty() ? model.flush() : model.observe(action.events.front());
      events.insert(events.end(), action.events.begin(), action.events.end());
      for (const Result& result : answer.results)
        if (result.op == Op::final) results.push_back(result);
      for (const LateEvent& late : answer.late) {
        INFO("seed " << seed << ": " << windows_property::text_of(late));
        REQUIRE(late.reason == Late::unattached);
        ++unattached;
      }
    }
    std::vector<std::string> streamed, sorted;
    const auto say = [](Result result) {
      result.reason = {};
      result.replaces.clear();
      return windows_property::text_of(result);
    };
    std::uint64_t in_sessions = 0;
    for (const Result& result : results) streamed.push_back(say(result));
    for (const Result& result : batch(made.rules, events)) {
      sorted.push_back(say(result));
      in_sessions += result.events;
    }
    std::sort(streamed.begin(), streamed.end());
    std::sort(sorted.begin(), sorted.end());
    INFO("seed " << seed << ", " << windows_property::text_of(made.rules));
    REQUIRE(streamed == sorted);
    REQUIRE(in_sessions + unattached == events.size());
  }
}

}  // namespace windows_model_test
