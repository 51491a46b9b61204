// The headline figures: nanoseconds an event of the library and of what people write by hand, the
// engines of a workload interleaved in one process, medians of several rounds. Prints a table and
// writes it as JSON and as a plot: headline [--out FILE.json] [--filter TEXT] [--rounds N]. A run
// whose engines differ in one session start is an error.

#include "contest.hpp"
#include "engines.hpp"
#include "floors.hpp"
#include "jsonl.hpp"
#include "plot.hpp"
#include "report.hpp"
#include "workload.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bench;
using sessionize::Counting;

struct Population {
  std::string name;
  std::uint32_t users;
  double zipf = 0;
};
const Population thousand{"1e3", 1'000}, hundred_thousand{"1e5", 100'000},
    million{"1e6", 1'000'000}, ten_million{"1e7", 10'000'000};

using Figures = std::map<std::string, double>;

class Headline {
 public:
  Headline(std::string filter, int rounds) : filter_(std::move(filter)), rounds_(rounds) {}

  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] bool agreed() const { return agreed_; }

  void integers(const std::string& name, const Population& population) {
    using Clock = Milliseconds;
    const bool is_million = population.users == million.users;
    const bool has_rows = population.zipf == 0;
    if (!wanted({name, "observe/" + name, "process/" + name}) &&
        !(is_million && wanted({"ordinals/" + name, "counting/" + name, "expiry/" + name})))
      return;
    auto contest = make_warm<Clock, Integer>(name, population, Keys::integers);
    const auto gap = contest.workload().gap;
    const sessionize::Options<Clock> options{.gap = gap};
    add_peers<Clock, Integer>(contest, ByGap<Clock>{gap});
    contest.add<ObserveColumns<Sessions<Clock, Integer>>>("ours", options);
    contest.add<Observe<Sessions<Clock, Integer>>>("observe", options);
    if (has_rows) contest.add<Process<Sessions<Clock, Integer>>>("process", options);
    if (is_million) {
      contest.add<ObserveColumns<Sessions<Clock, Integer, Counting::off>>>("ordinals", options);
      contest.add<ObserveColumns<Sessions<Clock, Integer, Counting::on>>>("counting", options);
      contest.add<SweptColumns<Sessions<Clock, Integer>>>("expiry", options);
    }
    const ByGap<Clock> splits{gap};
    const std::string its_lines = "line update";
    const std::string floor = population.users == thousand.users ? "dense id"
                              : population.zipf != 0             ? "line update, random lines"
                                                                 : its_lines;
    if (floor == "dense id")
      contest.add_floor<DenseId<Clock>>(floor, population.users, splits);
    else
      contest.add_floor<LineUpdate<Clock>>(its_lines, population.users, splits);
    if (population.zipf != 0)
      contest.add_floor<LineUpdate<Clock>>(floor, population.users, splits, Lines::at_random);
    const Figures ns = finish(name, contest, contest.run_warm());
    add_row(name, ns, "ours", floor);
    if (population.zipf != 0) note_ratio(ns.at("ours") / ns.at(its_lines), "the keys' own lines");
    add_row("observe/" + name, ns, "observe", floor);
    if (has_rows) add_row("process/" + name, ns, "process", floor);
    if (is_million) {
      add_row("ordinals/" + name, ns, "ordinals", floor);
      add_row("counting/" + name, ns, "counting", floor);
      Row expiry{"expiry/" + name, ns.at("expiry")};
      expiry.best_peer = "ours, nothing expires";
      expiry.best_peer_ns = ns.at("ours");
      rows_.push_back(expiry);
    }
  }

  void texts(const std::string& name, const Population& population, Keys kind) {
    using Clock = Milliseconds;
    if (!wanted({name, "observe/" + name})) return;
    auto contest = make_warm<Clock, Text>(name, population, kind);
    const auto gap = contest.workload().gap;
    const sessionize::Options<Clock> options{.gap = gap};
    add_peers<Clock, Text>(contest, ByGap<Clock>{gap});
    contest.add<ObserveColumns<Sessions<Clock, Text>>>("ours", options);
    contest.add<Observe<Sessions<Clock, Text>>>("observe", options);
    contest.add_floor<HashBytes>("hash bytes");
    const Figures ns = finish(name, contest, contest.run_warm());
    add_row(name, ns, "ours", "hash bytes");
    add_row("observe/" + name, ns, "observe", "hash bytes");
  }

  void cold(const std::string& name, const Population& population) {
    using Clock = Milliseconds;
    if (!wanted({name})) return;
    const auto begin = std::chrono::steady_clock::now();
    Contest<Clock, Integer> contest(
        name, cold_workload<Clock, Integer>(Users(population.users, 0, seed), Keys::integers));
    const auto gap = contest.workload().gap;
    add_peers<Clock, Integer>(contest, ByGap<Clock>{gap});
    contest.add<ObserveColumns<Sessions<Clock, Integer>>>("ours",
                                                          sessionize::Options<Clock>{.gap = gap});
    begin_ = begin;
    // At ten million users, one takes as long as dozens of the others' rounds.
    const int rounds = population.users > 1'000'000 ? std::min(rounds_, 3) : rounds_;
    add_row(name, finish(name, contest, contest.run_cold(rounds)), "ours");
  }

  /// Times in nanoseconds: 64 bits of each are needed, and peers get no others.
  void nanoseconds(const std::string& name, const Population& population) {
    using Clock = Nanoseconds;
    if (!wanted({name})) return;
    auto contest = make_warm<Clock, Integer>(name, population, Keys::integers);
    const auto gap = contest.workload().gap;
    add_peers<Clock, Integer>(contest, ByGap<Clock>{gap});
    contest.add<ObserveColumns<Sessions<Clock, Integer>>>("ours",
                                                          sessionize::Options<Clock>{.gap = gap});
    contest.add_floor<LineUpdate<Clock>>("line update", population.users, ByGap<Clock>{gap});
    add_row(name, finish(name, contest, contest.run_warm()), "ours", "line update");
  }

  /// A second limit, on a session's length: by a rule, and by the carry horizon.
  void limited(const std::string& name, const Population& population, bool by_rule) {
    using Clock = Milliseconds;
    if (!wanted({name})) return;
    auto contest = make_warm<Clock, Integer>(name, population, Keys::integers);
    const auto gap = contest.workload().gap, limit = gap + gap / 2;
    add_peers<Clock, Integer>(contest, ByGapOrLength<Clock>{gap, limit});
    if (by_rule) {
      using Rule = sessionize::MaxDuration<Clock::duration>;
      contest.add<ObserveColumns<Sessions<Clock, Integer, Counting::nothing, Rule>>>(
          "ours", sessionize::Options<Clock>{.gap = gap}, Rule{limit});
    } else {
      contest.add<ObserveColumns<Sessions<Clock, Integer>>>(
          "ours", sessionize::Options<Clock>{
                      .gap = gap, .carry = limit, .past_carry = sessionize::PastCarry::splits});
    }
    add_row(name, finish(name, contest, contest.run_warm()), "ours");
  }

  /// Lines of JSON in, lines of JSON out.
  void jsonl() {
    if (!wanted({"jsonl"})) return;
    begin_ = std::chrono::steady_clock::now();
    const JsonlFigures ns = measure_jsonl(rounds_);
    Row row{"jsonl", ns.ours_ns};
    row.best_peer = "simdjson";
    row.best_peer_ns = ns.simdjson_ns;
    row.note = "; nlohmann takes " + std::to_string(std::lround(ns.nlohmann_ns / ns.ours_ns)) +
               " times ours";
    rows_.push_back(row);
    say_done("jsonl");
  }

 private:
  static constexpr std::uint64_t seed = 2026;

  [[nodiscard]] bool wanted(std::initializer_list<std::string> names) const {
    for (const std::string& name : names)
      if (name.find(filter_) != std::string::npos) return true;
    return false;
  }

  template <class Clock, class Key>
  Contest<Clock, Key> make_warm(const std::string& name, const Population& population, Keys kind) {
    begin_ = std::chrono::steady_clock::now();
    // Enough for each round to come to many other users than the last.
    const std::size_t events = population.users >= ten_million.users ? 1 << 21 : 1 << 20;
    return {name, warm_workload<Clock, Key>(Users(population.users, population.zipf, seed), events,
                                            rounds_, kind)};
  }

  static constexpr const char* peers[] = {"std::unordered_map", "absl::flat_hash_map",
                                          "absl, branch-free", "boost::unordered_flat_map",
                                          "boost, branch-free"};
  static constexpr const char* prefetched = "absl, prefetched";

  template <class Clock, class Key, class Splits>
  static void add_peers(Contest<Clock, Key>& contest, Splits splits) {
    using Std = StdMap<Clock, Key>;
    using Absl = AbslMap<Clock, Key>;
    using Boost = BoostMap<Clock, Key>;
    contest.template add<HandWritten<Std, Splits>>(peers[0], splits);
    contest.template add<HandWritten<Absl, Splits>>(peers[1], splits);
    contest.template add<BranchFree<Absl, Splits>>(peers[2], splits);
    contest.template add<HandWritten<Boost, Splits>>(peers[3], splits);
    contest.template add<BranchFree<Boost, Splits>>(peers[4], splits);
    contest.template add<Prefetched<Absl, Splits>>(prefetched, splits);
  }

  void add_row(const std::string& name, const Figures& ns, const std::string& ours,
               const std::string& floor = "") {
    Row row{name, ns.at(ours)};
    for (const std::string peer : peers)
      if (!row.best_peer_ns || ns.at(peer) < *row.best_peer_ns) {
        row.best_peer = peer;
        row.best_peer_ns = ns.at(peer);
      }
    row.std_ns = ns.at(peers[0]);
    row.prefetch_peer_ns = ns.at(prefetched);
    row.floor = floor;
    if (!floor.empty()) row.floor_ns = ns.at(floor);
    rows_.push_back(row);
  }

  /// Prints another ratio of ours behind the last row.
  void note_ratio(double ratio, const std::string& to) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(2) << "; " << ratio << " x " << to;
    rows_.back().note = text.str();
  }

  template <class AnyContest>
  Figures finish(const std::string& name, const AnyContest& contest, Figures ns) {
    agreed_ = agreed_ && contest.agreed();
    say_done(name);
    return ns;
  }
  void say_done(const std::string& name) const {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin_;
    std::cerr << name << " took " << taken.count() << " s\n";
  }

  std::string filter_;
  int rounds_;
  std::vector<Row> rows_;
  std::chrono::steady_clock::time_point begin_;
  bool agreed_ = true;
};

