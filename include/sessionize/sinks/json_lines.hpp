#ifndef SESSIONIZE_SINKS_JSON_LINES_HPP
#define SESSIONIZE_SINKS_JSON_LINES_HPP

#include <sessionize/detail/byte_output.hpp>
#include <sessionize/detail/json_text.hpp>
#include <sessionize/sinks/layout.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// A row that is written as one JSON object.
class JsonRow {
 public:
  explicit JsonRow(std::string& line) : line_(&line) {}

  void text(std::string_view name, std::optional<std::string_view> value) {
    begin(name);
    if (value)
      detail::append_json_string(*line_, *value);
    else
      line_->append("null");
  }
  template <class Number>
  void number(std::string_view name, std::optional<Number> value) {
    begin(name);
    if (!value || !is_finite(*value)) {
      line_->append("null");
      return;
    }
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, *value).ptr;
    line_->append(digits, end);
  }
  /// A value that is JSON already.
  void json(std::string_view name, std::optional<std::string_view> value) {
    begin(name);
    line_->append(value.value_or("null"));
  }
  void end() { line_->append("}\n"); }

 private:
  /// JSON has no infinity and no NaN.
  template <class Number>
  [[nodiscard]] static bool is_finite(Number value) {
    if constexpr (std::floating_point<Number>)
      return std::isfinite(value);
    else
      return true;
  }
  void begin(std::string_view name) {
    line_->push_back(first_ ? '{' : ',');
    first_ = false;
    detail::append_json_string(*line_, name);
    line_->push_back(':');
  }

  std::string* line_;
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
