#include "harness.hpp"

// What a key, a time and a device may be, and how members are selected.

namespace command_values_test {
namespace {

using namespace command_test;

/// The one record of a line; the test fails where it is rejected.
Json record(const Args& args, const std::string& line) {
  const auto rows = objects(results(args, line + '\n'));
  CAPTURE(args, line);
  REQUIRE(rows.size() == 1);
  return rows.front();
}

/// Why a line is rejected; empty where it is not.
std::string rejection(const Args& args, const std::string& line) {
  const Folder folder;
  const auto errors = folder / "errors";
  const auto outcome = run(args + Args{"--errors", errors}, line + '\n');
  CHECK(outcome.code == 0);
  const auto rows = objects(read_file(errors));
  CHECK(rows.size() + split_lines(outcome.out).size() == 1);
  return rows.empty() ? "" : rows.front().at("reason").get<std::string>();
}

std::string with_key(const std::string& json) {
  return R"({"user_id":)" + json + R"(,"event_timestamp":1,"device_type":"web"})";
}
std::string with_time(const std::string& json) {
  return R"({"user_id":"u","event_timestamp":)" + json + "}";
}

// Promise: a key is a string, or an integer taken as its decimal text, of any size; anything else
// is rejected. Catches: 7 and 7.0 as one user, an integer that goes through a double, true as "1".
TEST_CASE("keys", "[command][values]") {
  const std::pair<std::string, Json> good[] = {
      {R"("ann")", "ann"},
      {R"("")", ""},
      {R"("a\"\\\n\t\u00e9\ud83d\ude00")", "a\"\\\n\t\xC3\xA9\xF0\x9F\x98\x80"},
      {"7", "7"},
      {"-7", "-7"},
      {"9007199254740993", "9007199254740993"},
      {"18446744073709551615", "18446744073709551615"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
  };
  for (const auto& [json, key] : good) CHECK(record({}, with_key(json)).at("user_id") == key);
  for (const char* json :
       {"7.0", "7.5", "1e3", "true", "false", "null", "[]", R"(["ann"])", "{}"}) {
    CAPTURE(json);
    CHECK(rejection({}, with_key(json)) == "key_type");
  }
  CHECK(rejection({}, R"({"event_timestamp":1})") == "missing_key");
  CHECK(rejection({"--key", "uid"}, with_key(R"("ann")")) == "missing_key");
  // An integer and its text are one user.
  CHECK(column(objects(results({}, with_key("7") + '\n' + with_key(R"("7")") + '\n')), "reason") ==
        Json{"first_event", "none"});
}

// Promise: --key, --time and --device name the members; several keys are joined by '|', with '%'
// and '|' percent-escaped in each. Catches: ("a|b", "c") and ("a", "b|c") as one user, a key that
// is escaped though it stands alone.
TEST_CASE("other names, and composite keys", "[command][values]") {
  const auto row = record({"--key", "uid", "--time", "at", "--device", "on"},
                          R"({"uid":"a|b%","at":5,"on":"tv","user_id":true,"device_type":"web"})");
  CHECK(row.at("user_id") == "a|b%");
  CHECK(row.at("event_timestamp") == 5);
  CHECK(row.at("session_id") == "a|b%_tv_00:00:00");

  const Args two{"--key", "a,b"};
  const std::pair<std::string, std::string> joined[] = {{R"("a":"x","b":"y")", "x|y"},
                                                        {R"("a":"x|","b":"y")", "x%7C|y"},
                                                        {R"("a":"x","b":"|y")", "x|%7Cy"},
                                                        {R"("a":"%7C","b":5)", "%257C|5"},
                                                        {R"("b":"y","a":"")", "|y"}};
  for (const auto& [members, key] : joined)
    CHECK(record(two, "{" + members + R"(,"event_timestamp":1})").at("user_id") == key);
  CHECK(record({"--key", "a,b,a"}, R"({"a":1,"b":2,"event_timestamp":1})").at("user_id") ==
        "1|2|1");
  CHECK(rejection(two, R"({"a":"x","event_timestamp":1})") == "missing_key");
  CHECK(rejection(two, R"({"a":"x","b":null,"event_timestamp":1})") == "key_type");
  // One member may play two roles.
  CHECK(record({"--key", "t", "--time", "t", "--device", "t"}, R"({"t":7})").at("session_id") ==
        "7_7_00:00:00");
}

// Promise: a time is an integer or a string that holds one, in the unit of --time-unit, floored to
// milliseconds; the record has milliseconds. Catches: truncation toward 1970, a unit mixed up, a
// time that wraps around at the end of int64, one that goes through a double.
TEST_CASE("integer times in each unit", "[command][values]") {
  struct Read {
    std::string unit, json;
    std::int64_t milliseconds;
  };
  const Read good[] = {
      {"ms", "1656633600123", 1656633600123},
      {"ms", R"("1656633600123")", 1656633600123},
      {"ms", "-1", -1},
      {"ms", R"("-1")", -1},
      {"ms", "0", 0},
      {"ms", "9223372036854775807", INT64_MAX},
      {"ms", R"("-9223372036854775808")", INT64_MIN},
      {"s", "1656633600", 1656633600000},
      {"s", R"("-1")", -1000},
      {"s", "9223372036854775", 9223372036854775000},
      {"s", "-9223372036854775", -9223372036854775000},
      {"us", "1656633600123999", 1656633600123},
      {"us", "-1", -1},
      {"us", "-1000", -1},
      {"us", R"("-1001")", -2},
      {"us", "9223372036854775807", 9223372036854775},
      {"ns", "1656633600123999999", 1656633600123},
      {"ns", "999999", 0},
      {"ns", "-1", -1},
      {"ns", "-9223372036854775808", -9223372036855},
  };
  for (const auto& [unit, json, milliseconds] : good)
    CHECK(record({"--time-unit", unit}, with_time(json)).at("event_timestamp") == milliseconds);
  CHECK(record({}, with_time("1656633600123")).at("event_timestamp") == 1656633600123);  // ms

  const std::pair<std::string, std::string> bad[] = {
      {"ms", "1.5"},
      {"ms", "1.0"},
      {"ms", "1e3"},
      {"ms", R"("1.5")"},
      {"ms", "null"},
      {"ms", "true"},
      {"ms", "[]"},
      {"ms", "{}"},
      {"ms", R"("")"},
      {"ms", R"("x")"},
      {"ms", R"("12x")"},
      {"ms", R"("0x10")"},
      {"ms", R"("2022-07-01T00:00:00Z")"},
      {"s", "1.5"},
      {"s", R"("1e3")"},
  };
  for (const auto& [unit, json] : bad) {
    CAPTURE(unit, json);
    const auto reason = rejection({"--time-unit", unit}, with_time(json));
    CHECK((reason == "time_type" || reason == "time_format"));
  }
  const std::pair<std::string, std::string> out_of_range[] = {
      {"ms", "9223372036854775808"},      {"ms", "-9223372036854775809"},
      {"ms", R"("9223372036854775808")"}, {"ms", repeated("9", 400)},
      {"s", "9223372036854776"},          {"s", "-9223372036854776"},
      {"ns", "9223372036854775808"}};
  for (const auto& [unit, json] : out_of_range) {
    CAPTURE(unit, json);
    CHECK(rejection({"--time-unit", unit}, with_time(json)) == "time_range");
  }
  CHECK(rejection({}, R"({"user_id":"u"})") == "missing_time");
  CHECK(rejection({"--time", "at"}, with_time("1")) == "missing_time");
}

// Promise: with iso8601 a time is an RFC 3339 text, UTC where it has no offset, floored to
// milliseconds. Catches: an offset with the wrong sign, a local time zone, a day that does not
// exist, an integer taken for a year.
TEST_CASE("times of RFC 3339", "[command][values]") {
  const Args iso{"--time-unit", "iso8601"};
  const std::pair<const char*, std::int64_t> good[] = {
      {"2022-07-01T00:00:02Z", 1656633602000},
      {"2022-07-01T00:00:02", 1656633602000},
      {"2022-07-01 00:00:02", 1656633602000},
      {"2022-07-01t00:00:02z", 1656633602000},
      {"2022-07-01T02:00:02+02:00", 1656633602000},
      {"2022-06-30T18:30:02-05:30", 1656633602000},
      {"2022-07-01T00:00:02.5Z", 1656633602500},
      {"2022-07-01T00:00:02.123999999Z", 1656633602123},
      {"1969-12-31T23:59:59.9999Z", -1},
      {"2020-02-29T00:00:00Z", 1582934400000},
      {"0001-01-01T00:00:00Z", -62135596800000},
      {"9999-12-31T23:59:59.999Z", 253402300799999},
  };
  for (const auto& [text, milliseconds] : good)
    CHECK(record(iso, with_time(Json(text).dump())).at("event_timestamp") == milliseconds);
  for (const char* json :
       {"1656633602000", R"("1656633602000")", R"("2022-07-01")", R"("2021-02-29T00:00:00Z")",
        R"("2022-13-01T00:00:00Z")", R"("2022-07-01T24:00:00Z")", R"("2022-07-01T00:60:00Z")",
        R"("2022-07-01T00:00:02+0200")", R"("2022-07-01T00:00:02 UTC")", R"("")", "null"}) {
    CAPTURE(json);
    const auto reason = rejection(iso, with_time(json));
    CHECK((reason == "time_type" || reason == "time_format"));
  }
}

/// A line for each time, and one record a line.
std::string with_times(const std::vector<std::string>& times) {
  std::string input;
  for (const auto& time : times) input += with_time(time) + '\n';
  return input;
}

// Promise: `auto` finds the unit, and says which on standard error, in one line. Catches: a guess
// that is silent, or a factor of 1000 off.
TEST_CASE("--time-unit auto finds each unit", "[command][values][auto]") {
  const std::pair<const char*, const char*> cases[] = {{"s", "1656633602"},
                                                       {"ms", "1656633602000"},
                                                       {"us", R"("1656633602000000")"},
                                                       {"ns", "1656633602000000000"},
                                                       {"iso8601", R"("2022-07-01T00:00:02Z")"}};
  for (const auto& [unit, time] : cases) {
    CAPTURE(unit);
    const auto outcome = run({"--time-unit", "auto"}, with_times({time, time}));
    CHECK(outcome.code == 0);
    const auto rows = objects(outcome.out);
    CHECK(column(rows, "event_timestamp") == Json{1656633602000, 1656633602000});
    CHECK(column(rows, "latest_time") == Json{"00:00:02", "00:00:02"});
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, "auto: " + std::string(unit)));
  }
  // Nothing to tell it from: the default, and that is said too.
  const auto outcome = run({"--time-unit", "auto"}, with_times({"5"}));
  CHECK(objects(outcome.out).at(0).at("event_timestamp") == 5);
  CHECK(contains(outcome.err, "auto: ms"));
  CHECK(run({"--time-unit", "auto"}).code == 0);
}

