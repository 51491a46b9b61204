#ifndef SESSIONIZE_TESTS_SEEDS_HPP
#define SESSIONIZE_TESTS_SEEDS_HPP

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

// The seeds of random tests. SESSIONIZE_SEED=n in the environment replays one, which a failure
// names; SESSIONIZE_SEEDS=n makes each test take n at most, where its time counts more.

namespace seeds {

[[nodiscard]] inline std::optional<std::uint64_t> from_environment(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::nullopt : std::optional(std::strtoull(text, nullptr, 10));
}

/// The seed that is to be replayed, or `usual`.
[[nodiscard]] inline std::uint64_t one(std::uint64_t usual) {
  return from_environment("SESSIONIZE_SEED").value_or(usual);
}

/// Calls `test` with the seeds 1 to `count`.
template <class Test>
void for_each(std::uint64_t count, Test test) {
  const auto replayed = from_environment("SESSIONIZE_SEED");
  const std::uint64_t last =
      replayed.value_or(std::min(count, from_environment("SESSIONIZE_SEEDS").value_or(count)));
  for (std::uint64_t seed = replayed.value_or(1); seed <= last; ++seed) {
    INFO("to replay: SESSIONIZE_SEED=" << seed);
    test(seed);
  }
}

}  // namespace seeds

#endif
