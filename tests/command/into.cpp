#ifdef SESSIONIZE_WITH_SQLITE

#include "harness.hpp"

#include <sqlite3.h>

#include <algorithm>

// --into: sessions and records in SQLite.

namespace command_into_test {
namespace {

using namespace command_test;

constexpr std::int64_t day = 86'400'000;

/// The rows that a query gives, as arrays.
Json query(const std::string& database, const char* sql) {
  sqlite3* connection = nullptr;
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_open_v2(database.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr) ==
          SQLITE_OK);
  CAPTURE(sql, sqlite3_errmsg(connection));
  REQUIRE(sqlite3_prepare_v2(connection, sql, -1, &statement, nullptr) == SQLITE_OK);
  Json rows = Json::array();
  while (sqlite3_step(statement) == SQLITE_ROW) {
    Json row = Json::array();
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const int type = sqlite3_column_type(statement, i);
      if (type == SQLITE_NULL)
        row.push_back(nullptr);
      else if (type == SQLITE_INTEGER)
        row.push_back(sqlite3_column_int64(statement, i));
      else
        row.push_back(std::string(static_cast<const char*>(sqlite3_column_blob(statement, i)),
                                  static_cast<std::size_t>(sqlite3_column_bytes(statement, i))));
    }
    rows.push_back(row);
  }
  CHECK(sqlite3_finalize(statement) == SQLITE_OK);
  CHECK(sqlite3_close(connection) == SQLITE_OK);
  return rows;
}

constexpr const char* all_sessions =
    "SELECT user_id, session_id, session_start, session_end, events, duration_ms, reason FROM "
    "sessions ORDER BY session_start, user_id";

/// What lines of sessions say, as all_sessions gives it: a null id is ''.
Json expected_sessions(const std::string& jsonl) {
  Json rows = Json::array();
  for (const auto& session : objects(jsonl)) {
    Json row = Json::array();
    for (const auto& [name, value] : session.items()) row.push_back(value.is_null() ? "" : value);
    rows.push_back(row);
  }
  return rows;
}

// Promise: the table has the columns of a session's line, NOT NULL, and the primary key
// (session_id, user_id, session_start); records have (file, line). Catches: a key under which two
// sessions replace each other.
TEST_CASE("the tables of --into", "[command][into]") {
  const Folder folder;
  const auto db = folder / "s.db";
  CHECK(run({"--into", db}).code == 0);
  CHECK(query(db, "SELECT name, \"notnull\" FROM pragma_table_info('sessions')") ==
        Json::parse(R"([["user_id",1],["session_id",1],["session_start",1],["session_end",1],)"
                    R"(["events",1],["duration_ms",1],["reason",1]])"));
  CHECK(query(db, "SELECT name FROM pragma_table_info('sessions') WHERE pk > 0 ORDER BY pk") ==
        Json::parse(R"([["session_id"],["user_id"],["session_start"]])"));
  CHECK(query(db, "SELECT name FROM pragma_table_info('records') WHERE pk > 0 ORDER BY pk") ==
        Json::parse(R"([["file"],["line"]])"));
  CHECK(query(db, "SELECT name FROM pragma_table_info('records')") ==
        Json::parse(R"([["file"],["line"],["user_id"],["session_id"],["session_time"],)"
                    R"(["latest_time"],["session_start"],["event_timestamp"],["reason"]])"));
}

