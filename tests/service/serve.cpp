#include "../command/harness.hpp"
#include "../command/sql.hpp"
#include "../http/server.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <sessionize/detail/seed.hpp>

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// The program `sessionize_service`, over HTTP.

namespace service_serve_test {
namespace {

using command_test::Args;
using command_test::operator+;
using command_test::contains;
using command_test::Folder;
using command_test::Json;
using command_test::sql;
using http_test::Connection;

/// The program, with a database. Its sessions are closed by their events alone.
class Server : public http_test::Server {
 public:
  explicit Server(const std::string& database, const Args& more = {})
      : http_test::Server(Args{"--into", database, "--port", "0", "--by-events-alone"} + more) {}

  [[nodiscard]] http_test::HttpReply post(const std::string& body) const {
    return send("POST", "/events", body);
  }
  [[nodiscard]] http_test::HttpReply get(const std::string& path) const {
    return send("GET", path);
  }
};

std::string event(const std::string& user, std::int64_t time, const std::string& more = {}) {
  return R"({"user_id":")" + user + R"(","event_timestamp":)" + std::to_string(time) + more + "}\n";
}

/// The time stamps that were acknowledged of each user, in the order of their arrival.
using Acknowledged = std::map<std::string, std::vector<std::int64_t>>;

/// A client that posts events of users of its own, and posts again what is not acknowledged.
class Client {
 public:
  Client(int number, std::uint64_t seed, std::atomic<int>& port, std::atomic<int>& answers)
      : name_("c" + std::to_string(number) + "u"), random_(seed), port_(port), answers_(answers) {}

  void post(int requests, bool with_ids) {
    int used = port_;
    auto http = std::make_unique<httplib::Client>("127.0.0.1", used);
    http->set_keep_alive(true);
    http->set_tcp_nodelay(true);
    for (int i = 0; i < requests; ++i) {
      const std::string body = next(with_ids);
      for (;;) {
        const auto reply = http->Post("/events", body, "application/json");
        if (reply && reply->status == 200) {
          const auto answer = Json::parse(reply->body, nullptr, false);
          good_ = good_ &&
                  answer["accepted"].get<std::size_t>() + answer["duplicates"].get<std::size_t>() ==
                      sent_.size();
          break;
        }
        if (reply) good_ = false;
        // Nobody listens there any more: until there is another server.
        if (!reply && reply.error() == httplib::Error::Connection) port_.wait(used);
        used = port_;
        http = std::make_unique<httplib::Client>("127.0.0.1", used);
        http->set_keep_alive(true);
        http->set_tcp_nodelay(true);
      }
      for (const auto& [user, time] : sent_) acknowledged[user].push_back(time);
      ++answers_;
      answers_.notify_all();
    }
  }
  [[nodiscard]] bool good() const { return good_; }

  Acknowledged acknowledged{};

