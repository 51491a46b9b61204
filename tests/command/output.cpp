#include "harness.hpp"

#include <cstdlib>
#include <set>

// Records: their columns, as JSON Lines and as CSV.

namespace command_output_test {
namespace {

using namespace command_test;
using Names = std::vector<std::string>;

const Names record_names{"user_id",       "session_id",      "session_time", "latest_time",
                         "session_start", "event_timestamp", "reason"};

constexpr std::int64_t july = 1'656'633'600'000;  // 2022-07-01T00:00:00Z

const std::string clicks = event("ann", july + 500) + event("bob", july + 1'000) +
                           event("ann", july + 9'000) + event("ann", july + 60'000);

// Promise: a record is these members in this order, in input order: id of user, device and the
// session's start; session_time on a start alone; times of day in UTC; epoch milliseconds; the
// kept fields last. Catches: any drift of the output.
TEST_CASE("records", "[command][output]") {
  CHECK(results({}, clicks) ==
        R"({"user_id":"ann","session_id":"ann_web_00:00:00","session_time":"00:00:00",)"
        R"("latest_time":"00:00:00","session_start":1656633600500,)"
        R"("event_timestamp":1656633600500,"reason":"first_event"})"
        "\n"
        R"({"user_id":"bob","session_id":"bob_web_00:00:01","session_time":"00:00:01",)"
        R"("latest_time":"00:00:01","session_start":1656633601000,)"
        R"("event_timestamp":1656633601000,"reason":"first_event"})"
        "\n"
        R"({"user_id":"ann","session_id":"ann_web_00:00:00","session_time":null,)"
        R"("latest_time":"00:00:09","session_start":1656633600500,)"
        R"("event_timestamp":1656633609000,"reason":"none"})"
        "\n"
        R"({"user_id":"ann","session_id":"ann_web_00:01:00","session_time":"00:01:00",)"
        R"("latest_time":"00:01:00","session_start":1656633660000,)"
        R"("event_timestamp":1656633660000,"reason":"gap"})"
        "\n");
  CHECK(results({"-"}, clicks) == results({}, clicks));
  CHECK(results({"--emit", "records", "--format", "jsonl", "--id", "time-of-day"}, clicks) ==
        results({}, clicks));
}

// Promise: times of day are UTC and floored, for every time, wherever the machine is. Catches:
// local time, truncation toward 1970, hours past a year that the calendar of a library ends at.
TEST_CASE("times of day", "[command][output]") {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "00:00:00"},          {-1, "23:59:59"},
      {86'399'999, "23:59:59"}, {-86'400'001, "23:59:59"},
      {july, "00:00:00"},       {INT64_MAX, "07:12:55"},
      {INT64_MIN, "16:47:04"},  {951'782'400'000 + 3'661'000, "01:01:01"}};
  ::setenv("TZ", "Asia/Kolkata", 1);
  for (const auto& [time, text] : cases) {
    CAPTURE(time);
    const auto row = objects(results({}, event("u", time))).at(0);
    CHECK(row.at("session_time") == text);
    CHECK(row.at("latest_time") == text);
    CHECK(row.at("session_id") == "u_web_" + std::string(text));
  }
  ::unsetenv("TZ");
}

// Promise: --emit starts gives the records that have a session_time, and nothing else is changed.
// Catches: rules that see the starts alone.
TEST_CASE("--emit starts", "[command][output]") {
  std::string starts;
  for (const auto& line : split_lines(results({}, clicks)))
    if (!Json::parse(line).at("session_time").is_null()) starts += line + '\n';
  CHECK(split_lines(starts).size() == 3);
  CHECK(results({"--emit", "starts"}, clicks) == starts);
  CHECK(results({"--emit", "starts"}).empty());
}

// Promise: --keep copies fields of the input event, in the order of the options, with their types;
// null where the event has none. Catches: 1.0 as 1 or "1.0", an object as text, a field of the
// session's first event.
TEST_CASE("--keep", "[command][output]") {
  const Args keep{"--keep", "b", "--keep", "a", "--keep=x y"};
  const auto rows = objects(
      results(keep, event("u", 0, R"("a":"1","b":1,"x y":true)") + event("u", 1, R"("b":null)") +
                        event("u", 2, R"("a":{"b":[1, "\u00e9", {}]},"b":1e40,"x y":"q\"\\\n")") +
                        event("u", 3, R"("a":12345678901234567890123,"b":-0.50,"x y":false)")));
  auto expected = record_names;
  expected.insert(expected.end(), {"b", "a", "x y"});
  for (const auto& row : rows) CHECK(names(row) == expected);
  CHECK(column(rows, "b")[0] == 1);
  CHECK(column(rows, "x y") == Json{true, nullptr, "q\"\\\n", false});
  CHECK(column(rows, "a")[0] == "1");
  CHECK(column(rows, "a")[1].is_null());
  CHECK(column(rows, "a")[2] == Json::parse(R"({"b":[1,"\u00e9",{}]})"));
  CHECK(column(rows, "b")[3] == -0.5);
  // As it was spelled, where no other type could hold it.
  const auto text = results(keep, event("u", 3, R"("a":12345678901234567890123,"b":-0.50)") +
                                      event("u", 4, R"("b":1e400)"));
  CHECK(contains(text, R"("b":-0.50,"a":12345678901234567890123,)"));
  CHECK(contains(text, R"("b":1e400,)"));

  // Key, time and device are fields of the event; under their input's names that are free.
  const auto own = objects(results({"--key", "uid", "--time", "at", "--keep", "uid", "--keep", "at",
                                    "--keep", "device_type"},
                                   R"({"uid":7,"at":"5","device_type":"tv"})"))
                       .at(0);
  CHECK(own.at("uid") == 7);
  CHECK(own.at("at") == "5");
  CHECK(own.at("device_type") == "tv");
  // Also beside other options that read the same field.
  CHECK(column(objects(results(
                   {"--keep", "a", "--where", "a=1", "--split-on", "a", "--end-when", "a=2"},
                   event("u", 0, R"("a":1)") + event("u", 0, R"("a":2)"))),
               "a") == Json{1});
}

// Promise: --id unique differs from session to session, though users, devices and times of day
// repeat, is the same through a session, and needs no device. Catches: an id that repeats from day
// to day, users "a_b" and "a" that share one.
TEST_CASE("--id unique", "[command][output]") {
  constexpr std::int64_t day = 86'400'000;
  const auto rows = objects(results(
      {"--id", "unique", "--end-when", "e=1"},
      event("a", july, R"("e":1)") + event("a", july) + event("a", july + 1, "") +
          event("a_b", july) + event("a%5Fb", july) + event("a", july + day) + event("a", july)));
  const auto ids = column(rows, "session_id");
  std::set<std::string> different;
  for (const auto& id : ids) different.insert(id.get<std::string>());
  CHECK(ids[1] == ids[2]);
  CHECK(ids[5] == ids[6]);
  CHECK(different.size() == 5);
  for (const auto& id : different) CHECK(contains(id, "_2022-07-0"));
  CHECK(ids[0] == "a_2022-07-01T00:00:00.000Z_1");
  CHECK(ids[3] == "a%5Fb_2022-07-01T00:00:00.000Z_1");
}

// Promise: CSV has a header, lines end with CRLF, fields are quoted where RFC 4180 asks for it,
// null is empty and an empty text is "". Catches: a comma or quote that moves columns, a null that
// reads back as a text, no header where there are no rows.
TEST_CASE("CSV of records", "[command][output][csv]") {
  const Args csv{"--format", "csv", "--keep", "k", "--keep", "a,\"b\""};
  auto header = record_names;
  header.insert(header.end(), {"k", "a,\"b\""});

  const std::string head =
      "user_id,session_id,session_time,latest_time,session_start,event_timestamp,reason,k,"
      "\"a,\"\"b\"\"\"\r\n";
  CHECK(results(csv) == head);
  CHECK(results(csv, event("u", 5, R"("device_type":"web","k":"x")")) ==
        head + "u,u_web_00:00:00,00:00:00,00:00:00,5,5,first_event,x,\r\n");

  const std::pair<const char*, std::optional<std::string>> kept[] = {
      {R"("plain")", "plain"},
      {R"("")", ""},
      {"null", std::nullopt},
      {R"("null")", "null"},
      {R"("a,b")", "a,b"},
      {R"("say \"hi\"")", "say \"hi\""},
      {R"("two\nlines")", "two\nlines"},
      {R"("cr\rlf\r\n")", "cr\rlf\r\n"},
      {R"(" spaces ")", " spaces "},
      {"1.50", "1.50"},
      {"true", "true"},
      {R"({"a":[1,"x"]})", R"({"a":[1,"x"]})"},
      {R"("\u00e9")", "\xC3\xA9"}};
  std::string input;
  for (const auto& [json, text] : kept) input += event("u\",\n", 0, "\"k\":" + std::string(json));
  const auto rows = parse_csv(results(csv, input));
  REQUIRE(rows.size() == std::size(kept) + 1);
  for (std::size_t i = 0; i < header.size(); ++i) CHECK(rows[0].at(i) == header[i]);
  for (std::size_t i = 0; i < std::size(kept); ++i) {
    CAPTURE(kept[i].first);
    const auto& row = rows[i + 1];
    REQUIRE(row.size() == header.size());
    CHECK(row[0] == "u\",\n");
    CHECK(row[1] == std::nullopt);  // no device, no id
    CHECK(row[2].has_value() == (i == 0));
    CHECK(row[7] == kept[i].second);
    CHECK(row[8] == std::nullopt);
  }
  // An id with the key's comma is quoted as well.
  CHECK(parse_csv(results({"--format", "csv"}, event("a,b", 0))).at(1).at(1) == "a,b_web_00:00:00");
}

// Promise: CSV and JSON Lines say the same, for records and starts. Catches: a column that one of
// them lacks.
TEST_CASE("CSV says what JSON says", "[command][output][csv]") {
  const auto input = results({"generate", "--events", "300"});
  for (const char* emit : {"records", "starts", "sessions"}) {
    CAPTURE(emit);
    const auto rows = objects(results({"--emit", emit}, input));
    const auto csv = parse_csv(results({"--emit", emit, "--format", "csv"}, input));
    REQUIRE(csv.size() == rows.size() + 1);
    CHECK(rows.size() > 10);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::size_t at = 0;
      for (const auto& [name, value] : rows[i].items()) {
        const auto& field = csv[i + 1].at(at);
        if (csv[0].at(at++) != name ||
            (value.is_null()
                 ? field.has_value()
                 : field != (value.is_string() ? value.get<std::string>() : value.dump())))
          FAIL("row " << i << ", " << name << " is " << field.value_or("empty"));
      }
    }
  }
}

// Promise: --output takes the results in place of standard output, and replaces what the file had;
// --stats goes to standard error. Catches: results in two places, a longer old file's tail.
TEST_CASE("--output and --stats", "[command][output]") {
  const Folder folder;
  const auto file = folder.write("out.jsonl", repeated("old\n", 10'000));
  CHECK(results({"--output", file}, clicks).empty());
  CHECK(read_file(file) == results({}, clicks));
  CHECK(results({"--output", file, "--emit", "sessions", "--format", "csv"}, clicks).empty());
  CHECK(read_file(file) == results({"--emit", "sessions", "--format", "csv"}, clicks));

  const auto outcome =
      run({"--stats", "--where", "device_type=web"}, clicks + event("u", 0, "") + "x\n\n");
  CHECK(outcome.out == results({}, clicks));
  for (const char* line : {"lines      7\n", "accepted   4\n", "filtered   1\n", "rejected   1\n",
                           "sessions   3\n", "seconds ", "lines/s "})
    CHECK(contains(outcome.err, line));
  CHECK(contains(run({"--stats", "--emit", "sessions"}, clicks).err, "sessions   3\n"));
}

}  // namespace
}  // namespace command_output_test
