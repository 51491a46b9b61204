// What a second core brings: nanoseconds an event on one thread and on two, of one stream that is
// spread over the cores (ParallelSessionizer) and of a stream that is sharded already. All ways run
// interleaved in one process, on the same events; the figures are medians, and a run in which two
// ways differ in one session start is an error. parallel [rounds [users]]

#include "workload.hpp"

#include <sessionize/parallel/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = bench::Milliseconds::time_point;
using One = sessionize::Sessionizer<sessionize::EventClock, std::uint64_t, sessionize::NoRule,
                                    sessionize::Counting::nothing>;
using Two = sessionize::ParallelSessionizer<sessionize::EventClock, std::uint64_t,
                                            sessionize::NoRule, sessionize::Counting::nothing>;

struct Columns {
  std::vector<std::uint64_t> keys;
  std::vector<Time> times;
  std::vector<Time> starts;

  void add(std::uint64_t key, Time time) {
    keys.push_back(key);
    times.push_back(time);
    starts.push_back(time);
  }
  void clear() {
    keys.clear();
    times.clear();
    starts.clear();
  }
};

template <class Sessions>
void fill(Sessions& sessions, Columns columns) {
  sessions.observe_columns(columns.keys, columns.times, columns.starts);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

bool measure(std::uint64_t users, int rounds, std::size_t batch) {
  const std::size_t events = 1 << 20;
  const auto workload = bench::warm_workload<bench::Milliseconds, bench::Integer>(
      bench::Users(static_cast<std::uint32_t>(users), 0, 2026), events, rounds,
      bench::Keys::integers);
  Columns first, one_block, two_block;
  std::array<Columns, 2> first_of, block_of, alone_of;
  for (std::size_t i = 0; i < workload.first.keys.size(); ++i) {
    first.add(workload.first.keys[i], workload.first.times[i]);
    first_of.at(sessionize::shard_of(first.keys[i], 2)).add(first.keys[i], first.times[i]);
  }

  const sessionize::Options<sessionize::EventClock> options{.gap = workload.gap};
  One one(options);
  Two two(options, 2);
  std::array<One, 2> alone{One(options), One(options)}, sharded{One(options), One(options)};
  fill(one, first);
  fill(two, first);
  for (std::size_t i = 0; i < 2; ++i) {
    fill(alone.at(i), first_of.at(i));
    fill(sharded.at(i), first_of.at(i));
  }

  const auto in_batches = [batch](auto& sessions, Columns& columns) {
    for (std::size_t done = 0; done < columns.keys.size(); done += batch) {
      const std::size_t count = std::min(batch, columns.keys.size() - done);
      sessions.observe_columns(std::span(columns.keys).subspan(done, count),
                               std::span(columns.times).subspan(done, count),
                               std::span(columns.starts).subspan(done, count));
    }
  };
  const std::array<std::function<Clock::time_point()>, 4> ways = {
      [&] {
        const auto start = Clock::now();
        in_batches(one, one_block);
        return start;
      },
      [&] {
        const auto start = Clock::now();
        in_batches(two, two_block);
        return start;
      },
      [&] {
        const auto start = Clock::now();
        in_batches(alone[0], alone_of[0]);
        in_batches(alone[1], alone_of[1]);
        return start;
      },
      [&] {
        // Who has a thread for each shard does not start one for each batch.
        std::atomic<bool> is_there = false, goes = false;
        std::thread other([&] {
          is_there = true;
          while (!goes) continue;
          in_batches(sharded[1], block_of[1]);
        });
        while (!is_there) continue;
        const auto start = Clock::now();
        goes = true;
        in_batches(sharded[0], block_of[0]);
        other.join();
        return start;
      }};
  std::array<std::vector<double>, 4> ns;
  for (int round = 0; round < rounds; ++round) {
    const auto& block = workload.rounds[static_cast<std::size_t>(round)];
    one_block.clear();
    for (auto& columns : block_of) columns.clear();
    for (std::size_t i = 0; i < events; ++i) {
      one_block.add(block.keys[i], block.times[i]);
      block_of.at(sessionize::shard_of(block.keys[i], 2)).add(block.keys[i], block.times[i]);
    }
    two_block = one_block;
    alone_of = block_of;
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const std::size_t way = (i + static_cast<std::size_t>(round)) % ways.size();
      const auto start = ways.at(way)();
      const std::chrono::duration<double, std::nano> took = Clock::now() - start;
      ns.at(way).push_back(took.count() / static_cast<double>(events));
    }
    if (one_block.starts != two_block.starts || alone_of[0].starts != block_of[0].starts ||
        alone_of[1].starts != block_of[1].starts) {
      std::fprintf(stderr, "the session starts differ\n");
      return false;
    }
  }
  std::array<double, 4> mid{};
  for (std::size_t way = 0; way < ways.size(); ++way) mid.at(way) = median(ns.at(way));
  std::printf("%10llu %8zu %8.2f %8.2f %7.2f %10.2f %8.2f %7.2f\n",
              static_cast<unsigned long long>(users), batch, mid[0], mid[1], mid[0] / mid[1],
              mid[2], mid[3], mid[2] / mid[3]);
  std::fflush(stdout);
  return true;
}

}  // namespace

int main(int argc, char* argv[]) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  std::printf("%10s %8s %8s %8s %7s %10s %8s %7s\n", "users", "batch", "1 ns", "2 ns", "ratio",
              "sharded 1", "2 ns", "ratio");
  std::vector<std::uint64_t> sizes = {1'000, 100'000, 1'000'000, 10'000'000};
  if (argc > 2) sizes = {std::strtoull(argv[2], nullptr, 10)};
  for (const auto users : sizes)
    for (const std::size_t batch : {std::size_t{1} << 16, std::size_t{1} << 20})
      if (!measure(users, rounds, batch)) return 1;
  return 0;
}
