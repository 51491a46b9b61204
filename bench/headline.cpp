// The headline figures: nanoseconds an event of the library and of what people write by hand, the
// engines of a workload interleaved in one process, medians of several rounds. Prints a table and
// writes it as JSON: headline [--out FILE] [--filter TEXT] [--rounds N]. A run whose engines differ
// in one session start is an error.

#include "engines.hpp"
#include "workload.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using bench::milliseconds;

struct Row {
  std::string workload;
  double ours_ns = 0;
  std::string best_peer;
  double best_peer_ns = 0;
  std::optional<double> prefetch_peer_ns;
};

/// Keeps the median of each benchmark, and prints nothing: the table comes at the end.
class Medians : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const auto& run : runs) {
      if (run.error_occurred) {
        std::cerr << run.benchmark_name() << ": " << run.error_message << '\n';
        failed = true;
      } else if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "median") {
        ns[run.run_name.function_name] = 1e9 / run.counters.at("items_per_second").value;
      }
    }
  }

  std::map<std::string, double> ns;
  bool failed = false;
};

struct Settings {
  std::string out = "headline.json";
  std::string filter;
  int rounds = 5;
};

template <class Key>
class Suite {
 public:
  Suite(std::string name, bench::Workload<Key> workload, const Settings& settings)
      : name_(std::move(name)), workload_(std::move(workload)), settings_(settings) {}

  /// Adds an engine; the first one's sums are what the others' are compared with.
  template <class Engine>
  void add(const std::string& engine_name) {
    auto engine = std::make_shared<Engine>(workload_.gap);
    const std::span<const bench::Event<Key>> first = workload_.first;
    engine->run(first, -workload_.gap / 2);
    auto round = std::make_shared<std::size_t>(0);
    benchmark::RegisterBenchmark(
        (name_ + '/' + engine_name).c_str(),
        [this, engine, round](benchmark::State& state) {
          const std::span<const bench::Event<Key>> block = workload_.block;
          for (auto _ : state) {
            const std::uint64_t sum =
                engine->run(block, workload_.period * static_cast<std::int64_t>(*round));
            if (sums_.size() == *round) sums_.push_back(sum);
            if (sums_[*round] != sum) state.SkipWithError("its session starts are others");
            ++*round;
          }
          state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(block.size()));
        })
        ->Iterations(1)
        ->Repetitions(settings_.rounds)
        ->ReportAggregatesOnly();
  }

  std::map<std::string, double> run(Medians& medians) {
    benchmark::RunSpecifiedBenchmarks(&medians, "^" + name_ + "/");
    benchmark::ClearRegisteredBenchmarks();
    std::map<std::string, double> by_engine;
    for (const auto& [name, ns] : medians.ns) by_engine[name.substr(name_.size() + 1)] = ns;
    medians.ns.clear();
    return by_engine;
  }

 private:
  std::string name_;
  bench::Workload<Key> workload_;
  const Settings& settings_;
  std::vector<std::uint64_t> sums_;
};

template <class Key>
void measure(const std::string& name, std::uint64_t users, double zipf, bench::Keys keys,
             const Settings& settings, Medians& medians, std::vector<Row>& rows) {
  const bool wanted = name.find(settings.filter) != std::string::npos ||
                      ("observe/" + name).find(settings.filter) != std::string::npos;
  if (!wanted) return;
  constexpr std::size_t events = 1 << 20;
  Suite<Key> suite(name, bench::make_workload<Key>(users, events, zipf, keys), settings);
  suite.template add<bench::HandWritten<bench::StdMap<Key>>>("std::unordered_map");
  suite.template add<bench::HandWritten<bench::AbslMap<Key>>>("absl::flat_hash_map");
  suite.template add<bench::BranchFree<bench::AbslMap<Key>>>("absl, branch-free");
  suite.template add<bench::HandWritten<bench::BoostMap<Key>>>("boost::unordered_flat_map");
  suite.template add<bench::Prefetched<Key>>("absl, prefetched");
  suite.template add<bench::Process<Key>>("ours");
  suite.template add<bench::Observe<Key>>("observe");
  const auto ns = suite.run(medians);

  Row row{name, ns.at("ours"), "", 0, ns.at("absl, prefetched")};
  for (const auto& [engine, time] : ns) {
    if (engine == "ours" || engine == "observe" || engine == "absl, prefetched") continue;
    if (row.best_peer.empty() || time < row.best_peer_ns) {
      row.best_peer = engine;
      row.best_peer_ns = time;
    }
  }
  rows.push_back(row);
  row.workload = "observe/" + name;
  row.ours_ns = ns.at("observe");
  rows.push_back(row);
  std::cerr << name << " done\n";
}

void print_table(const std::vector<Row>& rows) {
  std::cout << std::fixed << std::setprecision(2) << std::left << std::setw(20) << "workload"
            << std::right << std::setw(9) << "ours ns" << std::setw(9) << "best ns" << std::setw(9)
            << "ratio" << std::setw(13) << "prefetch ns"
            << "  best peer\n";
  for (const auto& row : rows)
    std::cout << std::left << std::setw(20) << row.workload << std::right << std::setw(9)
              << row.ours_ns << std::setw(9) << row.best_peer_ns << std::setw(9)
              << row.best_peer_ns / row.ours_ns << std::setw(13) << *row.prefetch_peer_ns << "  "
              << row.best_peer << '\n';
}

void write_json(const std::vector<Row>& rows, std::ostream& out) {
  out << "[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    out << (i == 0 ? "\n" : ",\n") << "  {\"workload\": \"" << row.workload
        << "\", \"ours_ns\": " << row.ours_ns << ", \"best_peer\": \"" << row.best_peer
        << "\", \"best_peer_ns\": " << row.best_peer_ns
        << ", \"ratio\": " << row.best_peer_ns / row.ours_ns
        << ", \"prefetch_peer_ns\": " << *row.prefetch_peer_ns << "}";
  }
  out << "\n]\n";
}

}  // namespace

int main(int argc, char* argv[]) {
  // Of the rounds of a workload, each has one run of every engine, in an order that is drawn anew.
  std::string interleave = "--benchmark_enable_random_interleaving=true";
  char* flags[] = {argv[0], interleave.data(), nullptr};
  int flag_count = 2;
  benchmark::Initialize(&flag_count, flags);

  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--out") settings.out = argv[i + 1];
    if (option == "--filter") settings.filter = argv[i + 1];
    if (option == "--rounds") settings.rounds = std::atoi(argv[i + 1]);
  }

  Medians medians;
  std::vector<Row> rows;
  const std::pair<const char*, std::uint64_t> sizes[] = {
      {"1e3", 1'000}, {"1e5", 100'000}, {"1e6", 1'000'000}, {"1e7", 10'000'000}};
  for (const auto& [size, users] : sizes)
    measure<std::uint64_t>(std::string("int/") + size, users, 0, bench::Keys::integers, settings,
                           medians, rows);
  measure<std::uint64_t>("zipf/1e7", 10'000'000, 1.05, bench::Keys::integers, settings, medians,
                         rows);
  for (const auto& [size, users] : std::span(sizes).first(3)) {
    measure<std::string>(std::string("uuid/") + size, users, 0, bench::Keys::uuids, settings,
                         medians, rows);
    measure<std::string>(std::string("mixed/") + size, users, 0, bench::Keys::mixed, settings,
                         medians, rows);
  }
  if (medians.failed) return 1;
  print_table(rows);
  std::ofstream json(settings.out);
  write_json(rows, json);
  return json.flush() ? 0 : 1;
}
