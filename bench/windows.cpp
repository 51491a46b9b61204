// What event time costs: nanoseconds an event of SessionWindows, with its input in order and with a
// tenth of it out of order, beside those of a Sessionizer on the same events in order. All run
// interleaved in one process; the figures are medians, and a run in which one finds other sessions
// is an error. windows [rounds [users]]

#include "contest.hpp"
#include "workload.hpp"

#include <sessionize/sessionizer.hpp>
#include <sessionize/windows/windows.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using Clock = bench::Milliseconds;
using Row = bench::Event<Clock, bench::Integer>;
using Rows = std::vector<Row>;
using Sessions = sessionize::Sessionizer<Clock, bench::Integer>;
using Windows = sessionize::SessionWindows<Clock, bench::Integer>;
constexpr std::chrono::minutes bound{1};

struct Ignore {
  template <class Value>
  void operator()(const Value&) const noexcept {}
};

/// The same events with every tenth, drawn at random, late by up to the bound.
Rows out_of_order(const Rows& rows, std::uint64_t seed) {
  std::vector<std::pair<Clock::time_point, std::size_t>> arrivals;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool is_late = bench::below(10, seed) == 0;
    const std::chrono::milliseconds late(is_late
                                             ? static_cast<std::int64_t>(bench::below(
                                                   std::chrono::milliseconds(bound).count(), seed))
                                             : 0);
    arrivals.emplace_back(rows[i].time + late, i);
  }
  std::sort(arrivals.begin(), arrivals.end());
  Rows made;
  made.reserve(rows.size());
  for (const auto& [time, i] : arrivals) made.push_back(rows[i]);
  return made;
}

template <class Engine>
void run(Engine& engine, const Rows& rows) {
  static_cast<void>(engine.process(rows, sessionize::by(&Row::key, &Row::time), Ignore{}));
}

bool measure(std::uint32_t users, int rounds) {
  const std::size_t events = std::size_t{1} << 20;
  auto workload = bench::warm_workload<Clock, bench::Integer>(bench::Users(users, 0, 2026), events,
                                                              rounds, bench::Keys::integers);
  Rows first;
  for (std::size_t i = 0; i < workload.first.keys.size(); ++i)
    first.push_back({workload.first.keys[i], workload.first.times[i]});
  std::stable_sort(first.begin(), first.end(),
                   [](const Row& a, const Row& b) { return a.time < b.time; });

  Sessions sessionizer({.gap = workload.gap});
  Windows in_order({.gap = workload.gap});
  Windows disordered({.gap = workload.gap, .out_of_order = bound});
  run(sessionizer, first);
  run(in_order, first);
  run(disordered, first);
  std::array<std::vector<double>, 3> ns;
  for (int round = 0; round < rounds; ++round) {
    const Rows rows = std::move(workload.rounds[static_cast<std::size_t>(round)].rows);
    const Rows shuffled = out_of_order(rows, static_cast<std::uint64_t>(round) + 1);
    const std::array<std::function<void()>, 3> ways = {[&] { run(sessionizer, rows); },
                                                       [&] { run(in_order, rows); },
                                                       [&] { run(disordered, shuffled); }};
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const std::size_t way = (i + static_cast<std::size_t>(round)) % ways.size();
      const auto start = std::chrono::steady_clock::now();
      ways.at(way)();
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - start;
      ns.at(way).push_back(took.count() / static_cast<double>(events));
    }
  }
  const auto found = [](const Windows& windows) {
    return windows.counters().sessions_opened - windows.counters().sessions_merged;
  };
  const auto sessions = sessionizer.counters().sessions_started;
  if (found(in_order) != sessions || found(disordered) != sessions ||
      disordered.counters().lost() != 0) {
    std::fprintf(stderr, "the sessions differ: %llu, %llu, %llu\n",
                 static_cast<unsigned long long>(sessions),
                 static_cast<unsigned long long>(found(in_order)),
                 static_cast<unsigned long long>(found(disordered)));
    return false;
  }
  std::array<double, 3> mid{};
  for (std::size_t way = 0; way < mid.size(); ++way) mid.at(way) = bench::median(ns.at(way));
  std::printf("%10u %12.2f %10.2f %7.2f %12.2f %7.2f\n", users, mid[0], mid[1], mid[1] / mid[0],
              mid[2], mid[2] / mid[0]);
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char* argv[]) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  std::printf("%10s %12s %10s %7s %12s %7s\n", "users", "sessionizer", "in order", "times",
              "10 % late", "times");
  std::vector<std::uint32_t> sizes = {1'000, 100'000, 1'000'000};
  if (argc > 2) sizes = {static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))};
  return std::all_of(sizes.begin(), sizes.end(),
                     [&](std::uint32_t users) { return measure(users, rounds); })
             ? 0
             : 1;
}
