#ifndef SESSIONIZE_KEY_HPP
#define SESSIONIZE_KEY_HPP

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

/// The 128-bit product of two words.
struct Product {
  std::uint64_t low, high;
};
constexpr Product multiply(std::uint64_t a, std::uint64_t b) noexcept {
#ifdef __SIZEOF_INT128__
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product), static_cast<std::uint64_t>(product >> 64)};
#else
  const std::uint64_t a_low = a & 0xffff'ffff, a_high = a >> 32;
  const std::uint64_t b_low = b & 0xffff'ffff, b_high = b >> 32;
  const std::uint64_t low = a_low * b_low, mid_a = a_high * b_low, mid_b = a_low * b_high;
  const std::uint64_t carry = ((low >> 32) + (mid_a & 0xffff'ffff) + (mid_b & 0xffff'ffff)) >> 32;
  return {a * b, a_high * b_high + (mid_a >> 32) + (mid_b >> 32) + carry};
#endif
}

/// The next number of Steele, Lea and Flood's SplitMix64 sequence; also spreads one seed to many.
constexpr std::uint64_t splitmix64(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += 0x9e37'79b9'7f4a'7c15);
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

}  // namespace detail

namespace detail {

/// Marks a view that looks at a key of another's.
template <class Key>
struct ReferenceView {
  using referred = Key;
};
template <class View>
concept reference_view = std::derived_from<View, ReferenceView<typename View::referred>>;

}  // namespace detail

namespace detail {

[[nodiscard]] inline std::uint64_t load64(const char* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
[[nodiscard]] inline std::uint64_t load32(const char* at) noexcept {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// A text of up to 48 bytes as six words, none of which is read past its ends: words that would
/// reach beyond it are its last eight bytes again. Texts of one length are equal where their words
/// are.
class TextWords {
 public:
  static constexpr std::size_t max_size = 48;

  TextWords(const char* text, std::size_t size) noexcept
      : text_(text), last_(size < 8 ? 0 : size - 8), is_short_(size < 8) {
    if (!is_short_) return;
    if (size >= 4)
      short_ = load32(text) << 32 | load32(text + size - 4);
    else if (size != 0)
      short_ = std::uint64_t{static_cast<unsigned char>(text[0])} << 16 |
               std::uint64_t{static_cast<unsigned char>(text[size / 2])} << 8 |
               static_cast<unsigned char>(text[size - 1]);
  }
  [[nodiscard]] std::uint64_t operator[](std::size_t word) const noexcept {
    if (is_short_) return short_;
    return load64(text_ + (8 * word < last_ ? 8 * word : last_));
  }

 private:
  const char* text_;
  std::size_t last_;
  std::uint64_t short_ = 0;
  bool is_short_;
};

}  // namespace detail

/// A hash of integers and bytes under a secret, so that keys from outside cannot be chosen to
/// collide. Each step folds a 128-bit product whose two factors are both masked by the secret: no
/// input makes a factor zero without knowing it.
class KeyHasher {
 public:
  constexpr explicit KeyHasher(std::uint64_t seed) noexcept {
    for (auto& word : secret_) word = detail::splitmix64(seed) | 1;
  }

  /// The hash of one word, continued from `state`. Words in a row are still in a row when they have
  /// been multiplied, and under a few secrets in a hundred such a row crowds into a part of any
  /// table: the second product is of what the first, folded, no longer has in a row.
  [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t word,
                                                   std::uint64_t state = 0) const noexcept {
    return fold(word ^ state ^ secret_[0], secret_[1] ^ (state << 1)) * secret_[1];
  }

  /// The hash of a text, continued from `state`. Linear in its length.
  [[nodiscard]] std::uint64_t operator()(std::string_view text,
                                         std::uint64_t state = 0) const noexcept {
    const char* at = text.data();
    std::size_t left = text.size();
    state ^= left;
    for (; left > detail::TextWords::max_size; at += 48, left -= 48)
      state = block(detail::TextWords(at, 48), state);
    return block(detail::TextWords(at, left), state);
  }

 private:
  [[nodiscard]] std::uint64_t block(const detail::TextWords& words,
                                    std::uint64_t state) const noexcept {
    const std::uint64_t sum = fold(words[0] ^ secret_[0], words[1] ^ secret_[1]) ^
                              fold(words[2] ^ secret_[2], words[3] ^ secret_[3]) ^
                              fold(words[4] ^ secret_[4], words[5] ^ secret_[5]);
    return fold(sum ^ secret_[0], state ^ secret_[1] ^ (sum << 1));
  }
  [[nodiscard]] static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const auto product = detail::multiply(a, b);
    return product.low ^ product.high;
  }

  std::uint64_t secret_[6]{};
};

/// How the library sees a key of type `Key`: `view` is the type it is passed, looked up and
/// reported as. The primary template serves types that have std::hash, == and <; their views refer
/// to the key. A text that the key does not own, std::string_view or const char*, is refused. (A
/// weak std::hash stays weak under the seed: give keys from outside as text.)
template <class Key>
struct KeyTraits {
  static_assert(!std::same_as<Key, std::string_view> &&
                    !(std::is_pointer_v<Key> && std::is_convertible_v<Key, std::string_view>),
                "a key is kept: let it own its text, as std::string does, which is looked up by a "
                "std::string_view");
  /// A reference to a key that can be copied, and made from a temporary for the span of a call.
  class view : public detail::ReferenceView<Key> {
   public:
    constexpr view(const Key& key) noexcept : key_(&key) {}
    /// What only converts to a key would leave the view with a temporary.
    template <class Other>
    requires(!std::derived_from<Other, Key> && !std::same_as<Other, view>) view(const Other&)
    = delete;
    constexpr operator const Key&() const noexcept { return *key_; }
    [[nodiscard]] constexpr const Key& get() const noexcept { return *key_; }
    friend constexpr bool operator==(view a, view b) requires std::equality_comparable<Key> {
      return *a.key_ == *b.key_;
    }
    friend constexpr bool operator<(view a, view b) requires
        requires(const Key& one, const Key& other) {
      { one < other } -> std::convertible_to<bool>;
    }
    { return *a.key_ < *b.key_; }

