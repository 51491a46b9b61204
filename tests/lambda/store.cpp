#include "../../examples/lambda/lambda_store.hpp"

#include "../command/harness.hpp"
#include "../http/http.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/sinks/transform.hpp>
#include <sessionize/testing/click_generator.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

// Sessions handed to a function over HTTP.

namespace lambda_store_test {
namespace {

using namespace std::chrono_literals;
using command_test::contains;
using command_test::Json;
using http_test::HttpReply;
using http_test::HttpRequest;
using http_test::ScriptedFunction;
using lambda::FunctionOptions;
using lambda::LambdaStore;
using lambda::SessionRow;
using sessionize::StoreAnswer;
using sessionize::StoreResult;
using sessionize::testing::Click;

/// What a table of sessions has of one: user, first and last time, events.
using Session = std::tuple<std::string, std::int64_t, std::int64_t, std::uint64_t>;

/// The sessions of clicks by the definition: a gap of more than ten seconds splits.
std::multiset<Session> sessions_of(const std::vector<Click>& clicks) {
  std::map<std::string, std::vector<std::int64_t>> times;
  for (const auto& click : clicks)
    times[click.user_id].push_back(click.time.time_since_epoch().count());
  std::multiset<Session> sessions;
  for (const auto& [user, its] : times)
    for (std::size_t first = 0, i = 1; i <= its.size(); ++i)
      if (i == its.size() || its[i] - its[i - 1] > 10'000) {
        sessions.emplace(user, its[first], its[i - 1], i - first);
        first = i;
      }
  return sessions;
}

std::vector<Click> clicks(std::uint64_t count, std::uint64_t seed) {
  sessionize::testing::ClickGenerator generator({.users = 20, .seed = seed});
  std::vector<Click> all;
  for (; count != 0; --count) all.push_back(generator.next());
  return all;
}

/// The bytes of base64, by a decoder that is not the one under test.
std::string plain(const std::string& base64) {
  const std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, have = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = (bits << 6U | static_cast<unsigned>(digits.find(c))) & 0xffffU;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> have & 0xffU);
  }
  return bytes;
}

Json ok(const Json& id) { return {{"recordId", id}, {"result", "Ok"}}; }

std::string answer_ok(const HttpRequest& request) {
  Json records = Json::array();
  const auto asked = Json::parse(request.body);
  for (const auto& record : asked["records"]) records.push_back(ok(record["recordId"]));
  return Json{{"records", records}}.dump();
}

std::vector<StoreAnswer> store(LambdaStore& to, const std::vector<SessionRow>& rows) {
  std::vector<StoreAnswer> answers(rows.size());
  to(rows, answers);
  return answers;
}

/// A function with a table, that fails in each way there is, one time in five, and counts what it
/// is handed.
class FaultyFunction {
 public:
  explicit FaultyFunction(std::uint64_t seed)
      : random_(seed), http_([this](const HttpRequest& request) { return answer(request); }) {}
  ~FaultyFunction() { let_go(); }

  [[nodiscard]] const std::string& url() const { return http_.url(); }

  std::map<std::string, std::string> table{};
  std::map<std::string, std::uint64_t> deliveries{};
  std::map<std::string, int> faults{};
  std::vector<std::string> wrong{};

