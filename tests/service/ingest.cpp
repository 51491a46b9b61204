#include "../../examples/service/ingest.hpp"

#include "../command/harness.hpp"
#include "../command/sql.hpp"
#include "catch.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

// What the service answers and stores, without a network.

namespace ingest_test {
namespace {

using namespace std::chrono_literals;
using command_test::contains;
using command_test::Folder;
using command_test::Json;
using command_test::sql;
using service::Ingest;
using service::IngestOptions;
using service::SessionShards;
using service::ShardOptions;
using sessionize::EventClock;

using Rows = std::vector<std::string>;

const std::string stored =
    "SELECT user_id, session_start, session_end, events, reason FROM "
    "sessions ORDER BY user_id, session_start";

std::string event(const std::string& user, std::int64_t time, const std::string& more = {}) {
  return R"({"user_id":")" + user + R"(","event_timestamp":)" + std::to_string(time) + more + "}";
}

/// A service whose clock stands where the test puts it, and whose thread runs only where the test
/// starts it.
struct Bench {
  explicit Bench(IngestOptions ingest_options = {}, ShardOptions shard_options = {})
      : shards(with(std::move(shard_options))), ingest(std::move(ingest_options), shards) {
    REQUIRE_FALSE(shards.open());
  }

  ShardOptions with(ShardOptions options) {
    options.database = database;
    options.now = [this] { return now; };
    return options;
  }
  http::Answer send(const std::string& method, const std::string& path,
                    const std::string& body = {}, const std::string& query = {}) {
    const auto service = ingest.service();
    const http::Request request{method, path, query, "application/json", body};
    auto answer = service.turn_away(request);
    if (!answer) answer = service.answer(request);
    service.answered(answer->status);
    return *answer;
  }
  Json post(const std::string& body, const std::string& query = {}) {
    const auto answer = send("POST", "/events", body, query);
    CAPTURE(answer.body);
    CHECK(answer.status == 200);
    return Json::parse(answer.body, nullptr, false);
  }

