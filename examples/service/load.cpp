#include "ingest.hpp"

#include <httplib.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

// The program `sessionize_service_load`: what the service takes, beside a server that only parses.

namespace {

using std::chrono::steady_clock;

struct Options {
  std::string database = "load.db";
  std::size_t clients = 4;
  std::size_t events = 100;  // in a request
  std::size_t users = 10'000;
  std::size_t rounds = 5;
  int seconds = 6;  // longer than a save is waited for
  bool durable = false;
};

/// A server in this process, at a port that the system chooses, for as long as the object is there.
class Running {
 public:
  explicit Running(http::Service service) : service_(std::move(service)) {
    thread_ = std::thread([this] {
      wrong_ = http::serve(
          options_, service_, [&](int its_port) { port_.set_value(its_port); },
          [&] { stop_.get_future().wait(); });
      if (!wrong_.empty()) port_.set_value(-1);
    });
    port = port_.get_future().get();
  }
  ~Running() {
    stop_.set_value();
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  int port = -1;

 private:
  http::ServerOptions options_{.port = 0};
  http::Service service_;
  std::string wrong_{};
  std::promise<int> port_{};
  std::promise<void> stop_{};
  std::thread thread_{};
};

struct Figures {
  double events_per_s = 0;
  double cpu_us = 0;  // of an event, client and server together
  double p50_ms = 0;
  double p99_ms = 0;
  std::uint64_t failed = 0;
};

/// Events of a client's own users, from now on, each a second after its last one but for one in
/// fifty, which begins another session.
class Events {
 public:
  Events(std::size_t client, const Options& options)
      : prefix_("c" + std::to_string(client) + "u"), options_(options), times_(options.users) {}

  std::string body() {
    std::string text;
    for (std::size_t i = 0; i < options_.events; ++i) {
      random_ = random_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
      const std::size_t user = (random_ >> 33U) % options_.users;
      times_[user] += (random_ >> 20U) % 50 == 0 ? 20'000 : 1'000;
      text += R"({"user_id":")" + prefix_ + std::to_string(user) + R"(","event_timestamp":)" +
              std::to_string(start_ + times_[user]) +
              R"(,"event_name":"view","device_type":"web"})"
              "\n";
    }
    return text;
  }

