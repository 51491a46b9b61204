#ifndef SESSIONIZE_COMMAND_CLICK_LINE_HPP
#define SESSIONIZE_COMMAND_CLICK_LINE_HPP

#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <string>

namespace command {

/// Adds a simulated click to `text` as a line of JSON, with the members that the recipe's simulator
/// sends; the time is a string there.
inline void append_line(std::string& text, const sessionize::testing::Click& click) {
  sessionize::JsonRow row(text);
  row.text("user_id", click.user_id);
  row.text("event_timestamp", std::to_string(click.time.time_since_epoch().count()));
  row.text("event_name", click.event_name);
  row.text("event_type", click.event_type);
  row.text("device_type", click.device_type);
  row.end();
}

}  // namespace command

#endif
