#ifndef SESSIONIZE_TESTING_TIMELINE_HPP
#define SESSIONIZE_TESTING_TIMELINE_HPP

#include <sessionize/options.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/rules/gap.hpp>
#include <sessionize/rules/reason.hpp>
#include <sessionize/sessionizer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A notation for events and the splits that are expected among them:
//
//   timeline("ann: 0s 4s 14s | 25s 26s").agrees_with(gap_rule(10s))
//
//   ann: 0s 4s        a key and its events in the order of arrival; the next key follows a ';'
//   4s, -5s, 1h30m    a time since 1970-01-01T00:00:00Z in d, h, m, s, ms; it may go back
//   4s=news           an event with a value
//   4s!  4s=news!     an event that is marked as the last of its session
//   | 25s             a split is expected at 25s; a key's first event needs no bar
//   |max_duration 2h  it is expected for that reason, any SplitReason by its name

namespace sessionize {
inline namespace v0 {
namespace testing {

/// An event of a timeline, made for `value_change(&TimelineEvent::value)` and
/// `end_marker(&TimelineEvent::ends)`.
struct TimelineEvent {
  std::string key{};
  EventClock::time_point time{};
  std::optional<std::string> value{};
  bool ends = false;

  friend bool operator==(const TimelineEvent&, const TimelineEvent&) = default;
};

/// Whether rules agree with a timeline, and if not, where. True where they do.
class [[nodiscard]] Verdict {
 public:
  Verdict(bool agrees, std::string message) : agrees_(agrees), message_(std::move(message)) {}

  explicit operator bool() const noexcept { return agrees_; }
  /// What is drawn, what came instead, and what is wrong with a text that is no timeline.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  friend std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
    return out << verdict.message_;
  }

 private:
  bool agrees_;
  std::string message_;
};

/// Events and expected splits, as drawn in a text; made by timeline().
class Timeline {
 public:
  explicit Timeline(std::string_view text) { Parser{text, *this}.read(); }

  /// The events in the order of the text, to be given to any function; none where it is malformed.
  [[nodiscard]] std::vector<TimelineEvent> events() const {
    std::vector<TimelineEvent> events;
    for (const Drawn& drawn : drawn_) events.push_back(drawn.event);
    return events;
  }

  /// Whether sessions split exactly where they are drawn to under a gap rule alone.
  template <class Duration>
  [[nodiscard]] Verdict agrees_with(GapRule<Duration> rule) const {
    return agrees_with(Options<EventClock>{
        .gap = saturating_duration<EventClock::duration>(rule.gap), .at_gap = rule.at_gap});
  }

  /// Whether they do under options and a split rule. False also where the text is malformed.
  /// Throws nothing but what the rule throws.
  template <class Rule = NoRule>
  [[nodiscard]] Verdict agrees_with(const Options<EventClock>& options, Rule rule = {}) const {
    if (!malformed_.empty()) return {false, malformed_};
    Sessionizer<EventClock, std::string, Rule> sessions(options, std::move(rule));
    std::map<std::string, EventClock::time_point> previous;
    std::vector<Actual> actual;
    for (const Drawn& drawn : drawn_) {
      const auto& [key, time, value, ends] = drawn.event;
      Actual& came = actual.emplace_back();
      if (const auto open = sessions.find(key)) came.session_start = open->start;
      if (const auto found = previous.find(key); found != previous.end())
        came.previous = found->second;
      const auto decision = sessions.observe(key, time, drawn.event);
      came.reason = decision.reason;
      came.rejected = decision.rejected;
      previous[key] = time;
    }
    return compare(actual);
  }

 private:
  struct Unit {
    std::uint64_t milliseconds;
    std::string_view name;
  };
  static constexpr Unit units[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}};

  struct Drawn {
    TimelineEvent event{};
    std::size_t line = 0;  // which of the text's lines, as ';' ends them
    std::string text{};    // as it is drawn
    bool first = false;    // of its key
    bool bar = false;
    SplitReason reason = SplitReason::none;  // `none` where none is drawn
  };
  struct Actual {
    SplitReason reason = SplitReason::none;
    std::optional<RejectReason> rejected{};
    std::optional<EventClock::time_point> previous{};
    std::optional<EventClock::time_point> session_start{};
  };

  [[nodiscard]] static bool agree(const Drawn& drawn, const Actual& actual) {
    if (actual.rejected) return false;
    const bool starts = actual.reason != SplitReason::none;
    if (drawn.reason != SplitReason::none) return drawn.reason == actual.reason;
    return starts == (drawn.bar || drawn.first);
  }

  [[nodiscard]] Verdict compare(const std::vector<Actual>& actual) const {
    std::string sentences;
    std::size_t differences = 0;
    for (std::size_t i = 0; i < drawn_.size(); ++i) {
      if (agree(drawn_[i], actual[i])) continue;
      ++differences;
      sentences += "\n" + sentence(drawn_[i], actual[i]);
    }
    if (differences == 0) return {true, "the rules agree with the timeline"};
    std::string message = "the rules disagree with the timeline about " +
                          std::to_string(differences) + (differences == 1 ? " event" : " events");
    for (std::size_t begin = 0, end = 0; begin < drawn_.size(); begin = end) {
      while (end < drawn_.size() && drawn_[end].line == drawn_[begin].line) ++end;
      message += picture(begin, end, actual);
    }
    return {false, message + sentences};
  }

  /// The events from `begin` to `end` as drawn and as they came, one above the other, with a caret
  /// under each that differs; nothing where none does.
  [[nodiscard]] std::string picture(std::size_t begin, std::size_t end,
                                    const std::vector<Actual>& actual) const {
    bool differ = false;
    std::string drawn_line = "\n  drawn   " + drawn_[begin].event.key + ":";
    std::string actual_line = "\n  actual  " + drawn_[begin].event.key + ":";
    std::string carets = "\n" + std::string(drawn_line.size() - 1, ' ');
    for (std::size_t i = begin; i < end; ++i) {
      const Drawn& drawn = drawn_[i];
      const bool differs = !agree(drawn, actual[i]);
      differ = differ || differs;
      const std::string drawn_bar = drawn.bar ? bar(drawn.reason) : "";
      const std::string actual_bar = !differs             ? drawn_bar
                                     : actual[i].rejected ? "rejected"
                                     : actual[i].reason == SplitReason::none
                                         ? ""
                                         : bar(actual[i].reason);
      const std::size_t width = std::max(drawn_bar.size(), actual_bar.size());
      append(drawn_line, drawn_bar, drawn.text, width);
      append(actual_line, actual_bar, drawn.text, width);
      append(carets, differs ? "^" : "", "", width);
      carets.resize(drawn_line.size(), ' ');
    }
    if (!differ) return {};
    carets.erase(carets.find_last_not_of(' ') + 1);
    return drawn_line + actual_line + carets;
  }
  [[nodiscard]] static std::string bar(SplitReason reason) {
    return "|" + std::string(reason == SplitReason::none ? "" : to_string(reason));
  }
  static void append(std::string& line, const std::string& bar, const std::string& text,
                     std::size_t width) {
    line += " " + bar + std::string(width - bar.size(), ' ') + (width == 0 ? "" : " ") + text;
  }

  [[nodiscard]] static std::string sentence(const Drawn& drawn, const Actual& actual) {
    std::string text = "  " + drawn.event.key + " at " + drawn.text + ": a split ";
    if (drawn.reason != SplitReason::none)
      text.append("by ").append(to_string(drawn.reason)) += " was expected";
    else
      text += drawn.bar || drawn.first ? "was expected" : "was not expected";
    if (actual.rejected)
      text.append(", but the event was rejected: ") += to_string(*actual.rejected);
    else if (actual.reason == SplitReason::none)
      text += ", but the event continues the session";
    else
      text.append(", but the event starts a session by ") += to_string(actual.reason);
    if (actual.previous)
      text +=
          "; it is " + distance(*actual.previous, drawn.event.time) + " the key's previous event";
    if (actual.session_start)
      text += " and " + distance(*actual.session_start, drawn.event.time) + " its session's start";
    return text;
  }
  /// "10s after", "5s before", "at the time of".
  [[nodiscard]] static std::string distance(EventClock::time_point from,
                                            EventClock::time_point to) {
    if (from == to) return "at the time of";
    const auto earlier = std::min(from, to).time_since_epoch().count();
    const auto later = std::max(from, to).time_since_epoch().count();
    return in_units(ticks_between(earlier, later)) + (from < to ? " after" : " before");
  }
  /// A positive time in the notation's units: "1h30m".
  [[nodiscard]] static std::string in_units(std::uint64_t milliseconds) {
    std::string text;
    for (const Unit& unit : units) {
      if (milliseconds >= unit.milliseconds)
        text.append(std::to_string(milliseconds / unit.milliseconds)) += unit.name;
      milliseconds %= unit.milliseconds;
    }
    return text;
  }

  /// Reads a text into a timeline; stops at the first thing that is wrong.
  struct Parser {
    static constexpr std::string_view spaces = " \t\r\n";
    static constexpr std::string_view delimiters = " \t\r\n|;";

    std::string_view text;
    Timeline& out;
    std::size_t at = 0;
    std::size_t line = 0;

    void read() {
      do {
        if (!read_line()) return;
        ++line;
        skip_spaces();
      } while (at < text.size());
    }

    /// "key: events", up to the end of the text or past a ';'.
    bool read_line() {
      skip_spaces();
      const std::size_t key_at = at;
      const std::string_view key = take_until(" \t\r\n:|;");
      skip_spaces();
      if (key.empty() || !take(':'))
        return fail(key_at, "here a key and a colon come first, as in 'ann: 0s 4s'");
      const std::size_t events_before = out.drawn_.size();
      for (skip_spaces(); at < text.size() && text[at] != ';'; skip_spaces())
        if (!read_event(key)) return false;
      if (out.drawn_.size() == events_before)
        return fail(key_at, quoted(key) + " has no events: draw some, as in 'ann: 0s 4s'");
      take(';');
      return true;
    }

    /// "4s=value!", with a bar before it or not.
    bool read_event(std::string_view key) {
      Drawn drawn;
      const std::size_t bar_at = at;
      drawn.bar = take('|');
      if (drawn.bar && is_letter()) {
        const std::size_t reason_at = at;
        const std::string_view name = take_until(delimiters);
        for (std::size_t i = 1; i < split_reason_count; ++i)
          if (name == to_string(static_cast<SplitReason>(i)))
            drawn.reason = static_cast<SplitReason>(i);
        if (drawn.reason == SplitReason::none)
          return fail(
              reason_at,
              quoted(name) + " is no reason to split: write '|' alone or one of " + reasons());
      }
      skip_spaces();
      const std::size_t event_at = at;
      const std::string_view word = take_until(delimiters);
      if (word.empty()) return fail(bar_at, "a bar stands before an event, as in '| 25s'");
      drawn.line = line;
      drawn.text = word;
      drawn.event.key = key;
      if (!read_event_word(word, event_at, drawn.event)) return false;
      drawn.first = std::none_of(out.drawn_.begin(), out.drawn_.end(),
                                 [&](const Drawn& other) { return other.event.key == key; });
      out.drawn_.push_back(std::move(drawn));
      return true;
    }

    bool read_event_word(std::string_view word, std::size_t word_at, TimelineEvent& event) {
      event.ends = word.back() == '!';
      if (event.ends) word.remove_suffix(1);
      const std::size_t equals = word.find('=');
      if (equals != std::string_view::npos) {
        event.value = word.substr(equals + 1);
        if (event.value->empty())
          return fail(word_at + equals,
                      "a value follows '=', as in '4s=news'; an event without '=' has none");
      }
      return read_time(word.substr(0, equals), word_at, event.time);
    }

    bool read_time(std::string_view word, std::size_t word_at, EventClock::time_point& time) {
      if (word.find(':') != std::string_view::npos)
        return fail(word_at, "a key comes after a ';', as in 'ann: 0s; bob: 1s'");
      const bool negative = word.starts_with('-');
      const std::uint64_t largest = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
      std::uint64_t sum = 0;
      std::size_t i = negative ? 1 : 0;
      do {
        const std::size_t digits_at = i;
        std::uint64_t number = 0;
        for (; i < word.size() && word[i] >= '0' && word[i] <= '9'; ++i) {
          const auto digit = static_cast<std::uint64_t>(word[i] - '0');
          if (number > (largest - digit) / 10) return fail_range(word_at, word);
          number = number * 10 + digit;
        }
        if (i == digits_at)
          return fail(
              word_at + i,
              quoted(word) + " is no time: write 500ms, 4s, 3m, 1h, 2d or a sum such as 1h30m");
        const std::size_t unit_at = i;
        while (i < word.size() && (word[i] < '0' || word[i] > '9')) ++i;
        const std::uint64_t unit = milliseconds_in(word.substr(unit_at, i - unit_at));
        if (unit == 0)
          return fail(word_at + unit_at, quoted(word) + " needs a unit here: ms, s, m, h or d");
        if (number > (largest - sum) / unit) return fail_range(word_at, word);
        sum += number * unit;
      } while (i < word.size());
      time = EventClock::time_point{
          EventClock::duration{static_cast<EventClock::rep>(negative ? 0 - sum : sum)}};
      return true;
    }
    [[nodiscard]] static std::uint64_t milliseconds_in(std::string_view unit) {
      for (const Unit& known : units)
        if (unit == known.name) return known.milliseconds;
      return 0;
    }

    [[nodiscard]] bool is_letter() const {
      return at < text.size() && ((text[at] >= 'a' && text[at] <= 'z') ||
                                  (text[at] >= 'A' && text[at] <= 'Z') || text[at] == '_');
    }
    void skip_spaces() { at = std::min(text.find_first_not_of(spaces, at), text.size()); }
    bool take(char c) {
      const bool taken = at < text.size() && text[at] == c;
      at += taken ? 1 : 0;
      return taken;
    }
    std::string_view take_until(std::string_view stops) {
      const std::size_t begin = at;
      at = std::min(text.find_first_of(stops, at), text.size());
      return text.substr(begin, at - begin);
    }

    [[nodiscard]] static std::string quoted(std::string_view word) {
      return "'" + std::string(word) + "'";
    }
    [[nodiscard]] static std::string reasons() {
      std::string names;
      for (std::size_t i = 1; i < split_reason_count; ++i)
        names.append(i == 1 ? "" : ", ") += to_string(static_cast<SplitReason>(i));
      return names;
    }
    bool fail_range(std::size_t where, std::string_view word) {
      return fail(where, quoted(word) +
                             " is beyond the largest time: int64 milliseconds hold "
                             "106751991167d either side of 0");
    }
    /// Keeps a message that shows the line of the text that is wrong at `where`. Returns false.
    bool fail(std::size_t where, const std::string& message) {
      const std::size_t begin = text.substr(0, where).rfind('\n') + 1;
      const std::string_view shown = text.substr(begin, text.find('\n', begin) - begin);
      std::string indent(text.substr(begin, where - begin));
      for (char& c : indent)
        if (c != '\t') c = ' ';
      out.malformed_ =
          "this is no timeline: " + message + "\n  " + std::string(shown) + "\n  " + indent + "^";
      out.drawn_.clear();
      return false;
    }
  };

  std::vector<Drawn> drawn_;
  std::string malformed_;  // what is wrong with the text; empty where nothing is
};

/// Reads the notation above: `timeline("ann: 0s 4s 14s | 25s 26s; bob: 2s")`.
[[nodiscard]] inline Timeline timeline(std::string_view text) { return Timeline(text); }

}  // namespace testing
}  // namespace v0
}  // namespace sessionize

#endif