 private:
  std::uint64_t below(std::uint64_t bound) {
    return sessionize::detail::splitmix64(random_) % bound;
  }
  std::string next(bool with_ids) {
    sent_.clear();
    std::string body;
    for (auto left = 1 + below(20); left != 0; --left) {
      now_ += static_cast<std::int64_t>(below(2'500));
      sent_.emplace_back(name_ + std::to_string(below(5)), now_);
      body += event(sent_.back().first, now_,
                    with_ids ? R"(,"n":)" + std::to_string(++number_) : std::string{});
    }
    return body;
  }

  std::string name_;
  std::uint64_t random_;
  std::atomic<int>& port_;
  std::atomic<int>& answers_;
  std::int64_t now_ = 0;
  int number_ = 0;
  bool good_ = true;
  std::vector<std::pair<std::string, std::int64_t>> sent_{};
};

/// LAG over what was acknowledged: each session as `user start end events reason`.
std::vector<std::string> lag(const Acknowledged& acknowledged) {
  std::vector<std::string> sessions;
  for (const auto& [user, its] : acknowledged)
    for (std::size_t first = 0, i = 1; i <= its.size(); ++i)
      if (i == its.size() || its[i] - its[i - 1] > 10'000) {
        sessions.push_back(user + ' ' + std::to_string(its[first]) + ' ' +
                           std::to_string(its[i - 1]) + ' ' + std::to_string(i - first) +
                           (i == its.size() ? " open" : " idle"));
        first = i;
      }
  std::sort(sessions.begin(), sessions.end());
  return sessions;
}

/// The sessions that the service has: closed ones in its table, open ones as it tells them.
std::vector<std::string> sessions_of(Server& server, const std::string& database,
                                     const Acknowledged& acknowledged) {
  std::vector<std::string> sessions;
  for (const auto& [user, its] : acknowledged) {
    const auto answer = Json::parse(server.get("/sessions/" + user).body, nullptr, false);
    sessions.push_back(user + ' ' + answer["session_start"].dump() + ' ' +
                       answer["session_end"].dump() + ' ' + answer["events"].dump() + " open");
  }
  CHECK(server.stop().code == 0);
  for (auto& row :
       sql(database, "SELECT user_id, session_start, session_end, events, reason FROM sessions"))
    sessions.push_back(std::move(row));
  std::sort(sessions.begin(), sessions.end());
  return sessions;
}

/// Clients that post side by side, each so many requests.
class Clients {
 public:
  static constexpr int count = 4;

  /// SESSIONIZE_REQUESTS has more requests than `requests` for longer runs.
  Clients(int port, int requests, bool with_ids) : port_(port), requests_(requests) {
    if (const char* const more = std::getenv("SESSIONIZE_REQUESTS")) requests_ = std::stoi(more);
    for (int i = 0; i < count; ++i)
      all_.push_back(
          std::make_unique<Client>(i, seed_ + static_cast<std::uint64_t>(i), port_, answers_));
    for (const auto& client : all_)
      threads_.emplace_back(
          [this, &client = *client, with_ids] { client.post(requests_, with_ids); });
  }
  ~Clients() {
    for (auto& thread : threads_) thread.join();
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Waits until a part of all answers has come: `part` of `parts`.
  void wait_for(int part, int parts) const {
    const int enough = static_cast<int>(std::int64_t{part} * requests_ * count / parts);
    for (int seen = answers_; seen < enough; seen = answers_) answers_.wait(seen);
  }
  /// From now on there is another server.
  void go_to(int port) {
    port_ = port;
    port_.notify_all();
  }
  /// What was acknowledged in the end.
  [[nodiscard]] Acknowledged finish() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    Acknowledged acknowledged;
    for (const auto& client : all_) {
      CAPTURE(seed_);
      CHECK(client->good());
      acknowledged.insert(client->acknowledged.begin(), client->acknowledged.end());
    }
    return acknowledged;
  }

 private:
  const std::uint64_t seed_ = seeds::one(11);
  std::atomic<int> port_;
  std::atomic<int> answers_ = 0;
  int requests_;
  std::vector<std::unique_ptr<Client>> all_{};
  std::vector<std::thread> threads_{};
};

/// That the sessions of the service are those of what was acknowledged, and more than a few.
void check_sessions(Server& server, const std::string& database, const Acknowledged& acknowledged) {
  const auto expected = lag(acknowledged);
  REQUIRE(expected.size() > 100);
  CHECK(sessions_of(server, database, acknowledged) == expected);
}

/// Lets clients post while servers come and go: `end` ends one, when so many answers more have
/// come.
void clients_and_servers(const Args& args, int requests, bool with_ids,
                         const std::function<void(Server&)>& end) {
  constexpr int servers = 4;
  const Folder folder;
  const auto database = folder / "s.db";
  auto server = std::make_unique<Server>(database, args);
  Clients clients(server->port(), requests, with_ids);
  for (int i = 1; i < servers; ++i) {
    clients.wait_for(i, servers);
    end(*server);
    server = std::make_unique<Server>(database, args);
    clients.go_to(server->port());
  }
  check_sessions(*server, database, clients.finish());
}

// Promise: every acknowledged event is in the sessions once, whatever SIGTERM comes between, and
// one that is not acknowledged is in none: the clients send it again, without ids. Catches: a
// request that is taken and not answered, a state without the last events, rows and state that
// disagree.
TEST_CASE("SIGTERM and restart under load", "[service]") {
  clients_and_servers({"--save-every-ms", "20"}, 400, false, [](Server& server) {
    const auto outcome = server.stop();
    CAPTURE(outcome.err);
    CHECK(outcome.code == 0);
  });
}

// Promise: with --durable the same holds of SIGKILL, where events have ids. Catches: an answer
// before the commit, an id that is remembered without its event.
TEST_CASE("SIGKILL and restart under load", "[service]") {
  clients_and_servers({"--durable", "--id", "n"}, 60, true,
                      [](Server& server) { server.program().kill(); });
}

// Promise: what is no request, or is too large or too slow, is told so, and the next is served;
// none of it reaches the sessions. Catches: a head without a bound, a body that is taken in part, a
// length that two readers read differently, an endless body that is waited for.
TEST_CASE("hostile requests", "[service]") {
  const Folder folder;
  Server server(folder / "s.db", {"--max-head", "1000", "--max-body", "2000", "--connections", "2",
                                  "--patience-ms", "300"});
  const std::string post = "POST /events HTTP/1.1\r\n";
  const auto status = [&](const std::string& request) { return server.talk(request).substr(9, 3); };
  CHECK(status("GET /healthz HTTP/1.1\r\nX: " + std::string(2'000, 'x')) == "431");
  CHECK(status(std::string(2'000, 'x')) == "431");
  std::string many;
  while (many.size() < 2'000) many += "A: b\r\n";
  CHECK(status("GET /healthz HTTP/1.1\r\n" + many) == "431");
  CHECK(status("no request\r\n\r\n") == "400");
  CHECK(status("GET /healthz\r\n\r\n") == "400");
  CHECK(status(post + "Content-Length: -1\r\n\r\n") == "400");
  CHECK(status(post + "Content-Length: 1x\r\n\r\n1") == "400");
  CHECK(status(post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n12") == "400");
  CHECK(status(post + "Content-Length: 99999999999999\r\n\r\n" + event("ann", 1)) == "413");
  CHECK(status(post + "Transfer-Encoding: chunked\r\n\r\n7d1\r\n" + std::string(2'001, ' ')) ==
        "413");
  CHECK(
      status(post + "Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n\r\n") ==
      "415");
  CHECK(status("GET /healthz HTTP/1.1\r\nConnection: close\r\nrange: bytes=" +
               std::string(900, '-') + "\r\n\r\n") == "200");
  // Slow: what is missing does not come.
  CHECK(status("GET /healthz HTTP/1.1\r\n") == "408");
  CHECK(status(post + "Content-Length: 1000\r\n\r\n" + event("ann", 1)) == "408");
  {
    // The slow ones have all connections; who waits gets one as soon as they have had their time.
    Connection one(server.port()), two(server.port());
    one.write("GET ");
    two.write(post);
    CHECK(server.get("/healthz").status == 200);
  }
  {
    // A silent connection is kept for nobody while another waits.
    Connection one(server.port()), two(server.port());
    for (auto* silent : {&one, &two}) {
      silent->write("GET /healthz HTTP/1.1\r\n\r\n");
      CHECK(contains(silent->read_to("\"ok\"}\n"), "200"));
    }
    CHECK(server.get("/healthz").status == 200);
  }
  CHECK(server.get("/sessions/ann").status == 404);
  CHECK(server.post(event("ann", 1)).status == 200);
  CHECK(server.get("/sessions/ann").status == 200);
  CHECK(server.stop().code == 0);
}

// Promise: two requests that come at once are answered one after the other, and what follows a
// refused one is no request. Catches: a body that is read as the next request's head.
TEST_CASE("requests on one connection", "[service]") {
  const Folder folder;
  Server server(folder / "s.db");
  const std::string one = event("ann", 1);
  const std::string request =
      "POST /events HTTP/1.1\r\nContent-Length: " + std::to_string(one.size()) + "\r\n\r\n" + one;
  const std::string last = "GET /sessions/ann HTTP/1.1\r\nConnection: close\r\n\r\n";
  const auto answers = server.talk(request + request + last);
  CHECK(contains(answers, R"("events":2,)"));
  // A body of a request that has none to be read; what is in it must not be served.
  const auto smuggled =
      server.talk("GET /healthz HTTP/1.1\r\nContent-Length: " + std::to_string(request.size()) +
                  "\r\n\r\n" + request);
  CHECK(contains(smuggled, "200"));
  CHECK(contains(server.get("/sessions/ann").body, R"("events":2,)"));
  CHECK(server.stop().code == 0);
}

// Promise: endless requests do not make it grow. Catches: bytes that are kept of what is refused.
TEST_CASE("what is sent in vain takes no memory", "[service]") {
  const Folder folder;
  Server server(folder / "s.db");
  const auto before = server.program().peak_memory();
  if (!before) return;
  const std::string piece(1 << 20, ' ');
  for (const std::string& head :
       {std::string("GET /"), std::string("POST /events HTTP/1.1\r\nX: "),
        std::string("POST /events HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n"),
        std::string("POST /events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n")}) {
    httplib::Client client("127.0.0.1", server.port());
    Connection connection(server.port());
    connection.write(head);
    try {
      for (int i = 0; i < 32; ++i) connection.write(piece);
    } catch (const std::system_error&) {
      // It has been closed on us, as it should be.
    }
  }
  CHECK(server.get("/healthz").status == 200);
  constexpr std::uint64_t most_kib = 24 * 1'024;
  CHECK(*server.program().peak_memory() - *before < most_kib);
  CHECK(server.stop().code == 0);
}

/// Sends what is no request, or none that ends, again and again, until it is told to stop.
class Hostile {
 public:
  /// With a `piece`, that is sent behind the head for as long as it is taken.
  Hostile(int port, std::string head, std::string piece = {})
      : thread_([this, port, head = std::move(head), piece = std::move(piece)] {
          while (!stop_) {
            ++attempts_;
            attempt(port, head, piece);
          }
        }) {}
  ~Hostile() {
    stop_ = true;
    thread_.join();
  }
  Hostile(const Hostile&) = delete;
  Hostile& operator=(const Hostile&) = delete;

  [[nodiscard]] int attempts() const { return attempts_; }

 private:
  void attempt(int port, const std::string& head, const std::string& piece) const {
    try {
      Connection connection(port);
      connection.write(head);
      while (!stop_ && !piece.empty()) connection.write(piece);
      static_cast<void>(connection.read_all());
    } catch (const std::system_error&) {
      // It has been closed on us, as it should be.
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<int> attempts_ = 0;
  std::thread thread_;
};

// Promise: while endless, slow, huge and malformed requests come all the time, those of others are
// answered and counted once, and the memory stays what it was. Catches: a connection that is never
// given back, a reader that keeps what was refused, a buffer that grows from request to request.
TEST_CASE("hostile clients beside others", "[service]") {
  const Folder folder;
  const auto database = folder / "s.db";
  Server server(database,
                {"--patience-ms", "200", "--max-body", "100000", "--save-every-ms", "50"});
  const std::string post = "POST /events HTTP/1.1\r\n";
  const auto whole = [&](const std::string& body) {
    return post + "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  };
  std::vector<std::string> peaks;
  std::uint64_t warm = 0, last = 0;
  {
    Clients clients(server.port(), 400, false);
    const std::string piece(1 << 16, 'x');
    std::vector<std::unique_ptr<Hostile>> hostile;
    const auto add = [&](auto&&... what) {
      hostile.push_back(std::make_unique<Hostile>(server.port(), what...));
    };
    add("GET /", piece);
    add(post + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", piece);
    add(post + "Content-Length: 100\r\n\r\n{");  // and no more
    add(whole(std::string(90'000, '[')));
    add(whole(event(std::string(80'000, 'u'), 1) + "\xff\xfe\n{\"user_id\":\n[{}]"));
    add(whole("[" + std::string(40'000, '1') + ",{]"));
    constexpr int parts = 20;
    for (int part = 1; part <= parts; ++part) {
      clients.wait_for(part, parts);
      last = server.program().peak_memory().value_or(0);
      if (part == parts / 4) warm = last;
      peaks.push_back(std::to_string(last));
    }
    for (const auto& each : hostile) CHECK(each->attempts() > 0);
    hostile.clear();
    CAPTURE(peaks);
    constexpr std::uint64_t most_kib = 24 * 1'024;  // AddressSanitizer keeps what is freed
    CHECK(last - warm < most_kib);
    check_sessions(server, database, clients.finish());
  }
}

// Promise: SIGTERM lets a request that has begun come to its end, be answered and kept. Catches: a
// deploy that cuts off requests.
TEST_CASE("SIGTERM drains", "[service]") {
  const Folder folder;
  const auto database = folder / "s.db";
  {
    Server server(database);
    const auto body = event("ann", 1);
    Connection begun(server.port());
    begun.write("POST /events HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n");
    CHECK(contains(begun.read_to("\r\n\r\n"), "100 Continue"));  // so it is being served
    server.program().signal(SIGTERM);
    begun.write(body);
    CHECK(contains(begun.read_all(), R"("accepted":1)"));
    CHECK(server.program().finish().code == 0);
  }
  Server server(database);
  CHECK(contains(server.get("/sessions/ann").body, R"("events":1)"));
  CHECK(server.stop().code == 0);
}

// Promise: what cannot be served from is said in one line, with exit code 3. Catches: two servers
// at one port or one database.
TEST_CASE("a start that fails", "[service]") {
  const Folder folder;
  Server server(folder / "s.db");
  const auto refused = [](const Args& args, std::string_view message) {
    const auto outcome = command_test::run(args);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, message));
  };
  refused({"--into", folder / "s.db", "--port", "0"}, "is another running process's");
  refused({"--into", folder / "t.db", "--port", std::to_string(server.port())}, "cannot listen at");
  refused({"--into", folder / "no/such.db"}, "cannot lock");
  CHECK(command_test::run({}).code == 2);
}

}  // namespace
}  // namespace service_serve_test
