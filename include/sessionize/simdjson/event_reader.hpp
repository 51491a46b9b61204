#ifndef SESSIONIZE_SIMDJSON_EVENT_READER_HPP
#define SESSIONIZE_SIMDJSON_EVENT_READER_HPP

#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/plain_objects.hpp>
#include <sessionize/json/shortcut.hpp>
#include <sessionize/json/value.hpp>

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Events from JSON Lines, with simdjson for the lines that are not plain; target
// sessionize::simdjson.

namespace sessionize {
inline namespace v0 {
namespace simdjson {

/// A json::shortcut for all lines but the strange ones: plain lines as json::PlainObjects reads
/// them, and with simdjson those with escapes, and with arrays and objects in members that nobody
/// wants.
///
/// simdjson checks a line as a whole, members that are skipped too. What it rejects, and where it
/// might differ from json::read_members(), is not for this shortcut to know: an escaped \u, an
/// integer past 64 bits, the spelling of a fraction or a nested value that somebody wants.
class Objects {
 public:
  /// See `json::shortcut`. Linear in the line; allocates where a line is longer than all before.
  bool read(std::string_view line, std::size_t max_nesting, json::WantedMembers& members) {
    return plain_.read(line, max_nesting, members) || parse(line, max_nesting, members);
  }

 private:
  bool parse(std::string_view line, std::size_t max_nesting, json::WantedMembers& members) {
    namespace dom = ::simdjson::dom;
    // It would skip a byte order mark, in some versions.
    const std::size_t first = line.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || line[first] != '{') return false;
    if (line.find("\\u") != std::string_view::npos) return false;
    if (!make_room(line.size(), max_nesting)) return false;

    dom::object object;
    if (parser_.parse(line.data(), line.size()).get(object) != ::simdjson::SUCCESS) return false;
    members.clear();
    digits_.resize(members.size());
    for (const dom::key_value_pair member : object) {
      const std::size_t place = members.find(member.key);
      if (place != json::WantedMembers::none &&
          !read_value(member.value, digits_[place], members[place]))
        return false;
    }
    return true;
  }

  /// Makes the parser ready for such a line; it nests no deeper than asked, and not without end.
  bool make_room(std::size_t bytes, std::size_t max_nesting) {
    const std::size_t depth = std::min<std::size_t>(max_nesting, ::simdjson::DEFAULT_MAX_DEPTH);
    if (depth == 0) return false;
    if (bytes <= parser_.capacity() && depth == parser_.max_depth()) return true;
    return parser_.allocate(std::max(2 * bytes, parser_.capacity()), depth) == ::simdjson::SUCCESS;
  }

  using Digits = std::array<char, 24>;

  static bool read_value(::simdjson::dom::element element, Digits& digits,
                         json::ValueView& value) noexcept {
    using Type = ::simdjson::dom::element_type;
    switch (element.type()) {
      case Type::STRING:
        value = {json::Kind::string, element.get_string().value_unsafe()};
        return true;
      case Type::INT64:
        value = {json::Kind::integer, spell(element.get_int64().value_unsafe(), digits)};
        return true;
      case Type::UINT64:
        value = {json::Kind::integer, spell(element.get_uint64().value_unsafe(), digits)};
        return true;
      case Type::BOOL:
        value = {json::Kind::boolean, element.get_bool().value_unsafe() ? "true" : "false"};
        return true;
      case Type::NULL_VALUE: value = {json::Kind::null, "null"}; return true;
      case Type::DOUBLE:
      case Type::ARRAY:
      case Type::OBJECT: break;
    }
    return false;
  }

  static std::string_view spell(std::integral auto value, Digits& digits) noexcept {
    const auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), static_cast<std::size_t>(end - digits.data())};
  }

  json::PlainObjects plain_;
  ::simdjson::dom::parser parser_;
  std::vector<Digits> digits_;  // what integers look at, by place
};

/// A json::EventReader that answers the same, sooner where lines are not plain. It moves, and does
/// not copy.
template <session_clock Clock = EventClock>
using EventReader = json::EventReader<Clock, Objects>;

}  // namespace simdjson
}  // namespace v0
}  // namespace sessionize

#endif
