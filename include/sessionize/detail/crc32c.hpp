#ifndef SESSIONIZE_DETAIL_CRC32C_HPP
#define SESSIONIZE_DETAIL_CRC32C_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// tables[k][b] is what byte b does to the sum when k more bytes follow it.
constexpr auto crc32c_tables() noexcept {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82f6'3b78U : 0U);
    tables[0][byte] = sum;
  }
  for (std::size_t k = 1; k < tables.size(); ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

/// CRC-32C (Castagnoli, as in RFC 3720): it finds every change of up to 32 bits in a row. Eight
/// bytes at a time.
class Crc32c {
 public:
  constexpr void add(std::string_view bytes) noexcept {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    std::uint32_t sum = sum_;
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      std::uint32_t next = 0;
      for (std::size_t i = 0; i < 4; ++i) next ^= tables[7 - i][(sum >> (8 * i) & 0xff) ^ octet(i)];
      for (std::size_t i = 4; i < 8; ++i) next ^= tables[7 - i][octet(i)];
      sum = next;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i)
      sum = sum >> 8 ^ tables[0][(sum & 0xff) ^ octet(i)];
    sum_ = sum;
  }
  [[nodiscard]] constexpr std::uint32_t value() const noexcept { return ~sum_; }

 private:
  static constexpr auto tables = crc32c_tables();
  std::uint32_t sum_ = 0xffff'ffff;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
