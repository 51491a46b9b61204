#ifndef SESSIONIZE_AWS_BASE64_HPP
#define SESSIONIZE_AWS_BASE64_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aws {

namespace detail {
inline constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

/// The base64 form of any bytes: RFC 4648 section 4, with padding and without line breaks.
[[nodiscard]] inline std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8U | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= group.size() ? detail::base64_digits[bits >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

/// The bytes that a base64 text stands for, or nothing where it is not exactly what
/// base64_encode() writes of some bytes: the padding has to be there, white space, other alphabets
/// and bits that no byte would have set are refused. So no two texts stand for the same bytes.
[[nodiscard]] inline std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;

  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t digits = 4 - (at + 4 == text.size() ? padding : 0);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const std::size_t value = detail::base64_digits.find(text[at + i]);
      if (value == std::string_view::npos) return std::nullopt;
      bits |= static_cast<std::uint32_t>(value) << (18 - 6 * i);
    }
    for (std::size_t i = 0; i + 1 < digits; ++i) {
      bytes += static_cast<char>(bits >> 16U & 255U);
      bits = bits << 8U & 0xffffffU;
    }
    if (bits != 0) return std::nullopt;
  }
  return bytes;
}

}  // namespace aws

#endif
