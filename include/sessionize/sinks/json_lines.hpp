#ifndef SESSIONIZE_SINKS_JSON_LINES_HPP
#define SESSIONIZE_SINKS_JSON_LINES_HPP

#include <sessionize/detail/byte_output.hpp>
#include <sessionize/detail/json_text.hpp>
#include <sessionize/sinks/layout.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// A row that is written as one JSON object, behind what `line` holds: `line` has it after end().
class JsonRow {
 public:
  explicit JsonRow(std::string& line) : line_(&line), size_(line.size()) {}

  void text(std::string_view name, std::optional<std::string_view> value) {
    char* const out = begin(name, value ? detail::json_string_bound(*value) : null.size());
    finish(value ? detail::write_json_string(out, *value)
                 : detail::copy_short(out, null.data(), null.size()));
  }
  template <class Number>
  void number(std::string_view name, std::optional<Number> value) {
    if (!value || !is_finite(*value)) return json(name, std::nullopt);
    constexpr std::size_t longest = 32;
    char* const out = begin(name, longest);
    finish(std::to_chars(out, out + longest, *value).ptr);
  }
  /// A value that is JSON already.
  void json(std::string_view name, std::optional<std::string_view> value) {
    const std::string_view text = value.value_or(null);
    finish(detail::copy_short(begin(name, text.size()), text.data(), text.size()));
  }
  void end() {
    line_->resize(size_);
    line_->append("}\n");
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
  char* begin(std::string_view name, std::size_t room) {
    const std::size_t wanted = size_ + detail::json_string_bound(name) + 2 + room;
    // Once a line, as a rule: a string grows at a price.
    if (line_->size() < wanted) line_->resize(std::max(wanted, size_ + at_once));
    char* out = line_->data() + size_;
    *out++ = first_ ? '{' : ',';
    first_ = false;
    out = detail::write_json_string(out, name);
    *out++ = ':';
    return out;
  }
  void finish(const char* end) { size_ = static_cast<std::size_t>(end - line_->data()); }

  static constexpr std::size_t at_once = 512;

  std::string* line_;
  std::size_t size_;  // how much of the line is written
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
    line_.clear();
    JsonRow row(line_);
    layout_.write(row, value);
    row.end();
    return detail::write_bytes(output_, line_);
  }
  Delivery flush() { return detail::flush_bytes(output_); }

 private:
  Output output_;
  Layout layout_;
  std::string line_;
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
