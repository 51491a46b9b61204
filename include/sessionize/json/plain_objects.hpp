#ifndef SESSIONIZE_JSON_PLAIN_OBJECTS_HPP
#define SESSIONIZE_JSON_PLAIN_OBJECTS_HPP

#include <sessionize/detail/json_text.hpp>
#include <sessionize/json/shortcut.hpp>
#include <sessionize/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

/// The shortcut for plain lines, as most are: an object without objects and arrays in it, whose
/// strings have no escapes and whose integers have 18 digits at most. The texts are pieces of the
/// line.
///
/// It goes by what the line before was like: where a member's name is spelled as that of the member
/// at the same place, it is not looked at again.
class PlainObjects {
 public:
  /// See `shortcut`. Linear in the line; allocates only where the members' names change.
  bool read(std::string_view line, std::size_t, WantedMembers& members) {
    at_ = line.data();
    end_ = at_ + line.size();
    is_ascii_ = true;
    space();
    if (!take('{')) return false;
    std::size_t number = 0;
    do {
      std::size_t place = WantedMembers::none;
      if (!name(number++, members, place)) return false;
      ValueView ignored;
      if (!read_value(place == WantedMembers::none ? ignored : members[place])) return false;
      space();
    } while (take(','));
    if (!take('}')) return false;
    space();
    return at_ == end_ && (is_ascii_ || sessionize::detail::valid_utf8_prefix(line) == line.size());
  }

 private:
  static constexpr std::size_t max_spellings = 64;
  static constexpr std::size_t max_spelling = 64;

  /// How the lines so far spell a member's name, from before its first quote to behind its colon.
  struct Spelling {
    char text[max_spelling] = {};
    std::size_t size = 0;
    std::size_t place = WantedMembers::none;

    [[nodiscard]] bool begins(std::string_view line) const noexcept {
      if (line.size() < size) return false;
      if (size < 8) return std::memcmp(line.data(), text, size) == 0;
      // Word by word, the last one over the one before: names are short, for a call.
      std::uint64_t different = difference(line.data(), size - 8);
      for (std::size_t i = 0; i + 8 < size; i += 8) different |= difference(line.data(), i);
      return different == 0;
    }

   private:
    [[nodiscard]] std::uint64_t difference(const char* line, std::size_t i) const noexcept {
      std::uint64_t a = 0, b = 0;
      std::memcpy(&a, line + i, sizeof a);
      std::memcpy(&b, text + i, sizeof b);
      return a ^ b;
    }
  };

  [[nodiscard]] std::string_view rest() const noexcept {
    return {at_, static_cast<std::size_t>(end_ - at_)};
  }
  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  void space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
  }

  bool name(std::size_t number, const WantedMembers& members, std::size_t& place) {
    if (number >= spellings_.size() || !spellings_[number].begins(rest()))
      return new_name(number, members, place);
    at_ += spellings_[number].size;
    place = spellings_[number].place;
    return true;
  }

  bool new_name(std::size_t number, const WantedMembers& members, std::size_t& place) {
    const char* const from = at_;
    space();
    std::string_view text;
    if (!take('"') || !string(text)) return false;
    space();
    if (!take(':')) return false;
    space();
    place = members.find(text);
    const auto spelled = static_cast<std::size_t>(at_ - from);
    // What is skipped must need no look at its UTF-8.
    if (number < max_spellings && spelled <= max_spelling && is_ascii_) {
      if (number == spellings_.size()) spellings_.emplace_back();
      if (number < spellings_.size()) {
        std::memcpy(spellings_[number].text, from, spelled);
        spellings_[number].size = spelled;
        spellings_[number].place = place;
      }
    }
    return true;
  }

  bool read_value(ValueView& value) noexcept {
    if (at_ == end_) return false;
    switch (*at_) {
      case '"':
        ++at_;
        value.kind = Kind::string;
        return string(value.text);
      case 't': return word("true", Kind::boolean, value);
      case 'f': return word("false", Kind::boolean, value);
      case 'n': return word("null", Kind::null, value);
      default: return number(value);
    }
  }

  bool word(std::string_view text, Kind kind, ValueView& value) noexcept {
    if (!rest().starts_with(text)) return false;
    value = {kind, {at_, text.size()}};
    at_ += text.size();
    return true;
  }

  /// Reads to the closing quote, and behind it; false where something comes before it that wants
  /// more than a glance.
  bool string(std::string_view& text) noexcept {
    const char* const from = at_;
    const auto ascii = sessionize::detail::skip_plain(at_, end_);
    text = {from, static_cast<std::size_t>(at_ - from)};
    is_ascii_ = is_ascii_ && ascii;
    return take('"');
  }

  bool number(ValueView& value) noexcept {
    const char* const from = at_;
    const bool negative = take('-');
    const char* const first = at_;
    const std::size_t whole = digits();
    if (whole == 0 || (*first == '0' && whole > 1)) return false;
    value.kind = Kind::integer;
    if (take('.')) {
      value.kind = Kind::number;
      if (digits() == 0) return false;
    }
    if (take('e') || take('E')) {
      value.kind = Kind::number;
      if (!take('-')) take('+');
      if (digits() == 0) return false;
    }
    // An integer is spelled in one way: -0 and those of other types are left to the parser.
    constexpr std::size_t max_digits = 18;
    if (value.kind == Kind::integer && (whole > max_digits || (negative && *first == '0')))
      return false;
    value.text = {from, static_cast<std::size_t>(at_ - from)};
    return true;
  }

  std::size_t digits() noexcept {
    const char* const from = at_;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return static_cast<std::size_t>(at_ - from);
  }

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  bool is_ascii_ = true;
  std::vector<Spelling> spellings_;
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
