#include "harness.hpp"

// Where sessions start: the options of the rules, in the order of arrival.

namespace command_rules_test {
namespace {

using namespace command_test;

constexpr std::int64_t second = 1'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

/// The reasons of the records, one word each.
std::string reasons(const Args& args, const std::string& input) {
  std::string words;
  for (const auto& row : objects(results(args, input))) {
    if (!words.empty()) words += ' ';
    words += row.at("reason").get<std::string>();
  }
  return words;
}

struct Case {
  Args args;
  std::vector<std::int64_t> times;
  std::string expected;
};

void check(const Case& c) {
  CAPTURE(c.args, c.times);
  CHECK(reasons(c.args, events(c.times)) == c.expected);
}

// Promise: more than the gap, 10 s unless --gap says otherwise, starts a session; exactly the gap
// is --at-gap's. Catches: >= for >, a unit mixed up, a gap measured from the session's start or
// from the latest time rather than from the event before, overflow at the ends of int64.
TEST_CASE("the gap, to the millisecond", "[command][rules]") {
  constexpr auto low = INT64_MIN, high = INT64_MAX;
  const Case cases[] = {
      {{}, {0, 10'000, 20'000, 30'001}, "first_event none none gap"},
      {{"--at-gap", "continue"}, {0, 10'000}, "first_event none"},
      {{"--at-gap", "split"}, {0, 9'999, 19'999, 29'998}, "first_event none gap none"},
      {{"--gap", "500ms"}, {0, 500, 1'001}, "first_event none gap"},
      {{"--gap", "10s"}, {0, 10 * second, 20 * second + 1}, "first_event none gap"},
      {{"--gap", "30m"}, {0, 30 * minute, hour + 1}, "first_event none gap"},
      {{"--gap", "24h"}, {0, day, 2 * day + 1}, "first_event none gap"},
      {{"--gap", "7d"}, {0, 7 * day, 14 * day + 1}, "first_event none gap"},
      {{"--gap", "0s"}, {0, 0, 1}, "first_event none gap"},
      {{"--gap", "0ms", "--at-gap", "split"}, {0, 0, -1}, "first_event gap none"},
      // Back in time never splits, and is what comes next is compared with.
      {{}, {0, 20'000, 5'000, 15'000, 25'001, -99'999}, "first_event gap none none gap none"},
      {{}, {low, high, low, 0}, "first_event gap none gap"},
      {{"--gap", "9223372036854775807ms"}, {low, 0, -1, high - 1}, "first_event gap none none"},
  };
  for (const auto& c : cases) check(c);
}

// Promise: each key has its own sessions, and its state lives through all files. Catches: the event
// before taken from another user; a key forgotten at the end of a file.
TEST_CASE("users do not see each other, files do", "[command][rules]") {
  const auto input = event("a", 0) + event("b", 9'000) + event("a", 10'000) + event("b", 20'000) +
                     event("a", 19'000);
  CHECK(reasons({}, input) == "first_event first_event none gap none");
  const Folder folder;
  const auto one = folder.write("1", event("a", 0)), two = folder.write("2", event("a", 10'000)),
             three = folder.write("3", event("a", 20'001));
  CHECK(reasons({one, two, three}, "") == "first_event none gap");
  CHECK(reasons({one, "-", three}, event("a", 10'000)) == "first_event none gap");
  CHECK(reasons({one, one}, "") == "first_event none");
}

// Promise: no session lasts longer than --max-duration; exactly that long it may, whatever
// --at-gap says. Catches: a limit that follows --at-gap, or is measured from event to event.
TEST_CASE("--max-duration, to the millisecond", "[command][rules]") {
  const Case cases[] = {
      {{"--max-duration", "15s"}, {0, 8'000, 15'000}, "first_event none none"},
      {{"--max-duration", "15s"},
       {0, 8'000, 15'001, 23'000, 30'001, 30'002},
       "first_event none max_duration none none max_duration"},
      {{"--max-duration", "15s", "--at-gap", "split"},
       {0, 8'000, 15'000, 15'001},
       "first_event none none max_duration"},
      {{"--max-duration", "0s"}, {0, 0, 1, 0}, "first_event none max_duration none"},
  };
  for (const auto& c : cases) check(c);
}

// Promise: midnight at an offset from UTC ends a session; back over midnight does not. Catches: an
// offset with the wrong sign, a day that is truncated toward 1970, an offset that swallows a file.
TEST_CASE("--split-at-midnight, to the millisecond", "[command][rules]") {
  const Args gap{"--gap", "7d"};
  const Case cases[] = {
      {{}, {0, day}, "first_event none"},  // off unless asked for
      {{"--split-at-midnight=Z"},
       {day - 1, day, day + 1, 2 * day},
       "first_event day_boundary none day_boundary"},
      {{"--split-at-midnight=Z"}, {day, day - 1, day}, "first_event none day_boundary"},
      {{"--split-at-midnight=Z"}, {-1, 0, -1}, "first_event day_boundary none"},
      {{"--split-at-midnight=Z"}, {-day - 1, -day, -1}, "first_event day_boundary none"},
      {{"--split-at-midnight=+02:00"},
       {22 * hour - 1, 22 * hour, day},
       "first_event day_boundary none"},
      {{"--split-at-midnight", "+02:00"},
       {22 * hour - 1, 22 * hour, day},
       "first_event day_boundary none"},
      {{"--split-at-midnight=-05:00"},
       {day, day + 5 * hour - 1, day + 5 * hour},
       "first_event none day_boundary"},
      {{"--split-at-midnight=+05:30"},
       {18 * hour + 30 * minute - 1, 18 * hour + 30 * minute},
       "first_event day_boundary"},
  };
  for (auto c : cases) {
    c.args = gap + c.args;
    check(c);
  }
}

// Promise: the start is carried for 24 h, or --carry D, or forever; at exactly that age still, past
// it start and id are null and the session goes on; an event stamped before the start has it too.
// Catches: < for <=, an age measured from the event before, a session that ends with its carry, a
// null start that sticks.
TEST_CASE("--carry, to the millisecond", "[command][rules]") {
  struct Carried {
    Args args;
    std::vector<std::int64_t> times;
    Json starts;
  };
  const Carried cases[] = {
      {{}, {0, day, day + 1, day, -5}, {0, 0, nullptr, 0, 0}},
      {{"--carry", "24h"}, {0, day, day + 1}, {0, 0, nullptr}},
      {{"--carry", "1s"}, {0, 1'000, 1'001, 500}, {0, 0, nullptr, 0}},
      {{"--carry", "0s"}, {0, 0, 1}, {0, 0, nullptr}},
      {{"--carry", "forever"}, {0, 7 * day, 14 * day}, {0, 0, 0}},
      {{"--carry", "1h"}, {INT64_MIN, 0, 1}, {INT64_MIN, 0, 0}},
  };
  for (const auto& [args, times, starts] : cases) {
    CAPTURE(args, times);
    const auto rows = objects(results(Args{"--gap", "7d"} + args, events(times)));
    CHECK(column(rows, "session_start") == starts);
    for (const auto& row : rows)
      CHECK(row.at("session_id").is_null() == row.at("session_start").is_null());
  }
  const auto rows = objects(results({"--gap", "7d", "--emit", "starts"}, events({0, day + 1})));
  CHECK(rows.size() == 1);
}

// Promise: --carry split starts a session past 24 h, and not at 24 h. Catches: the boundary off by
// one, and a second session measured from the first one's start.
TEST_CASE("--carry split, to the millisecond", "[command][rules]") {
  check({{"--gap", "7d", "--carry", "split"},
         {0, day, day + 1, 2 * day + 1, 2 * day + 2, 0},
         "first_event none carry none carry none"});
}

/// Events a second apart whose member "v" has these JSON values; absent where one is empty.
std::string with_values(const std::vector<std::string>& values) {
  std::string input;
  std::int64_t time = 0;
  for (const auto& value : values)
    input += event("u", time += second, value.empty() ? "" : R"("v":)" + value);
  return input;
}

// Promise: a session ends where the field's value changes; null and a missing field change nothing
// and are not remembered. Catches: null as a value of its own, a value that is forgotten behind a
// null, or shared between users.
TEST_CASE("--split-on", "[command][rules]") {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{R"("a")", R"("a")", R"("b")", R"("a")"}, "first_event none value_change value_change"},
      {{R"("a")", "null", "", R"("a")", R"("b")"}, "first_event none none none value_change"},
      {{"null", R"("a")", R"("")", "null", R"("")"}, "first_event none value_change none none"},
      {{"1", "1", "2", "true", "false"}, "first_event none value_change value_change value_change"},
  };
  for (const auto& [values, expected] : cases) {
    CAPTURE(values);
    CHECK(reasons({"--split-on", "v"}, with_values(values)) == expected);
  }
  CHECK(reasons({"--split-on", "v"}, event("x", 0, R"("v":1)") + event("y", 1, R"("v":2)") +
                                         event("x", 2, R"("v":1)")) ==
        "first_event first_event none");
  // The key and the device are fields as well.
  CHECK(reasons({"--split-on", "device_type"},
                event("x", 0, R"("device_type":"web")") + event("x", 1, R"("device_type":"tv")")) ==
        "first_event value_change");
  // A value is remembered over the end of a session.
  CHECK(reasons({"--split-on", "v"}, event("x", 0, R"("v":1)") + event("x", minute, "") +
                                         event("x", minute + 1, R"("v":2)")) ==
        "first_event gap value_change");
}

// Promise: the event with the value of --end-when is its session's last; numbers and booleans are
// compared as texts, and the value may hold `=`. Catches: the marker starting the next session, a
// marker that matches in part.
TEST_CASE("--end-when", "[command][rules]") {
  struct Marked {
    std::string condition;
    std::vector<std::string> values;
    std::string expected;
  };
  const Marked cases[] = {
      {"v=out", {R"("in")", R"("out")", R"("in")"}, "first_event none end_marker"},
      {"v=out", {R"("out")", R"("out")", "null"}, "first_event end_marker end_marker"},
      {"v=out",
       {R"("outer")", R"("ou")", R"("OUT")", "", "null"},
       "first_event none none none none"},
      {"v=7", {"7", R"("7")", "70", "7.0"}, "first_event end_marker end_marker none"},
      {"v=true", {"true", "false", "null"}, "first_event end_marker none"},
      {"v=", {R"("")", "null", ""}, "first_event end_marker none"},
      {"v=a=b", {R"("a=b")", R"("a")"}, "first_event end_marker"},
      {"v=null", {"null", R"("null")", "1"}, "first_event none end_marker"},
  };
  for (const auto& [condition, values, expected] : cases) {
    CAPTURE(condition, values);
    CHECK(reasons({"--end-when", condition}, with_values(values)) == expected);
  }
}

// Promise: where several rules hold, the record names the first of: gap, end_marker, max_duration,
// carry, day_boundary, value_change. Catches: rules asked in the order of the options.
TEST_CASE("a record names the first rule that holds", "[command][rules]") {
  const Args all{"--gap",   "2d",    "--split-on",     "v",   "--split-at-midnight=Z",
                 "--carry", "split", "--max-duration", "25h", "--end-when",
                 "e=1"};
  const auto from = event("u", 0, R"("v":1,"e":1)"), plain = event("u", 0, R"("v":1)");
  const std::string to = R"("v":2)";
  const std::pair<std::string, std::string> cases[] = {
      {from + event("u", 2 * day + 1, to), "gap"},
      {from + event("u", 2 * day, to), "end_marker"},
      {plain + event("u", 25 * hour + 1, to), "max_duration"},
      {plain + event("u", 25 * hour, to), "carry"},
      {plain + event("u", 24 * hour, to), "day_boundary"},
      {plain + event("u", 24 * hour - 1, to), "value_change"},
      {plain + event("u", 24 * hour - 1, R"("v":1)"), "none"},
  };
  for (const auto& [input, reason] : cases) CHECK(reasons(all, input) == "first_event " + reason);
}

// Promise: without --order event, --emit starts of input in order has a line for each line of
// --emit sessions, with the same user, start and id, whatever the rules. Catches: the two paths
// (one record at a time, and the whole input) cutting differently.
TEST_CASE("starts and sessions agree on input in order", "[command][rules]") {
  const auto clicks =
      results({"generate", "--events", "2000", "--users", "7", "--interval", "3s", "--zipf", "1"});
  for (const Args& args : {Args{},
                           {"--gap", "9s", "--at-gap", "split"},
                           {"--gap", "1m", "--max-duration", "2m"},
                           {"--gap", "30s", "--split-on", "event_name"},
                           {"--end-when", "event_name=checkout"},
                           {"--gap", "7d", "--split-at-midnight=-00:20"},
                           {"--gap", "7d", "--carry", "split"},
                           {"--key", "user_id,event_name", "--gap", "1m"},
                           {"--where", "event_name=search"}}) {
    CAPTURE(args);
    const auto starts = objects(results(args + Args{"--emit", "starts"}, clicks));
    auto sessions = objects(results(args + Args{"--emit", "sessions"}, clicks));
    for (const char* name : {"user_id", "session_id", "session_start"})
      CHECK(column(starts, name) == column(sessions, name));
    std::uint64_t held = 0;
    for (const auto& session : sessions) held += session.at("events").get<std::uint64_t>();
    CHECK(held == objects(results(args, clicks)).size());
  }
}

}  // namespace
}  // namespace command_rules_test
