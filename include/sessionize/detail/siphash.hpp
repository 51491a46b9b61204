#ifndef SESSIONIZE_DETAIL_SIPHASH_HPP
#define SESSIONIZE_DETAIL_SIPHASH_HPP

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// SipHash-2-4 with 128 bits, of Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
/// Its values are the same everywhere and for good.
class SipHash128 {
 public:
  constexpr SipHash128(std::uint64_t key_low, std::uint64_t key_high) noexcept
      : v0_(key_low ^ 0x736f'6d65'7073'6575),
        v1_(key_high ^ 0x646f'7261'6e64'6f6d ^ 0xee),
        v2_(key_low ^ 0x6c79'6765'6e65'7261),
        v3_(key_high ^ 0x7465'6462'7974'6573) {}

  /// Eight bytes, the lowest first.
  constexpr void add(std::uint64_t word) noexcept {
    size_ += 8;
    compress(word);
  }
  /// The hash of all words, and of bytes behind them: its low half, and its high one.
  [[nodiscard]] constexpr std::pair<std::uint64_t, std::uint64_t> finish(
      std::string_view last = {}) noexcept {
    for (; last.size() >= 8; last.remove_prefix(8)) add(word_of(last.substr(0, 8)));
    compress((size_ + last.size()) << 56 | word_of(last));
    v2_ ^= 0xee;
    const std::uint64_t low = finalize();
    v1_ ^= 0xdd;
    return {low, finalize()};
  }

  /// At most eight bytes as a word, the first one lowest, with zeros behind them.
  [[nodiscard]] static constexpr std::uint64_t word_of(std::string_view bytes) noexcept {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return word;
  }

 private:
  constexpr void compress(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }
  constexpr std::uint64_t finalize() noexcept {
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }
  constexpr void round() noexcept {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32) + v3_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t size_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
