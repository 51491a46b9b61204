#include "lambda_store.hpp"
#include "timed_input.hpp"

#include <sessionize/json/json.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/sinks/transform.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

// The program `sessionize_to_lambda`: clicks from standard input, their sessions to a function.

namespace {

using lambda::EventClock;
using lambda::SessionRow;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct Options {
  lambda::FunctionOptions function{};
  sessionize::DeliveryOptions delivery{};
  sessionize::Options<EventClock> session{};
  sessionize::json::Mapping mapping{};
  std::string dead_letters{};
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app(
      "Reads clicks as JSON Lines from standard input and hands their sessions to a "
      "function, as a stream's Lambda destination does.");
  std::int64_t gap_ms = options.session.gap.count();
  std::int64_t timeout_ms = options.function.timeout.count();
  std::string region;
  app.add_option("--url", options.function.url, "where the function takes invocations")->required();
  app.add_option("--region", region,
                 "sign, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
  app.add_option("--gap-ms", gap_ms, "a longer time between two clicks starts a session")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53))
      ->capture_default_str();
  app.add_option("--key", options.mapping.key, "the members that say whose click it is")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--time", options.mapping.time, "the member with its time in milliseconds")
      ->capture_default_str();
  app.add_option("--batch", options.delivery.max_records, "records in a request")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--attempts", options.delivery.retry.max_attempts,
                 "how often a session is sent before it is a dead letter")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--timeout-ms", timeout_ms, "how long an invocation may take")
      ->check(CLI::Range(1, 900'000))
      ->capture_default_str();
  app.add_option("--dead-letters", options.dead_letters,
                 "where sessions are written that cannot be delivered; standard error by default");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.session.gap = milliseconds(gap_ms);
  options.function.timeout = milliseconds(timeout_ms);
  if (!region.empty()) {
    const auto from_environment = [](const char* name) {
      const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads yet
      return std::string(value == nullptr ? "" : value);
    };
    options.function.signature = {region, from_environment("AWS_ACCESS_KEY_ID"),
                                  from_environment("AWS_SECRET_ACCESS_KEY"),
                                  from_environment("AWS_SESSION_TOKEN")};
  }
  return std::nullopt;
}

void complain(std::string_view what) { std::cerr << "sessionize_to_lambda: " << what << '\n'; }

int run(Options& options) {
  namespace s = sessionize;
  std::ofstream dead_letters;
  if (!options.dead_letters.empty()) {
    dead_letters.open(options.dead_letters, std::ios::app);
    if (!dead_letters) {
      complain("cannot write " + options.dead_letters);
      return 3;
    }
  }
  options.function.stray = complain;
  lambda::LambdaStore store(options.function);
  options.delivery.max_bytes = store.room();
  auto queue = s::delivery_queue<SessionRow>(
      store, steady_clock::now, options.delivery,
      [&](const s::DeadLetter<SessionRow>& dead) {
        complain("given up after " + std::to_string(dead.attempts) + " attempts: " + dead.message);
        auto& out = options.dead_letters.empty() ? std::cerr : dead_letters;
        out << dead.value.data << std::endl;
        return out ? s::Delivery::ok : s::Delivery::refused;
      },
      s::CountResults{}, &lambda::LambdaStore::size_of);
  auto out = s::on_summary(s::transform(lambda::row_of, queue));

  s::Sessionizer<EventClock, std::string> sessions(options.session);
  s::json::EventReader<EventClock> reader(options.mapping);
  using Event = s::json::Event<EventClock>;
  const auto by = s::by(&Event::key, &Event::time);
  std::uint64_t rejected = 0;
  const auto on_line = [&](const s::json::Line& line) {
    const auto event = line.too_long ? s::Failure{s::Rejection{.message = "the line is too long"}}
                                     : reader.read(line.text);
    if (!event) {
      ++rejected;
      complain("line " + std::to_string(line.number) + ": " + std::string(event.error().message));
      return;
    }
    auto progress = sessions.process(std::span(&*event, 1), by, out);
    // The queue is full: read no more until it has room.
    while (progress.delivery == s::Delivery::refused) {
      std::this_thread::sleep_until(queue.next_attempt().value_or(steady_clock::now()));
      progress = sessions.process(std::span<const Event>(), by, out);
    }
  };

  s::json::LineReader lines(reader.limits().line);
  std::array<char, 65'536> room;
  while (const auto piece = command::read_input(queue.next_attempt(), room)) {
    lines.feed(*piece, on_line);
    queue.poll();
  }
  lines.finish(on_line);
  while (sessions.flush(out).delivery == s::Delivery::refused)
    std::this_thread::sleep_until(queue.next_attempt().value_or(steady_clock::now()));

  const auto counts = queue.counters();
  complain(std::to_string(counts.stored) + " sessions delivered, " + std::to_string(counts.dead) +
           " given up, " + std::to_string(counts.failures) + " failed attempts, " +
           std::to_string(rejected) + " lines rejected");
  return counts.dead == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  return run(options);
}
