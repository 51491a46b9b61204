#ifndef SESSIONIZE_DETAIL_DECIMAL_HPP
#define SESSIONIZE_DETAIL_DECIMAL_HPP

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Eight characters, the first of them in the lowest byte. Little-endian machines only.
inline std::uint64_t eight_characters(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
/// Whether all eight are digits: 0x30 to 0x39.
constexpr bool are_digits(std::uint64_t word) noexcept {
  return ((word & 0xF0F0'F0F0'F0F0'F0F0) |
          (((word + 0x0606'0606'0606'0606) & 0xF0F0'F0F0'F0F0'F0F0) >> 4)) == 0x3333'3333'3333'3333;
}
/// The number of eight digits, whose values are in the bytes: pairs, then fours, then all.
constexpr std::uint64_t eight_digits(std::uint64_t values) noexcept {
  values = values * 10 + (values >> 8);
  constexpr std::uint64_t pairs = 0x0000'00FF'0000'00FF;
  return ((values & pairs) * (100 + (std::uint64_t{1'000'000} << 32)) +
          ((values >> 16) & pairs) * (1 + (std::uint64_t{10'000} << 32))) >>
         32;
}

/// Reads a text that is 8 to 16 digits and nothing else, as times are; false for any other.
inline bool read_digits(std::string_view text, std::int64_t& value) noexcept {
  if (std::endian::native != std::endian::little || text.size() < 8 || text.size() > 16)
    return false;
  constexpr std::uint64_t zeros = 0x3030'3030'3030'3030;
  const std::uint64_t first = eight_characters(text.data());
  const std::uint64_t last = eight_characters(text.data() + text.size() - 8);
  if (!are_digits(first) || !are_digits(last)) return false;
  // Of the first eight, those that the last have too are shifted out.
  const std::size_t shared = 8 * (16 - text.size());
  const std::uint64_t high = shared == 64 ? 0 : eight_digits((first - zeros) << shared);
  value = static_cast<std::int64_t>(high * 100'000'000 + eight_digits(last - zeros));
  return true;
}

/// The values of the eight decimal digits of a number below 10^8, the first in the lowest byte.
constexpr std::uint64_t digits_of(std::uint64_t number) noexcept {
  // Two numbers of four digits side by side, then four of two, then eight digits.
  const std::uint64_t fours = number / 10'000 | (number % 10'000) << 32;
  const std::uint64_t upper = (fours * 10'486 >> 20) & 0x0000'007F'0000'007F;
  const std::uint64_t pairs = upper | (fours - 100 * upper) << 16;
  const std::uint64_t tens = (pairs * 103 >> 10) & 0x000F'000F'000F'000F;
  return tens | (pairs - 10 * tens) << 8;
}

/// Writes an integer in decimal, and returns the end. Precondition: there are 24 bytes from `out`
/// on; those behind the end may be written too.
inline char* write_integer(char* out, std::int64_t value) noexcept {
  constexpr std::int64_t half = 100'000'000;
  // Times have nine to sixteen digits.
  if (std::endian::native != std::endian::little || value < half || value >= half * half)
    return std::to_chars(out, out + 24, value).ptr;
  constexpr std::uint64_t zeros = 0x3030'3030'3030'3030;
  const std::uint64_t high = digits_of(static_cast<std::uint64_t>(value / half));
  const std::uint64_t low = digits_of(static_cast<std::uint64_t>(value % half)) | zeros;
  const int leading = std::countr_zero(high) / 8;
  const std::uint64_t shown = (high | zeros) >> (8 * leading);
  std::memcpy(out, &shown, sizeof shown);
  out += 8 - leading;
  std::memcpy(out, &low, sizeof low);
  return out + sizeof low;
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
