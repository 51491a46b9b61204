#ifndef SESSIONIZE_DETAIL_SEED_HPP
#define SESSIONIZE_DETAIL_SEED_HPP

#include <sessionize/key.hpp>

#include <cstdint>
#include <random>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What seeds are made of, for each thread. Tests set it, so that what they do can be replayed.
inline std::uint64_t& seed_source() {
  static thread_local std::uint64_t state = [] {
    std::random_device entropy;
    return (std::uint64_t{entropy()} << 32) | entropy();
  }();
  return state;
}

/// A seed that an attacker does not know, another for each call. Not for cryptography.
inline std::uint64_t fresh_seed() { return splitmix64(seed_source()); }

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
