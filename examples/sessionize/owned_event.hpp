#ifndef SESSIONIZE_COMMAND_OWNED_EVENT_HPP
#define SESSIONIZE_COMMAND_OWNED_EVENT_HPP

#include "results.hpp"
#include "state_file.hpp"

#include <sessionize/json/value.hpp>
#include <sessionize/snapshot/traits.hpp>

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace command {

/// An event that waits for earlier ones, with its texts and where it comes from.
struct OwnedEvent {
  EventClock::time_point time{};
  std::string key{};
  std::optional<std::string> device{};
  std::vector<sessionize::json::Value> fields{};
  std::string file{};
  std::uint64_t number = 0;

  OwnedEvent() = default;
  OwnedEvent(const Event& event, std::string its_file, std::uint64_t its_number)
      : time(event.time),
        key(event.key),
        device(event.device),
        fields(event.fields.begin(), event.fields.end()),
        file(std::move(its_file)),
        number(its_number) {}

  /// The event as it was read, but for its line.
  [[nodiscard]] Event view() const { return {key, time, device, fields, {}}; }
};

/// A range of one event, which is moved out of it.
struct MovedEvent {
  OwnedEvent& event;

  [[nodiscard]] auto begin() const { return std::make_move_iterator(&event); }
  [[nodiscard]] auto end() const { return std::make_move_iterator(&event + 1); }
};

}  // namespace command

template <>
struct sessionize::SnapshotTraits<command::OwnedEvent> {
  static std::string name() { return "event"; }
  static void save(SnapshotWriter& out, const command::OwnedEvent& event) {
    out.put(event.time);
    out.put(event.key);
    out.put(event.device);
    out.put(event.fields);
    out.put(event.file);
    out.number(event.number);
  }
  static bool load(SnapshotReader& in, command::OwnedEvent& event) {
    return in.get(event.time) && in.get(event.key) && in.get(event.device) &&
           in.get(event.fields) && in.get(event.file) && in.number(event.number);
  }
};

#endif