 private:
  std::uint64_t below(std::uint64_t bound) {
    return sessionize::detail::splitmix64(random_) % bound;
  }
  bool fault(const char* name, std::uint64_t per_thousand) {
    const bool happens = below(1'000) < per_thousand;
    if (happens) ++faults[name];
    return happens;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    ++arrivals_;
    arrived_.notify_all();
  }

  HttpReply answer(const HttpRequest& request) {
    let_go();
    std::unique_lock lock(mutex_);
    const auto body = Json::parse(request.body);
    for (const auto& record : body["records"]) {
      const auto& hint = record["lambdaDeliveryRecordMetadata"]["retryHint"];
      if (hint != deliveries[record["recordId"]]++) wrong.push_back("hint " + record.dump());
    }
    if (fault("500", 50)) return {500, R"({"message":"no"})"};
    if (fault("garbage", 50)) return {200, "<html>"};
    if (fault("own failure", 50)) return {200, R"({"errorMessage":"out of memory"})"};
    Json records = Json::array();
    for (const auto& record : body["records"]) {
      const std::string id = record["recordId"];
      if (fault("failed", 50)) {
        records.push_back({{"recordId", id}, {"result", "DeliveryFailed"}});
        continue;
      }
      const auto [at, is_new] = table.emplace(id, plain(record["data"]));
      if (at->second != plain(record["data"])) wrong.push_back("another row under " + id);
      if (fault("missing", 50)) continue;
      records.push_back(ok(id));
      if (fault("unknown", 50)) records.back()["recordId"] = id + "?";
      if (fault("twice", 50)) records.push_back(ok(id));
    }
    if (fault("slow", 20)) {
      // The answer comes when nobody waits for it any more: with the next request.
      const auto now = arrivals_;
      arrived_.wait(lock, [&] { return arrivals_ != now; });
    }
    return {200, Json{{"records", records}}.dump()};
  }

  std::mutex mutex_{};
  std::condition_variable arrived_{};
  std::uint64_t arrivals_ = 0;
  std::uint64_t random_;
  ScriptedFunction http_;  // the last to come and the first to go
};

// Promise: with faults of every kind all sessions are in the function's table in the end, each once
// under its id and as it is, and the hint of each record says how often it came before. Catches: an
// Ok taken for granted, a session lost with its answer, ids that change from one try to the next.
TEST_CASE("all sessions reach a function that fails", "[lambda]") {
  const std::uint64_t seed = seeds::one(20'220'701);
  CAPTURE(seed);
  const auto input = clicks(4'000, seed);
  const auto expected = sessions_of(input);
  REQUIRE(expected.size() > 500);

  FaultyFunction function(seed);
  FunctionOptions options{.url = function.url()};
  options.timeout = 250ms;
  int strays = 0;
  options.stray = [&](std::string_view) { ++strays; };
  LambdaStore store(options);
  sessionize::testing::ManualClock clock;
  int dead = 0;
  auto queue = sessionize::delivery_queue<SessionRow>(
      store, [&] { return clock.now(); },
      {.max_records = 20,
       .max_bytes = store.room(),
       .retry = {.max_attempts = 1'000, .seed = seed}},
      [&](const sessionize::DeadLetter<SessionRow>&) { ++dead; }, sessionize::CountResults{},
      &LambdaStore::size_of);
  auto out = sessionize::on_summary(sessionize::transform(lambda::row_of, queue));
  const auto by = sessionize::by(&Click::user_id, &Click::time);
  sessionize::Sessionizer<sessionize::EventClock, std::string> sessions;
  REQUIRE(sessions.process(input, by, out).delivery == sessionize::Delivery::ok);
  while (sessions.flush(out).delivery == sessionize::Delivery::refused)
    clock.set(std::max(clock.now(), queue.next_attempt().value()));

  CHECK(dead == 0);
  CHECK(queue.counters().stored == expected.size());
  CHECK(queue.counters().pending == 0);
  CHECK(function.wrong.empty());
  for (const char* fault :
       {"500", "garbage", "own failure", "failed", "missing", "unknown", "twice", "slow"}) {
    CAPTURE(fault);
    CHECK(function.faults[fault] > 0);
  }
  CHECK(strays > 0);
  CHECK(strays <= function.faults["unknown"]);  // some answers came too late
  std::multiset<Session> stored;
  for (const auto& [id, data] : function.table) {
    const auto row = Json::parse(data);
    CHECK(row["session_id"] == id);
    stored.emplace(row["user_id"], row["session_start"], row["session_end"], row["events"]);
  }
  CHECK(stored == expected);
}

// Promise: a row has what the recipe's function reads, session_id, session_time and user_id, and
// the columns of a session. Catches: a time of another zone, an id that is not the record's.
TEST_CASE("the row of a session", "[lambda]") {
  const auto row = lambda::row_of({"a_\"b", sessionize::testing::at(1'656'633'602'000ms),
                                   sessionize::testing::at(1'656'633'609'500ms), 4,
                                   sessionize::CloseReason::idle, 2});
  CHECK(row.record_id == "a%5F\"b_2022-07-01T00:00:02.000Z_2");
  CHECK(Json::parse(row.data) == Json{{"user_id", "a_\"b"},
                                      {"session_id", row.record_id},
                                      {"session_start", 1'656'633'602'000},
                                      {"session_end", 1'656'633'609'500},
                                      {"events", 4},
                                      {"duration_ms", 7'500},
                                      {"reason", "idle"},
                                      {"session_time", "00:00:02"}});
}

// Promise: what is no answer fails all records, is bounded in time and size, and says what it was.
// Catches: a store that hangs, or fills the memory, with a function that never ends.
TEST_CASE("an invocation that fails as a whole", "[lambda]") {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    const auto records = Json::parse(request.body)["records"];
    const std::string what = plain(records[0]["data"]);
    if (what == "long") return {200, std::string(2'000, ' ') + answer_ok(request)};
    if (what == "redirect") return {302, answer_ok(request)};
    if (what == "404") return {404, answer_ok(request)};
    if (what == "502") return {502, "\x01 bad \xff gateway"};
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
    return {200, answer_ok(request)};
  });
  FunctionOptions options{.url = function.url(), .timeout = 150ms, .max_answer = 1'000};
  const struct {
    const char* data;
    const char* message;
  } cases[] = {{"long", "the answer has more than 1000 bytes"},
               {"redirect", "answers HTTP 302"},
               {"404", "answers HTTP 404"},
               {"502", "answers HTTP 502: \"\\u0001 bad \xEF\xBF\xBD gateway\""},
               {"slow", "the function cannot be invoked: "}};
  LambdaStore to(options);
  for (const auto& [data, message] : cases) {
    const auto answers = store(to, {{"a", data}, {"b", ""}});
    for (const auto& answer : answers) {
      CAPTURE(data, answer.message);
      CHECK(answer.result == StoreResult::failed);
      CHECK(contains(answer.message, message));
    }
  }
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_all();

  for (const char* url : {"http://127.0.0.1:1/", "file:///etc/passwd", "nonsense://x", ""}) {
    options.url = url;
    LambdaStore nowhere(options);
    const auto answers = store(nowhere, {{"a", "x"}});
    CAPTURE(url, answers[0].message);
    CHECK(answers[0].result == StoreResult::failed);
    CHECK(answers[0].message.starts_with("the function cannot be invoked: "));
  }
}

// Promise: no request is larger than it may be: a batch goes out in several, and a record that fits
// into none is unstorable, alone. Catches: a batch that is refused as too large for ever.
TEST_CASE("a batch larger than a request", "[lambda]") {
  std::vector<std::size_t> sizes;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    sizes.push_back(request.body.size());
    return {200, answer_ok(request)};
  });
  FunctionOptions options{.url = function.url(), .max_request = 2'000};
  LambdaStore to(options);
  std::vector<SessionRow> rows;
  for (int i = 0; i < 20; ++i) rows.push_back({std::to_string(i), std::string(300, 'x')});
  rows.insert(rows.begin() + 7, {"large", std::string(2'000, 'x')});
  rows.push_back({"\xff", "x"});
  const auto answers = store(to, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i, answers[i].message);
    const bool never = i == 7 || i == 21;
    CHECK(answers[i].result == (never ? StoreResult::unstorable : StoreResult::stored));
  }
  CHECK(contains(answers[7].message, "a request has room for"));
  CHECK(contains(answers[21].message, "no UTF-8"));
  CHECK(sizes.size() == 7);  // three rows of about 500 bytes in each
  for (const auto size : sizes) CHECK(size <= 2'000);
}

// Promise: behind a request that failed as a whole nothing more of the batch is sent. Catches:
// later sessions of a user stored before an earlier one, and a function in trouble that gets more
// of it.
TEST_CASE("a batch stops at a request that fails", "[lambda]") {
  int requests = 0;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    return ++requests == 2 ? HttpReply{503, ""} : HttpReply{200, answer_ok(request)};
  });
  FunctionOptions options{.url = function.url(), .max_request = 800};
  LambdaStore to(options);
  std::vector<SessionRow> rows;
  for (int i = 0; i < 4; ++i) rows.push_back({std::to_string(i), std::string(300, 'x')});
  const auto answers = store(to, rows);
  CHECK(requests == 2);
  CHECK(answers[0].result == StoreResult::stored);
  for (std::size_t i = 1; i < 4; ++i) CHECK(answers[i].result == StoreResult::failed);
}

// Promise: of two records with one id in a batch the second waits for the first. Catches: an answer
// to one of them that is taken for both.
TEST_CASE("records of one id do not meet in a request", "[lambda]") {
  std::vector<std::size_t> counts;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    counts.push_back(Json::parse(request.body)["records"].size());
    return {200, answer_ok(request)};
  });
  LambdaStore to(FunctionOptions{.url = function.url()});
  const auto answers = store(to, {{"a", "1"}, {"a", "2"}, {"b", "3"}});
  CHECK(counts == std::vector<std::size_t>{2});
  CHECK(answers[0].result == StoreResult::stored);
  CHECK(answers[1].result == StoreResult::failed);
  CHECK(contains(answers[1].message, "the same id"));
  CHECK(answers[2].result == StoreResult::stored);
}

// Promise: where it is asked for, a request is signed for the service and its region, and carries
// the session's token. Catches: credentials that are sent as a password.
TEST_CASE("an invocation is signed", "[lambda]") {
  std::map<std::string, std::string> headers;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    headers = request.headers;
    return {200, answer_ok(request)};
  });
  FunctionOptions options{.url = function.url()};
  options.signature = {"us-west-2", "THEKEY", "thesecret", "thetoken"};
  LambdaStore to(options);
  CHECK(store(to, {{"a", "1"}})[0].result == StoreResult::stored);
  const auto& authorization = headers["Authorization"];
  CAPTURE(authorization);
  CHECK(authorization.starts_with("AWS4-HMAC-SHA256 Credential=THEKEY/"));
  CHECK(contains(authorization, "/us-west-2/lambda/aws4_request"));
  CHECK_FALSE(contains(authorization, "thesecret"));
  CHECK(headers["X-Amz-Security-Token"] == "thetoken");
  CHECK(contains(authorization, "x-amz-security-token"));
}

// Promise: the program hands the sessions of its input to a function, the open ones at its end, and
// writes down what it has to give up. Catches: sessions lost at the end of the input, an exit code
// of success for them.
TEST_CASE("sessionize_to_lambda", "[lambda]") {
  std::multiset<Session> table;
  const ScriptedFunction function([&](const HttpRequest& request) -> HttpReply {
    Json records = Json::array();
    const auto asked = Json::parse(request.body);
    for (const auto& record : asked["records"]) {
      const auto row = Json::parse(plain(record["data"]));
      if (row["user_id"] == "user7") continue;  // is never answered
      table.emplace(row["user_id"], row["session_start"], row["session_end"], row["events"]);
      records.push_back(ok(record["recordId"]));
    }
    return {200, Json{{"records", records}}.dump()};
  });
  const auto input = clicks(300, 1);
  std::string lines;
  for (const auto& click : input)
    lines += command_test::event(click.user_id, click.time.time_since_epoch().count());
  const command_test::Folder folder;
  const auto outcome = command_test::run({SESSIONIZE_TO_LAMBDA, "--url", function.url(),
                                          "--attempts", "2", "--dead-letters", folder / "dead"},
                                         lines + "{\"user_id\":7}\n");
  CAPTURE(outcome.err);
  CHECK(outcome.code == 1);
  CHECK(contains(outcome.err, "line 301: the time"));
  std::multiset<Session> all = table;
  for (const auto& row : command_test::objects(command_test::read_file(folder / "dead"))) {
    CHECK(row["user_id"] == "user7");
    all.emplace(row["user_id"], row["session_start"], row["session_end"], row["events"]);
  }
  CHECK(all == sessions_of(input));
  CHECK(table.size() < all.size());
}

}  // namespace
}  // namespace lambda_store_test
