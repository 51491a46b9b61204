#include "ingest.hpp"
#include "stop_signal.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

// The program `sessionize_service`: events over HTTP to sessions in SQLite.

namespace {

struct Options {
  service::ShardOptions shards{};
  service::IngestOptions ingest{};
  http::ServerOptions server{};
};

/// Options in milliseconds.
struct Milliseconds {
  CLI::App& app;

  /// The value goes to `to` when the command line has been read.
  void add(const std::string& name, std::chrono::milliseconds& to, std::int64_t least,
           const std::string& help) {
    app.add_option_function<std::int64_t>(
           name, [&to](const std::int64_t& count) { to = std::chrono::milliseconds(count); }, help)
        ->check(CLI::Range(least, std::int64_t{1} << 53))
        ->default_str(std::to_string(to.count()));
  }
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app(
      "Takes events over HTTP, sessionizes them in shards, and keeps the closed sessions and its "
      "own state in SQLite.");
  auto& [shards, ingest, server] = options;
  std::chrono::milliseconds gap = shards.session.gap;
  std::chrono::milliseconds grace = *shards.grace;
  bool by_events_alone = false;
  Milliseconds times{app};
  const CLI::Range sizes(std::int64_t{1}, std::int64_t{1} << 32);
  app.add_option("--into", shards.database, "the database, as of `sessionize --into`")
      ->required()
      ->type_name("FILE.db");
  app.add_option("--host", server.host, "the address to listen at")->capture_default_str();
  app.add_option("--port", server.port, "0: a free one, which standard output names")
      ->check(CLI::Range(0, 65'535))
      ->capture_default_str();
  app.add_option("--shards", shards.shards, "parts of the users; fixed with the database")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  app.add_flag("--durable", ingest.durable,
               "acknowledge events when they are in the database, not in memory");
  times.add("--save-every-ms", shards.save_every, 1, "what SIGKILL can lose, without --durable");

  times.add("--gap-ms", gap, 0, "a longer time between two events starts a session");
  times.add("--grace-ms", grace, 0, "how late events may come before the clock closes sessions");
  app.add_flag("--by-events-alone", by_events_alone, "the clock closes no session");
  times.add("--close-every-ms", shards.close_every, 1, "how often idle sessions are looked for");
  app.add_option("--key", ingest.mapping.key, "the members that say whose event it is")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--time", ingest.mapping.time, "the member with its time in milliseconds")
      ->capture_default_str();
  app.add_option("--id", ingest.id, "the member that tells an event that is sent again");
  app.add_option("--max-ids", shards.duplicates.max_ids, "so many ids are known, for an hour")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();

  app.add_option("--max-users", shards.session.max_keys, "events of more users are rejected")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  app.add_option("--max-rows", shards.max_rows, "with so many sessions to store, answer 503")
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--max-head", server.max_head, "bytes of a request line and headers")
      ->check(CLI::Range(256, 1 << 20))
      ->capture_default_str();
  app.add_option("--max-body", server.max_body, "bytes in a request")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--max-events", ingest.max_events, "events in a request")
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--max-event", ingest.limits.line, "bytes in an event")
      ->check(sizes)
      ->capture_default_str();
  app.add_option("--connections", server.connections, "served at a time")
      ->check(CLI::Range(1, 4'096))
      ->capture_default_str();
  app.add_option("--max-requests", server.max_requests, "on one connection")
      ->check(sizes)
      ->capture_default_str();
  times.add("--patience-ms", server.patience, 1, "how long a request may take to come");
  times.add("--idle-ms", server.idle, 1, "how long a connection may be silent");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  shards.session.gap = gap;
  shards.grace = by_events_alone ? std::nullopt : std::optional(grace);
  return std::nullopt;
}

int complain(std::string_view wrong) {
  std::cerr << "sessionize_service: " << wrong << '\n';
  return 3;
}

int run(const Options& options) {
  const command::StopSignal stop;
  service::SessionShards shards(options.shards);
  if (const auto wrong = shards.open()) return complain(*wrong);
  shards.start();
  service::Ingest ingest(options.ingest, shards);
  const std::string wrong = http::serve(
      options.server, ingest.service(),
      [&](int port) {
        std::cout << "listening at http://" << options.server.host << ':' << port << std::endl;
      },
      [] { static_cast<void>(command::StopSignal::comes_before(-1)); });
  // Also where accepting has failed: what was acknowledged is kept.
  const auto unsaved = shards.stop();
  const auto stats = shards.stats();
  std::cerr << "sessionize_service: " << stats.events.accepted << " events so far, "
            << stats.open_sessions << " sessions open, " << stats.rows_stored
            << " stored by this process\n";
  if (unsaved) return complain(*unsaved);
  return wrong.empty() ? 0 : complain(wrong);
}

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  return run(options);
}
