#ifndef SESSIONIZE_SHARD_HPP
#define SESSIONIZE_SHARD_HPP

#include <sessionize/key.hpp>

#include <bit>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

namespace detail {

/// The hash behind shard_of(): fixed for good, so it shares nothing with KeyHasher, which is free
/// to change. A step folds a 128-bit product into its halves' xor, as Wang Yi's wyhash does.
///
///     fold(a, b)    = low 64 bits of a * b  xor  high 64 bits of a * b
///     word(w, s)    = fold(w xor s, 0x9e3779b97f4a7c15)            (2^64 over the golden ratio)
///     text(t, s)    = s = word(number of bytes, s), then for each step (a, b) of the text
///                     s = fold(a xor s, b xor 0x9e3779b97f4a7c15)
///     steps of text = while more than 16 bytes are left, the next two words of 8; then, of what is
///                     left, the first 8 and the last 8 bytes; of less than 8 the first 4 and the
///                     last 4; of less than 4 those bytes as one word, and 0
///
/// Words are read from texts with their first byte lowest, on every machine. The first state is
/// `start`.
class ShardHash {
 public:
  static constexpr std::uint64_t start = 0x243f'6a88'85a3'08d3;  // the fraction of pi

  template <class Key>
  [[nodiscard]] static constexpr std::uint64_t of(const Key& key, std::uint64_t state) {
    if constexpr (std::integral<Key> || std::is_enum_v<Key>)
      return word(static_cast<std::uint64_t>(key), state);
    else if constexpr (std::same_as<Key, std::string> || std::same_as<Key, std::string_view> ||
                       std::is_convertible_v<Key, const char*>)
      return text(key, state);
    else if constexpr (reference_view<Key>)
      return word(std::hash<typename Key::referred>{}(key.get()), state);
    else
      return word(std::hash<Key>{}(key), state);
  }
  template <class A, class B>
  [[nodiscard]] static constexpr std::uint64_t of(const std::pair<A, B>& key, std::uint64_t state) {
    return of(key.second, of(key.first, state));
  }
  template <class... Parts>
  [[nodiscard]] static constexpr std::uint64_t of(const std::tuple<Parts...>& key,
                                                  std::uint64_t state) {
    std::apply([&](const auto&... part) { ((state = of(part, state)), ...); }, key);
    return state;
  }

 private:
  [[nodiscard]] static constexpr std::uint64_t word(std::uint64_t word,
                                                    std::uint64_t state) noexcept {
    return fold(word ^ state, factor);
  }

  [[nodiscard]] static constexpr std::uint64_t text(std::string_view text,
                                                    std::uint64_t state) noexcept {
    state = word(text.size(), state);
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left > 16; at += 16, left -= 16) state = step(load(at, 8), load(at + 8, 8), state);
    if (left >= 8) return step(load(at, 8), load(at + left - 8, 8), state);
    if (left >= 4) return step(load(at, 4), load(at + left - 4, 4), state);
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < left; ++i) rest |= byte(at, i);
    return step(rest, 0, state);
  }

  static constexpr std::uint64_t factor = 0x9e37'79b9'7f4a'7c15;

  [[nodiscard]] static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Product product = multiply(a, b);
    return product.low ^ product.high;
  }
  [[nodiscard]] static constexpr std::uint64_t step(std::uint64_t a, std::uint64_t b,
                                                    std::uint64_t state) noexcept {
    return fold(a ^ state, b ^ factor);
  }
  [[nodiscard]] static constexpr std::uint64_t byte(const char* at, std::size_t i) noexcept {
    return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  }
  [[nodiscard]] static constexpr std::uint64_t load(const char* at, std::size_t count) noexcept {
    std::uint64_t word = 0;
    if (!std::is_constant_evaluated() && std::endian::native == std::endian::little)
      std::memcpy(&word, at, count);
    else
      for (std::size_t i = 0; i < count; ++i) word |= byte(at, i);
    return word;
  }
};

}  // namespace detail

/// Which of `shards` shards a key belongs to: 0 to shards - 1, spread evenly. The same in every
/// process, on every machine and in every version: producers, partitions of a log and consumers may
/// rely on it. `shards` is at least 1; with another number of them most keys move.
///
/// A key is what a Sessionizer takes: an integer or enumeration counts by its value, whatever its
/// width; a text by its bytes, as std::string, std::string_view or const char*; a pair or tuple by
/// its parts in order. A type of the caller's goes by its std::hash, and its shard is as lasting as
/// that is: the standard libraries' hashes of texts differ.
///
/// The hash is no secret, unlike the tables': who chooses keys can send them all to one shard.
/// Where that is to be feared, give it a key that they do not choose. Linear in a text's length;
/// two multiplications for an integer. Allocates nothing; thread-safe.
template <class Key>
[[nodiscard]] constexpr std::size_t shard_of(const Key& key, std::size_t shards) {
  assert(shards >= 1 && "there is at least one shard");
  // The high word of the product: Lemire, "Fast random integer generation in an interval" (2019).
  return static_cast<std::size_t>(
      detail::multiply(detail::ShardHash::of(key, detail::ShardHash::start), shards).high);
}

}  // namespace v0
}  // namespace sessionize

#endif