// Promise: `auto` decides once, from the first 100 lines, over all files, and no line is lost or
// out of order. Catches: a decision per file or per line; a 101st line that is asked.
TEST_CASE("--time-unit auto decides once, from the first 100 lines", "[command][values][auto]") {
  const std::string seconds = "1656633602", milliseconds = "1656633602000";
  // 49 against 51 within the sample; what follows does not count, whatever it is.
  std::vector<std::string> times(49, milliseconds);
  times.insert(times.end(), 51, seconds);
  times.insert(times.end(), 300, milliseconds);
  const auto outcome = run({"--time-unit", "auto", "--keep", "n"}, [&] {
    std::string input;
    for (std::size_t i = 0; i < times.size(); ++i)
      input += R"({"user_id":"u","event_timestamp":)" + times[i] + R"(,"n":)" + std::to_string(i) +
               "}\n";
    return input;
  }());
  CHECK(contains(outcome.err, "auto: s"));
  const auto rows = objects(outcome.out);
  REQUIRE(rows.size() == times.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].at("n") != i || rows[i].at("event_timestamp") != std::stoll(times[i]) * 1000)
      FAIL("line " << i << ": " << rows[i].dump());

  const Folder folder;
  const auto one = folder.write("1", with_times({seconds})),
             two = folder.write("2", with_times({milliseconds}));
  const auto files = run({"--time-unit", "auto", two, one, two});
  CHECK(column(objects(files.out), "event_timestamp") ==
        Json{1656633602000, 1656633602, 1656633602000});
  CHECK(split_lines(files.err).size() == 1);
}