// Promise: beside the results, which are as without --into, the table has the sessions as --emit
// sessions gives them, whatever is emitted, and a rerun changes nothing. Catches: sessions in the
// order of arrival, rows that a rerun doubles, results that are missing.
TEST_CASE("--into stores what --emit sessions gives", "[command][into]") {
  const Folder folder;
  auto lines = split_lines(results({"generate", "--events", "400", "--users", "5"}));
  std::reverse(lines.begin(), lines.end());
  std::string input = event("no device", 0, "") + event("x", INT64_MIN) + event("x", INT64_MAX);
  for (const auto& line : lines) input += line + '\n';
  const auto file = folder.write("clicks.jsonl", input);

  for (const char* emit : {"records", "starts", "sessions"})
    for (const Args& args :
         {Args{file},
          {"--id", "unique", file},
          {"--gap", "30s", "--split-on", "event_name", "--format", "csv", file}}) {
      CAPTURE(emit, args);
      const auto db = folder / "s.db";
      std::remove(db.c_str());
      const Args plain = Args{"--emit", emit} + args;
      CHECK(results(plain + Args{"--into", db}) == results(plain));
      auto as_json = args;
      std::replace(as_json.begin(), as_json.end(), std::string("csv"), std::string("jsonl"));
      const auto expected = expected_sessions(results(Args{"--emit", "sessions"} + as_json));
      CHECK(expected.size() > 10);
      CHECK(query(db, all_sessions) == expected);

      const auto records = query(db, "SELECT * FROM records ORDER BY file, line");
      CHECK(records.size() == (std::string(emit) == "records" ? 403 : 0));
      CHECK(results(plain + Args{"--into", db}) == results(plain));
      CHECK(query(db, all_sessions) == expected);
      CHECK(query(db, "SELECT * FROM records ORDER BY file, line") == records);
    }
}

