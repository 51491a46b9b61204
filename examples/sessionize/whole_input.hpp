#ifndef SESSIONIZE_COMMAND_WHOLE_INPUT_HPP
#define SESSIONIZE_COMMAND_WHOLE_INPUT_HPP

#include "options.hpp"

#include <sessionize/json/event_reader.hpp>
#include <sessionize/key_table.hpp>
#include <sessionize/record.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace command {

/// A session of the whole input. Its ordinal is 0, or counts from 2 where an earlier session of the
/// key started at the same time.
struct Session : sessionize::Summary<EventClock, std::string_view> {
  std::optional<std::string_view> device;  // of its first event
};

/// Holds the events of the whole input, and cuts them into sessions in the order of their times,
/// whatever the order in which they came. An event costs 24 bytes, and each different key, device
/// and watched value its text once.
class WholeInput {
 public:
  explicit WholeInput(const RunOptions& run) : run_(run) {}

  /// `value` is what --split-on watches; `ends` whether --end-when holds. Throws std::bad_alloc,
  /// and std::length_error past 2^32 - 2 different texts.
  void add(const sessionize::json::Event<EventClock>& event, const sessionize::json::Value* value,
           bool ends);

  /// The sessions, by start and then key; they look at this object.
  [[nodiscard]] std::vector<Session> sessions();

 private:
  static constexpr std::uint32_t null = UINT32_MAX;

  /// Different texts, numbered from 0.
  class Texts {
   public:
    std::uint32_t number(std::string_view text);
    [[nodiscard]] std::string_view operator[](std::uint32_t number) const {
      return table_.entries()[number].key;
    }

   private:
    sessionize::KeyTable<std::string, std::monostate> table_;
  };

  struct StoredEvent {
    EventClock::time_point time;
    std::uint32_t key;
    std::uint32_t device;
    std::uint32_t value;
    bool ends;
  };

  const RunOptions& run_;
  Texts keys_, devices_, values_;
  std::vector<StoredEvent> events_;
  std::string value_text_;
};

}  // namespace command

#endif
