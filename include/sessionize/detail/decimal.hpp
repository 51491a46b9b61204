#ifndef SESSIONIZE_DETAIL_DECIMAL_HPP
#define SESSIONIZE_DETAIL_DECIMAL_HPP

#include <bit>
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

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
