#include "../../examples/lambda/click_intake.hpp"

#include "../command/harness.hpp"
#include "../command/sql.hpp"
#include "../http/server.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <atomic>
#include <csignal>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

// A producer that hands its records to the function behind `sessionize_lambda`.

namespace lambda_serve_test {
namespace {

using command_test::Args;
using command_test::operator+;
using command_test::contains;
using command_test::Folder;
using command_test::Json;
using command_test::sql;
using http_test::Connection;
using lambda::ClickIntake;
using lambda::IntakeOptions;

const std::string path = "/2015-03-31/functions/function/invocations";

const std::string all_sessions =
    "SELECT user_id, session_start, session_end, events, reason FROM sessions "
    "ORDER BY user_id, session_start";

std::string click(const std::string& user, std::int64_t time) {
  return R"({"user_id":")" + user + R"(","event_timestamp":)" + std::to_string(time) +
         R"(,"event_type":"click"})";
}

std::string base64(const std::string& bytes) {
  // By the definition: groups of six bits, filled up with '='.
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text, bits;
  for (const char c : bytes)
    for (int i = 7; i >= 0; --i) bits += (static_cast<unsigned char>(c) >> i & 1) != 0 ? '1' : '0';
  while (bits.size() % 6 != 0) bits += '0';
  for (std::size_t i = 0; i < bits.size(); i += 6)
    text += digits[std::stoul(bits.substr(i, 6), nullptr, 2)];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

struct Record {
  std::string id, click;
};

std::string invocation(const std::vector<Record>& records) {
  Json list = Json::array();
  for (const auto& [id, click] : records)
    list.push_back({{"recordId", id},
                    {"data", base64(click)},
                    {"lambdaDeliveryRecordMetadata", {{"retryHint", 0}}}});
  return Json{{"invocationId", "i"}, {"applicationArn", "a"}, {"records", list}}.dump();
}

lambda::Request request(const std::vector<Record>& records) {
  return *lambda::read_request(invocation(records));
}

/// The words of the answers, put together.
std::string words(const std::vector<lambda::RecordAnswer>& answers) {
  std::string all;
  for (const auto& answer : answers) all += answer.ok ? "+" : "-";
  return all;
}

/// The program, with a database.
class Server : public http_test::Server {
 public:
  explicit Server(const std::string& database, const Args& more = {})
      : http_test::Server(Args{SESSIONIZE_LAMBDA, "--into", database, "--port", "0"} + more) {}

  [[nodiscard]] http_test::HttpReply post(const std::string& body) const {
    return send("POST", path, body);
  }
};

// Promise: each record is answered, in order, and what is Ok is in the table; a record that is no
// click is DeliveryFailed, alone, and standard error says why. Catches: an Ok before the click is
// safe, a bad click that fails its neighbours.
TEST_CASE("an invocation over HTTP", "[lambda]") {
  const Folder folder;
  const auto db = folder / "s.db";
  Server server(db);
  const auto reply =
      server.post(R"({"invocationId":"i1","applicationArn":"a","records":[)"
                  R"({"recordId":"r1","data":")" +
                  base64(click("ann", 1'000)) + R"("},{"recordId":"r2","data":"?"},)" +
                  R"({"recordId":"r3","data":")" + base64("{\"user_id\":\"ann\"}") + R"("},)" +
                  R"({"recordId":"r4","data":")" + base64(click("ann", 11'000)) + R"("},)" +
                  R"({"recordId":"r5","data":")" + base64(click("ann", 21'001) + "\n") + R"("}]})");
  CHECK(reply.status == 200);
  CHECK(
      reply.body ==
      R"({"records":[{"recordId":"r1","result":"Ok"},{"recordId":"r2","result":"DeliveryFailed"},)"
      R"({"recordId":"r3","result":"DeliveryFailed"},{"recordId":"r4","result":"Ok"},)"
      R"({"recordId":"r5","result":"Ok"}]})");
  CHECK(sql(db, all_sessions) ==
        std::vector<std::string>{"ann 1000 11000 2 idle", "ann 21001 21001 1 open"});
  CHECK(server.send("POST", "/", invocation({{"r6", click("ann", 22'000)}})).body ==
        R"({"records":[{"recordId":"r6","result":"Ok"}]})");
  CHECK(sql(db, all_sessions)[1] == "ann 21001 22000 2 open");
  CHECK(
      sql(db, "SELECT session_id FROM sessions ORDER BY 1") ==
      std::vector<std::string>{"ann_1970-01-01T00:00:01.000Z_1", "ann_1970-01-01T00:00:21.001Z_2"});
  const auto outcome = server.stop();
  CHECK(outcome.code == 0);
  CAPTURE(outcome.err);
  CHECK(contains(outcome.err, "invocation \"i1\": records[1] \"r2\": its data is not"));
  CHECK(contains(outcome.err,
                 "invocation \"i1\": record \"r3\": the time \"event_timestamp\" is missing"));
  CHECK(contains(outcome.err, "2 invocations, 4 records Ok (0 of them again), 2 DeliveryFailed"));
}

// Promise: what is no invocation is told so by its status, and changes nothing; the server goes on.
// Catches: a body without a bound, a request that is taken before it is there as a whole.
TEST_CASE("requests that are no invocation", "[lambda]") {
  const Folder folder;
  const auto db = folder / "s.db";
  Server server(db, {"--max-body", "1000", "--max-records", "2"});
  const auto good = invocation({{"r", click("ann", 1)}});
  const auto status = [&](const char* method, const std::string& where, const std::string& body,
                          const char* type = "application/json") {
    const auto reply = server.send(method, where, body, type);
    CHECK(Json::parse(reply.body, nullptr, false).contains("errorMessage"));
    return reply.status;
  };
  CHECK(status("POST", path, "") == 400);
  CHECK(status("POST", path, "{}") == 400);
  CHECK(status("POST", path, good.substr(0, good.size() - 1)) == 400);
  CHECK(status("POST", path, invocation({{"1", ""}, {"2", ""}, {"3", ""}})) == 400);
  CHECK(status("POST", path, good + std::string(1'000, ' ')) == 413);
  CHECK(status("POST", "/other", good) == 404);
  CHECK(status("PUT", path, good) == 405);
  CHECK(status("GET", "/", "") == 405);
  CHECK(status("POST", path, good, "multipart/form-data; boundary=x") == 415);

  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  {
    // It is cut off where it is a request already.
    Connection cut(server.port());
    cut.write(head + "Content-Length: " + std::to_string(good.size() + 5) + "\r\n\r\n" + good);
    cut.end();
    CHECK_FALSE(contains(cut.read_all(), "200"));  // to its end: it has been dealt with
  }
  {
    Connection chunked(server.port());
    chunked.write(head + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2'000, ' ') +
                  "\r\n0\r\n\r\n");
    CHECK(contains(chunked.read_all(), "413"));
  }
  {
    // What is left of a body that was not read would be the next request.
    Connection one(server.port());
    one.write(head + "Connection: keep-alive\r\nContent-Length: 2\r\n\r\n{}");
    CHECK(contains(one.read_to("\r\n\r\n"), "Connection: close"));
  }
  CHECK(sql(db, all_sessions).empty());
  CHECK(server.post(good).status == 200);
  CHECK(sql(db, all_sessions) == std::vector<std::string>{"ann 1 1 1 open"});
  CHECK(server.stop().code == 0);
}

// Promise: SIGTERM lets a request that has begun come to its end, and be answered and stored.
// Catches: a deploy that cuts off invocations.
TEST_CASE("SIGTERM drains", "[lambda]") {
  const Folder folder;
  const auto db = folder / "s.db";
  Server server(db);
  const auto body = invocation({{"r", click("ann", 1)}});
  Connection begun(server.port());
  begun.write("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n");
  CHECK(contains(begun.read_to("\r\n\r\n"), "100 Continue"));  // so it is being served
  server.program().signal(SIGTERM);
  begun.write(body);
  CHECK(contains(begun.read_all(), R"("result":"Ok")"));
  CHECK(server.program().finish().code == 0);
  CHECK(sql(db, all_sessions) == std::vector<std::string>{"ann 1 1 1 open"});
}

// Promise: a record that comes again is Ok and counts once, also behind later ones of its user;
// another record under the same id counts. Catches: a retry that prolongs or splits a session, a
// sender's own numbering that loses its clicks.
TEST_CASE("a record that comes again", "[lambda]") {
  const Folder folder;
  ClickIntake intake({.database = folder / "s.db"});
  REQUIRE_FALSE(intake.open());
  const auto first = request({{"1", click("ann", 1'000)}, {"2", click("ann", 2'000)}});
  CHECK(words(intake.take(first)) == "++");
  CHECK(words(intake.take(request({{"3", click("ann", 60'000)}}))) == "+");
  const auto before = sql(folder / "s.db", all_sessions);
  CHECK(before == std::vector<std::string>{"ann 1000 2000 2 idle", "ann 60000 60000 1 open"});
  CHECK(words(intake.take(first)) == "++");
  CHECK(sql(folder / "s.db", all_sessions) == before);
  CHECK(intake.counts().duplicates == 2);
  CHECK(words(intake.take(request({{"1", click("ann", 61'000)}}))) == "+");
  CHECK(sql(folder / "s.db", all_sessions)[1] == "ann 60000 61000 2 open");
}

// Promise: where the database fails, no record is Ok, and the state is that of the last commit: the
// same records are then counted once. Catches: a session in memory that is ahead of the table.
TEST_CASE("a database that fails", "[lambda]") {
  const Folder folder;
  const auto db = folder / "s.db";
  ClickIntake intake({.database = db});
  REQUIRE_FALSE(intake.open());
  CHECK(words(intake.take(request({{"1", click("ann", 1'000)}}))) == "+");
  const auto next = request({{"2", click("ann", 2'000)}, {"3", click("bob", 3'000)}});
  sql(db, "ALTER TABLE sessions RENAME TO elsewhere");
  const auto answers = intake.take(next);
  CHECK(words(answers) == "--");
  CHECK(contains(answers[0].message, "cannot store into " + db));
  sql(db, "ALTER TABLE elsewhere RENAME TO sessions");
  CHECK(words(intake.take(next)) == "++");
  CHECK(sql(db, all_sessions) ==
        std::vector<std::string>{"ann 1000 2000 2 open", "bob 3000 3000 1 open"});
  CHECK(intake.counts().duplicates == 0);
}

// Promise: with room for few users the one that makes room has its session closed in the table.
// Catches: a row that stays open for ever, a key too many.
TEST_CASE("more users than there is room for", "[lambda]") {
  const Folder folder;
  IntakeOptions options{.database = folder / "s.db"};
  options.session.max_keys = 2;
  ClickIntake intake(options);
  REQUIRE_FALSE(intake.open());
  CHECK(words(intake.take(request({{"1", click("a", 1)}, {"2", click("b", 2)}}))) == "++");
  CHECK(words(intake.take(request({{"3", click("c", 3)}}))) == "+");
  CHECK(sql(folder / "s.db", "SELECT reason FROM sessions ORDER BY user_id") ==
        std::vector<std::string>{"evicted", "open", "open"});
}

// Promise: what cannot be served from is said in one line, with exit code 3, and is left as it was.
// Catches: two processes that overwrite each other's state, a state read by other rules.
TEST_CASE("a database that cannot be served from", "[lambda]") {
  const Folder folder;
  const auto db = folder / "s.db";
  const auto refused = [](const Args& args, std::string_view message) {
    const auto outcome = command_test::run(Args{SESSIONIZE_LAMBDA, "--port", "0"} + args);
    CAPTURE(args, outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, message));
    CHECK(command_test::split_lines(outcome.err).size() == 1);
  };
  Server server(db);
  CHECK(server.post(invocation({{"r", click("ann", 1)}})).status == 200);
  refused({"--into", db}, "is another running process's");
  CHECK(server.stop().code == 0);
  refused({"--into", db, "--gap-ms", "5000"}, "cannot go on from the state in " + db);
  refused({"--into", folder / "no/such/folder.db"}, "cannot lock");
  refused({"--into", folder.write("text.db", std::string(10'000, 'x'))}, "cannot store into");
  CHECK(command_test::run({SESSIONIZE_LAMBDA}).code == 2);
  CHECK(sql(db, all_sessions) == std::vector<std::string>{"ann 1 1 1 open"});
}

// Promise: a port that is taken is refused, also where its owner would share it. Catches: two
// servers at one port, each of which gets some of the invocations.
TEST_CASE("a port that is taken", "[lambda]") {
  const Folder folder;
  Server server(folder / "1.db");
  const auto outcome = command_test::run(
      {SESSIONIZE_LAMBDA, "--into", folder / "2.db", "--port", std::to_string(server.port())});
  CHECK(outcome.code == 3);
  CHECK(contains(outcome.err, "cannot listen at 127.0.0.1:" + std::to_string(server.port())));
}

// Promise: killed at ten moments of its work and started again, the server has the sessions of a
// run that nobody disturbed: what was Ok is there, and what is sent again counts once. Catches: an
// Ok before the commit, a state that is not that of its rows, a retry that counts twice.
TEST_CASE("SIGKILL loses nothing that was Ok", "[lambda]") {
  std::uint64_t random = seeds::one(7);
  CAPTURE(random);
  const auto below = [&](std::uint64_t bound) {
    return sessionize::detail::splitmix64(random) % bound;
  };
  // Five users in turn: a click each, on average every six seconds of theirs.
  std::deque<std::vector<Record>> to_send;
  std::map<std::string, std::vector<std::int64_t>> times;
  std::int64_t now = 0;
  for (int i = 0; i < 1'000; ++i) {
    if (i % 10 == 0) to_send.emplace_back();
    const std::string user = "u" + std::to_string(below(5));
    now += static_cast<std::int64_t>(below(2'500));
    times[user].push_back(now);
    to_send.back().push_back({std::to_string(i), click(user, now)});
  }
  std::vector<std::string> expected;
  for (const auto& [user, its] : times)
    for (std::size_t first = 0, i = 1; i <= its.size(); ++i)
      if (i == its.size() || its[i] - its[i - 1] > 10'000) {
        expected.push_back(user + ' ' + std::to_string(its[first]) + ' ' +
                           std::to_string(its[i - 1]) + ' ' + std::to_string(i - first) +
                           (i == its.size() ? " open" : " idle"));
        first = i;
      }
  REQUIRE(expected.size() > 40);

  const Folder folder;
  const auto db = folder / "s.db";
  const std::string all_ok(10, '+');
  for (int run = 0; run <= 10; ++run) {
    Server server(db);
    for (auto left = run == 10 ? to_send.size() : 5 + below(5); left != 0; --left) {
      const auto reply = server.post(invocation(to_send.front()));
      REQUIRE(reply.status == 200);
      CHECK_FALSE(contains(reply.body, "DeliveryFailed"));
      to_send.pop_front();
    }
    if (run == 10) break;
    // One more invocation, whose answer nobody gets: the process dies at some moment of it.
    const auto body = invocation(to_send.front());
    Connection last(server.port());
    last.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body.substr(0, below(3) == 0 ? body.size() / 2 : body.size()));
    for (auto spins = below(200'000); spins != 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    if (below(3) == 0) static_cast<void>(server.post("{}"));
    server.program().kill();
  }
  CHECK(to_send.empty());
  CHECK(sql(db, all_sessions) == expected);
}

}  // namespace
}  // namespace lambda_serve_test
