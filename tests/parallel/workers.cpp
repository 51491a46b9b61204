#include <sessionize/parallel/workers.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace workers_tests {
namespace {

using sessionize::detail::Workers;

// More threads than most machines run at a time: those do not look before they sleep.
constexpr std::size_t many = 9;

// Holds: each thread takes each step of a job once, and none begins a step before all have ended
// the one before, whether there is a core for each thread or not. Would catch: a thread that is one
// step ahead, or that is woken twice or never.
TEST_CASE("threads go through the steps of a job together") {
  for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, many}) {
    Workers workers(threads);
    CHECK(workers.size() == threads);
    for (const std::size_t steps : {0U, 1U, 2U, 300U}) {
      std::vector<std::atomic<std::size_t>> taken(steps);
      std::vector<std::vector<std::size_t>> took(threads);
      std::atomic<bool> is_ahead = false;
      workers.run(steps, [&](std::size_t step, std::size_t i) {
        if (step != 0 && taken[step - 1] != threads) is_ahead = true;
        took[i].push_back(step);
        ++taken[step];
      });
      INFO(threads << " threads, " << steps << " steps");
      CHECK(!is_ahead);
      bool all_took_all = true;
      for (const auto& its : took) {
        all_took_all = all_took_all && its.size() == steps;
        for (std::size_t step = 0; step < its.size(); ++step)
          all_took_all = all_took_all && its[step] == step;
      }
      CHECK(all_took_all);
    }
  }
}

// Holds: job follows job, each done by all threads when the call returns, however short it is.
// Would catch: a thread that still looks at the last job, or that misses one.
TEST_CASE("short jobs follow each other") {
  for (const std::size_t threads : {std::size_t{2}, many}) {
    Workers workers(threads);
    std::vector<std::size_t> done(threads);
    bool all_did = true;
    for (std::size_t job = 1; job <= 2'000; ++job) {
      workers.run([&](std::size_t i) { done[i] += 1; });
      for (const std::size_t its : done) all_did = all_did && its == job;
    }
    CHECK(all_did);
  }
}

// Holds: what is thrown reaches the caller when all threads have ended that step, of several the
// smallest thread's; no later step begins; and the next job is done. Would catch: threads that wait
// for one that has thrown, an exception that comes up again, a step that begins with a part of the
// one before.
TEST_CASE("no step follows one in which something is thrown") {
  for (const std::size_t threads : {std::size_t{2}, many}) {
    Workers workers(threads);
    for (std::size_t repeat = 0; repeat < 100; ++repeat) {
      std::vector<std::size_t> took(threads);
      std::string what;
      try {
        workers.run(5, [&](std::size_t step, std::size_t i) {
          ++took[i];
          if (step == 2 && i != 0) throw std::runtime_error("thread " + std::to_string(i));
        });
      } catch (const std::runtime_error& error) {
        what = error.what();
      }
      CHECK(what == "thread 1");
      CHECK(took == std::vector<std::size_t>(threads, 3));
      std::atomic<std::size_t> taken = 0;
      workers.run(2, [&](std::size_t, std::size_t) { ++taken; });
      CHECK(taken == 2 * threads);
    }
  }
}

}  // namespace
}  // namespace workers_tests
