#ifndef SESSIONIZE_SNAPSHOT_TRAITS_HPP
#define SESSIONIZE_SNAPSHOT_TRAITS_HPP

#include <sessionize/rules/split_rule.hpp>
#include <sessionize/snapshot/reader.hpp>
#include <sessionize/snapshot/writer.hpp>

#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

namespace detail {

template <class T>
struct NotInSnapshots {
  static_assert(always_false<T>,
                "a snapshot cannot hold this type: specialize sessionize::SnapshotTraits for it, "
                "with static functions `std::string name()`, `void save(SnapshotWriter&, const "
                "T&)` and `bool load(SnapshotReader&, T&)`");
};

}  // namespace detail

/// How values of type `T` are written into snapshots, read, and named: two types of one name are
/// read as each other. Integers, floating-point numbers, enumerations, std::string, durations and
/// time points, optionals, pairs, tuples and vectors of those have it. For a key, or the state of a
/// rule, of your own type write
///
///     template <>
///     struct sessionize::SnapshotTraits<Place> {
///       static std::string name() { return "place"; }
///       static void save(SnapshotWriter& out, const Place& place) { out.put(place.street); ... }
///       static bool load(SnapshotReader& in, Place& place) { return in.get(place.street) && ...; }
///     };
///
/// load() returns false where there is no such value.
template <class T>
struct SnapshotTraits {
  static std::string name() {
    static_cast<void>(sizeof(detail::NotInSnapshots<T>));
    return {};
  }
  static void save(SnapshotWriter&, const T&) {}
  static bool load(SnapshotReader&, T&) { return false; }
};

template <std::integral T>
struct SnapshotTraits<T> {
  using Word = std::conditional_t<
      sizeof(T) == 1, std::uint8_t,
      std::conditional_t<sizeof(T) == 2, std::uint16_t,
                         std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
  static_assert(sizeof(T) <= sizeof(Word));

  static std::string name() {
    if constexpr (std::same_as<T, bool>) return "bool";
    return (std::signed_integral<T> ? "int" : "uint") + std::to_string(8 * sizeof(T));
  }
  static void save(SnapshotWriter& out, T value) { out.number(static_cast<Word>(value)); }
  static bool load(SnapshotReader& in, T& value) {
    Word word = 0;
    if (!in.number(word)) return false;
    value = static_cast<T>(word);
    return !std::same_as<T, bool> || word <= 1;
  }
};

template <class T>
requires std::is_enum_v<T>
struct SnapshotTraits<T> {
  using Number = SnapshotTraits<std::underlying_type_t<T>>;
  static std::string name() { return "enum " + Number::name(); }
  static void save(SnapshotWriter& out, T value) {
    Number::save(out, static_cast<std::underlying_type_t<T>>(value));
  }
  static bool load(SnapshotReader& in, T& value) {
    std::underlying_type_t<T> number{};
    if (!in.get(number)) return false;
    value = static_cast<T>(number);
    return true;
  }
};

template <std::floating_point T>
requires(sizeof(T) == 4 || sizeof(T) == 8) struct SnapshotTraits<T> {
  using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static std::string name() { return "float" + std::to_string(8 * sizeof(T)); }
  static void save(SnapshotWriter& out, T value) { out.number(std::bit_cast<Word>(value)); }
  static bool load(SnapshotReader& in, T& value) {
    Word word = 0;
    if (!in.number(word)) return false;
    value = std::bit_cast<T>(word);
    return true;
  }
};

template <>
struct SnapshotTraits<std::string> {
  static std::string name() { return "text"; }
  static void save(SnapshotWriter& out, std::string_view text) {
    out.number(std::uint64_t{text.size()});
    out.bytes(text);
  }
  static bool load(SnapshotReader& in, std::string& text) {
    std::uint64_t size = 0;
    return in.number(size) && in.text(text, size);
  }
};