// Promise: what cannot be read within the sample is rejected under its own file and line. Catches:
// numbers of the sample for numbers of the file.
TEST_CASE("--time-unit auto keeps files and lines apart", "[command][values][auto]") {
  const Folder folder;
  const auto one = folder.write("1", "\nno\n"), two = folder.write("2", "\n\nno\n");
  const auto errors = folder / "errors";
  CHECK(run({"--time-unit", "auto", "--errors", errors, one, two}).code == 0);
  const auto rows = objects(read_file(errors));
  CHECK(column(rows, "file") == Json{one, two});
  CHECK(column(rows, "line") == Json{2, 3});
}

// Promise: a device is a string or an integer's text; anything else, or none, makes session_id
// null, and rejects nothing. Catches: "null" or "true" in an id.
TEST_CASE("devices", "[command][values]") {
  const std::pair<const char*, Json> cases[] = {{R"("tv")", "u_tv_00:00:00"},
                                                {R"("")", "u__00:00:00"},
                                                {"12", "u_12_00:00:00"},
                                                {"-3", "u_-3_00:00:00"},
                                                {"1.5", nullptr},
                                                {"true", nullptr},
                                                {"null", nullptr},
                                                {"[]", nullptr},
                                                {R"({"a":1})", nullptr}};
  for (const auto& [json, id] : cases) {
    CAPTURE(json);
    CHECK(
        record({}, R"({"user_id":"u","event_timestamp":1,"device_type":)" + std::string(json) + "}")
            .at("session_id") == id);
  }
  const auto row = record({}, with_time("1"));
  CHECK(row.at("session_id").is_null());
  CHECK(row.at("session_start") == 1);
  // The device is this event's, the time its session's.
  CHECK(column(objects(results({}, event("u", 61'000, R"("device_type":"web")") +
                                       event("u", 62'000, R"("device_type":"tv")") +
                                       event("u", 63'000, ""))),
               "session_id") == Json{"u_web_00:01:01", "u_tv_00:01:01", nullptr});
}

// Promise: of members that are there twice, the last wins, whatever they are for. Catches: the
// first one, or a rejected line.
TEST_CASE("the last of duplicate members wins", "[command][values]") {
  const auto row = record(
      {"--keep", "k", "--where", "w=2"},
      R"({"user_id":true,"k":{"a":1},"w":1,"device_type":"a","event_timestamp":"x","user_id":"u",)"
      R"("event_timestamp":5,"device_type":"b","k":[2],"w":2})");
  CHECK(row.at("user_id") == "u");
  CHECK(row.at("event_timestamp") == 5);
  CHECK(row.at("session_id") == "u_b_00:00:00");
  CHECK(row.at("k") == Json{2});
  CHECK(rejection({}, R"({"user_id":"u","event_timestamp":1,"user_id":null})") == "key_type");
  // A name is what it says, however it is spelled.
  CHECK(record({}, R"({"user_\u0069d":"u","event_timestamp":5})").at("user_id") == "u");
  // Members of members have no part in it.
  CHECK(record({}, R"({"user_id":"u","event_timestamp":5,"in":{"user_id":"v"}})").at("user_id") ==
        "u");
}

// Promise: --where selects by a string's content, a number's or a boolean's text; several are
// ANDed; a null or missing member equals nothing. Catches: OR for AND, "null" matching null, a
// value cut at its second `=`.
TEST_CASE("--where", "[command][values][where]") {
  const std::pair<Args, std::vector<std::string>> cases[] = {
      {{"--where", "f=x"}, {"1"}},
      {{"--where", "f=7"}, {"2", "3"}},
      {{"--where", "f=true"}, {"4"}},
      {{"--where", "f=null"}, {}},
      {{"--where", "f="}, {"6"}},
      {{"--where", "f=a=b"}, {"7"}},
      {{"--where", "f=-1.5"}, {"8"}},
      {{"--where", "f=x y"}, {"10"}},
      {{"--where", "g=1"}, {"1", "2"}},
      {{"--where", "f=x", "--where", "g=1"}, {"1"}},
      {{"--where", "g=1", "--where", "f=7"}, {"2"}},
      {{"--where", "f=x", "--where", "f=7"}, {}},
      {{"--where", "user_id=3"}, {"3"}},
      {{"--where", "event_timestamp=3"}, {"3"}},
      {{"--where", "nothing=x"}, {}},
  };
  const std::string input = event("1", 1, R"("f":"x","g":1)") + event("2", 2, R"("f":7,"g":1)") +
                            event("3", 3, R"("f":"7","g":2)") + event("4", 4, R"("f":true)") +
                            event("5", 5, R"("f":null)") + event("6", 6, R"("f":"")") +
                            event("7", 7, R"("f":"a=b")") + event("8", 8, R"("f":-1.5)") +
                            event("9", 9, "") + event("10", 10, R"("f":"x y")") +
                            event("11", 11, R"("f":{"f":"x"})");
  for (const auto& [args, users] : cases) {
    CAPTURE(args);
    CHECK(column(objects(results(args, input)), "user_id") == Json(users));
  }
}

// Promise: --where selects before sessionizing; what it leaves out touches no session, is counted
// as filtered and is not rejected; what is no JSON object is rejected. Catches: a filter behind the
// sessions, which lets invisible events bridge a gap.
TEST_CASE("--where comes before the sessions", "[command][values][where]") {
  const std::string input = event("u", 0, R"("f":1)") + event("u", 8'000, R"("f":2)") +
                            event("u", 16'000, R"("f":1)") + "{\"f\":2}\n" +
                            "{\"user_id\":null,\"f\":2}\nnonsense\n[]\n{\"f\":1}\n";
  const auto outcome = run({"--where", "f=1", "--stats"}, input);
  CHECK(column(objects(outcome.out), "reason") == Json{"first_event", "gap"});
  CHECK(contains(outcome.err, "rejected 3 lines"));
  CHECK(contains(outcome.err, "filtered   3\n"));
  CHECK(contains(outcome.err, "accepted   2\n"));
}

// Promise: where lines are rejected and nobody writes them down, the summary says where the first
// one is, what is wrong with it and what to do. Catches: a wrong --key that loses a whole file and
// says "rejected" alone.
TEST_CASE("the first rejection is told", "[command][values]") {
  const auto outcome = run({"--key", "userid"}, "{\"user_id\":\"u\"}\n[]\n");
  CHECK(outcome.code == 0);
  CHECK(outcome.out.empty());
  CHECK(contains(outcome.err, "rejected 2 lines (1 missing_key, 1 not_an_object), the first at "));
  CHECK(contains(outcome.err, ":1: the key \"userid\" is missing: give the event one, or name "));
}

}  // namespace
}  // namespace command_values_test
