#include "harness.hpp"

#include <algorithm>
#include <random>

// --emit sessions: the whole input, sorted by time.

namespace command_sessions_test {
namespace {

using namespace command_test;

const Args emit{"--emit", "sessions"};
constexpr std::int64_t day = 86'400'000;

/// Sessions as "user start+duration/events reason", one a line.
std::string sessions(const Args& args, const std::string& input) {
  std::string text;
  for (const auto& s : objects(results(emit + args, input)))
    text += s.at("user_id").get<std::string>() + ' ' + s.at("session_start").dump() + '+' +
            s.at("duration_ms").dump() + '/' + s.at("events").dump() + ' ' +
            s.at("reason").get<std::string>() + '\n';
  return text;
}

// Promise: a session is these members in this order; its end is its last event's time. Catches: any
// drift of the output; an end that is the start plus a gap.
TEST_CASE("sessions", "[command][sessions]") {
  const std::string input =
      event("ann", 500) + event("bob", 1'000) + event("ann", 9'000) + event("ann", 60'000);
  CHECK(results(emit, input) ==
        R"({"user_id":"ann","session_id":"ann_web_00:00:00","session_start":500,)"
        R"("session_end":9000,"events":2,"duration_ms":8500,"reason":"idle"})"
        "\n"
        R"({"user_id":"bob","session_id":"bob_web_00:00:01","session_start":1000,)"
        R"("session_end":1000,"events":1,"duration_ms":0,"reason":"flush"})"
        "\n"
        R"({"user_id":"ann","session_id":"ann_web_00:01:00","session_start":60000,)"
        R"("session_end":60000,"events":1,"duration_ms":0,"reason":"flush"})"
        "\n");
  CHECK(results(emit).empty());
  CHECK(results(emit + Args{"--format", "csv"}) ==
        "user_id,session_id,session_start,session_end,events,duration_ms,reason\r\n");
}

// Promise: any order of the input gives the same sessions, also in pieces over files. Catches: a
// sort that is left out, by time alone, or of strings.
TEST_CASE("the order of the input does not matter", "[command][sessions]") {
  auto lines = split_lines(results({"generate", "--events", "1000", "--users", "12"}));
  const auto join = [&] {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    return text;
  };
  const auto in_order = join();
  std::mt19937 random(1);
  for (const Args& args : {Args{},
                           {"--max-duration", "30s"},
                           {"--at-gap", "split", "--gap", "24s"},
                           {"--format", "csv", "--id", "unique"},
                           {"--split-on", "event_name", "--gap", "1m"}}) {
    CAPTURE(args);
    const auto expected = results(emit + args, in_order);
    for (int round = 0; round < 3; ++round) {
      std::shuffle(lines.begin(), lines.end(), random);
      CHECK(results(emit + args, join()) == expected);
    }
  }
  const Folder folder;
  const auto late = folder.write("2", event("u", 10'000)), early = folder.write("1", event("u", 0));
  CHECK(results(emit + Args{late, early}) == results(emit, events({0, 10'000})));
}

// Promise: events of one time keep their order. Catches: a sort that is not stable, which changes
// the device of the first event and what an end marker ends.
TEST_CASE("events of one time keep their order", "[command][sessions]") {
  std::string input = event("u", 5, "");
  for (int i = 0; i < 40; ++i)
    input += event("u", 0, R"("device_type":"d)" + std::to_string(i) + '"');
  CHECK(objects(results(emit, input)).at(0).at("session_id") == "u_d0_00:00:00");
  CHECK(sessions({"--end-when", "e=1"},
                 event("u", 1) + event("u", 0) + event("u", 0, R"("e":1)") + event("u", 0)) ==
        "u 0+0/2 end_marker\nu 0+1/2 flush\n");
}

// Promise: sessions are written by start, then by key, bytewise. Catches: an order of a locale, of
// signed bytes, or of arrival.
TEST_CASE("sessions are sorted by start, then key", "[command][sessions]") {
  const std::vector<std::string> users{
      "", "10", "9", "B", "a", "aa", "b", "\xC3\xA9", "\xF0\x9F\x98\x80"};
  std::string input;
  for (auto user = users.rbegin(); user != users.rend(); ++user)
    input += event(*user, 0) + event(*user, -day);
  const auto rows = objects(results(emit, input));
  REQUIRE(rows.size() == 2 * users.size());
  for (std::size_t i = 0; i < users.size(); ++i) {
    CHECK(rows[i].at("user_id") == users[i]);
    CHECK(rows[i].at("session_start") == -day);
    CHECK(rows[users.size() + i].at("user_id") == users[i]);
  }
}

// Promise: the rules cut the sorted input, and the reason is why a session was closed: `idle` for
// the gap, a rule's name, `flush` for the end of the input. Catches: the reason of the start.
TEST_CASE("the reasons of sessions", "[command][sessions]") {
  CHECK(sessions({}, events({20'001, 10'000, 0})) == "u 0+10000/2 idle\nu 20001+0/1 flush\n");
  CHECK(sessions({"--at-gap", "split"}, events({10'000, 0})) ==
        "u 0+0/1 idle\nu 10000+0/1 flush\n");
  CHECK(sessions({"--max-duration", "15s"}, events({15'001, 8'000, 15'000, 0})) ==
        "u 0+15000/3 max_duration\nu 15001+0/1 flush\n");
  CHECK(sessions({"--gap", "7d", "--split-at-midnight=-05:00"}, events({18'000'000, 17'999'999})) ==
        "u 17999999+0/1 day_boundary\nu 18000000+0/1 flush\n");
  const auto v = [](int value) { return "\"v\":" + std::to_string(value); };
  CHECK(sessions({"--split-on", "v"}, event("u", 3, v(2)) + event("u", 1, v(1)) +
                                          event("u", 2, "\"v\":null") + event("u", 4, v(2))) ==
        "u 1+1/2 value_change\nu 3+1/2 flush\n");
  CHECK(sessions({"--end-when", "v=1"},
                 event("u", 3, v(2)) + event("u", 1, v(2)) + event("u", 2, v(1))) ==
        "u 1+1/2 end_marker\nu 3+0/1 flush\n");
  CHECK(sessions({"--where", "v=1"},
                 event("u", 20'000, v(1)) + event("u", 10'000, v(2)) + event("u", 0, v(1))) ==
        "u 0+0/1 idle\nu 20000+0/1 flush\n");
}

// Promise: of --carry only `split` has an effect, at 24 h. Catches: sessions whose id or start is
// null because an event was past the horizon.
TEST_CASE("--carry of sessions", "[command][sessions]") {
  const auto input = events({0, day, day + 1, 3 * day});
  const Args week{"--gap", "7d"};
  const auto plain = results(emit + week, input);
  CHECK(objects(plain).size() == 1);
  for (const char* carry : {"0s", "1s", "24h", "forever"})
    CHECK(results(emit + week + Args{"--carry", carry}, input) == plain);
  CHECK(sessions(week + Args{"--carry", "split"}, input) ==
        "u 0+86400000/2 carry\nu 86400001+0/1 carry\nu 259200000+0/1 flush\n");
}

// Promise: the device of a session is its first event's, in time. Catches: the first that arrived,
// the last, or the first that is not null.
TEST_CASE("the device of a session", "[command][sessions]") {
  const auto id = [](const std::string& input) {
    return objects(results(emit, input)).at(0).at("session_id");
  };
  CHECK(id(event("u", 2, R"("device_type":"tv")") + event("u", 1)) == "u_web_00:00:00");
  CHECK(id(event("u", 2, R"("device_type":"tv")") + event("u", 1, "")).is_null());
  CHECK(id(event("u", 1, R"("device_type":7)") + event("u", 2)) == "u_7_00:00:00");
  CHECK(parse_csv(results(emit + Args{"--format", "csv"}, event("u", 1, ""))).at(1).at(1) ==
        std::nullopt);
}

// Promise: --id unique is unique also where sessions of a user start at one time. Catches: an id
// without a number, or with one that depends on the order of the input.
TEST_CASE("unique ids of sessions", "[command][sessions]") {
  const std::string marked = event("u", 0, R"("e":1)");
  const auto ids =
      column(objects(results(emit + Args{"--id", "unique", "--end-when", "e=1"},
                             marked + marked + marked + event("u_", 0) + event("u", day))),
             "session_id");
  CHECK(ids[0] == "u_1970-01-01T00:00:00.000Z");
  CHECK(ids.size() == 5);
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) CHECK(ids[i] != ids[j]);
  CHECK(ids[4] == "u_1970-01-02T00:00:00.000Z");
}

// Promise: times at the ends of int64 give exact sessions; a duration that does not fit is the
// largest. Catches: a difference that overflows.
TEST_CASE("sessions at the ends of time", "[command][sessions]") {
  CHECK(sessions({}, events({INT64_MAX, INT64_MIN})) ==
        "u -9223372036854775808+0/1 idle\nu 9223372036854775807+0/1 flush\n");
  CHECK(sessions({"--gap", "9223372036854775807ms"}, events({INT64_MAX, INT64_MIN, 0, -1})) ==
        "u -9223372036854775808+9223372036854775807/4 flush\n");
}

// Promise: thousands of users, devices and values are kept apart. Catches: a table of texts that
// forgets one as it grows.
TEST_CASE("many users", "[command][sessions]") {
  const auto input = results({"generate", "--events", "20000", "--users", "5000", "--seed", "3"});
  const auto rows = objects(results(emit + Args{"--gap", "7d"}, input));
  const auto starts = objects(results({"--gap", "7d", "--emit", "starts"}, input));
  CHECK(rows.size() > 4'000);
  CHECK(column(rows, "session_id") == column(starts, "session_id"));
}

}  // namespace
}  // namespace command_sessions_test
