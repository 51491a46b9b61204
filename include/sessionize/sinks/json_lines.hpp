#ifndef SESSIONIZE_SINKS_JSON_LINES_HPP
#define SESSIONIZE_SINKS_JSON_LINES_HPP

#include <sessionize/detail/byte_output.hpp>
#include <sessionize/detail/decimal.hpp>
#include <sessionize/detail/json_text.hpp>
#include <sessionize/sinks/layout.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// The name of a member: a literal, or what a string holds.
class JsonName {
 public:
  template <std::size_t size>
  consteval JsonName(const char (&literal)[size]) noexcept : text_(literal) {
    for (const char c : text_) plain_ = plain_ && c >= 0x20 && c != '"' && c != '\\';
  }
  template <std::convertible_to<std::string_view> Text>
  constexpr JsonName(const Text& text) noexcept : text_(text), plain_(false) {}

  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
  /// Whether it is known to need no escape.
  [[nodiscard]] constexpr bool is_plain() const noexcept { return plain_; }

 private:
  std::string_view text_;
  bool plain_ = true;
};

/// A row that is written as one JSON object into `room`, over what is there; room grows and stays
/// as large, for the next row. Members are inlined, so that names that are literals are stored as
/// the numbers that they are.
class JsonRow {
 public:
  explicit JsonRow(std::string& room)
      : room_(&room), at_(room.data()), end_(room.data() + room.size()) {}

  [[gnu::always_inline]] void text(JsonName name, std::optional<std::string_view> value) {
    char* const out = begin(name, value ? detail::json_string_bound(*value) : null.size());
    at_ = value ? detail::write_json_string(out, *value)
                : detail::copy_short(out, null.data(), null.size());
  }
  /// A text that is known to need no escape.
  [[gnu::always_inline]] void plain(JsonName name, std::optional<std::string_view> value) {
    const std::string_view text = value.value_or(null);
    char* out = begin(name, text.size() + 2);
    if (value) *out++ = '"';
    out = detail::copy_short(out, text.data(), text.size());
    if (value) *out++ = '"';
    at_ = out;
  }
  template <class Number>
  [[gnu::always_inline]] void number(JsonName name, std::optional<Number> value) {
    if (!value || !is_finite(*value)) return json(name, std::nullopt);
    constexpr std::size_t longest = 32;
    char* const out = begin(name, longest);
    if constexpr (std::same_as<Number, std::int64_t>)
      at_ = detail::write_integer(out, *value);
    else
      at_ = std::to_chars(out, out + longest, *value).ptr;
  }
  /// A value that is JSON already.
  [[gnu::always_inline]] void json(JsonName name, std::optional<std::string_view> value) {
    const std::string_view text = value.value_or(null);
    at_ = detail::copy_short(begin(name, text.size()), text.data(), text.size());
  }
  /// The line: a piece of `room`, good until that changes.
  [[nodiscard]] std::string_view end() {
    make_room(2);
    at_ = detail::copy_short(at_, "}\n", 2);
    return {room_->data(), static_cast<std::size_t>(at_ - room_->data())};
  }

 private:
  static constexpr std::string_view null = "null";

  /// JSON has no infinity and no NaN.
  template <class Number>
  [[nodiscard]] static bool is_finite(Number value) {
    if constexpr (std::floating_point<Number>)
      return std::isfinite(value);
    else
      return true;
  }
  /// Writes a member's name, and returns where its value goes, which has so much room.
  [[gnu::always_inline]] char* begin(JsonName name, std::size_t room) {
    make_room(detail::json_string_bound(name.text()) + 2 + room);
    char* out = at_;
    *out++ = first_ ? '{' : ',';
    first_ = false;
    if (name.is_plain()) {
      *out++ = '"';
      out = detail::copy_short(out, name.text().data(), name.text().size());
      *out++ = '"';
    } else {
      out = detail::write_json_string(out, name.text());
    }
    *out++ = ':';
    return out;
  }
  [[gnu::always_inline]] void make_room(std::size_t wanted) {
    if (static_cast<std::size_t>(end_ - at_) >= wanted) return;
    at_ = grow(*room_, at_, wanted);
    end_ = room_->data() + room_->size();
  }
  /// Makes room behind `at`, and returns where that is then. It does not know the row, which can
  /// stay in registers.
  [[gnu::noinline]] static char* grow(std::string& room, const char* at, std::size_t wanted) {
    const auto written = static_cast<std::size_t>(at - room.data());
    room.resize(std::max(2 * room.size(), written + wanted));
    return room.data() + written;
  }

  std::string* room_;
  char* at_;   // how far the line is written
  char* end_;  // of the room in it
  bool first_ = true;
};

/// Writes each value as a line of JSON. Refuses what its output does not take.
template <class Output, class Layout>
class JsonLines {
 public:
  JsonLines(Output&& output, Layout layout)
      : output_(std::forward<Output>(output)), layout_(std::move(layout)) {}

  template <class T>
  requires(Layout::template lays_out<T>) Delivery emit(const T& value) {
    JsonRow row(room_);
    layout_.write(row, value);
    return detail::write_bytes(output_, row.end());
  }
  Delivery flush() { return detail::flush_bytes(output_); }

 private:
  Output output_;
  Layout layout_;
  std::string room_;
};

/// A line of JSON a record, or a summary, by its layout: `json_lines(std::cout)`,
/// `json_lines(std::cout, summaries(unique_id))`. `output` is a std::ostream, or a callable with a
/// std::string_view; an lvalue is referred to, a temporary callable is kept.
template <class Output, class Layout = RecordLayout<UniqueId>>
[[nodiscard]] JsonLines<Output, Layout> json_lines(Output&& output, Layout layout = records()) {
  return JsonLines<Output, Layout>(std::forward<Output>(output), std::move(layout));
}

}  // namespace v0
}  // namespace sessionize

#endif