template <class Rep, class Period>
struct SnapshotTraits<std::chrono::duration<Rep, Period>> {
  static std::string name() {
    return SnapshotTraits<Rep>::name() + " of " + std::to_string(Period::num) + '/' +
           std::to_string(Period::den) + " s";
  }
  static void save(SnapshotWriter& out, std::chrono::duration<Rep, Period> span) {
    out.put(span.count());
  }
  static bool load(SnapshotReader& in, std::chrono::duration<Rep, Period>& span) {
    Rep count{};
    if (!in.get(count)) return false;
    span = std::chrono::duration<Rep, Period>(count);
    return true;
  }
};

template <class Clock, class Duration>
struct SnapshotTraits<std::chrono::time_point<Clock, Duration>> {
  static std::string name() {
    return SnapshotTraits<Duration>::name() +
           (std::same_as<Clock, std::chrono::system_clock> ? " since 1970" : "");
  }
  static void save(SnapshotWriter& out, std::chrono::time_point<Clock, Duration> time) {
    out.put(time.time_since_epoch());
  }
  static bool load(SnapshotReader& in, std::chrono::time_point<Clock, Duration>& time) {
    Duration since{};
    if (!in.get(since)) return false;
    time = std::chrono::time_point<Clock, Duration>(since);
    return true;
  }
};

template <class T>
struct SnapshotTraits<std::optional<T>> {
  static std::string name() { return "optional " + SnapshotTraits<T>::name(); }
  static void save(SnapshotWriter& out, const std::optional<T>& value) {
    out.put(value.has_value());
    if (value) out.put(*value);
  }
  static bool load(SnapshotReader& in, std::optional<T>& value) {
    bool has_value = false;
    value.reset();
    return in.get(has_value) && (!has_value || in.get(value.emplace()));
  }
};

/// Also of a composite key's view.
template <class A, class B>
struct SnapshotTraits<std::pair<A, B>> {
  static std::string name() {
    return '(' + SnapshotTraits<A>::name() + ", " + SnapshotTraits<B>::name() + ')';
  }
  template <class Pair>
  static void save(SnapshotWriter& out, const Pair& pair) {
    SnapshotTraits<A>::save(out, pair.first);
    SnapshotTraits<B>::save(out, pair.second);
  }
  static bool load(SnapshotReader& in, std::pair<A, B>& pair) {
    return in.get(pair.first) && in.get(pair.second);
  }
};
template <class... Parts>
struct SnapshotTraits<std::tuple<Parts...>> {
  static std::string name() {
    std::string names;
    ((names += (names.empty() ? "" : ", ") + SnapshotTraits<Parts>::name()), ...);
    return '(' + names + ')';
  }
  template <class Tuple>
  static void save(SnapshotWriter& out, const Tuple& tuple) {
    std::apply([&](const auto&... part) { (SnapshotTraits<Parts>::save(out, part), ...); }, tuple);
  }
  static bool load(SnapshotReader& in, std::tuple<Parts...>& tuple) {
    return std::apply([&](auto&... part) { return (in.get(part) && ...); }, tuple);
  }
};

template <class T>
struct SnapshotTraits<std::vector<T>> {
  static std::string name() { return "vector " + SnapshotTraits<T>::name(); }
  static void save(SnapshotWriter& out, const std::vector<T>& values) {
    out.number(std::uint64_t{values.size()});
    for (const T& value : values) out.put(value);
  }
  static bool load(SnapshotReader& in, std::vector<T>& values) {
    std::uint64_t size = 0;
    if (!in.number(size)) return false;
    values.clear();
    for (; size != 0; --size) {
      T value{};
      const std::uint64_t before = in.position();
      // A wrong number of values that take no bytes would never end.
      if (!in.get(value) || in.position() == before) return false;
      values.push_back(std::move(value));
    }
    return true;
  }
};

template <>
struct SnapshotTraits<NoState> {
  static std::string name() { return "nothing"; }
  static constexpr void save(SnapshotWriter&, NoState) noexcept {}
  static constexpr bool load(SnapshotReader&, NoState&) noexcept { return true; }
};

}  // namespace v0
}  // namespace sessionize

#endif
