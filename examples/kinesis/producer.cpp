#include "click_line.hpp"
#include "ordered_puts.hpp"
#include "timed_input.hpp"

#include <kinesis.hpp>
#include <sessionize/json/json.hpp>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

// The program `kinesis_producer`: clicks, simulated or from standard input, to a stream.

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int exit_rejected = 1, exit_usage = 2, exit_cannot_put = 3;

struct Options {
  std::string stream{};
  std::string region{}, endpoint{};
  bool from_input = false;
  sessionize::testing::ClickOptions clicks{};
  std::uint64_t events = 3'000;
  std::string user = "user_id";
  std::optional<double> rate{};  // events a second
  double twice = 0;
  unsigned shards = 0;  // to create the stream with; 0: it is there
  producer::OrderedPutsOptions puts{};
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app(
      "Puts clicks on a Kinesis stream, a user's in their order: simulated ones, or with - the "
      "JSON Lines of standard input.");
  std::string input;
  std::string rate = "unlimited";
  app.add_option("input", input, "- puts standard input instead of simulated clicks")
      ->check(CLI::IsMember({"-"}));
  app.add_option("--stream", options.stream, "the stream's name")->required();
  app.add_option("--region", options.region, "AWS_REGION by default");
  app.add_option("--endpoint", options.endpoint, "AWS_ENDPOINT_URL, or the region's by default");
  app.add_option("--create", options.shards, "create the stream with so many shards, and wait")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--events", options.events, "how many clicks are simulated")
      ->capture_default_str();
  app.add_option("--users", options.clicks.users, "how many users click")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  app.add_option("--seed", options.clicks.seed, "another seed, other clicks")
      ->capture_default_str();
  app.add_option("--key", options.user, "the member of an input line that says whose it is")
      ->capture_default_str();
  app.add_option("--rate", rate, "how many events are put a second, or unlimited")
      ->capture_default_str();
  app.add_option("--twice", options.twice,
                 "put this share of the events again, a few events later, as a producer does that "
                 "got no answer")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--attempts", options.puts.retry.max_attempts,
                 "how often a call or a record may fail in a row")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (rate != "unlimited") {
      double number = 0;
      if (!CLI::detail::lexical_cast(rate, number) || !(number >= 1e-3 && number <= 1e9))
        throw CLI::ValidationError("--rate", "'" + rate + "' is no number of events a second");
      options.rate = number;
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  options.from_input = !input.empty();
  return std::nullopt;
}

void complain(std::string_view what) { std::cerr << "kinesis_producer: " << what << '\n'; }

struct Counts {
  std::uint64_t events = 0;    // taken
  std::uint64_t twice = 0;     // of them
  std::uint64_t rejected = 0;  // not taken
};

/// Puts events at the rate that is wanted, some of them twice.
class Producer {
 public:
  Producer(const Options& options, aws::Kinesis& kinesis)
      : options_(options),
        random_(options.clicks.seed),
        puts_([&](auto records) { return kinesis.put_records(options.stream, records); },
              steady_clock::now, options.puts) {}

  /// Takes an event once its time has come and there is room; producer::misfit() has found nothing.
  /// False where nothing can be put any more, as error() says.
  bool take(const aws::PutRecord& record) {
    const auto number = counts_.events++;
    if (options_.rate) {
      const std::chrono::duration<double> after(static_cast<double>(number) / *options_.rate);
      if (!work_until(began_ + std::chrono::duration_cast<steady_clock::duration>(after)))
        return false;
    }
    constexpr std::uint64_t furthest = 10;
    const auto chance = std::generate_canonical<double, 53>(random_);
    if (chance < options_.twice) again_.emplace(number + 1 + random_() % furthest, record);
    return offer(record) && offer_again(number);
  }

  void reject(std::string_view why) {
    ++counts_.rejected;
    complain(why);
  }

  /// Makes the next call, if one is due.
  bool poll() {
    if (!error_) error_ = puts_.poll();
    return !error_;
  }
  [[nodiscard]] std::optional<steady_clock::time_point> next_attempt() const {
    return puts_.next_attempt();
  }

  /// Puts all that is left.
  bool finish() {
    if (!offer_again(UINT64_MAX)) return false;
    while (const auto next = puts_.next_attempt()) {
      std::this_thread::sleep_until(*next);
      if (!poll()) return false;
    }
    return true;
  }

