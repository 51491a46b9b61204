#ifndef SESSIONIZE_KEY_TEXT_HPP
#define SESSIONIZE_KEY_TEXT_HPP

#include <sessionize/key.hpp>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

namespace detail {

/// Passes `text` on to `put`, piece by piece, with each of `special` (and nothing else) as %XX.
template <class Put>
constexpr void put_escaped(std::string_view text, std::string_view special, Put&& put) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of(special), text.size());
    if (plain != 0) put(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const auto code = static_cast<unsigned char>(text.front());
    const char escape[] = {'%', hex[code >> 4U], hex[code & 15U]};
    put(std::string_view(escape, sizeof escape));
    text.remove_prefix(1);
  }
}

template <class T>
inline constexpr bool is_composite = false;
template <class A, class B>
inline constexpr bool is_composite<std::pair<A, B>> = true;
template <class... Parts>
inline constexpr bool is_composite<std::tuple<Parts...>> = true;

}  // namespace detail

/// Writes the text of a key in pieces, `put(std::string_view)`, without allocating: a text as it
/// is, an integer in decimal, the parts of a pair or a tuple joined by '|' with '%' and '|'
/// percent-escaped in each, so that different keys have different texts. For a key type of your
/// own, write `template <class Put> void put_key_text(const YourKey&, Put&& put)` beside it.
template <class Key, class Put>
constexpr void write_key(const Key& key, Put&& put) {
  if constexpr (std::is_convertible_v<const Key&, std::string_view>) {
    put(std::string_view(key));
  } else if constexpr (std::is_enum_v<Key>) {
    write_key(static_cast<std::underlying_type_t<Key>>(key), put);
  } else if constexpr (std::integral<Key>) {
    // Where there are less than sixteen, GCC 12 warns of sinks that copy so many of more.
    char digits[std::max(std::numeric_limits<Key>::digits10 + 3, 24)];
    using Number = std::conditional_t<std::is_same_v<Key, bool>, int, Key>;
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<Number>(key)).ptr;
    put(std::string_view(digits, static_cast<std::size_t>(end - digits)));
  } else if constexpr (detail::is_composite<Key>) {
    bool first = true;
    const auto put_part = [&](const auto& part) {
      if (!first) put(std::string_view("|"));
      first = false;
      write_key(part, [&](std::string_view piece) { detail::put_escaped(piece, "%|", put); });
    };
    std::apply([&](const auto&... part) { (put_part(part), ...); }, key);
  } else if constexpr (detail::reference_view<Key>) {
    write_key(key.get(), put);
  } else {
    static_assert(
        requires { put_key_text(key, put); },
        "a key type of your own needs a text: write `template <class Put> void "
        "put_key_text(const YourKey&, Put&& put)` beside it");
    put_key_text(key, put);
  }
}

}  // namespace v0
}  // namespace sessionize

#endif
