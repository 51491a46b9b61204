#ifndef SESSIONIZE_JSON_VALUE_HPP
#define SESSIONIZE_JSON_VALUE_HPP

#include <sessionize/detail/json_text.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sessionize {
inline namespace v0 {
namespace json {

/// What a member of a JSON object is. An integer is a number without fraction and exponent, of any
/// size; every other number is `number`.
enum class Kind : unsigned char { absent, null, boolean, integer, number, string, array, object };

/// A member of a JSON object.
struct Value {
  Kind kind = Kind::absent;
  /// A string's content; a number as the line spells it ("1.50"; an integer without a sign before
  /// zero); the JSON text, without spaces, of anything else. Empty where the member is absent.
  std::string text;

  /// The text, or null where the member is null or absent. What value_change() wants.
  [[nodiscard]] std::optional<std::string_view> nullable() const noexcept {
    if (kind == Kind::absent || kind == Kind::null) return std::nullopt;
    return text;
  }

  friend bool operator==(const Value&, const Value&) = default;
};

/// A Value whose text somebody else holds.
struct ValueView {
  Kind kind = Kind::absent;
  std::string_view text{};

  constexpr ValueView() = default;
  constexpr ValueView(Kind of, std::string_view as) noexcept : kind(of), text(as) {}
  ValueView(const Value& value) noexcept : kind(value.kind), text(value.text) {}

  /// As Value::nullable().
  [[nodiscard]] std::optional<std::string_view> nullable() const noexcept {
    if (kind == Kind::absent || kind == Kind::null) return std::nullopt;
    return text;
  }
};

/// Appends `value` to `out` as JSON; a member that is absent as null. Linear in its text.
inline void append_json(std::string& out, const ValueView& value) {
  if (value.kind == Kind::absent)
    out += "null";
  else if (value.kind == Kind::string)
    sessionize::detail::append_json_string(out, value.text);
  else
    out += value.text;
}

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
