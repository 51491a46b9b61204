#ifndef SESSIONIZE_COMMAND_SUMMARY_ROW_HPP
#define SESSIONIZE_COMMAND_SUMMARY_ROW_HPP

#include "session_table.hpp"

#include <sessionize/session_id.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace command {

/// The row of a session under its unique id. `id` is room for that: the row looks at it, and at the
/// summary's key.
template <class Summary>
[[nodiscard]] SessionTable::SessionRow row_of(const Summary& session, std::string_view reason,
                                              std::string& id) {
  using std::chrono::milliseconds;
  id.clear();
  auto written = sessionize::write_id(sessionize::unique_id, id, session);
  id.resize(written.size());
  written = sessionize::write_id(sessionize::unique_id, id, session);
  return {
      .user_id = session.key,
      .session_id = written.view(),
      .session_start = std::chrono::floor<milliseconds>(session.start.time_since_epoch()).count(),
      .session_end = std::chrono::floor<milliseconds>(session.last.time_since_epoch()).count(),
      .events = session.events.value_or(0),
      .duration_ms = std::chrono::floor<milliseconds>(session.duration()).count(),
      .reason = reason};
}

}  // namespace command

#endif