 private:
  std::string prefix_;
  const Options& options_;
  std::int64_t start_ =
      std::chrono::floor<std::chrono::milliseconds>(command::wall_time().time_since_epoch())
          .count();
  std::vector<std::int64_t> times_;
  std::uint64_t random_ = 1;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Loads a server; what `finish` takes in the end counts too.
template <class Finish>
Figures load(int port, const Options& options, std::vector<Events>& events_of, Finish finish) {
  std::vector<std::vector<double>> took(options.clients);
  std::vector<std::uint64_t> failed(options.clients);
  std::vector<std::thread> clients;
  const double cpu = cpu_seconds();
  const auto begin = steady_clock::now();
  const auto end = begin + std::chrono::seconds(options.seconds);
  for (std::size_t i = 0; i < options.clients; ++i)
    clients.emplace_back([&, i] {
      httplib::Client http("127.0.0.1", port);
      http.set_keep_alive(true);
      http.set_tcp_nodelay(true);
      Events& events = events_of[i];
      while (steady_clock::now() < end) {
        const std::string body = events.body();
        const auto sent = steady_clock::now();
        const auto reply = http.Post("/events", body, "application/json");
        if (!reply || reply->status != 200) ++failed[i];
        took[i].push_back(
            std::chrono::duration<double, std::milli>(steady_clock::now() - sent).count());
      }
    });
  for (auto& client : clients) client.join();
  finish();
  const std::chrono::duration<double> elapsed = steady_clock::now() - begin;
  std::vector<double> all;
  Figures figures;
  for (std::size_t i = 0; i < options.clients; ++i) {
    all.insert(all.end(), took[i].begin(), took[i].end());
    figures.failed += failed[i];
  }
  std::sort(all.begin(), all.end());
  const auto events = static_cast<double>((all.size() - figures.failed) * options.events);
  figures.events_per_s = events / elapsed.count();
  figures.cpu_us = (cpu_seconds() - cpu) * 1e6 / events;
  figures.p50_ms = all[all.size() / 2];
  figures.p99_ms = all[all.size() * 99 / 100];
  return figures;
}

/// Of several rounds, the middle one of each figure.
Figures middle_of(const std::vector<Figures>& rounds) {
  const auto middle = [&](double Figures::*figure) {
    std::vector<double> values;
    for (const auto& round : rounds) values.push_back(round.*figure);
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  Figures figures{middle(&Figures::events_per_s), middle(&Figures::cpu_us),
                  middle(&Figures::p50_ms), middle(&Figures::p99_ms)};
  for (const auto& round : rounds) figures.failed += round.failed;
  return figures;
}

/// How one figure of a round is to the same one of the round beside it; of all the middle one.
double middle_ratio(const std::vector<Figures>& a, const std::vector<Figures>& b,
                    double Figures::*figure) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back((a[i].*figure) / (b[i].*figure));
  std::sort(ratios.begin(), ratios.end());
  return ratios[ratios.size() / 2];
}

void print(std::string_view name, const Figures& figures) {
  std::cout << std::left << std::setw(10) << name << std::right << std::fixed
            << std::setprecision(0) << std::setw(10) << figures.events_per_s << " events/s"
            << std::setprecision(2) << std::setw(8) << figures.cpu_us << " us CPU an event"
            << std::setw(9) << figures.p50_ms << " ms p50" << std::setw(9) << figures.p99_ms
            << " ms p99";
  if (figures.failed != 0) std::cout << "  " << figures.failed << " requests failed";
  std::cout << '\n';
}

int run(const Options& options) {
  for (const auto* file : {"", "-wal", "-shm"}) std::filesystem::remove(options.database + file);
  service::SessionShards shards({.database = options.database});
  if (const auto wrong = shards.open()) {
    std::cerr << "sessionize_service_load: " << *wrong << '\n';
    return 3;
  }
  shards.start();
  const service::IngestOptions ingest_options{.durable = options.durable};
  service::Ingest ingest(ingest_options, shards);
  service::ReaderPool readers(ingest_options);
  http::Service only_parses = ingest.service();
  only_parses.answer = [&](const http::Request& request) {
    const auto batch = readers.read(request.body);
    if (!batch) return http::Answer{.status = batch.error().status};
    return http::Answer{.body = R"({"accepted":)" + std::to_string(batch->events.size()) + "}\n"};
  };

  // From round to round users go on where they were.
  std::vector<Events> to_parser;
  for (std::size_t i = 0; i < options.clients; ++i) to_parser.emplace_back(i, options);
  std::vector<Events> to_service = to_parser;
  std::vector<Figures> bare, whole;
  {
    const Running parser(std::move(only_parses));
    const Running service(ingest.service());
    if (parser.port < 0 || service.port < 0) return 3;
    for (std::size_t round = 0; round < options.rounds; ++round) {
      bare.push_back(load(parser.port, options, to_parser, [] {}));
      // Whether that has gone well shards.stop() tells.
      whole.push_back(
          load(service.port, options, to_service, [&] { static_cast<void>(shards.save()); }));
    }
  }
  const auto unsaved = shards.stop();
  const Figures parsing = middle_of(bare), ingesting = middle_of(whole);
  print("only parse", parsing);
  print("service", ingesting);
  std::cout << std::setprecision(2) << "the service takes 1/"
            << middle_ratio(bare, whole, &Figures::events_per_s) << " of the events for "
            << middle_ratio(whole, bare, &Figures::cpu_us) << " times the CPU time, its p99 is "
            << middle_ratio(whole, bare, &Figures::p99_ms)
            << " times that of parsing alone: of the rounds the middle ratios\n";
  if (unsaved) std::cerr << "sessionize_service_load: " << *unsaved << '\n';
  return unsaved ? 3 : 0;
}

}  // namespace

int main(int argc, char* argv[]) {
  CLI::App app(
      "Measures the service beside a server that only parses: the same clients, in turn, all in "
      "one process; of several rounds the middle figures.");
  Options options;
  const CLI::Range counts(std::int64_t{1}, std::int64_t{1'000'000});
  app.add_option("--into", options.database, "a database, which is overwritten")
      ->capture_default_str();
  app.add_option("--clients", options.clients, "connections")->check(counts)->capture_default_str();
  app.add_option("--events", options.events, "in a request")->check(counts)->capture_default_str();
  app.add_option("--users", options.users, "of each client")->check(counts)->capture_default_str();
  app.add_option("--rounds", options.rounds, "of each server")
      ->check(counts)
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of each round")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  app.add_flag("--durable", options.durable, "the service acknowledges what is saved");
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
