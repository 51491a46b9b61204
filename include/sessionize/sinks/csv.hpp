#ifndef SESSIONIZE_SINKS_CSV_HPP
#define SESSIONIZE_SINKS_CSV_HPP

#include <sessionize/detail/byte_output.hpp>
#include <sessionize/sinks/layout.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// A row that is written as one line of CSV (RFC 4180): null is empty, an empty text is "".
class CsvRow {
 public:
  explicit CsvRow(std::string& line) : line_(&line) {}

  void text(std::string_view, std::optional<std::string_view> value) {
    begin();
    if (!value) return;
    if (!value->empty() && value->find_first_of(",\"\r\n") == std::string_view::npos) {
      line_->append(*value);
      return;
    }
    line_->push_back('"');
    for (const char c : *value) line_->append(c == '"' ? 2 : 1, c);
    line_->push_back('"');
  }
  void plain(std::string_view, std::optional<std::string_view> value) {
    begin();
    if (value) line_->append(*value);
  }
  template <class Number>
  void number(std::string_view, std::optional<Number> value) {
    begin();
    if (!value) return;
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, *value).ptr;
    line_->append(digits, end);
  }
  /// A value that is JSON, as a text.
  void json(std::string_view name, std::optional<std::string_view> value) { text(name, value); }
  void end() { line_->append("\r\n"); }

 private:
  void begin() {
    if (!first_) line_->push_back(',');
    first_ = false;
  }

  std::string* line_;
  bool first_ = true;
};

/// Writes each value as a line of CSV, under a header that comes with the first line, or at the end
/// of a stream that had none. Refuses what its output does not take.
template <class Output, class Layout>
class Csv {
 public:
  Csv(Output&& output, Layout layout)
      : output_(std::forward<Output>(output)), layout_(std::move(layout)) {}

  template <class T>
  requires(Layout::template lays_out<T>) Delivery emit(const T& value) {
    if (write_header() == Delivery::refused) return Delivery::refused;
    line_.clear();
    CsvRow row(line_);
    layout_.write(row, value);
    row.end();
    return detail::write_bytes(output_, line_);
  }
  /// The lines go behind others, which have a header already: none is written.
  void skip_header() noexcept { has_header_ = true; }
  Delivery flush() {
    if (write_header() == Delivery::refused) return Delivery::refused;
    return detail::flush_bytes(output_);
  }

 private:
  Delivery write_header() {
    if (has_header_) return Delivery::ok;
    line_.clear();
    CsvRow row(line_);
    layout_.each_name([&](std::string_view name) { row.text({}, name); });
    row.end();
    if (detail::write_bytes(output_, line_) == Delivery::refused) return Delivery::refused;
    has_header_ = true;
    return Delivery::ok;
  }

  Output output_;
  Layout layout_;
  std::string line_;
  bool has_header_ = false;
};

/// A line of CSV a record, or a summary, by its layout: `csv(std::cout, summaries(unique_id))`.
/// `output` is a std::ostream, or a callable with a std::string_view; an lvalue is referred to, a
/// temporary callable is kept.
template <class Output, class Layout = RecordLayout<UniqueId>>
[[nodiscard]] Csv<Output, Layout> csv(Output&& output, Layout layout = records()) {
  return Csv<Output, Layout>(std::forward<Output>(output), std::move(layout));
}

}  // namespace v0
}  // namespace sessionize

#endif
