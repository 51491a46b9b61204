#include "harness.hpp"

#include "../seeds.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

// --order event, with --emit sessions and updates: sessions by the events' own times, as the
// watermark passes them.

namespace command_event_time_test {
namespace {

using namespace command_test;

const Args sessions_of{"--order", "event", "--emit", "sessions"};
const Args updates_of{"--order", "event", "--emit", "updates"};
constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;

std::string watermark(std::int64_t time) {
  return "{\"watermark\":" + std::to_string(time) + "}\n";
}

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// A session as "user start+duration/events reason".
std::string brief(const Json& session) {
  return as_text(session.at("user_id")) + ' ' + session.at("session_start").dump() + '+' +
         session.at("duration_ms").dump() + '/' + session.at("events").dump() + ' ' +
         as_text(session.at("reason"));
}
std::vector<std::string> briefs(std::string_view jsonl) {
  std::vector<std::string> all;
  for (const auto& session : objects(jsonl)) all.push_back(brief(session));
  return all;
}
using Briefs = std::vector<std::string>;

/// The sessions of a command that must succeed and say nothing on standard error.
Briefs sessions(const Args& args, std::string_view input) {
  return briefs(results(sessions_of + args, input));
}

/// What becomes of an input: its sessions, and its late events as "user time reason".
struct Told {
  Briefs sessions;
  Briefs late;
};
Told told(const Args& args, std::string_view input) {
  const Folder folder;
  Told told;
  told.sessions = sessions(args + Args{"--late", folder / "late"}, input);
  for (const auto& late : objects(read_file(folder / "late")))
    told.late.push_back(as_text(late.at("user_id")) + ' ' + late.at("event_timestamp").dump() +
                        ' ' + as_text(late.at("reason")));
  return told;
}

/// Sessions by what does not depend on when they were closed.
std::multiset<std::string> as_set(std::string_view jsonl) {
  std::multiset<std::string> all;
  for (const auto& s : objects(jsonl))
    all.insert(
        Json{s.at("user_id"), s.at("session_start"), s.at("session_end"), s.at("events")}.dump());
  return all;
}

// Promise: a session is written when an event takes the watermark past its end, those of one step
// by time, and the rest at the end of the input; with the columns of --emit sessions. Catches:
// sessions that are kept to the end, or closed at exactly the gap.
TEST_CASE("sessions are written as they close", "[command][event_time]") {
  const std::string input =
      event("bob", 1'000) + event("ann", 500) + event("ann", 9'000) + event("ann", 60'000);
  CHECK(results(sessions_of, input) ==
        R"({"user_id":"ann","session_id":"ann_web_00:00:00","session_start":500,)"
        R"("session_end":9000,"events":2,"duration_ms":8500,"reason":"idle"})"
        "\n"
        R"({"user_id":"bob","session_id":"bob_web_00:00:01","session_start":1000,)"
        R"("session_end":1000,"events":1,"duration_ms":0,"reason":"idle"})"
        "\n"
        R"({"user_id":"ann","session_id":"ann_web_00:01:00","session_start":60000,)"
        R"("session_end":60000,"events":1,"duration_ms":0,"reason":"flush"})"
        "\n");

  Running live(sessions_of);
  REQUIRE(live.write(event("ann", 0) + event("bob", 10'000) + event("cid", 10'001)));
  const auto first = live.line();
  REQUIRE(first);
  CHECK(brief(Json::parse(*first)) == "ann 0+0/1 idle");
  live.close_input();
  const auto rest = live.finish();
  CHECK(rest.code == 0);
  CHECK(briefs(rest.out) == Briefs{"bob 10000+0/1 flush", "cid 10001+0/1 flush"});
}

// Promise: an event between two open sessions makes them one. Catches: sessions that only grow at
// their end.
TEST_CASE("an event that comes late bridges two sessions", "[command][event_time]") {
  CHECK(sessions({"--out-of-order", "10s"}, events({0, 20'000, 10'000})) ==
        Briefs{"u 0+20000/3 flush"});
}

// Promise: with disorder within the bound nothing is late, and the sessions are those of the whole
// input, sorted. Catches: a watermark that is one too far, a merge that loses events.
TEST_CASE("disorder within the bound changes no session", "[command][event_time]") {
  const auto seed = seeds::one(std::random_device{}());
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> delay(0, 60'000);
  std::vector<std::pair<std::int64_t, std::string>> arrivals;
  for (const auto& line : split_lines(results({"generate", "--events", "2000", "--users", "40"}))) {
    const auto time = Json::parse(line).at("event_timestamp");
    arrivals.emplace_back(std::stoll(as_text(time)) + delay(random), line + '\n');
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string input;
  for (const auto& [arrival, line] : arrivals) input += line;
  for (const Args& args : {Args{"--gap", "45s"},
                           {"--gap", "45s", "--at-gap", "split"},
                           {"--gap", "1m", "--max-duration", "3m"}}) {
    CAPTURE(args);
    const auto batch = results(args + Args{"--emit", "sessions", "--id", "unique"}, input);
    REQUIRE(objects(batch).size() > 40);
    const auto streamed =
        results(sessions_of + args + Args{"--out-of-order", "60s", "--id", "unique"}, input);
    CHECK(as_set(streamed) == as_set(batch));
  }
}

// Promise: the theorem on a public log, whose lines are up to a minute out of order. Catches what
// made-up disorder does not have.
TEST_CASE("a web server's log out of order", "[.public_logs]") {
  const std::string shared = shared_folder();
  if (shared.empty()) return;
  const Folder folder;
  const auto log = shared + "/data/apache_access/events.jsonl";
  for (const char* gap : {"10s", "30m"}) {
    CAPTURE(gap);
    const auto batch = results({"--emit", "sessions", "--gap", gap, log});
    const auto streamed = results(
        sessions_of + Args{"--out-of-order", "60s", "--gap", gap, "--late", folder / "late", log});
    CHECK(read_file(folder / "late").empty());
    CHECK(objects(batch).size() > 1'000);
    CHECK(as_set(streamed) == as_set(batch));
  }
}

// Promise: --late is truncated and has these members for each late event; without it, standard
// error says how many there were and why. Catches: a file that is appended to, late events that
// vanish.
TEST_CASE("late events", "[command][event_time]") {
  const Folder folder;
  const auto file = folder.write("late", "what was there before\n");
  const std::string input =
      event("u", 0) + event("u", 30'000) + event("u", 5'000) + event("u", 6'000);
  const Briefs expected{"u 0+0/1 idle", "u 30000+0/1 flush"};
  CHECK(sessions({"--late", file}, input) == expected);
  const auto late = objects(read_file(file));
  REQUIRE(late.size() == 2);
  CHECK(names(late[0]) ==
        std::vector<std::string>{"user_id", "event_timestamp", "watermark", "reason", "data"});
  CHECK(late[0].at("user_id") == "u");
  CHECK(late[0].at("event_timestamp") == 5'000);
  CHECK(late[0].at("watermark") == 30'000);
  CHECK(late[0].at("reason") == "closed");
  CHECK(as_text(late[0].at("data")) + '\n' == event("u", 5'000));

  const auto without = run(sessions_of + Args{"--stats"}, input);
  CHECK(without.code == 0);
  CHECK(briefs(without.out) == expected);
  CHECK(contains(without.err,
                 "sessionize: 2 late events (2 closed); --late FILE writes them down\n"));
  CHECK(contains(without.err, "late       2\n"));
  CHECK(contains(without.err, "accepted   4\n"));

  CHECK(sessions({"--late", file}, events({0})).size() == 1);
  CHECK(read_file(file).empty());
  // What is late is no error.
  CHECK(run(sessions_of + Args{"--strict"}, input).code == 0);

  const auto long_line = event("u", 5'000, "\"page\":\"" + std::string(1'000, 'x') + '"');
  CHECK(sessions({"--late", file}, events({0, 30'000}) + long_line) == expected);
  CHECK(objects(read_file(file)).at(0).at("data").get<std::string>() == long_line.substr(0, 256));
}

// Promise: an event that is behind the watermark but meets a session that is kept is in it, and one
// that would not yet be closed by itself opens a session. Catches: events that are dropped for
// being behind.
TEST_CASE("an event behind the watermark is not yet late", "[command][event_time]") {
  const auto [kept, none] = told({}, events({0, 20'000, 10'000}));
  CHECK(kept == Briefs{"u 0+0/1 idle", "u 10000+10000/2 flush"});
  CHECK(none.empty());
}

// Promise: a control line moves the watermark, the larger of it and of the events' counts, and it
// never goes back. Catches: a line that is rejected for having no key, or that replaces the bound.
TEST_CASE("control lines move the watermark", "[command][event_time]") {
  const Args by_lines{"--out-of-order", "none"};
  const std::string far_apart = event("u", 0) + event("v", hour) + event("u", 5'000);
  CHECK(sessions(by_lines, far_apart) == Briefs{"u 0+5000/2 flush", "v 3600000+0/1 flush"});
  CHECK(sessions(by_lines, event("u", 0) + watermark(10'000) + event("u", 1)) ==
        Briefs{"u 0+1/2 flush"});
  CHECK(sessions(by_lines, event("u", 0) + watermark(10'001) + event("u", 1)) ==
        Briefs{"u 0+0/1 idle", "u 1+0/1 flush"});
  CHECK(told(by_lines, event("u", 0) + watermark(10'002) + watermark(3) + event("u", 1)).late ==
        Briefs{"u 1 closed"});

  const Args both{"--out-of-order", "60s"};
  const auto late = [&](const std::string& more) {
    return told(both, event("v", 100'000) + more + event("u", 35'000)).late;
  };
  CHECK(late("").empty());  // the watermark is at 40 s, and 35 s + 10 s is behind it
  CHECK(late(watermark(20'000)).empty());
  CHECK(late(watermark(90'000)) == Briefs{"u 35000 closed"});
}

// Promise: control lines are written in --time-unit, are not filtered, and count as neither
// accepted nor rejected, in any order; a member of the key makes a line an event. Catches: --where
// that holds a stream's time.
TEST_CASE("what a control line is", "[command][event_time]") {
  const std::string input = event("u", 0) + watermark(10'001) + event("u", 0);
  for (const Args& order : {Args{"--emit", "sessions"}, Args{}, sessions_of, updates_of}) {
    CAPTURE(order);
    const auto outcome = run(order + Args{"--strict", "--stats"}, input);
    CHECK(outcome.code == 0);
    CHECK(contains(outcome.err, "accepted   2\nfiltered   0\nrejected   0\nwatermarks 1\n"));
  }
  CHECK(results({}, input) == results({}, events({0, 0})));

  const Args by_lines{"--out-of-order", "none"};
  const Briefs closed{"u 0+0/1 idle"};
  const std::string web = event("u", 0);
  CHECK(sessions(by_lines + Args{"--where", "device_type=web"}, web + watermark(10'001)) == closed);
  CHECK(sessions(by_lines + Args{"--time-unit", "s"}, web + "{\"watermark\":\"11\"}\n") == closed);
  CHECK(sessions(by_lines + Args{"--time-unit", "iso8601"},
                 R"({"user_id":"u","event_timestamp":"1970-01-01T00:00:00Z"})"
                 "\n"
                 R"({"watermark":"1970-01-01T00:00:11Z"})"
                 "\n") == closed);
  CHECK(sessions(by_lines, web + R"({"user_id":"u","event_timestamp":1,"watermark":99999})"
                                 "\n") == Briefs{"u 0+1/2 flush"});
}

// Promise: a watermark that is no time is rejected, and one sentence says so. Catches: a bad line
// that is skipped like a good one, or said to have a bad key.
TEST_CASE("bad control lines are rejected", "[command][event_time]") {
  const Folder folder;
  const std::pair<const char*, const char*> bad[] = {
      {"\"soon\"", "time_format"}, {"null", "time_type"}, {"1.5", "time_type"},
      {"true", "time_type"},       {"[]", "time_type"},   {"99999999999999999999", "time_range"}};
  for (const auto& order : {sessions_of, Args{}})
    for (const auto& [value, reason] : bad) {
      CAPTURE(value, order);
      const auto outcome = run(order + Args{"--errors", folder / "errors", "--strict"},
                               event("u", 0) + "{\"watermark\":" + value + "}\n");
      CHECK(outcome.code == 1);
      CHECK(objects(outcome.out).size() == 1);
      const auto errors = objects(read_file(folder / "errors"));
      REQUIRE(errors.size() == 1);
      CHECK(errors[0].at("reason") == reason);
      CHECK(errors[0].at("line") == 2);
      CHECK(contains(as_text(errors[0].at("message")), "watermark"));
      CHECK(!contains(as_text(errors[0].at("message")), "key"));
    }
  // One that has a member of the key is an event without a good key.
  const auto outcome =
      run(sessions_of + Args{"--errors", folder / "errors"}, R"({"user_id":null,"watermark":5})"
                                                             "\n");
  CHECK(outcome.code == 0);
  CHECK(contains(as_text(objects(read_file(folder / "errors")).at(0).at("message")), "user_id"));
}

// Promise: an update is op, replaces, and the columns of a session, whose reason is null until it
// is final. A session keeps the id of its part that arrived first, an update names the ids that it
// replaces, and what it replaces is retracted before. Catches: ids that change under a merge,
// results that stay beside the one that took them in.
TEST_CASE("updates", "[command][event_time]") {
  const std::string input = event("u", 20'000) + event("u", 0) + event("v", 31'000) +
                            event("u", 10'000) + event("v", 100'000);
  const auto out = results(updates_of + Args{"--lateness", "60s"}, input);
  std::string text;
  for (const auto& update : objects(out)) {
    CHECK(names(update) == std::vector<std::string>{"op", "replaces", "user_id", "session_id",
                                                    "session_start", "session_end", "events",
                                                    "duration_ms", "reason"});
    text += as_text(update.at("op")) + ' ' + update.at("replaces").dump() + ' ' +
            as_text(update.at("session_id")) + ' ' + brief(update) + '\n';
  }
  CHECK(text ==
        R"(open [] u_web_00:00:00 u 0+0/1 null
open [] u_web_00:00:20 u 20000+0/1 null
retract [] u_web_00:00:00 u 0+0/1 null
retract [] u_web_00:00:20 u 20000+0/1 null
update ["u_web_00:00:00"] u_web_00:00:20 u 0+20000/3 null
final [] u_web_00:00:20 u 0+20000/3 idle
open [] v_web_00:00:31 v 31000+0/1 null
final [] v_web_00:00:31 v 31000+0/1 flush
final [] v_web_00:01:40 v 100000+0/1 flush
)");

  // The other form names the same sessions.
  const auto unique =
      objects(results(updates_of + Args{"--lateness", "60s", "--id", "unique"}, input));
  REQUIRE(unique.size() == 9);
  CHECK(unique[4].at("session_id") == "u_1970-01-01T00:00:20.000Z");
  CHECK(unique[4].at("replaces").dump() == R"(["u_1970-01-01T00:00:00.000Z"])");

  // So where the parts have different devices: the id is that of the part that arrived first.
  const auto devices =
      objects(results(updates_of + Args{"--lateness", "60s"},
                      event("u", 20'000) + event("u", 0, R"("device_type":"phone")") +
                          event("v", 31'000) + event("u", 10'000, "\"page\":1")));
  REQUIRE(devices.size() == 7);
  CHECK(devices[4].at("session_id") == "u_web_00:00:20");
  CHECK(devices[4].at("replaces").dump() == R"(["u_phone_00:00:00"])");
}

// Promise: without a lateness a session has one result, the final one. Catches: an open result
// that a final one follows at once.
TEST_CASE("updates without a lateness are final", "[command][event_time]") {
  const auto rows = objects(results(updates_of, events({0, 20'000, 45'000})));
  CHECK(column(rows, "op") == Json{"final", "final", "final"});
  CHECK(column(rows, "reason") == Json{"idle", "idle", "flush"});
}

// Promise: lateness keeps a session that is due, for what is not on time, up to exactly it; an
// event is late by as much. Catches: lateness that counts for nothing without updates, or for
// sessions alone.
TEST_CASE("lateness", "[command][event_time]") {
  const std::string input = events({0, 30'000, 5'000});
  const auto with = [&](const char* lateness) { return told({"--lateness", lateness}, input); };
  CHECK(with("0s").late == Briefs{"u 5000 closed"});
  CHECK(with("20s").sessions == Briefs{"u 0+5000/2 flush", "u 30000+0/1 flush"});
  CHECK(with("20s").late.empty());
  CHECK(with("19999ms").sessions ==
        Briefs{"u 0+0/1 idle", "u 5000+0/1 flush", "u 30000+0/1 flush"});
  CHECK(with("15s").late.empty());
  CHECK(with("14999ms").late == Briefs{"u 5000 closed"});
}

// Promise: --close decides at equality: Flink closes where the end is the watermark, the others
// where it is before; where the gap splits, Kafka still waits. Catches: policies that are one
// another, or off by one.
TEST_CASE("when a session is closed", "[command][event_time]") {
  const auto reason_of_first = [](const Args& args, std::int64_t next) {
    return sessions(args, event("u", 0) + event("v", next)).at(0);
  };
  struct {
    Args args;
    std::int64_t closes_at;
  } const cases[] = {{{"--close", "exact"}, 10'001},
                     {{"--close", "flink"}, 10'000},
                     {{"--close", "kafka"}, 10'001},
                     {{"--close", "exact", "--at-gap", "split"}, 10'000},
                     {{"--close", "flink", "--at-gap", "split"}, 10'000},
                     {{"--close", "kafka", "--at-gap", "split"}, 10'001}};
  for (const auto& each : cases) {
    CAPTURE(each.args);
    CHECK(reason_of_first(each.args, each.closes_at - 1) == "u 0+0/1 flush");
    CHECK(reason_of_first(each.args, each.closes_at) == "u 0+0/1 idle");
  }
  const std::string input = event("u", 0) + event("v", 10'000) + event("u", 10'000);
  CHECK(sessions({}, input) == Briefs{"u 0+10000/2 flush", "v 10000+0/1 flush"});
  CHECK(sessions({"--close", "flink"}, input) ==
        Briefs{"u 0+0/1 idle", "u 10000+0/1 flush", "v 10000+0/1 flush"});
}

// Promise: with a watermark of its own, a slow user is not late because of a fast one. Catches: one
// watermark for all.
TEST_CASE("a watermark for each key", "[command][event_time]") {
  const std::string input = event("slow", 0) + event("fast", hour) + event("slow", 5'000);
  CHECK(told({}, input).late == Briefs{"slow 5000 closed"});
  const auto [own, none] = told({"--per-key-watermark"}, input);
  CHECK(own == Briefs{"slow 0+5000/2 flush", "fast 3600000+0/1 flush"});
  CHECK(none.empty());
  CHECK(told({"--per-key-watermark"}, events({0, 30'000, 5'000})).late == Briefs{"u 5000 closed"});
}

// Promise: an event that is not late by itself, within the gap of a closed session, opens a
// session, or with --after-close late is late. Catches: an option that is not passed on.
TEST_CASE("behind a closed session", "[command][event_time]") {
  const std::string input = event("u", 0) + event("v", 10'001) + event("u", 5'000);
  const auto [opened, none] = told({}, input);
  CHECK(opened == Briefs{"u 0+0/1 idle", "u 5000+0/1 flush", "v 10001+0/1 flush"});
  CHECK(none.empty());
  CHECK(told({"--after-close", "new"}, input).sessions == opened);
  const auto [closed, late] = told({"--after-close", "late"}, input);
  CHECK(closed == Briefs{"u 0+0/1 idle", "v 10001+0/1 flush"});
  CHECK(late == Briefs{"u 5000 after_close"});
}

// Promise: with --max-advance one stamp ten years ahead makes nothing late, has its session, and is
// reported; a second one, of another user, moves time. Catches: one bad clock that ends a stream.
TEST_CASE("one stamp far ahead", "[command][event_time]") {
  const std::int64_t far = 3'652 * day;
  const std::string before = event("u", 0) + event("w", 1);
  const std::string input = before + event("v", far) + event("u", 5'000);
  CHECK(told({}, input).late == Briefs{"u 5000 closed"});
  const Args limited{"--max-advance", "1h"};
  const auto [kept, late] = told(limited, input);
  CHECK(kept ==
        Briefs{"u 0+5000/2 flush", "w 1+0/1 flush", "v " + std::to_string(far) + "+0/1 flush"});
  CHECK(late == Briefs{"v " + std::to_string(far) + " far_future"});
  CHECK(told(limited, before + event("v", far) + event("v", far + 1) + event("u", 5'000))
            .late.size() == 2);
  CHECK(told(limited, before + event("v", far) + event("x", far + 1) + event("u", 5'000)).late ==
        Briefs{"v " + std::to_string(far) + " far_future", "u 5000 closed"});

  // Where the second event is the far one there is no watermark to tell of.
  const Folder folder;
  CHECK(
      sessions(limited + Args{"--late", folder / "late"}, event("u", 0) + event("v", far)).size() ==
      2);
  CHECK(objects(read_file(folder / "late")).at(0).at("watermark").is_null());
}

// Promise: --gap-field is a whole number of milliseconds of the event's own; where it is absent or
// null, --gap holds; anything else rejects the event. Catches: a text or a fraction that is taken
// for a number, or for nothing.
TEST_CASE("an event's own gap", "[command][event_time]") {
  const Args own{"--gap-field", "wait"};
  const auto with = [](const char* wait, std::int64_t next) {
    return event("u", 0, std::string("\"wait\":") + wait) + event("u", next);
  };
  const Briefs together{"u 0+10000/2 flush"};
  CHECK(sessions(own, with("null", 10'000)) == together);
  CHECK(sessions(own, event("u", 0, "\"page\":1") + event("u", 10'000)) == together);
  CHECK(sessions(own, with("10000", 10'000)) == together);
  CHECK(sessions(own, with("60000", 60'000)) == Briefs{"u 0+60000/2 flush"});
  CHECK(sessions(own, with("60000", 60'001)) == Briefs{"u 0+0/1 idle", "u 60001+0/1 flush"});
  CHECK(sessions(own, with("9999", 10'000)) == Briefs{"u 0+0/1 idle", "u 10000+0/1 flush"});
  CHECK(sessions(own, with("0", 0)) == Briefs{"u 0+0/2 flush"});
  CHECK(sessions(own, with("0", 1)) == Briefs{"u 0+0/1 idle", "u 1+0/1 flush"});

  const Folder folder;
  for (const char* bad : {"\"60000\"", "-1", "1.5", "1e3", "true", "[]", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK(sessions(own + Args{"--errors", folder / "errors"}, with(bad, 5'000)) ==
          Briefs{"u 5000+0/1 flush"});
    const auto errors = objects(read_file(folder / "errors"));
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].at("reason") == "gap_range");
    const auto message = as_text(errors[0].at("message"));
    CHECK((contains(message, "\"wait\"") || contains(message, "own gap")));
    CHECK(errors[0].at("line") == 1);
  }
}

// Promise: an event that does not keep its session alive is in the session that holds it, moves
// neither of its ends, and is reported where there is none. Catches: pings that hold a session open
// for ever.
TEST_CASE("events that keep no session alive", "[command][event_time]") {
  const Args pings{"--keep-alive-unless", "type=ping"};
  const auto ping = [](const char* user, std::int64_t time) {
    return event(user, time, "\"type\":\"ping\"");
  };
  const auto [kept, none] = told(pings, event("u", 0) + ping("u", 6'000) + event("u", 12'000));
  CHECK(kept == Briefs{"u 0+0/2 idle", "u 12000+0/1 flush"});
  CHECK(none.empty());
  // It waits for its session.
  CHECK(sessions(pings + Args{"--out-of-order", "10s"}, ping("u", 6'000) + event("u", 0)) ==
        Briefs{"u 0+0/2 flush"});

  const Folder folder;
  CHECK(sessions(pings + Args{"--late", folder / "late"}, ping("w", 0) + event("v", 20'000)) ==
        Briefs{"v 20000+0/1 flush"});
  const auto late = objects(read_file(folder / "late"));
  REQUIRE(late.size() == 1);
  CHECK(late[0].at("reason") == "unattached");
  CHECK(late[0].at("data").get<std::string>() + '\n' == ping("w", 0));
}

// Promise: the maximum duration cuts from the earliest event on, exactly it still being in;
// midnight ends a session; --carry split is a maximum duration by another name. The reason says
// which. Catches: cuts by order of arrival, one reason for another.
TEST_CASE("what else ends a session", "[command][event_time]") {
  const Args in_bounds{"--out-of-order", "1h"};
  CHECK(sessions(in_bounds + Args{"--max-duration", "20s"},
                 events({5'000, 25'001, 15'000, 20'000, 0, 10'000})) ==
        Briefs{"u 0+20000/5 max_duration", "u 25001+0/1 flush"});
  CHECK(told({"--max-duration", "15s"}, events({0, 10'000, 16'000, 26'000, 8'000})).late ==
        Briefs{"u 8000 final_cut"});

  const std::string night = events({day + 1'000, day - 1'000});
  CHECK(sessions(in_bounds, night) == Briefs{"u 86399000+2000/2 flush"});
  CHECK(sessions(in_bounds + Args{"--split-at-midnight=Z"}, night) ==
        Briefs{"u 86399000+0/1 day_boundary", "u 86401000+0/1 flush"});
  CHECK(sessions(in_bounds + Args{"--split-at-midnight=+02:00"}, night).size() == 1);

  const Args days{"--gap", "2d"};
  const std::string carried = events({0, day, day + 1});
  const auto whole = Briefs{"u 0+86400001/3 flush"};
  CHECK(sessions(days, carried) == whole);
  CHECK(sessions(days + Args{"--carry", "1h"}, carried) == whole);
  CHECK(sessions(days + Args{"--carry", "split"}, carried) ==
        Briefs{"u 0+86400000/2 carry", "u 86400001+0/1 flush"});
  CHECK(sessions(days + Args{"--carry", "split", "--max-duration", "25h"}, carried).at(0) ==
        "u 0+86400000/2 carry");
  CHECK(sessions(days + Args{"--carry", "split", "--max-duration", "24h"}, carried).at(0) ==
        "u 0+86400000/2 max_duration");
}

// Promise: CSV has a header, also where nothing follows, and an update's list of ids is one field.
// Catches: quotes that are not doubled.
TEST_CASE("CSV in event time", "[command][event_time]") {
  const Args csv{"--format", "csv"};
  const std::string columns =
      "user_id,session_id,session_start,session_end,events,duration_ms,reason\r\n";
  CHECK(results(sessions_of + csv) == columns);
  CHECK(results(updates_of + csv) == "op,replaces," + columns);
  CHECK(results(sessions_of + csv, events({0, 20'000})) ==
        columns + "u,u_web_00:00:00,0,0,1,0,idle\r\nu,u_web_00:00:20,20000,20000,1,0,flush\r\n");
  const auto rows = parse_csv(
      results(updates_of + csv + Args{"--lateness", "60s"},
              event("u", 0) + event("u", 20'000) + event("v", 31'000) + event("u", 10'000)));
  REQUIRE(rows.size() == 8);
  CHECK(rows[5][0] == "update");
  CHECK(rows[5][1] == R"(["u_web_00:00:20"])");
  CHECK(rows[5][8] == std::nullopt);
}

// Promise: both forms of ids; the device is that of the earliest event, and a null id is null.
// Catches: the device of the event that arrived first, which the batch does not give.
TEST_CASE("ids in event time", "[command][event_time]") {
  const std::string input = event("u", 5'000, R"("device_type":"phone")") + event("u", 0);
  const Args bound{"--out-of-order", "10s"};
  const auto id = [&](const Args& args, std::string_view of) {
    return objects(results(sessions_of + bound + args, of)).at(0).at("session_id");
  };
  CHECK(id({}, input) == "u_web_00:00:00");
  CHECK(id({"--id", "unique"}, input) == "u_1970-01-01T00:00:00.000Z");
  CHECK(id({}, event("u", 0, "\"page\":1")).is_null());
}

// Promise: each combination that cannot be ends with 2 and one line that says what to do. Catches:
// options that do nothing, silently.
TEST_CASE("refusals in event time", "[command][event_time]") {
  const std::pair<Args, const char*> refused[] = {
      {sessions_of + Args{"--split-on", "page"}, "--split-on needs events in order"},
      {updates_of + Args{"--split-on", "page"}, "--split-on needs events in order"},
      {sessions_of + Args{"--end-when", "page=end"}, "--end-when needs events in order"},
      {sessions_of + Args{"--keep", "page"}, "--keep"},
      {{"--emit", "updates"}, "add --order event"},
      {{"--order", "arrival", "--emit", "updates"}, "add --order event"},
      {{"--out-of-order", "1s"}, "--out-of-order is for event time: add --order event"},
      {{"--lateness", "1s"}, "add --order event"},
      {{"--late", "nowhere"}, "add --order event"},
      {{"--close", "flink"}, "add --order event"},
      {{"--per-key-watermark"}, "add --order event"},
      {{"--after-close", "late"}, "add --order event"},
      {{"--max-advance", "1h"}, "add --order event"},
      {{"--gap-field", "wait"}, "add --order event"},
      {{"--keep-alive-unless", "type=ping", "--emit", "sessions"}, "add --order event"},
      {{"--order", "event", "--emit", "records", "--lateness", "1s"},
       "--lateness is for sessions: use it with --emit sessions or updates"},
      {{"--order", "event", "--emit", "records", "--close", "kafka"}, "--emit sessions or updates"},
      {sessions_of + Args{"--close", "beam"}, "exact, flink, kafka"},
      {sessions_of + Args{"--after-close", "old"}, "new, late"},
      {sessions_of + Args{"--out-of-order", "-1s"}, "no duration"},
      {sessions_of + Args{"--keep-alive-unless", "ping"}, "FIELD=VALUE"},
      {sessions_of + Args{"--gap", "0s", "--at-gap", "split"}, "choose a longer gap"},
      {{"--order", "time"}, "arrival, event"},
  };
  for (const auto& [args, says] : refused) {
    CAPTURE(args, says);
    const auto outcome = run(args, events({0}));
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, says));
  }
  const Folder folder;
  const auto input = folder.write("clicks", events({0}));
  CHECK(run(sessions_of + Args{"--late", input, input}).code == 2);
  CHECK(read_file(input) == events({0}));
  CHECK(run(sessions_of + Args{"--late", folder / "x", "--errors", folder / "x"}).code == 2);
}

// Promise: a late file that cannot be written ends with 3. Catches: late events that are lost in
// silence.
TEST_CASE("a late file that cannot be written", "[command][event_time]") {
  const Folder folder;
  const auto outcome = run(sessions_of + Args{"--late", folder / "none/late"}, events({0}));
  CHECK(outcome.code == 3);
  CHECK(contains(outcome.err, "late"));
  const auto full = run(sessions_of + Args{"--late", "/dev/full"}, events({0, 30'000, 5'000}));
  CHECK(full.code == 3);
}

}  // namespace
}  // namespace command_event_time_test
