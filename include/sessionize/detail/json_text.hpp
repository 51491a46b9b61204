#ifndef SESSIONIZE_DETAIL_JSON_TEXT_HPP
#define SESSIONIZE_DETAIL_JSON_TEXT_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The first character of a text, as bytes.
struct Utf8Character {
  std::size_t bytes;  ///< how many it has; of an invalid sequence, how many belong to it
  bool valid;
};

/// Looks at the first character of `text`, which is not empty. An invalid sequence is as long as
/// Unicode recommends for replacement (the maximal subpart): overlong forms, surrogates and numbers
/// past U+10FFFF are invalid. Constant time.
constexpr Utf8Character first_character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // Only the second byte has a range that depends on the first.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

/// How many bytes of `text` come before its first invalid UTF-8 sequence; all of them where there
/// is none. Linear.
constexpr std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto character = first_character(text.substr(at));
    if (!character.valid) break;
    at += character.bytes;
  }
  return at;
}

/// A copy of `text` that is UTF-8 and has at most `max_bytes` bytes: invalid sequences become
/// U+FFFD, and no character is cut. Linear in the shorter of the two.
[[nodiscard]] inline std::string sanitize_utf8(std::string_view text, std::size_t max_bytes) {
  std::string clean;
  while (!text.empty()) {
    const auto character = first_character(text);
    const std::string_view bytes =
        character.valid ? text.substr(0, character.bytes) : std::string_view{"\xEF\xBF\xBD"};
    if (bytes.size() > max_bytes - clean.size()) break;
    clean += bytes;
    text.remove_prefix(character.bytes);
  }
  return clean;
}

/// The high bits of the bytes in eight characters, loaded by a little-endian machine, that a JSON
/// string escapes. Bits above the lowest one that is set may be wrong.
constexpr std::uint64_t escaped_bytes(std::uint64_t word) noexcept {
  constexpr std::uint64_t each = 0x0101'0101'0101'0101;
  // A byte's high bit: whether it is zero, or below 0x20. A borrow makes some above the first one
  // wrong, but only those.
  const std::uint64_t quote = word ^ ('"' * each);
  const std::uint64_t backslash = word ^ ('\\' * each);
  return (((quote - each) & ~quote) | ((backslash - each) & ~backslash) |
          ((word - 0x20 * each) & ~word)) &
         (0x80 * each);
}

/// Moves `at` to the first character from there that a JSON string escapes (a quote, a backslash, a
/// control character), or to `end`. Returns whether all that it came across is ASCII; also false
/// where a byte shortly behind is not. Linear; eight or sixteen bytes at a time.
inline bool skip_plain(const char*& at, const char* end) noexcept {
  constexpr std::uint64_t high = 0x8080'8080'8080'8080;
  [[maybe_unused]] const char* const from = at;
  std::uint64_t seen = 0;
#ifdef __SSE2__
  // Most strings end within sixteen bytes, which is one way to go and not two.
  for (; at != end && end - from >= 16; at += 16) {
    // The last sixteen lie over those before, which are known to be plain.
    if (end - at < 16) at = end - 16;
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control =
        _mm_cmpeq_epi8(_mm_and_si128(bytes, _mm_set1_epi8(-0x20)), _mm_setzero_si128());
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const auto found = static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))));
    seen |= _mm_movemask_epi8(bytes) != 0 ? high : 0;
    if (found == 0) continue;
    at += std::countr_zero(found);
    return seen == 0;
  }
#endif
  if constexpr (std::endian::native == std::endian::little) {
    while (at != end && end - from >= 8) {
      if (end - at < 8) at = end - 8;
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      seen |= word;
      if (const std::uint64_t found = escaped_bytes(word); found != 0) {
        at += std::countr_zero(found) / 8;
        return (seen & high) == 0;
      }
      at += 8;
    }
  }
  for (; at != end; ++at) {
    const auto c = static_cast<unsigned char>(*at);
    if (c < 0x20 || c == '"' || c == '\\') break;
    seen |= c;
  }
  return (seen & high) == 0;
}

/// Copies a text, most often a short one, and returns where its copy ends.
inline char* copy_short(char* out, const char* from, std::size_t size) noexcept {
  // Two moves that overlap take the place of a call.
  if (size - 16 <= 16) {
    std::uint64_t words[4];
    std::memcpy(words, from, 16);
    std::memcpy(words + 2, from + size - 16, 16);
    std::memcpy(out, words, 16);
    std::memcpy(out + size - 16, words + 2, 16);
  } else if (size - 8 < 8) {
    std::uint64_t first = 0, last = 0;
    std::memcpy(&first, from, 8);
    std::memcpy(&last, from + size - 8, 8);
    std::memcpy(out, &first, 8);
    std::memcpy(out + size - 8, &last, 8);
  } else if (size - 4 < 4) {
    std::uint32_t first = 0, last = 0;
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(out, &first, 4);
    std::memcpy(out + size - 4, &last, 4);
  } else if (size != 0) {
    std::memcpy(out, from, size);
  }
  return out + size;
}

/// How many bytes write_json_string() may write.
constexpr std::size_t json_string_bound(std::string_view text) noexcept {
  return 6 * text.size() + 2;
}

/// Writes `text`, which is UTF-8, as a JSON string with its quotes, and returns the end. Escapes
/// what JSON wants escaped (quotes, backslashes, control characters) and nothing else. Linear.
/// Precondition: there are json_string_bound(text) bytes from `out` on.
inline char* write_json_string(char* out, std::string_view text) noexcept {
  constexpr char hex[] = "0123456789abcdef";
  const char* at = text.data();
  const char* const end = at + text.size();
  *out++ = '"';
  for (;;) {
    const char* const plain = at;
    skip_plain(at, end);
    out = copy_short(out, plain, static_cast<std::size_t>(at - plain));
    if (at == end) break;
    const auto c = static_cast<unsigned char>(*at++);
    *out++ = '\\';
    switch (c) {
      case '"': *out++ = '"'; break;
      case '\\': *out++ = '\\'; break;
      case '\b': *out++ = 'b'; break;
      case '\f': *out++ = 'f'; break;
      case '\n': *out++ = 'n'; break;
      case '\r': *out++ = 'r'; break;
      case '\t': *out++ = 't'; break;
      default:
        out = copy_short(out, "u00", 3);
        *out++ = hex[c >> 4];
        *out++ = hex[c & 0xF];
    }
  }
  *out++ = '"';
  return out;
}

/// Appends `text` to `out` as write_json_string() writes it.
inline void append_json_string(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  out.resize(before + json_string_bound(text));
  char* const end = write_json_string(out.data() + before, text);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
