#ifndef SESSIONIZE_TESTS_SESSION_ROWS_HPP
#define SESSIONIZE_TESTS_SESSION_ROWS_HPP

#include <sqlite3.h>
#include <nlohmann/json.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

// The rows that workers store, and those that have to come of events.

namespace session_rows {

inline std::string utc(std::int64_t time) {
  const std::time_t seconds = time / 1'000;
  std::tm fields{};
  ::gmtime_r(&seconds, &fields);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &fields);
  return std::string(text, size) + "." + std::to_string(1'000 + time % 1'000).substr(1) + "Z";
}

using Rows = std::set<std::string>;
inline std::string row(const std::string& user, const std::string& id, std::int64_t start,
                       std::int64_t end, std::int64_t events, const std::string& reason) {
  return nlohmann::json{user, id, start, end, events, end - start, reason}.dump();
}

/// The rows of the sessions of users' events, whose times are in the order of their coming, by
/// nothing but LAG: the difference to the user's event before.
inline Rows expected_rows(const std::map<std::string, std::vector<std::int64_t>>& times) {
  Rows rows;
  for (const auto& [user, its] : times) {
    int number = 0;
    for (std::size_t first = 0, next = 0; first < its.size(); first = next) {
      std::int64_t end = its[first];
      for (next = first + 1; next < its.size() && its[next] - its[next - 1] <= 10'000; ++next)
        end = std::max(end, its[next]);
      rows.insert(row(user, user + "_" + utc(its[first]) + "_" + std::to_string(++number),
                      its[first], end, static_cast<std::int64_t>(next - first),
                      next < its.size() ? "idle" : "flush"));
    }
  }
  return rows;
}

inline Rows expected_rows(const std::vector<nlohmann::json>& events) {
  std::map<std::string, std::vector<std::int64_t>> times;
  for (const auto& event : events)
    times[event.at("user_id")].push_back(
        std::stoll(event.at("event_timestamp").get<std::string>()));
  return expected_rows(times);
}

/// The same without the sessions that nothing has closed.
inline Rows closed_rows(const std::vector<nlohmann::json>& events) {
  Rows rows = expected_rows(events);
  std::erase_if(rows,
                [](const std::string& row) { return nlohmann::json::parse(row)[6] == "flush"; });
  return rows;
}

/// The rows that are in a database; none where its file or its table is still to be made.
inline Rows sqlite_rows(const std::string& file) {
  if (!std::filesystem::exists(file)) return {};
  sqlite3* database = nullptr;
  const int opened = sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> closes(database, &sqlite3_close);
  REQUIRE(opened == SQLITE_OK);
  sqlite3_busy_timeout(database, 5'000);
  const auto prepare = [&](const char* query) {
    sqlite3_stmt* statement = nullptr;
    const int prepared = sqlite3_prepare_v2(database, query, -1, &statement, nullptr);
    CAPTURE(sqlite3_errmsg(database));
    REQUIRE(prepared == SQLITE_OK);
    return std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>(statement, &sqlite3_finalize);
  };
  // Its worker makes the file and the table one after the other.
  const auto table = prepare("SELECT 1 FROM sqlite_master WHERE name = 'sessions'");
  const int is_there = sqlite3_step(table.get());
  CAPTURE(sqlite3_errmsg(database));
  if (is_there == SQLITE_DONE) return {};
  REQUIRE(is_there == SQLITE_ROW);

  const auto all = prepare(
      "SELECT user_id, session_id, session_start, session_end, events, reason, duration_ms "
      "FROM sessions");
  const auto text = [&](int column) {
    return std::string(reinterpret_cast<const char*>(sqlite3_column_text(all.get(), column)));
  };
  const auto number = [&](int column) { return sqlite3_column_int64(all.get(), column); };
  Rows rows;
  int step = 0;
  while ((step = sqlite3_step(all.get())) == SQLITE_ROW) {
    CHECK(number(6) == number(3) - number(2));
    CHECK(rows.insert(row(text(0), text(1), number(2), number(3), number(4), text(5))).second);
  }
  CHECK(step == SQLITE_DONE);
  return rows;
}

inline void check_equal(const Rows& actual, const Rows& expected) {
  CHECK(actual.size() == expected.size());
  Rows missing, others;
  std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(),
                      std::inserter(missing, missing.end()));
  std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(),
                      std::inserter(others, others.end()));
  CAPTURE(missing.size(), others.size(), missing.empty() ? "" : *missing.begin(),
          others.empty() ? "" : *others.begin());
  CHECK(missing.empty());
  CHECK(others.empty());
}

}  // namespace session_rows

#endif
