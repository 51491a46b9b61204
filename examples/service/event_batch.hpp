#ifndef SESSIONIZE_SERVICE_EVENT_BATCH_HPP
#define SESSIONIZE_SERVICE_EVENT_BATCH_HPP

#include <sessionize/clock.hpp>
#include <sessionize/content_id.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace service {

using sessionize::EventClock;
using EventReader = sessionize::json::EventReader<EventClock>;

/// An item of a request that is no event.
struct RejectedItem {
  std::uint64_t index = 0;  ///< of the array's item, or of the line; from 0, blank lines count
  sessionize::RejectReason reason{};
  std::string message{};
};

/// The events of a request, which own their texts: they wait for their shards.
struct EventBatch {
  struct Event {
    std::size_t key_at = 0;
    std::size_t key_size = 0;
    EventClock::time_point time{};
    std::optional<sessionize::ContentId> id{};
    std::uint64_t index = 0;
  };

  std::vector<Event> events{};
  std::vector<RejectedItem> rejected{};
  std::string keys{};  ///< one after the other

  [[nodiscard]] std::string_view key(const Event& event) const {
    return std::string_view(keys).substr(event.key_at, event.key_size);
  }
};

/// Why a body is refused as a whole.
struct BadBody {
  int status = 400;
  std::string message{};
};

/// Reads a body: JSON Lines, or, where it begins with a bracket, one array of objects. What is no
/// event is rejected alone. A body with more than `max_events` items, and an array that is broken
/// between its items, or has no end, is refused as a whole. Where `has_ids`, the reader's first
/// field is an event's id. Linear in the body.
[[nodiscard]] sessionize::Result<EventBatch, BadBody> read_events(std::string_view body,
                                                                  EventReader& reader,
                                                                  std::size_t max_events,
                                                                  bool has_ids = false);

}  // namespace service

#endif
