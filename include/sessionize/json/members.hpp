#ifndef SESSIONIZE_JSON_MEMBERS_HPP
#define SESSIONIZE_JSON_MEMBERS_HPP

#include <sessionize/detail/json_text.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/rejection.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

namespace detail {

/// Stands in for a floating-point type. The parser gives up at a number that its type holds as
/// infinite, though JSON knows no largest number, and an integer key may have 400 digits. Numbers
/// are read from their tokens, so it is enough that this one always seems finite.
struct AnyNumber {
  double parsed;
  AnyNumber() = default;
  constexpr AnyNumber(double value) noexcept : parsed(value) {}
  constexpr operator double&() noexcept { return parsed; }
  constexpr operator double() const noexcept { return 0; }
};
using Parser = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                    std::uint64_t, AnyNumber>;

/// The events of nlohmann's SAX parser, turned into the values of an object's members.
template <class Wanted>
class MemberHandler {
 public:
  MemberHandler(Wanted& wanted, std::size_t max_nesting) noexcept
      : wanted_(wanted), max_nesting_(max_nesting) {}

  bool null() { return token(Kind::null, "null"); }
  bool boolean(bool value) { return token(Kind::boolean, value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return integer(value); }
  bool number_unsigned(std::uint64_t value) { return integer(value); }
  bool number_float(AnyNumber, const std::string& spelling) {
    if (spelling.find_first_not_of("-0123456789") == std::string::npos)
      return token(Kind::integer, spelling);
    // The parser puts the locale's decimal point into the token.
    number_ = spelling;
    const std::size_t point = number_.find_first_not_of("+-0123456789eE");
    if (point != std::string::npos) number_[point] = '.';
    return token(Kind::number, number_);
  }
  bool string(const std::string& content) {
    if (depth_ <= 1) return token(Kind::string, content);
    if (value_ == nullptr) return true;
    separate();
    sessionize::detail::append_json_string(value_->text, content);
    return true;
  }
  bool binary(const Parser::binary_t&) { return false; }  // JSON has none

  bool key(const std::string& name) {
    if (depth_ == 1) {
      value_ = wanted_(std::string_view{name});
    } else if (value_ != nullptr) {
      separate();
      sessionize::detail::append_json_string(value_->text, name);
      value_->text += ':';
    }
    return true;
  }
  bool start_object(std::size_t) { return open(Kind::object, '{'); }
  bool end_object() { return close('}'); }
  bool start_array(std::size_t) { return open(Kind::array, '['); }
  bool end_array() { return close(']'); }

  bool parse_error(std::size_t position, const std::string&, const Parser::exception& error) {
    position_ = position;
    // "[...] parse error at line 1, column 7: syntax error while parsing value - invalid literal;
    // last read: 'tru,'; expected ..." The token that was read last can be as long as the line.
    const std::string_view what{error.what()};
    const std::size_t from = what.find(" - ");
    if (from == std::string_view::npos) return false;
    const std::string_view explained = what.substr(from + 3);
    explanation_ = explained.substr(0, explained.find("; last read: "));
    return false;
  }

  [[nodiscard]] Kind root() const noexcept { return root_; }
  [[nodiscard]] bool too_deep() const noexcept { return too_deep_; }
  /// Where and why the parser gave up: in bytes from the line's start, from 1.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] const std::string& explanation() const noexcept { return explanation_; }

 private:
  bool integer(std::integral auto value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return token(Kind::integer, {digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  bool token(Kind kind, std::string_view text) {
    if (depth_ == 0) {
      root_ = kind;
    } else if (value_ != nullptr) {
      if (depth_ == 1) {
        value_->kind = kind;
        value_->text = text;
      } else {
        separate();
        value_->text += text;
      }
    }
    return true;
  }

  bool open(Kind kind, char bracket) {
    if (depth_ > max_nesting_) {
      too_deep_ = true;
      return false;
    }
    if (depth_ == 0) {
      root_ = kind;
    } else if (value_ != nullptr) {
      if (depth_ == 1) {
        value_->kind = kind;
        value_->text.clear();
      } else {
        separate();
      }
      value_->text += bracket;
    }
    ++depth_;
    return true;
  }

  bool close(char bracket) {
    if (--depth_ > 0 && value_ != nullptr) value_->text += bracket;
    return true;
  }

  /// Puts a comma behind what comes before in the same array or object. A text inside of strings
  /// is never last: it has its closing quote behind it.
  void separate() {
    const char last = value_->text.back();
    if (last != '[' && last != '{' && last != ':') value_->text += ',';
  }

  Wanted& wanted_;
  std::size_t max_nesting_;
  std::size_t depth_ = 0;  // 1 inside of the line's object
  Kind root_ = Kind::absent;
  bool too_deep_ = false;
  Value* value_ = nullptr;  // where the current member goes; null where nobody wants it
  std::string number_;
  std::size_t position_ = 0;
  std::string explanation_;
};

[[nodiscard]] constexpr std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::absent: return "missing";
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::integer:
    case Kind::number: return "a number";
    case Kind::string: return "a string";
    case Kind::array: return "an array";
    case Kind::object: return "an object";
  }
  return "unknown";
}

}  // namespace detail

/// Reads the top-level members of a line that is one JSON object. For each member that it meets,
/// in order and also for a repeated one, it asks `wanted(name)` for the Value to put it in, a
/// pointer that is good until the next such call; null skips the member.
/// Returns null, or why the line is rejected (invalid_json, invalid_utf8, not_an_object,
/// nesting_too_deep) and then puts into `message` a sentence of bounded length that says where and
/// what to do; the values hold nothing of use then. Strict: nothing may come before or behind the
/// object but white space. Linear in the line; a few allocations.
template <class Wanted>
requires std::is_invocable_r_v<Value*, Wanted&, std::string_view>
[[nodiscard]] std::optional<RejectReason> read_members(std::string_view line,
                                                       std::size_t max_nesting, Wanted&& wanted,
                                                       std::string& message) {
  const auto at_column = [&](std::string_view what, std::size_t column) -> std::string& {
    message = what;
    message += " at column ";
    return message += std::to_string(column);
  };
  // The parser would skip a byte order mark, and take a NUL byte for the end of its input.
  if (line.starts_with("\xEF\xBB\xBF")) {
    at_column("a byte order mark", 1) += ": only a file may start with one, remove it";
    return RejectReason::invalid_json;
  }
  if (const std::size_t nul = line.find('\0'); nul != std::string_view::npos) {
    at_column("a NUL byte", nul + 1) += ": the line is damaged or no text, write it anew";
    return RejectReason::invalid_json;
  }
  detail::MemberHandler handler{wanted, max_nesting};
  if (!detail::Parser::sax_parse(line.data(), line.data() + line.size(), &handler)) {
    if (handler.too_deep()) {
      message = "arrays and objects nest deeper than the limit of " + std::to_string(max_nesting) +
                ": flatten the event or raise the limit";
      return RejectReason::nesting_too_deep;
    }
    const std::size_t valid = sessionize::detail::valid_utf8_prefix(line);
    if (valid != line.size()) {
      at_column("bytes that are not UTF-8", valid + 1) += ": write the line in UTF-8";
      return RejectReason::invalid_utf8;
    }
    at_column("not JSON", handler.position()) +=
        " (" + handler.explanation() + "): write one complete JSON object a line";
    return RejectReason::invalid_json;
  }
  if (handler.root() != Kind::object) {
    message = "the line is ";
    message += detail::name_of(handler.root());
    message += ": write one JSON object a line";
    return RejectReason::not_an_object;
  }
  return std::nullopt;
}

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
