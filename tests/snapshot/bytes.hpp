#ifndef SESSIONIZE_TESTS_SNAPSHOT_BYTES_HPP
#define SESSIONIZE_TESTS_SNAPSHOT_BYTES_HPP

#include <sessionize/snapshot/save.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Snapshots as texts, and a second hand at the format, which shares no code with the library.

namespace snapshot_bytes {

/// The snapshot of an object that can be saved.
template <class Object>
std::string bytes_of(const Object& object, std::string_view position = {}) {
  std::string bytes;
  const auto saved = sessionize::save(
      object, [&](std::string_view more) { bytes += more; }, position);
  REQUIRE(saved);
  CHECK(*saved == bytes.size());
  return bytes;
}

inline std::string number(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}
inline std::string text(std::string_view content) {
  return number(content.size(), 8) + std::string(content);
}

/// Bytes with their CRC-32C behind them, a bit at a time.
inline std::string sealed(std::string bytes) {
  std::uint32_t sum = 0xffff'ffff;
  for (const char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0x82f6'3b78U : 0U);
  }
  return bytes + number(~sum & 0xffff'ffff, 4);
}
inline std::string unsealed(const std::string& bytes) { return bytes.substr(0, bytes.size() - 4); }

}  // namespace snapshot_bytes

#endif