  [[nodiscard]] const std::optional<aws::Error>& error() const { return error_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const producer::OrderedPutsCounters& put_counts() const { return puts_.counters(); }

 private:
  bool work_until(steady_clock::time_point time) {
    for (;;) {
      const auto next = puts_.next_attempt();
      if (!next || *next >= time) break;
      std::this_thread::sleep_until(*next);
      if (!poll()) return false;
      if (steady_clock::now() >= time) return true;
    }
    std::this_thread::sleep_until(time);
    return true;
  }

  bool offer(const aws::PutRecord& record) {
    while (!puts_.offer(record)) {
      std::this_thread::sleep_until(*puts_.next_attempt());
      if (!poll()) return false;
    }
    return true;
  }

  /// The second copies that are due behind so many events.
  bool offer_again(std::uint64_t number) {
    while (!again_.empty() && again_.begin()->first <= number) {
      if (!offer(again_.begin()->second)) return false;
      again_.erase(again_.begin());
      ++counts_.twice;
    }
    return true;
  }

  const Options& options_;
  std::mt19937_64 random_;
  producer::OrderedPuts puts_;
  steady_clock::time_point began_ = steady_clock::now();
  std::multimap<std::uint64_t, aws::PutRecord> again_{};  // by the event behind which they come
  Counts counts_{};
  std::optional<aws::Error> error_{};
};

bool put_clicks(const Options& options, Producer& producer) {
  sessionize::testing::ClickGenerator clicks(options.clicks);
  std::string room;
  for (const auto& click : clicks.take(options.events)) {
    std::string line(command::click_line(room, click));
    line.pop_back();  // its end
    if (!producer.take({click.user_id, std::move(line)})) return false;
  }
  return true;
}

/// Of a line no more is read than whose it is: what else is wrong with it is for whoever reads the
/// stream to say.
bool put_input(const Options& options, Producer& producer) {
  using sessionize::json::Kind;
  constexpr sessionize::json::Limits limits{};
  bool goes_on = true;
  std::string message;
  const auto on_line = [&](const sessionize::json::Line& line) {
    if (!goes_on) return;
    const std::string where = "line " + std::to_string(line.number) + ": ";
    sessionize::json::Value user;
    const auto wanted = [&](std::string_view name) {
      return name == options.user ? &user : nullptr;
    };
    if (line.too_long) return producer.reject(where + "it is longer than 1 MiB");
    if (sessionize::json::read_members(line.text, limits.nesting, wanted, message))
      return producer.reject(where + message);
    if (user.kind != Kind::string && user.kind != Kind::integer)
      return producer.reject(where + "\"" + options.user + "\" is no string and no integer");
    const aws::PutRecord record{std::move(user.text), std::string(line.text)};
    if (const auto problem = producer::misfit(record)) return producer.reject(where + *problem);
    goes_on = producer.take(record);
  };
  sessionize::json::LineReader lines(limits.line);
  std::array<char, 65'536> room;
  while (goes_on) {
    const auto piece = command::read_input(producer.next_attempt(), room);
    if (!piece) break;
    lines.feed(*piece, on_line);
    goes_on = goes_on && producer.poll();
  }
  if (goes_on) lines.finish(on_line);
  return goes_on;
}

aws::ClientOptions client_options(const Options& options) {
  aws::ClientOptions client;
  client.region = options.region;
  client.endpoint = options.endpoint;
  return client;
}

bool create_stream(const Options& options) {
  auto client = client_options(options);
  client.retry = options.puts.retry;
  aws::Kinesis kinesis(client);
  auto done = kinesis.create_stream(options.stream, options.shards);
  if (done || done.error().type == "ResourceInUseException")
    done = kinesis.wait_until_active(options.stream);
  if (done) return true;
  complain("cannot create the stream " + options.stream + ": " + done.error().text());
  return false;
}

void write_counts(const Producer& producer) {
  const auto& counts = producer.counts();
  const auto& puts = producer.put_counts();
  std::string room;
  sessionize::JsonRow row(room);
  row.number("events", std::optional(counts.events));
  row.number("twice", std::optional(counts.twice));
  row.number("rejected", std::optional(counts.rejected));
  row.number("put", std::optional(puts.put));
  row.number("calls", std::optional(puts.calls));
  row.number("failed_calls", std::optional(puts.failed_calls));
  row.number("refused_records", std::optional(puts.refused_records));
  std::cerr << row.end();
}

int run(const Options& options) {
  if (options.shards != 0 && !create_stream(options)) return exit_cannot_put;
  aws::Kinesis kinesis(client_options(options));
  Producer producer(options, kinesis);
  const bool all_put =
      (options.from_input ? put_input(options, producer) : put_clicks(options, producer)) &&
      producer.finish();
  if (!all_put)
    complain("cannot put to the stream " + options.stream + ": " + producer.error()->text());
  write_counts(producer);
  if (!all_put) return exit_cannot_put;
  return producer.counts().rejected == 0 ? 0 : exit_rejected;
}

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  return run(options);
}
