#include "click_intake.hpp"
#include "server.hpp"
#include "stop_signal.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <string>

// The program `sessionize_lambda`: the function behind a stream of clicks, as a server.

namespace {

struct Options {
  lambda::IntakeOptions intake{};
  lambda::ServerOptions server{};
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app(
      "Takes the invocations of a stream's Lambda destination over HTTP, sessionizes the "
      "clicks in their records, and keeps the sessions in SQLite.");
  std::int64_t gap_ms = options.intake.session.gap.count();
  std::int64_t patience_s = options.server.patience.count();
  auto& mapping = options.intake.mapping;
  app.add_option("--into", options.intake.database, "the database, as of `sessionize --into`")
      ->required()
      ->type_name("FILE.db");
  app.add_option("--host", options.server.host, "the address to listen at")->capture_default_str();
  app.add_option("--port", options.server.port, "0: a free one, which standard output names")
      ->check(CLI::Range(0, 65'535))
      ->capture_default_str();
  app.add_option("--gap-ms", gap_ms, "a longer time between two clicks starts a session")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53))
      ->capture_default_str();
  app.add_option("--key", mapping.key, "the members that say whose click it is")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--time", mapping.time, "the member with its time in milliseconds")
      ->capture_default_str();
  app.add_option("--max-users", options.intake.session.max_keys,
                 "of more, the one that is silent for longest is forgotten")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--max-body", options.server.max_body, "bytes in a request")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  app.add_option("--max-records", options.server.limits.records, "records in a request")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--connections", options.server.connections, "served at a time")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--patience-s", patience_s, "how long a request may take to come")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.intake.session.gap = std::chrono::milliseconds(gap_ms);
  options.server.patience = std::chrono::seconds(patience_s);
  return std::nullopt;
}

/// Says why records have failed, of one invocation no more than a person reads.
void complain(const lambda::Request& request, const std::vector<lambda::RecordAnswer>& answers) {
  constexpr int most = 10;
  int failed = 0;
  for (const auto& answer : answers)
    if (!answer.ok && ++failed <= most)
      std::cerr << "sessionize_lambda: invocation " << lambda::shown(request.invocation_id) << ": "
                << answer.message << '\n';
  if (failed > most)
    std::cerr << "sessionize_lambda: and " << failed - most << " more of this invocation\n";
}

int run(Options& options) {
  const command::StopSignal stop;
  lambda::ClickIntake intake(options.intake);
  if (const auto wrong = intake.open()) {
    std::cerr << "sessionize_lambda: " << *wrong << '\n';
    return 3;
  }
  const std::string wrong = lambda::serve(
      options.server,
      [&](const lambda::Request& request) {
        auto answers = intake.take(request);
        complain(request, answers);
        return answers;
      },
      [&](int port) {
        std::cout << "listening at http://" << options.server.host << ':' << port << std::endl;
      },
      [] { static_cast<void>(command::StopSignal::comes_before(-1)); });
  const auto& counts = intake.counts();
  std::cerr << "sessionize_lambda: " << counts.invocations << " invocations, " << counts.ok
            << " records Ok (" << counts.duplicates << " of them again), " << counts.failed
            << " DeliveryFailed\n";
  if (wrong.empty()) return 0;
  std::cerr << "sessionize_lambda: " << wrong << '\n';
  return 3;
}

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  return run(options);
}