  Folder folder{};
  std::string database = folder / "s.db";
  EventClock::time_point now{};
  SessionShards shards;
  Ingest ingest;
};

Json counts(int accepted, int duplicates, int rejected) {
  return {{"accepted", accepted}, {"duplicates", duplicates}, {"rejected", rejected}};
}

// Promise: what is no event is rejected alone, and told by its line, blank ones counted, with its
// reason, where that is asked for. Catches: a bad line that takes its neighbours along, a position
// that is off by the blank lines, details that nobody asked for.
TEST_CASE("rejects line by line", "[service]") {
  Bench bench({.limits = {.line = 100, .key = 10}});
  const std::string body = event("ann", 1'000) + "\n\n{\"user_id\":\"ann\"}\nno JSON\n" +
                           event("ann", 2'000, R"(,"x":")" + std::string(100, 'x') + "\"") + "\n" +
                           event("longer than ten", 1) + "\r\n[1]\n" + event("ann", 3'000);
  const auto answer = bench.post(body, "a=b&details=1");
  CHECK(answer["accepted"] == 2);
  CHECK(answer["rejected"] == 5);
  std::vector<std::string> told;
  for (const auto& each : answer["rejections"]) {
    told.push_back(each["index"].dump() + ' ' + each["reason"].get<std::string>());
    CHECK_FALSE(each["message"].get<std::string>().empty());
  }
  CHECK(told == Rows{"2 missing_time", "3 invalid_json", "4 line_too_long", "5 key_too_long",
                     "6 not_an_object"});
  CHECK(bench.post(body) == counts(2, 0, 5));
  CHECK(bench.post(body, "details=0") == counts(2, 0, 5));
  CHECK(bench.shards.find("ann")->events.value_or(0) == 6);
}

// Promise: an array gives what its items give as lines; one that is broken between its items, or
// cut off, is refused, and nothing of it is taken. Catches: brackets and commas in strings, an
// event of a request that was refused, which would count twice when it is sent again.
TEST_CASE("an array of events", "[service]") {
  Bench bench;
  CHECK(bench.post("[]") == counts(0, 0, 0));
  CHECK(bench.post("") == counts(0, 0, 0));
  CHECK(bench.post(" \n[ " + event("ann", 1) + " ,\n" + event("ann", 2) + "\n]\r\n") ==
        counts(2, 0, 0));
  const auto answer =
      bench.post("[" + event("bob", 1) + "," + event("c],[{\\\"\\\\", 2, R"(,"x":[{},[]])") +
                     ",7,{\"user_id\"}]",
                 "details=1");
  CHECK(answer["accepted"] == 2);
  REQUIRE(answer["rejected"] == 2);
  CHECK(answer["rejections"][0]["index"] == 2);
  CHECK(answer["rejections"][1]["index"] == 3);
  CHECK(bench.shards.find("c],[{\"\\")->events == 1);
  const auto taken = bench.shards.stats().events.accepted;
  for (const std::string bad :
       {"[", "[1", "[1,", "[,1]", "[1,]", "[1]]", "[1] x", "[\"", "[1,,2]"}) {
    CAPTURE(bad);
    CHECK(bench.send("POST", "/events", bad).status == 400);
  }
  const std::string whole = "[" + event("dan", 1) + "," + event("dan", 2) + "]";
  for (std::size_t cut = 1; cut < whole.size(); ++cut)
    CHECK(bench.send("POST", "/events", whole.substr(0, cut)).status == 400);
  CHECK(bench.shards.stats().events.accepted == taken);
}

// Promise: requests, rejections told and users are bounded; a user too many is rejected alone.
// Catches: an answer that is larger than its request by a factor, a state without a bound.
TEST_CASE("bounds", "[service]") {
  Bench bench({.max_events = 3, .max_details = 2}, {.shards = 1, .session = {.max_keys = 2}});
  CHECK(bench.send("POST", "/events", "1\n2\n3\n4\n").status == 413);
  CHECK(bench.send("POST", "/events", "[1,2,3,4]").status == 413);
  const auto many = bench.post("1\n2\n3\n", "details=1");
  CHECK(many["rejections"].size() == 2);
  CHECK(many["untold"] == 1);
  const auto answer =
      bench.post(event("a", 1) + "\n" + event("b", 1) + "\n" + event("c", 1), "details=1");
  CHECK(answer["accepted"] == 2);
  CHECK(answer["rejections"][0]["index"] == 2);
  CHECK(answer["rejections"][0]["reason"] == "too_many_keys");
}

// Promise: the clock closes a session when no event within the grace could continue it, exactly at
// the gap not yet; the user's next event begins another. Catches: sessions of users who never come
// back, a clock that closes what late events would continue.
TEST_CASE("idle sessions are closed by the clock", "[service]") {
  Bench bench({}, {.session = {.gap = 10s}, .grace = 5s});
  bench.post(event("ann", 1'000) + "\n" + event("bob", 1'001));
  bench.now = EventClock::time_point(16s);  // 16 - 5 - 1 = 10
  bench.shards.close_idle();
  CHECK(bench.send("GET", "/sessions/ann").status == 200);
  bench.now += 1ms;
  bench.shards.close_idle();
  CHECK(bench.send("GET", "/sessions/ann").status == 404);
  CHECK(bench.send("GET", "/sessions/bob").status == 200);
  CHECK(sql(bench.database, stored).empty());
  CHECK(bench.shards.save());
  CHECK(sql(bench.database, stored) == Rows{"ann 1000 1000 1 idle"});
  CHECK(bench.post(event("ann", 1'002)) == counts(1, 0, 0));
  CHECK(bench.shards.find("ann")->events == 1);
}

// Promise: an open session is told as it is, also of a user with a name of any form. Catches: a
// name that breaks the JSON.
TEST_CASE("one user's open session", "[service]") {
  Bench bench;
  bench.post(event("a\\\"/b", 1'000) + "\n" + event("a\\\"/b", 4'000));
  const auto answer = bench.send("GET", "/sessions/a\"/b");
  CHECK(Json::parse(answer.body) == Json{{"user_id", "a\"/b"},
                                         {"session_id", "a\"/b_1970-01-01T00:00:01.000Z_1"},
                                         {"session_start", 1'000},
                                         {"session_end", 4'000},
                                         {"events", 2},
                                         {"duration_ms", 3'000}});
  CHECK(bench.send("GET", "/sessions/").status == 404);
  CHECK(bench.send("GET", "/session").status == 404);
  CHECK(bench.send("POST", "/metrics").status == 405);
  CHECK(bench.send("GET", "/events").headers.at("Allow") == "POST");
}

// Promise: an event whose user and id are known counts once, also after a restart; another user's,
// and one without an id, counts. Catches: a retry that prolongs a session.
TEST_CASE("events that come again", "[service]") {
  const Folder folder;
  const ShardOptions options{.database = folder / "s.db"};
  const std::string body = event("ann", 1, R"(,"n":1)") + "\n" + event("bob", 1, R"(,"n":1)") +
                           "\n" + event("ann", 2, R"(,"n":"1")") + "\n" + event("ann", 3);
  for (int run = 0; run < 2; ++run) {
    SessionShards shards(options);
    REQUIRE_FALSE(shards.open());
    Ingest ingest({.id = "n"}, shards);
    const auto answer = ingest.service().answer({"POST", "/events", "", "", body});
    CHECK(Json::parse(answer.body) == (run == 0 ? counts(3, 1, 0) : counts(1, 3, 0)));
    CHECK(shards.find("ann")->events == static_cast<std::uint64_t>(2 + run));
    CHECK_FALSE(shards.stop());
  }
}

// Promise: where the database fails, what is to be stored waits, no more is taken than fits,
// senders are told when to come again, and nothing is lost. Catches: rows of a failed save that are
// gone or there twice, a queue without a bound.
TEST_CASE("a database that fails", "[service]") {
  Bench bench({.retry_after_s = 7}, {.max_rows = 2});
  bench.post(event("ann", 0) + "\n" + event("ann", 20'000) + "\n" + event("ann", 40'000));
  sql(bench.database, "ALTER TABLE sessions RENAME TO elsewhere");
  CHECK_FALSE(bench.shards.save());
  CHECK(bench.send("GET", "/healthz").status == 503);
  const auto answer = bench.send("POST", "/events", event("ann", 60'000));
  CHECK(answer.status == 503);
  CHECK(answer.headers.at("Retry-After") == "7");
  // The next attempt has made the table anew.
  CHECK(bench.shards.save());
  CHECK(bench.send("GET", "/healthz").status == 200);
  CHECK(sql(bench.database, stored) == Rows{"ann 0 0 1 idle", "ann 20000 20000 1 idle"});
  CHECK(bench.post(event("ann", 60'000)) == counts(1, 0, 0));
  CHECK_FALSE(bench.shards.stop());
  CHECK(sql(bench.database, stored).size() == 3);
  CHECK(bench.shards.stats().rows_stored == 3);
}

// Promise: with `durable` an answer is behind a save that has what it acknowledges, and is none
// where that has failed. Catches: an acknowledgement of a save that had begun before the events
// came.
TEST_CASE("durable acknowledgements", "[service]") {
  Bench bench({.durable = true}, {.close_every = 1h, .save_every = 1h});
  bench.shards.start();
  for (int i = 1; i <= 20; ++i) {
    CHECK(bench.post(event("ann", 20'000 * i)) == counts(1, 0, 0));
    CHECK(sql(bench.database, "SELECT count(*) FROM sessions") == Rows{std::to_string(i - 1)});
  }
  sql(bench.database, "DROP TABLE sessions");
  const auto answer = bench.send("POST", "/events", event("ann", 1'000'000));
  CHECK(answer.status == 503);
  CHECK(answer.headers.contains("Retry-After"));
  CHECK_FALSE(bench.shards.stop());
}

// Promise: a database serves one process, and the number of shards it was made with. Catches: users
// whose state is looked for in the wrong shard.
TEST_CASE("a database that cannot be served from", "[service]") {
  Bench bench;
  CHECK_FALSE(bench.shards.stop());
  const auto wrong = [&](std::size_t shards) {
    SessionShards more({.database = bench.database, .shards = shards});
    return more.open().value_or("");
  };
  CHECK(contains(wrong(16), "is another running process's"));
  std::filesystem::remove(bench.database + "-serving");  // so that the lock is another file's
  CHECK(contains(wrong(3), "has the state of 16 shards, and this is 3"));
}

/// The metrics, by name and labels.
std::map<std::string, std::uint64_t> values(const std::string& text) {
  std::map<std::string, std::uint64_t> values;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    if (line.starts_with("# HELP ")) continue;
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      std::string type;
      words >> family >> type;
      CHECK((type == "gauge" || (type == "counter" && family.ends_with("_total"))));
      continue;
    }
    const std::size_t space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    const std::string name = line.substr(0, space);
    CHECK(name.substr(0, name.find('{')) == family);
    CHECK(values.emplace(name, std::stoull(line.substr(space + 1))).second);
  }
  return values;
}

// Promise: the metrics are in the text format, and what they say adds up to what was sent. Catches:
// a counter that is fed twice, or by nothing.
TEST_CASE("metrics", "[service]") {
  Bench bench({.id = "n"});
  bench.post(event("ann", 0) + "\n" + event("ann", 20'000) + "\n" + event("bob", 0, R"(,"n":1)") +
             "\nx\n");
  bench.post("[" + event("bob", 0, R"(,"n":1)") + ",{}]");
  bench.send("GET", "/nothing");
  const auto answer = bench.send("GET", "/metrics");
  CHECK(answer.type.starts_with("text/plain; version=0.0.4"));
  CHECK(answer.body.ends_with('\n'));
  auto values = ingest_test::values(answer.body);
  CHECK(values["sessionize_events_accepted_total"] == 3);
  CHECK(values["sessionize_events_duplicate_total"] == 1);
  CHECK(values["sessionize_events_rejected_total{reason=\"invalid_json\"}"] == 1);
  CHECK(values["sessionize_events_rejected_total{reason=\"missing_key\"}"] == 1);
  CHECK(values["sessionize_events_emitted_total"] == 1);
  CHECK(values["sessionize_events_open"] == 2);
  CHECK(values["sessionize_sessions_started_total"] == 3);
  CHECK(values["sessionize_sessions_closed_total{reason=\"idle\"}"] == 1);
  CHECK(values["sessionize_sessions_open"] == 2);
  CHECK(values["sessionize_rows_pending"] == 1);
  CHECK(values["sessionize_http_answers_total{code=\"200\"}"] == 2);
  CHECK(values["sessionize_http_answers_total{code=\"404\"}"] == 1);
  std::uint64_t rejected = 0;
  for (const auto& [name, value] : values)
    if (name.starts_with("sessionize_events_rejected_total{")) rejected += value;
  CHECK(rejected == 2);
}

}  // namespace
}  // namespace ingest_test
