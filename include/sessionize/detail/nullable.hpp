#ifndef SESSIONIZE_DETAIL_NULLABLE_HPP
#define SESSIONIZE_DETAIL_NULLABLE_HPP

#include <optional>
#include <string_view>
#include <type_traits>

// What a projection answers may be a value, or a std::optional of one, or a const char*.

namespace sessionize {
inline namespace v0 {
namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
[[nodiscard]] constexpr bool is_null(const T& value) noexcept {
  if constexpr (is_optional<T>)
    return !value.has_value();
  else if constexpr (std::is_pointer_v<T>)
    return value == nullptr;
  else
    return false;
}

/// The value of one that is not null.
template <class T>
[[nodiscard]] constexpr const auto& value_of(const T& value) noexcept {
  if constexpr (is_optional<T>)
    return *value;
  else
    return value;
}

/// A std::optional of the value: of a std::string_view where it is text, so that no text is copied.
template <class T>
[[nodiscard]] constexpr auto nullable_view(const T& value) {
  if constexpr (is_optional<T>) {
    using Inner = decltype(nullable_view(*value));
    return value ? nullable_view(*value) : Inner{};
  } else if constexpr (std::is_same_v<T, const char*> || std::is_same_v<T, char*>) {
    return value != nullptr ? std::optional<std::string_view>{value} : std::nullopt;
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return std::optional<std::string_view>{value};
  } else {
    return std::optional<T>{value};
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
