#ifndef SESSIONIZE_COMMAND_CLICK_LINE_HPP
#define SESSIONIZE_COMMAND_CLICK_LINE_HPP

#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <string>
#include <string_view>

namespace command {

/// A simulated click as a line of JSON, which is in `room`, with the members that the recipe's
/// simulator sends; the time is a string there.
inline std::string_view click_line(std::string& room, const sessionize::testing::Click& click) {
  sessionize::JsonRow row(room);
  row.text("user_id", click.user_id);
  row.text("event_timestamp", std::to_string(click.time.time_since_epoch().count()));
  row.text("event_name", click.event_name);
  row.text("event_type", click.event_type);
  row.text("device_type", click.device_type);
  return row.end();
}

}  // namespace command

#endif
