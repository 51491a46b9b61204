#ifndef SESSIONIZE_JSON_MAPPING_HPP
#define SESSIONIZE_JSON_MAPPING_HPP

#include <sessionize/json/time_format.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace json {

/// Which members of a JSON object are an event's key, time and device: top-level members, by name.
struct Mapping {
  /// At least one. Of several, the key is their texts joined by '|', with '%' and '|' in each
  /// written as %25 and %7C, so that different keys stay different.
  std::vector<std::string> key = {"user_id"};
  std::string time = "event_timestamp";
  std::string device = "device_type";
  /// Members to read besides; Event::fields has their values, in this order.
  std::vector<std::string> fields = {};
  TimeFormat time_format = TimeFormat::milliseconds;
};

/// How large a line may be; a larger one is rejected, alone.
struct Limits {
  std::size_t line = 1'048'576;  ///< bytes in a line, without its line end
  std::size_t key = 65'536;      ///< bytes in a key
  std::size_t nesting = 512;     ///< arrays and objects around each other in a member's value
};

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
