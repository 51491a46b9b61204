#ifndef SESSIONIZE_SINKS_RETRY_HPP
#define SESSIONIZE_SINKS_RETRY_HPP

#include <sessionize/key.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace sessionize {
inline namespace v0 {

/// How often, and after what delays, something that has failed is tried again: exponential backoff
/// with full jitter, as in Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
struct RetryOptions {
  using duration = std::chrono::nanoseconds;

  /// The longest delay after the first failure; after each further one it is twice as long.
  duration first_delay = std::chrono::milliseconds(100);
  /// No delay is longer.
  duration longest_delay = std::chrono::seconds(30);
  /// After so many attempts it is given up; at least 1.
  std::uint64_t max_attempts = 10;
  /// It is also given up where an attempt fails when it is so old, or older. Null: never.
  std::optional<duration> max_age{};
  /// What the random delays are made of, for tests that replay them. Null: another for each object,
  /// so that those that have failed together do not come again together.
  std::optional<std::uint64_t> seed{};
};

/// The longest delay after so many failed attempts (at least 1): first_delay * 2^(failures - 1), or
/// longest_delay where that is shorter. Exact for every number: nothing overflows.
[[nodiscard]] constexpr RetryOptions::duration max_retry_delay(const RetryOptions& options,
                                                               std::uint64_t failures) noexcept {
  const auto doublings = std::min<std::uint64_t>(failures - 1, 62);
  const auto longest = options.longest_delay.count();
  const auto first = options.first_delay.count();
  return RetryOptions::duration{first > longest >> doublings ? longest : first << doublings};
}

/// The delay after so many failed attempts (at least 1): `random` of 0 to 2^64 - 1 makes it 0 to
/// max_retry_delay(), evenly.
[[nodiscard]] constexpr RetryOptions::duration retry_delay(const RetryOptions& options,
                                                           std::uint64_t failures,
                                                           std::uint64_t random) noexcept {
  const auto choices = static_cast<std::uint64_t>(max_retry_delay(options, failures).count()) + 1;
  return RetryOptions::duration{
      static_cast<RetryOptions::duration::rep>(detail::multiply(random, choices).high)};
}

/// Whether something that has failed so many times, and is so old, is not tried again.
[[nodiscard]] constexpr bool gives_up(const RetryOptions& options, std::uint64_t failures,
                                      RetryOptions::duration age) noexcept {
  return failures >= options.max_attempts || (options.max_age && age >= *options.max_age);
}

}  // namespace v0
}  // namespace sessionize

#endif