   private:
    const Key* key_;
  };
  [[nodiscard]] static std::uint64_t hash(const KeyHasher& hasher, view key,
                                          std::uint64_t state) requires
      requires(const Key& hashed) {
    { std::hash<Key>{}(hashed) } -> std::convertible_to<std::size_t>;
  }
  { return hasher(static_cast<std::uint64_t>(std::hash<Key>{}(key.get())), state); }
};

template <class Key>
requires std::integral<Key> || std::is_enum_v<Key>
struct KeyTraits<Key> {
  using view = Key;
  [[nodiscard]] static constexpr std::uint64_t hash(const KeyHasher& hasher, Key key,
                                                    std::uint64_t state) noexcept {
    return hasher(static_cast<std::uint64_t>(key), state);
  }
};

template <>
struct KeyTraits<std::string> {
  using view = std::string_view;
  [[nodiscard]] static std::uint64_t hash(const KeyHasher& hasher, std::string_view key,
                                          std::uint64_t state) noexcept {
    return hasher(key, state);
  }
};

/// Composite keys: the view of a pair or a tuple is a pair or a tuple of views.
template <class A, class B>
struct KeyTraits<std::pair<A, B>> {
  using view = std::pair<typename KeyTraits<A>::view, typename KeyTraits<B>::view>;
  [[nodiscard]] static std::uint64_t hash(const KeyHasher& hasher, const view& key,
                                          std::uint64_t state) {
    return KeyTraits<B>::hash(hasher, key.second, KeyTraits<A>::hash(hasher, key.first, state));
  }
};
template <class... Parts>
struct KeyTraits<std::tuple<Parts...>> {
  using view = std::tuple<typename KeyTraits<Parts>::view...>;
  [[nodiscard]] static std::uint64_t hash(const KeyHasher& hasher, const view& key,
                                          std::uint64_t state) {
    std::apply(
        [&](const auto&... part) { ((state = KeyTraits<Parts>::hash(hasher, part, state)), ...); },
        key);
    return state;
  }
};

namespace detail {

/// Whether a `Given` becomes a `View` without losing anything, in each part of a composite.
template <class View, class Given>
inline constexpr bool fits_view = requires(const Given& given) {
  View{given};
};
template <class A, class B, class C, class D>
inline constexpr bool fits_view<std::pair<A, B>, std::pair<C, D>> =
    fits_view<A, C>&& fits_view<B, D>;
template <class... Parts, class... Given>
requires(
    sizeof...(Parts) ==
    sizeof...(Given)) inline constexpr bool fits_view<std::tuple<Parts...>, std::tuple<Given...>> =
    (fits_view<Parts, Given> && ...);

}  // namespace detail

/// The type that a key is passed, looked up and reported as: std::string_view for std::string,
/// integers as they are, a reference-like view for other types.
template <class Key>
using key_view_t = typename KeyTraits<Key>::view;

namespace detail {

template <class View>
struct OwnedKey {
  using type = View;
};
template <>
struct OwnedKey<std::string_view> {
  using type = std::string;
};
template <reference_view View>
struct OwnedKey<View> {
  using type = typename View::referred;
};
template <class A, class B>
struct OwnedKey<std::pair<A, B>> {
  using type = std::pair<typename OwnedKey<A>::type, typename OwnedKey<B>::type>;
};
template <class... Parts>
struct OwnedKey<std::tuple<Parts...>> {
  using type = std::tuple<typename OwnedKey<Parts>::type...>;
};

}  // namespace detail

/// The key type that a view looks at.
template <class View>
using owned_key_t = typename detail::OwnedKey<View>::type;

/// What a key is: an integer, an enumeration, std::string, a pair or tuple of keys, or a type of
/// the caller's with ==, < and std::hash, none of which throws.
template <class Key>
concept session_key = std::copyable<Key> &&
    requires(const key_view_t<Key>& view, const key_view_t<Key>& other, const KeyHasher& hasher,
             const Key& key) {
  { view == other } -> std::convertible_to<bool>;
  { view < other } -> std::convertible_to<bool>;
  { KeyTraits<Key>::hash(hasher, view, std::uint64_t{}) } -> std::same_as<std::uint64_t>;
  key_view_t<Key>(key);
  Key(view);
};

}  // namespace v0
}  // namespace sessionize

#endif
