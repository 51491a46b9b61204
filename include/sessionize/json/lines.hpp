#ifndef SESSIONIZE_JSON_LINES_HPP
#define SESSIONIZE_JSON_LINES_HPP

#include <sessionize/detail/check_sink.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/mapping.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/sink.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace json {

/// A line of a file.
struct Line {
  /// The line without its line end; of one that is too long, no more than its first
  /// max_rejected_data bytes.
  /// Good while the callback runs.
  std::string_view text;
  std::uint64_t number = 0;  ///< from 1; blank lines count
  bool too_long = false;
  /// The text is a part of the piece that feed() was given, and good as long as that is.
  bool is_part = false;
};

/// Cuts a file that comes in pieces into lines, as a callback `on_line(const Line&)` wants them.
///
/// A line ends with LF or CRLF, the last one also with the file. Blank lines (spaces, tabs, CR) are
/// counted and not reported; a byte order mark at the start of the file is dropped. A line longer
/// than the limit is reported once, as soon as that is certain, and the rest of it skipped.
/// Memory: at most one line of the limit's length; lines that lie within one piece are not copied.
class LineReader {
 public:
  explicit LineReader(std::size_t max_line = Limits{}.line)
      : max_line_(std::min(max_line, SIZE_MAX / 2)) {}

  /// Goes on in a file of which so many lines were read before. To be called before feed().
  void skip(std::uint64_t lines) noexcept { lines_ = lines; }

  /// Takes the next piece of the file and reports the lines that it completes. Linear. What
  /// `on_line` throws passes through, and the rest of the piece is lost.
  template <std::invocable<const Line&> OnLine>
  void feed(std::string_view chunk, OnLine&& on_line) {
    while (!chunk.empty()) {
      const std::size_t end = chunk.find('\n');
      const bool complete = end != std::string_view::npos;
      const std::string_view piece = chunk.substr(0, end);
      chunk.remove_prefix(complete ? end + 1 : chunk.size());
      if (complete && pending_.empty() && !skipping_) {
        report(piece, true, on_line);
      } else {
        keep(piece, on_line);
        if (complete && !std::exchange(skipping_, false)) report_pending(on_line);
      }
    }
  }

  /// Ends the file: reports its last line where that has no line end. The next piece starts
  /// another file, with line 1. Returns how many lines the file had, blank ones included.
  template <std::invocable<const Line&> OnLine>
  std::uint64_t finish(OnLine&& on_line) {
    // The next file begins also where the callback throws.
    struct Begin {
      LineReader& reader;
      ~Begin() {
        reader.skipping_ = false;
        reader.lines_ = 0;
      }
    } begin{*this};
    if (!pending_.empty()) report_pending(on_line);
    return lines_;
  }

 private:
  static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

  /// Keeps a piece of a line that is not complete, unless the line is too long in any case: a byte
  /// order mark and a CR may still go.
  template <class OnLine>
  void keep(std::string_view piece, OnLine& on_line) {
    if (skipping_) return;
    const std::size_t room = max_line_ + byte_order_mark.size() + 1 - pending_.size();
    if (piece.size() <= room) {
      pending_ += piece;
      return;
    }
    pending_ += piece.substr(0, room + 1);
    skipping_ = true;
    report_pending(on_line);
  }

  template <class OnLine>
  void report_pending(OnLine& on_line) {
    // Emptied also when the callback throws.
    struct Clear {
      std::string& text;
      ~Clear() { text.clear(); }
    } clear{pending_};
    report(pending_, false, on_line);
  }

  template <class OnLine>
  void report(std::string_view text, bool is_part, OnLine& on_line) {
    if (lines_++ == 0 && text.starts_with(byte_order_mark))
      text.remove_prefix(byte_order_mark.size());
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.size() > max_line_) {
      on_line(Line{text.substr(0, max_rejected_data), lines_, true, is_part});
    } else if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
      on_line(Line{text, lines_, false, is_part});
    }
  }

  std::size_t max_line_;
  std::string pending_;    // the start of a line whose end has not come yet
  bool skipping_ = false;  // whether the current line was reported as too long
  std::uint64_t lines_ = 0;
};

/// What read_lines() met: lines = events + rejected.total() + blank lines.
struct LineCounts {
  std::uint64_t lines = 0;
  std::uint64_t events = 0;
  RejectCounts rejected{};
};

/// The error sink that is used where none is given: rejections are counted, in LineCounts.
struct CountRejectedLines {
  constexpr void operator()(const Rejection&) const noexcept {}
};

/// Reads JSON Lines from `in` to its end. Calls `on_event` with each event, and gives `errors`, a
/// sink, a Rejection for each line that is none, with its reason, a message, `source` and the line
/// number. Lines are handed on as they come, also from a pipe that pauses.
/// Returns what it met; whether reading failed before the end is what `in.bad()` says. Throws what
/// the callables and the stream throw. Linear; memory is bounded by the reader's limits.
template <session_clock Clock, class Shortcut, std::invocable<const Event<Clock>&> OnEvent,
          class Errors = CountRejectedLines>
LineCounts read_lines(std::istream& in, EventReader<Clock, Shortcut>& reader, OnEvent&& on_event,
                      Errors&& errors = {}, std::string_view source = {}) {
  static_assert(std::is_void_v<std::invoke_result_t<OnEvent&, const Event<Clock>&>>,
                "on_event returns nothing: act on what a sessionizer or a sink answers inside it");
  LineCounts counts;
  if constexpr (sessionize::detail::check_sink<std::remove_reference_t<Errors>, Rejection>()) {
    const auto reject = [&](Rejection rejection, std::uint64_t line) {
      rejection.source = source;
      rejection.position = line;
      counts.rejected.add(rejection.reason);
      static_cast<void>(deliver(errors, rejection));
    };
    const std::string too_long = "the line is longer than " + std::to_string(reader.limits().line) +
                                 " bytes: shorten it or raise the limit";
    const auto on_line = [&](const Line& line) {
      if (line.too_long)
        return reject({RejectReason::line_too_long, too_long, {}, 0, line.text}, line.number);
      const auto event = reader.read(line.text);
      if (!event) return reject(event.error(), line.number);
      ++counts.events;
      on_event(*event);
    };

    LineReader lines(reader.limits().line);
    std::array<char, 16'384> chunk;
    // getline() returns at each line end and waits for nothing behind it.
    while (in.getline(chunk.data(), chunk.size()), in.gcount() > 0) {
      const auto got = static_cast<std::size_t>(in.gcount());
      if (in.good())
        chunk[got - 1] = '\n';  // taken out of the stream, and counted
      else if (!in.eof())
        in.clear(in.rdstate() & ~std::ios::failbit);  // the chunk is full, the line goes on
      lines.feed({chunk.data(), got}, on_line);
    }
    counts.lines = lines.finish(on_line);
  }
  return counts;
}

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
