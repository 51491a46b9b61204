#ifndef SESSIONIZE_DETAIL_SEED_HPP
#define SESSIONIZE_DETAIL_SEED_HPP

#include <sessionize/key.hpp>

#include <cstdint>
#include <random>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// A seed that an attacker does not know, another for each call. Not for cryptography.
inline std::uint64_t fresh_seed() {
  static thread_local std::uint64_t state = [] {
    std::random_device entropy;
    return (std::uint64_t{entropy()} << 32) | entropy();
  }();
  return splitmix64(state);
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