// Promise: with --emit records a table has each record under its file and line, null where the
// record has null. Catches: a line counted without the bad and the blank ones.
TEST_CASE("--into stores records", "[command][into]") {
  const Folder folder;
  const auto db = folder / "s.db";
  const auto file =
      folder.write("1.jsonl", "\n" + event("u", 61'000) + "bad\n" + event("v", 5, ""));
  const auto outcome = run({"--into", db, "--where", "out=no", "--keep", "out", file, "-"}, "");
  CHECK(outcome.code == 0);
  CHECK(query(db, "SELECT * FROM records").empty());
  CHECK(run({"--gap", "7d", "--into", db, file, "-"}, events({62'000, 2 * day})).code == 0);
  const auto rows = query(db,
                          "SELECT line, user_id, session_id, session_time, latest_time, "
                          "session_start, event_timestamp, reason FROM records ORDER BY file <> "
                          "'-', line");
  CHECK(rows ==
        Json{{1, "u", "u_web_00:01:01", nullptr, "00:01:02", 61'000, 62'000, "none"},
             {2, "u", nullptr, nullptr, "00:00:00", nullptr, 2 * day, "none"},
             {2, "u", "u_web_00:01:01", "00:01:01", "00:01:01", 61'000, 61'000, "first_event"},
             {4, "v", nullptr, "00:00:00", "00:00:00", 5, 5, "first_event"}});
  CHECK(query(db, "SELECT DISTINCT file FROM records ORDER BY file") == Json{{"-"}, {file}});
}

// Promise: two sessions that share an id are both kept, and a null id is ''. Catches: today's
// session replacing yesterday's, which has the same time of day; one user's replacing another's.
TEST_CASE("--into keeps sessions that share an id", "[command][into]") {
  const Folder folder;
  const auto db = folder / "s.db";
  const auto input = event("u", 0) + event("u", day) + event("u", 2 * day) +
                     event("u_web", 0, R"("device_type":"x")") +
                     event("u", 3 * day, R"("device_type":"web_x")") + event("a", 0, "") +
                     event("b", 0, "") + event("a", day, "");
  CHECK(run({"--into", db}, input).code == 0);
  CHECK(query(db, "SELECT user_id, session_id, session_start FROM sessions ORDER BY 1, 3") ==
        Json{{"a", "", 0},
             {"a", "", day},
             {"b", "", 0},
             {"u", "u_web_00:00:00", 0},
             {"u", "u_web_00:00:00", day},
             {"u", "u_web_00:00:00", 2 * day},
             {"u", "u_web_x_00:00:00", 3 * day},
             {"u_web", "u_web_x_00:00:00", 0}});
}

// Promise: what is there is upserted: a session that has grown is updated, others stay. Catches: a
// table that is emptied first, an INSERT OR IGNORE.
TEST_CASE("--into updates what is there", "[command][into]") {
  const Folder folder;
  const auto db = folder / "s.db";
  CHECK(run({"--into", db}, events({0, 5'000}) + events({0}, "v")).code == 0);
  CHECK(run({"--into", db, "--emit", "sessions"}, events({0, 5'000, 9'000, 50'000})).code == 0);
  CHECK(query(db,
              "SELECT user_id, session_start, session_end, events, duration_ms, reason FROM "
              "sessions ORDER BY session_start, user_id") ==
        Json{{"u", 0, 9'000, 3, 9'000, "idle"},
             {"v", 0, 0, 1, 0, "flush"},
             {"u", 50'000, 50'000, 1, 0, "flush"}});
  CHECK(query(db, "SELECT count(*) FROM records") == Json{{3}});
}

// Promise: whatever happens to standard output, a database has a run as a whole, or nothing of it.
// Catches: `| head` that leaves the first records, and no sessions, in the table for good.
TEST_CASE("--into is whole, or not at all", "[command][into]") {
  const Folder folder;
  constexpr int count = 20'000;
  std::string input;
  for (int i = 0; i < count; ++i) input += event("u" + std::to_string(i % 100), i, "");
  const auto check = [&](const std::string& db) {
    if (query(db, "SELECT name FROM sqlite_master").empty()) return;
    const auto stored = query(db, "SELECT count(*) FROM records")[0][0];
    CHECK((stored == count || stored == 0));
    CHECK(query(db, "SELECT ifnull(sum(events), 0) FROM sessions")[0][0] == stored);
  };
  Running command({"--into", folder / "pipe.db"});
  command.close_output();
  command.write(input);
  CHECK(command.finish().code == 0);  // so all of it is there
  check(folder / "pipe.db");
  CHECK(query(folder / "pipe.db", "SELECT count(*) FROM sessions") == Json{{100}});
  CHECK(run_to("/dev/full", {"--into", folder / "full.db"}, input).code == 3);
  check(folder / "full.db");
  CHECK(run({"--into", folder / "all.db"}, input).code == 0);
  check(folder / "all.db");
  CHECK(query(folder / "all.db", "SELECT count(*) FROM sessions") == Json{{100}});
}

// Promise: a database that cannot be written is an output error. Catches: a run that seems well.
TEST_CASE("--into that cannot be written", "[command][into]") {
  const Folder folder;
  for (const auto& path :
       {folder / "missing/s.db", folder.write("text.db", repeated("this is no database\n", 100)),
        folder / "."}) {
    const auto outcome = run({"--into", path}, events({0}));
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.err, path));
    CHECK(split_lines(outcome.err).size() == 1);
  }
}

// Promise: in event time the table has the final sessions, whatever else is written of them.
// Catches: a row for an update, or for a session that another one has taken in.
TEST_CASE("sessions in event time are stored as they were in the end", "[command][into]") {
  const Folder folder;
  const std::string input = event("u", 0) + event("u", 20'000) + event("v", 31'000) +
                            event("u", 10'000) + event("v", 100'000);
  const Args order{"--order", "event", "--lateness", "60s"};
  const auto expected =
      expected_sessions(results(order + Args{"--emit", "sessions", "--id", "unique"}, input));
  REQUIRE(expected.size() == 3);
  for (const char* emit : {"sessions", "updates"}) {
    CAPTURE(emit);
    const auto database = folder / emit;
    static_cast<void>(
        results(order + Args{"--emit", emit, "--id", "unique", "--into", database}, input));
    CHECK(query(database, all_sessions) == expected);
  }
}

}  // namespace
}  // namespace command_into_test

#endif