/// Draws the rows of integer keys, where all four are there.
void plot(const std::vector<Row>& rows, const std::filesystem::path& file) {
  std::vector<Line> lines = {{"std::unordered_map", "std", {}},
                             {"best loop by hand", "peer", {}},
                             {"absl, prefetched", "prefetch", {}},
                             {"sessionize", "ours", {}},
                             {"floor", "floor", {}}};
  for (const auto* population : {&thousand, &hundred_thousand, &million, &ten_million})
    for (const Row& row : rows)
      if (row.workload == "int/" + population->name) {
        const double users = population->users;
        lines[0].points.push_back({users, *row.std_ns});
        lines[1].points.push_back({users, *row.best_peer_ns});
        lines[2].points.push_back({users, *row.prefetch_peer_ns});
        lines[3].points.push_back({users, row.ours_ns});
        lines[4].points.push_back({users, *row.floor_ns});
      }
  if (lines[0].points.size() != 4) return;
  std::ofstream out(file);
  draw_plot(lines, out);
}

}  // namespace

int main(int argc, char* argv[]) try {
  std::filesystem::path out;
  std::string filter;
  int rounds = 7;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--out") out = argv[i + 1];
    if (option == "--filter") filter = argv[i + 1];
    if (option == "--rounds") rounds = std::max(std::atoi(argv[i + 1]), 1);
  }

  Headline headline(filter, rounds);
  for (const Population& population : {thousand, hundred_thousand, million, ten_million})
    headline.integers("int/" + population.name, population);
  headline.integers("zipf/1e7", {"1e7", ten_million.users, 1.05});
  for (const Population& population : {thousand, hundred_thousand, million}) {
    headline.texts("uuid/" + population.name, population, Keys::uuids);
    headline.texts("mixed/" + population.name, population, Keys::mixed);
  }
  headline.cold("int-cold/1e6", million);
  headline.cold("int-cold/1e7", ten_million);
  headline.nanoseconds("ns-clock/int/1e6", million);
  headline.limited("max-duration/int/1e6", million, true);
  headline.limited("carry-splits/int/1e6", million, false);
  headline.jsonl();

  if (!headline.agreed()) return 1;
  print_table(headline.rows(), std::cout);
  if (out.empty()) return 0;
  std::ofstream json(out);
  write_json(headline.rows(), json);
  plot(headline.rows(), std::filesystem::path(out).replace_extension("svg"));
  return json.flush() ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "headline: " << error.what() << '\n';
  return 1;
}
