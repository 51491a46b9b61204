#include <sessionize/sinks/retry.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>

namespace retry_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::gives_up;
using sessionize::max_retry_delay;
using sessionize::retry_delay;
using sessionize::RetryOptions;

constexpr RetryOptions options{.first_delay = 100ms, .longest_delay = 1s, .max_attempts = 4};
constexpr RetryOptions for_ever{.first_delay = 1ns, .longest_delay = RetryOptions::duration::max()};

// Holds: the bound doubles with each failure, from the first delay up to the longest. Would catch:
// a doubling that begins one too early or too late, a bound past the longest delay, an overflow.
TEST_CASE("retry: the longest delay doubles up to a cap") {
  static_assert(max_retry_delay(options, 1) == 100ms);
  static_assert(max_retry_delay(options, 2) == 200ms);
  static_assert(max_retry_delay(options, 4) == 800ms);
  static_assert(max_retry_delay(options, 5) == 1s);
  static_assert(max_retry_delay(options, UINT64_MAX) == 1s);
  static_assert(max_retry_delay({.first_delay = 2s, .longest_delay = 1s}, 1) == 1s);
  static_assert(max_retry_delay({.first_delay = 0s}, 50) == 0s);
  static_assert(max_retry_delay(for_ever, 62) == std::chrono::nanoseconds{std::int64_t{1} << 61});
  static_assert(max_retry_delay(for_ever, 63) == std::chrono::nanoseconds{std::int64_t{1} << 62});
  static_assert(max_retry_delay(for_ever, 1000) >= max_retry_delay(for_ever, 63));
}

// Holds: the delay is spread evenly from nothing to the bound, both included. Would catch: half
// jitter, a delay longer than the bound, a remainder where a product is meant.
TEST_CASE("retry: full jitter") {
  static_assert(retry_delay(options, 2, 0) == 0ns);
  static_assert(retry_delay(options, 2, UINT64_MAX) == 200ms);
  static_assert(retry_delay(options, 2, std::uint64_t{1} << 63) == 100ms);
  static_assert(retry_delay(options, 2, std::uint64_t{1} << 62) == 50ms);
  static_assert(retry_delay({.first_delay = 1ns}, 1, (std::uint64_t{1} << 63) - 1) == 0ns);
  static_assert(retry_delay({.first_delay = 1ns}, 1, std::uint64_t{1} << 63) == 1ns);
  static_assert(retry_delay({.first_delay = 0ns}, 7, UINT64_MAX) == 0ns);
}

// Holds: it is given up after max_attempts, or at max_age exactly. Would catch: one attempt more,
// an age that counts where none is set.
TEST_CASE("retry: giving up") {
  static_assert(!gives_up(options, 3, 1000h));
  static_assert(gives_up(options, 4, 0s));
  constexpr RetryOptions aged{.max_attempts = UINT64_MAX, .max_age = 1min};
  static_assert(!gives_up(aged, 1'000'000, 1min - 1ns));
  static_assert(gives_up(aged, 1, 1min));
}

}  // namespace
}  // namespace retry_tests
