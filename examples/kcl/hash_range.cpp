#include "hash_range.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace kcl {
namespace {

using Block = std::array<unsigned char, 64>;
using State = std::array<std::uint32_t, 4>;

/// The constants of step i: the integer part of 2^32 times |sin(i + 1)|.
std::array<std::uint32_t, 64> sines() {
  std::array<std::uint32_t, 64> made{};
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<std::uint32_t>(
        std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  return made;
}

void take(State& state, const Block& block) {
  static const auto sine = sines();
  constexpr std::array<std::array<int, 4>, 4> turns{
      {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
  std::array<std::uint32_t, 16> words{};
  for (std::size_t i = 0; i < block.size(); ++i)
    words[i / 4] |= static_cast<std::uint32_t>(block[i]) << (8 * (i % 4));
  auto [a, b, c, d] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::size_t round = i / 16;
    std::uint32_t mixed = 0;
    std::size_t word = i;
    switch (round) {
      case 0: mixed = (b & c) | (~b & d); break;
      case 1: mixed = (b & d) | (c & ~d), word = 5 * i + 1; break;
      case 2: mixed = b ^ c ^ d, word = 3 * i + 5; break;
      default: mixed = c ^ (b | ~d), word = 7 * i; break;
    }
    const std::uint32_t sum = a + mixed + sine[i] + words[word % 16];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, turns[round][i % 4]);
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

}  // namespace

HashKey hash_key_of(std::string_view partition_key) {
  State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  Block block{};
  std::string_view text = partition_key;
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (; text.size() >= block.size(); text.remove_prefix(block.size())) {
    std::copy_n(text.begin(), block.size(), block.begin());
    take(state, block);
  }
  // What is left, a bit, zeros, and the length in the last 8 bytes of a block.
  block = {};
  std::copy(text.begin(), text.end(), block.begin());
  block[text.size()] = 0x80;
  if (text.size() >= 56) {
    take(state, block);
    block = {};
  }
  for (std::size_t i = 0; i < 8; ++i)
    block[56 + i] = static_cast<unsigned char>(bits >> (8 * i) & 255U);
  take(state, block);
  HashKey key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<unsigned char>(state[i / 4] >> (8 * (i % 4)) & 255U);
  return key;
}

std::optional<HashKey> parse_hash_key(std::string_view decimal) {
  if (decimal.empty()) return std::nullopt;
  HashKey key{};
  for (const char digit : decimal) {
    if (digit < '0' || digit > '9') return std::nullopt;
    auto carry = static_cast<unsigned>(digit - '0');
    for (std::size_t i = key.size(); i-- > 0;) {
      carry += key[i] * 10U;
      key[i] = static_cast<unsigned char>(carry & 255U);
      carry >>= 8U;
    }
    if (carry != 0) return std::nullopt;
  }
  return key;
}

}  // namespace kcl
