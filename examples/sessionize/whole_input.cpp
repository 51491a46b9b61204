#include "whole_input.hpp"

#include "rules.hpp"

#include <sessionize/sessionizer.hpp>

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace command {

std::uint32_t WholeInput::Texts::number(std::string_view text) {
  if (const auto* known = table_.find(text))
    return static_cast<std::uint32_t>(table_.position(*known));
  if (table_.size() == decltype(table_)::max_size)
    throw std::length_error("too many different keys");
  return static_cast<std::uint32_t>(table_.position(table_.insert(text, {})));
}

void WholeInput::add(const sessionize::json::Event<EventClock>& event,
                     const sessionize::json::Value* value, bool ends) {
  StoredEvent stored{event.time, keys_.number(event.key), null, null, ends};
  if (event.device) stored.device = devices_.number(*event.device);
  if (value != nullptr && value->nullable()) {
    // The number 1 and the text "1" are different values.
    value_text_.assign(1, static_cast<char>(value->kind));
    value_text_ += value->text;
    stored.value = values_.number(value_text_);
  }
  events_.push_back(stored);
}

std::vector<Session> WholeInput::sessions() {
  std::stable_sort(events_.begin(), events_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.key, a.time) < std::tie(b.key, b.time);
  });
  auto sessionizer = sessionize::make_sessionizer<EventClock, std::uint32_t>(
      run_.session, make_rules<std::uint32_t>(
                        run_,
                        [](const StoredEvent& event) {
                          return event.value == null ? std::nullopt : std::optional(event.value);
                        },
                        &StoredEvent::ends));

  std::vector<Session> sessions;
  std::uint32_t device = null;
  const auto close = [&](const sessionize::Summary<EventClock, std::uint32_t>& closed) {
    Session session{{keys_[closed.key], closed.start, closed.last, closed.events, closed.reason, 0},
                    std::nullopt};
    if (device != null) session.device = devices_[device];
    sessions.push_back(session);
  };
  for (auto event = events_.begin(); event != events_.end();) {
    const std::uint32_t key = event->key;
    for (; event != events_.end() && event->key == key; ++event) {
      const auto decision = sessionizer.observe(key, event->time, *event);
      if (decision.closed) close(*decision.closed);
      if (decision.starts_session()) device = event->device;
    }
    static_cast<void>(sessionizer.flush(close));  // the end of this key's input
  }

  std::stable_sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) {
    return std::tie(a.start, a.key) < std::tie(b.start, b.key);
  });
  for (std::size_t i = 1; i < sessions.size(); ++i) {
    const Session& before = sessions[i - 1];
    if (before.start == sessions[i].start && before.key == sessions[i].key)
      sessions[i].ordinal = std::max<std::uint64_t>(before.ordinal, 1) + 1;
  }
  return sessions;
}

}  // namespace command
