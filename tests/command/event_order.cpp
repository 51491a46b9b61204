#include "harness.hpp"

#include <cstddef>
#include <string>
#include <vector>

#ifdef SESSIONIZE_WITH_SQLITE
#include <sqlite3.h>
#endif

// --order event with --emit records or starts: a record for each event, in the order of their
// times.

namespace command_event_order_test {
namespace {

using namespace command_test;

/// Events of one user at these seconds.
std::string at_seconds(const std::vector<int>& seconds, std::string_view user = "u") {
  std::string text;
  for (const int second : seconds) text += event(user, 1'000 * second);
  return text;
}
std::string watermark(int second) {
  return "{\"watermark\":" + std::to_string(1'000 * second) + "}\n";
}
Json times(const std::string& out) { return column(objects(out), "event_timestamp"); }
Json in_milliseconds(const std::vector<int>& seconds) {
  Json all = Json::array();
  for (const int second : seconds) all.push_back(1'000 * second);
  return all;
}

const Args records{"--order", "event"};

// Promise: records come in the order of their times, ties in the order of the lines, and sessions
// are cut in that order. Catches: sessions of the order of arrival.
TEST_CASE("records in event time are in its order", "[command][event_order]") {
  const Folder folder;
  const auto input = at_seconds({20, 5, 12, 31, 25});
  const auto out = results(records + Args{"--out-of-order", "15s"}, input);
  CHECK(times(out) == in_milliseconds({5, 12, 20, 25, 31}));
  CHECK(column(objects(out), "reason") == Json{"first_event", "none", "none", "none", "none"});
  const auto ties = event("a", 7, R"("n":1)") + event("b", 3) + event("a", 7, R"("n":2)");
  CHECK(column(objects(results(records + Args{"--out-of-order", "1s", "--keep", "n"}, ties)),
               "n") == Json{nullptr, 1, 2});
}

// Promise: a late row goes to --late alone, with the watermark that it is behind and its line; else
// standard error counts it; an event at the watermark is on time. Catches: a late row in the
// records, or in both.
TEST_CASE("late rows are not among the records", "[command][event_order]") {
  const Folder folder;
  const auto input = at_seconds({20, 10, 9, 21});
  const Args args = records + Args{"--out-of-order", "10s"};
  CHECK(times(results(args + Args{"--late", folder / "late"}, input)) ==
        in_milliseconds({10, 20, 21}));
  const auto late = objects(read_file(folder / "late"));
  REQUIRE(late.size() == 1);
  CHECK(names(late[0]) ==
        std::vector<std::string>{"user_id", "event_timestamp", "watermark", "reason", "data"});
  CHECK(late[0]["event_timestamp"] == 9'000);
  CHECK(late[0]["watermark"] == 10'000);
  CHECK(late[0]["reason"] == "behind_watermark");
  CHECK(late[0]["data"].get<std::string>() + "\n" == event("u", 9'000));

  const auto counted = run(args, input);
  CHECK(counted.code == 0);
  CHECK(contains(counted.err, "1 late event (1 behind_watermark)"));
  const auto stats = run(args + Args{"--stats", "--late", folder / "late"}, input).err;
  for (const char* const line : {"accepted   4", "late       1", "rejected   0"})
    CHECK(contains(stats, line));
}

// Promise: a control line moves the watermark, beside --out-of-order where it is the larger, and
// alone with `none`; what it lets out comes at once; the end of the input lets out the rest.
// Catches: a watermark that goes back, events that wait for the end.
TEST_CASE("control lines let records out", "[command][event_order]") {
  const Folder folder;
  const Args late{"--late", folder / "late"};
  const auto input = at_seconds({30, 25}) + watermark(28) + at_seconds({27, 28}) + watermark(1) +
                     at_seconds({26, 40}) + at_seconds({33});
  CHECK(times(results(records + late + Args{"--out-of-order", "none"}, input)) ==
        in_milliseconds({25, 28, 30, 33, 40}));
  CHECK(times(read_file(folder / "late")) == in_milliseconds({27, 26}));
  CHECK(times(results(records + late + Args{"--out-of-order", "5s"}, input)) ==
        in_milliseconds({25, 28, 30, 40}));
  CHECK(times(read_file(folder / "late")) == in_milliseconds({27, 26, 33}));

  Running live(records + Args{"--out-of-order", "none"});
  REQUIRE(live.write(at_seconds({9, 4}) + watermark(5)));
  const auto first = live.line();
  REQUIRE(first);
  CHECK(Json::parse(*first)["event_timestamp"] == 4'000);
  live.close_input();
  CHECK(times(live.finish().out) == in_milliseconds({9}));
}

// Promise: all rules are there, and decide in the order of event time; --emit starts gives the
// first records of sessions, --keep what the event had. Catches: a field of another line; a rule
// that looks at the event that came before.
TEST_CASE("rules decide in event time", "[command][event_order]") {
  const auto click = [](int second, const char* page, bool last) {
    return event("u", 1'000 * second,
                 R"("device_type":"web","page":")" + std::string(page) + R"(","last":)" +
                     (last ? "true" : "false"));
  };
  const auto input = click(86'395, "a", false) + click(86'398, "b", false) +
                     click(86'396, "a", true) + click(86'397, "a", false) +
                     click(86'401, "b", false) + click(86'400, "b", false);
  const auto out =
      results(records + Args{"--out-of-order", "1m", "--keep", "page", "--end-when", "last=true",
                             "--split-on", "page", "--split-at-midnight=Z"},
              input);
  CHECK(column(objects(out), "page") == Json{"a", "a", "a", "b", "b", "b"});
  CHECK(column(objects(out), "reason") ==
        Json{"first_event", "none", "end_marker", "value_change", "day_boundary", "none"});
  CHECK(times(results(
            records + Args{"--emit", "starts", "--out-of-order", "1m", "--split-on", "page"},
            input)) == in_milliseconds({86'395, 86'398}));
}

// Promise: what is in order gives the records of --order arrival. Catches: two commands in one.
TEST_CASE("an input that is in order", "[command][event_order]") {
  std::string input;
  for (int i = 0; i < 300; ++i)
    input += event("user" + std::to_string(i * i % 7), 1'700 * i,
                   R"("device_type":"web","page":)" + std::to_string(i % 3));
  for (const Args& args : {Args{},
                           {"--gap", "9s", "--at-gap", "split", "--carry", "30s"},
                           {"--split-on", "page", "--keep", "page", "--format", "csv"}})
    CHECK(results(records + args, input) == results(args, input));
}

#ifdef SESSIONIZE_WITH_SQLITE
/// The only value of a query's rows, joined.
std::string ask(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  sqlite3_stmt* query = nullptr;
  REQUIRE(sqlite3_prepare_v2(database, sql, -1, &query, nullptr) == SQLITE_OK);
  std::string rows;
  while (sqlite3_step(query) == SQLITE_ROW)
    rows += reinterpret_cast<const char*>(sqlite3_column_text(query, 0)) + std::string(" ");
  sqlite3_finalize(query);
  sqlite3_close(database);
  return rows;
}

// Promise: --into has the records with the lines that they come from, and the sessions of the
// events that came out; late rows are in neither. Catches: a line number of the event that let it
// out.
TEST_CASE("records in event time, into a database", "[command][event_order]") {
  const Folder folder;
  const auto db = folder / "db";
  const auto input = folder.write("in", at_seconds({20, 15, 1, 40}));
  CHECK(run(records + Args{"--out-of-order", "6s", "--into", db, input}).code == 0);
  CHECK(ask(db, "SELECT line || ':' || event_timestamp FROM records ORDER BY line") ==
        "1:20000 2:15000 4:40000 ");
  CHECK(ask(db, "SELECT session_start || ':' || events FROM sessions ORDER BY 1") ==
        "15000:2 40000:1 ");
}
#endif

}  // namespace
}  // namespace command_event_order_test
