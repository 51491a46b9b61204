#ifndef SESSIONIZE_CONTENT_ID_HPP
#define SESSIONIZE_CONTENT_ID_HPP

#include <sessionize/detail/siphash.hpp>
#include <sessionize/rules/split_rule.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// What an event is known by that has no id of its own: the low and the high half of a 128-bit
/// hash.
using ContentId = std::pair<std::uint64_t, std::uint64_t>;

namespace detail {

/// Adds a key so that no two keys of a type are the same words.
template <class Key>
constexpr void add_key(SipHash128& hash, const Key& key) {
  if constexpr (std::integral<Key> || std::is_enum_v<Key>) {
    hash.add(static_cast<std::uint64_t>(key));
  } else if constexpr (std::convertible_to<const Key&, std::string_view>) {
    std::string_view text = key;
    hash.add(text.size());
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 8)))
      hash.add(SipHash128::word_of(text.substr(0, 8)));
  } else if constexpr (requires { std::tuple_size<Key>::value; }) {
    std::apply([&](const auto&... part) { (add_key(hash, part), ...); }, key);
  } else {
    static_assert(
        always_false<Key>,
        "content_id() is given a key that is no integer, no text, and no pair or tuple of "
        "these");
  }
}

}  // namespace detail

/// An id of an event that has none: of its key (an integer, a text, or a pair or tuple of these; a
/// number counts by its value, whatever its width), its time (in its clock's ticks) and its data,
/// all the rest of it as bytes. Copies of an event have one id: in every process, on every machine
/// and in every version.
///
/// Two events that differ have one id with a probability of 2^-128, about 3e-39; the later one is
/// then taken for a duplicate, and lost. Of a filter that remembers a million ids, one event in
/// 3e32 is. The hash is no secret: it is SipHash-2-4 with 128 bits and a key of zeros. Two events
/// of a user that are the same in all of this are one to it: give `data` what tells them apart, as
/// a sequence number. Linear in the data; allocates nothing; thread-safe.
template <class Key, class Clock, class Duration>
requires std::integral<typename Duration::rep>
[[nodiscard]] constexpr ContentId content_id(const Key& key,
                                             std::chrono::time_point<Clock, Duration> time,
                                             std::string_view data = {}) {
  detail::SipHash128 hash(0, 0);
  detail::add_key(hash, key);
  hash.add(static_cast<std::uint64_t>(time.time_since_epoch().count()));
  return hash.finish(data);
}

}  // namespace v0
}  // namespace sessionize

#endif
