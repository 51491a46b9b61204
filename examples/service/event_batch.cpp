#include "event_batch.hpp"

#include <sessionize/json/lines.hpp>
#include <sessionize/json/value.hpp>

#include <algorithm>
#include <utility>

namespace service {
namespace {

using sessionize::Failure;
using sessionize::RejectReason;
using sessionize::json::Kind;

constexpr std::string_view blanks = " \t\r\n";

/// Where the item of an array ends that begins at `at`: at the comma or bracket behind it, or at
/// the end of the text. Whether the item itself is JSON its reader finds out.
std::size_t end_of_item(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (bool quoted = false; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      break;
    } else if ((c == '}' || c == ']') && depth != 0) {
      --depth;
    }
  }
  return std::min(at, text.size());
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Calls `on_item` with the items of an array in turn, until it answers false; returns whether the
/// array was well-formed up to there.
template <class OnItem>
bool cut_array(std::string_view text, const OnItem& on_item) {
  text = trimmed(text);
  std::size_t at = 1;
  const bool empty = trimmed(text.substr(1)) == "]";
  for (std::uint64_t index = 0; !empty; ++index) {
    const std::size_t end = end_of_item(text, at);
    const std::string_view item = trimmed(text.substr(at, end - at));
    if (end == text.size() || item.empty()) return false;
    if (!on_item(item, index)) return true;
    at = end + 1;
    if (text[end] == ']') return at == text.size();
  }
  return true;
}

class Collector {
 public:
  Collector(EventReader& reader, std::size_t max_events, bool has_ids)
      : reader_(reader), max_events_(max_events), has_ids_(has_ids) {}

  /// Takes an item; false where it is one too many.
  bool take(std::string_view item, std::uint64_t index, bool too_long) {
    if (batch_.events.size() + batch_.rejected.size() == max_events_) {
      too_many_ = true;
      return false;
    }
    if (too_long || item.size() > reader_.limits().line) {
      batch_.rejected.push_back({index, RejectReason::line_too_long,
                                 "the event is longer than " +
                                     std::to_string(reader_.limits().line) +
                                     " bytes: shorten it or raise the limit"});
      return true;
    }
    const auto event = reader_.read(item);
    if (!event) {
      batch_.rejected.push_back({index, event.error().reason, std::string(event.error().message)});
      return true;
    }
    auto& taken = batch_.events.emplace_back();
    taken = {batch_.keys.size(), event->key.size(), event->time, std::nullopt, index};
    batch_.keys += event->key;
    if (has_ids_) {
      const auto& id = event->fields.front();
      if (id.kind == Kind::string || id.kind == Kind::integer)
        taken.id = sessionize::content_id(event->key, EventClock::time_point{}, id.text);
    }
    return true;
  }

  [[nodiscard]] bool too_many() const { return too_many_; }
  [[nodiscard]] EventBatch batch() && { return std::move(batch_); }

 private:
  EventReader& reader_;
  std::size_t max_events_;
  bool has_ids_;
  bool too_many_ = false;
  EventBatch batch_{};
};

}  // namespace

sessionize::Result<EventBatch, BadBody> read_events(std::string_view body, EventReader& reader,
                                                    std::size_t max_events, bool has_ids) {
  Collector collector(reader, max_events, has_ids);
  if (trimmed(body.substr(0, body.find_first_not_of(blanks) + 1)) == "[") {
    const bool well_formed = cut_array(body, [&](std::string_view item, std::uint64_t index) {
      return collector.take(item, index, false);
    });
    if (!well_formed)
      return Failure{BadBody{400, "the array is not well-formed; nothing of it was taken"}};
  } else {
    sessionize::json::LineReader lines(reader.limits().line);
    const auto on_line = [&](const sessionize::json::Line& line) {
      if (!collector.too_many()) collector.take(line.text, line.number - 1, line.too_long);
    };
    lines.feed(body, on_line);
    lines.finish(on_line);
  }
  if (collector.too_many())
    return Failure{BadBody{413, "the request has more than " + std::to_string(max_events) +
                                    " events: send fewer; nothing of it was taken"}};
  return std::move(collector).batch();
}

}  // namespace service
