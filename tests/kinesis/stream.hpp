#ifndef SESSIONIZE_TESTS_KINESIS_STREAM_HPP
#define SESSIONIZE_TESTS_KINESIS_STREAM_HPP

#include <kinesis.hpp>

#include <sqlite3.h>

#include "../aws/services/proxy.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <vector>

// Streams that tests make and read past the proxy of ../aws, where nothing fails; and the rows that
// have to come of them.

namespace kinesis_test {

using aws::Json;

inline aws::ClientOptions past_proxy(const char* url) {
  aws::ClientOptions options;
  options.endpoint = aws::environment(url).value();
  return options;
}
inline aws::Kinesis kinesis() { return aws::Kinesis(past_proxy("LOCAL_KINESIS_URL")); }

/// A folder that goes with the object.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "kinesis_test_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    // Programs that have been killed may have children that end a moment later, and remove files.
    std::error_code busy;
    for (int tries = 0; tries < 100; ++tries) {
      std::filesystem::remove_all(path, busy);
      if (!busy) return;
    }
  }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

inline void put(const std::string& stream, std::span<const aws::PutRecord> records) {
  auto client = kinesis();
  while (!records.empty()) {
    const auto some = records.first(std::min<std::size_t>(records.size(), 500));
    const auto results = client.put_records(stream, some);
    REQUIRE(results);
    for (const auto& result : *results) REQUIRE(result.ok());
    records = records.subspan(some.size());
  }
}
inline std::string make_stream(unsigned shards, std::span<const aws::PutRecord> records) {
  const auto stream = services::fresh_name("clicks");
  auto client = kinesis();
  REQUIRE(client.create_stream(stream, shards));
  REQUIRE(client.wait_until_active(stream));
  put(stream, records);
  return stream;
}

/// The events of a stream in the order in which each shard returns them, parents first, without
/// those that were there before.
inline std::vector<Json> read_back(const std::string& stream) {
  auto client = kinesis();
  auto shards = client.list_shards(stream);
  REQUIRE(shards);
  std::sort(shards->begin(), shards->end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<Json> events;
  std::set<std::string> known;
  for (const auto& shard : *shards) {
    const auto first = client.shard_iterator(stream, shard.id, aws::TrimHorizon{});
    REQUIRE(first);
    for (std::optional<std::string> next = *first; next;) {
      const auto batch = client.get_records(*next);
      REQUIRE(batch);
      for (const auto& record : batch->records)
        if (known.insert(record.data).second) events.push_back(Json::parse(record.data));
      if (batch->records.empty() && batch->behind_latest.count() == 0) break;
      next = batch->next_iterator;
    }
  }
  return events;
}

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
  return Json{user, id, start, end, events, end - start, reason}.dump();
}

/// The rows of the events' sessions, by nothing but LAG: the difference to the user's event before.
inline Rows expected_rows(const std::vector<Json>& events) {
  std::map<std::string, std::vector<std::int64_t>> times;
  for (const auto& event : events)
    times[event.at("user_id")].push_back(
        std::stoll(event.at("event_timestamp").get<std::string>()));
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

inline Rows sqlite_rows(const std::string& file) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> closes(database, &sqlite3_close);
  sqlite3_busy_timeout(database, 5'000);
  sqlite3_stmt* all = nullptr;
  REQUIRE(sqlite3_prepare_v2(database,
                             "SELECT user_id, session_id, session_start, session_end, events, "
                             "reason, duration_ms FROM sessions",
                             -1, &all, nullptr) == SQLITE_OK);
  const auto text = [&](int column) {
    return std::string(reinterpret_cast<const char*>(sqlite3_column_text(all, column)));
  };
  const auto number = [&](int column) { return sqlite3_column_int64(all, column); };
  Rows rows;
  while (sqlite3_step(all) == SQLITE_ROW) {
    CHECK(number(6) == number(3) - number(2));
    rows.insert(row(text(0), text(1), number(2), number(3), number(4), text(5)));
  }
  sqlite3_finalize(all);
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

}  // namespace kinesis_test

#endif
