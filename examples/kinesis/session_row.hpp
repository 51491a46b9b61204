#ifndef SESSIONIZE_KINESIS_SESSION_ROW_HPP
#define SESSIONIZE_KINESIS_SESSION_ROW_HPP

#include <session_store.hpp>
#include <session_table.hpp>

#include <sessionize/session_id.hpp>
#include <sessionize/utc.hpp>

#include <array>
#include <string>
#include <string_view>

namespace kinesis {

[[nodiscard]] inline std::string time_of_day(sessionize::EventClock::time_point time) {
  std::array<char, 8> text{};
  sessionize::IdWriter out(text);
  out.time_of_day(time);
  return std::string(out.view());
}

/// The id of a session or record, in any form.
template <class Form, class Value>
[[nodiscard]] std::string id_text(const Form& form, const Value& value) {
  std::string text(64, '\0');
  const auto size = sessionize::write_id(form, text, value).size();
  if (size > text.size()) {
    text.resize(size);
    static_cast<void>(sessionize::write_id(form, text, value));
  }
  text.resize(size);
  return text;
}

/// The row of a session that is closed, under its unique id.
template <class Summary>
[[nodiscard]] aws::SessionRow row_of(const Summary& session) {
  return {.session_id = id_text(sessionize::unique_id, session),
          .session_time = time_of_day(session.start),
          .user_id = std::string(session.key),
          .session_start = session.start.time_since_epoch().count(),
          .session_end = session.last.time_since_epoch().count(),
          .duration_ms = session.duration().count(),
          .events = session.events,
          .reason = std::string(to_string(session.reason))};
}

/// The same as SQLite has it; it looks at the row.
[[nodiscard]] inline command::SessionTable::SessionRow to_table_row(const aws::SessionRow& row) {
  return {row.user_id,
          row.session_id,
          row.session_start,
          row.session_end.value_or(row.session_start),
          row.events.value_or(1),
          row.duration_ms.value_or(0),
          row.reason ? std::string_view(*row.reason) : std::string_view()};
}

}  // namespace kinesis

#endif
