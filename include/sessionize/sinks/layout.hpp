#ifndef SESSIONIZE_SINKS_LAYOUT_HPP
#define SESSIONIZE_SINKS_LAYOUT_HPP

#include <sessionize/detail/nullable.hpp>
#include <sessionize/record.hpp>
#include <sessionize/session_id.hpp>
#include <sessionize/utc.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// What a line of output is made of, in whatever format it is written. A layout names its columns,
// `each_name(f)`, and writes a value to a row, `write(row, value)`; a row has `text(name, value)`,
// `plain(name, value)` for a text that is known to need no escape, `number(name, value)` and
// `json(name, value)`, each with a std::optional that may be empty.

namespace sessionize {
inline namespace v0 {

namespace detail {

/// Milliseconds since 1970, floored; null where int64 cannot hold them.
template <utc_time_point TimePoint>
[[nodiscard]] constexpr std::optional<std::int64_t> epoch_milliseconds(TimePoint time) noexcept {
  constexpr std::int64_t ticks = ticks_per_second<TimePoint>;
  const std::int64_t count = time.time_since_epoch().count();
  if constexpr (ticks % 1'000 == 0) return floor_div(count, ticks / 1'000);
  std::int64_t milliseconds = 0;
  const std::int64_t part = floor_mod(count, ticks) * 1'000 / ticks;
  if (!add_seconds(floor_div(count, ticks), 1'000, part, milliseconds)) return std::nullopt;
  return milliseconds;
}

template <class TimePoint>
consteval void require_utc() {
  static_assert(utc_time_point<TimePoint>,
                "lines have times in UTC: use a clock that counts from 1970-01-01");
}

/// Eight characters of a time of day, held by value.
template <utc_time_point TimePoint>
class TimeOfDayText {
 public:
  constexpr explicit TimeOfDayText(TimePoint time) noexcept { IdWriter(buffer_).time_of_day(time); }
  [[nodiscard]] constexpr std::string_view view() const noexcept {
    return {buffer_.data(), buffer_.size()};
  }

 private:
  std::array<char, 8> buffer_{};
};

/// Room for ids: a fixed buffer, and a growing one for those that are longer.
class IdBuffer {
 public:
  /// The id of `value`, good until the next call.
  template <class Form, class Value>
  std::optional<std::string_view> id(const Form& form, const Value& value) {
    IdWriter written = write_id(form, fixed_, value);
    if (!written.fits()) {
      grown_.resize(written.size());
      written = write_id(form, grown_, value);
    }
    if (written.is_null()) return std::nullopt;
    return written.view();
  }
  /// The text of a key, good until the next call.
  template <class Key>
  std::string_view key(const Key& key) {
    if constexpr (std::is_convertible_v<const Key&, std::string_view>)
      return key;
    else
      return *id([](IdWriter& out, const Key& written) { out.key(written); }, key);
  }

 private:
  std::array<char, 128> fixed_{};
  std::string grown_;
};

}  // namespace detail

/// One more column for a record's line.
template <class Projection>
struct Column {
  std::string_view name;
  Projection projection;

  template <class Visit>
  void each_name(Visit&& visit) const {
    visit(name);
  }
  template <class Row, class Value>
  void write(Row& row, const Value& value) const {
    if constexpr (requires { std::invoke(projection, value.event); })
      write_value(row, std::invoke(projection, value.event));
    else
      write_value(row, std::invoke(projection, value));
  }

 private:
  template <class Row, class Value>
  void write_value(Row& row, const Value& value) const {
    const auto seen = detail::nullable_view(value);
    using Seen = typename std::remove_cvref_t<decltype(seen)>::value_type;
    if constexpr (std::same_as<Seen, std::string_view>)
      row.text(name, seen);
    else if constexpr (std::same_as<Seen, bool>)
      row.json(name,
               seen ? std::optional<std::string_view>(*seen ? "true" : "false") : std::nullopt);
    else
      row.number(name, seen);
  }
};

/// A column named `name` (a literal, or what outlives the layout), by a projection of the event or
/// of the record: a text, a number (a char is one) or a bool, or a std::optional of one.
template <class Projection>
[[nodiscard]] constexpr Column<Projection> column(std::string_view name, Projection projection) {
  return {name, std::move(projection)};
}

/// What every record's line begins with: user_id, session_id, session_time and latest_time
/// (HH:mm:ss UTC), session_start and event_timestamp (milliseconds since 1970), reason.
struct RecordColumns {
  static constexpr std::array<std::string_view, 7> names = {
      "user_id",       "session_id",      "session_time", "latest_time",
      "session_start", "event_timestamp", "reason"};
  template <class T>
  static constexpr bool lays_out = record<T>;

  template <class Row, class IdForm, record R>
  static void write(Row& row, detail::IdBuffer& buffer, const IdForm& id_form, const R& value) {
    detail::require_utc<typename R::time_point>();
    row.text("user_id", std::optional(buffer.key(value.key)));
    row.text("session_id", buffer.id(id_form, value));
    const detail::TimeOfDayText time(value.time);
    row.plain("session_time", value.starts_session() ? std::optional(time.view()) : std::nullopt);
    row.plain("latest_time", std::optional(time.view()));
    row.number("session_start", value.session_start
                                    ? detail::epoch_milliseconds(*value.session_start)
                                    : std::nullopt);
    row.number("event_timestamp", detail::epoch_milliseconds(value.time));
    row.plain("reason", std::optional(to_string(value.reason)));
  }
};

/// What every summary's line begins with: user_id, session_id, session_start and session_end
/// (milliseconds since 1970), events, duration_ms, reason.
struct SummaryColumns {
  static constexpr std::array<std::string_view, 7> names = {
      "user_id", "session_id", "session_start", "session_end", "events", "duration_ms", "reason"};
  template <class T>
  static constexpr bool lays_out = summary<T>;

  template <class Row, class IdForm, summary S>
  static void write(Row& row, detail::IdBuffer& buffer, const IdForm& id_form, const S& value) {
    using TimePoint = typename S::time_point;
    detail::require_utc<TimePoint>();
    row.text("user_id", std::optional(buffer.key(value.key)));
    row.text("session_id", buffer.id(id_form, value));
    row.number("session_start", detail::epoch_milliseconds(value.start));
    row.number("session_end", detail::epoch_milliseconds(value.last));
    row.number("events", value.events);
    row.number("duration_ms", detail::epoch_milliseconds(TimePoint(value.duration())));
    row.plain("reason", reason_of(value));
  }

 private:
  /// Null of a session that is still open: a result of it may come before it is closed.
  template <summary S>
  [[nodiscard]] static constexpr std::optional<std::string_view> reason_of(
      const S& value) noexcept {
    if constexpr (requires { value.op; })
      if (value.op != decltype(value.op)::final) return std::nullopt;
    return to_string(value.reason);
  }
};

/// A line of standard columns, with ids of a form, and then columns of the caller's.
template <class Standard, class IdForm, class... Columns>
class Layout {
 public:
  constexpr explicit Layout(IdForm id_form, Columns... columns)
      : id_form_(std::move(id_form)), columns_(std::move(columns)...) {}

  template <class T>
  static constexpr bool lays_out = Standard::template lays_out<T>;

  template <class Visit>
  void each_name(Visit&& visit) const {
    for (const std::string_view name : Standard::names) visit(name);
    std::apply([&](const auto&... column) { (column.each_name(visit), ...); }, columns_);
  }
  template <class Row, class Value>
  void write(Row& row, const Value& value) {
    Standard::write(row, buffer_, id_form_, value);
    std::apply([&](const auto&... column) { (column.write(row, value), ...); }, columns_);
  }

 private:
  IdForm id_form_;
  std::tuple<Columns...> columns_;
  detail::IdBuffer buffer_;
};
template <class IdForm, class... Columns>
using RecordLayout = Layout<RecordColumns, IdForm, Columns...>;
template <class IdForm, class... Columns>
using SummaryLayout = Layout<SummaryColumns, IdForm, Columns...>;

/// Lines of records with ids of a form: `records(time_of_day_id(&Click::device))`,
/// `records(unique_id, column("page", &Click::page))`.
template <class IdForm = UniqueId, class... Columns>
[[nodiscard]] constexpr RecordLayout<IdForm, Columns...> records(IdForm id_form = {},
                                                                 Columns... columns) {
  return RecordLayout<IdForm, Columns...>(std::move(id_form), std::move(columns)...);
}

/// Lines of summaries with ids of a form.
template <class IdForm = UniqueId, class... Columns>
[[nodiscard]] constexpr SummaryLayout<IdForm, Columns...> summaries(IdForm id_form = {},
                                                                    Columns... columns) {
  return SummaryLayout<IdForm, Columns...>(std::move(id_form), std::move(columns)...);
}

}  // namespace v0
}  // namespace sessionize

#endif
