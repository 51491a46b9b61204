#include "partition_sessions.hpp"

#include <sessionize/session_id.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/snapshot/snapshot.hpp>

#include <nlohmann/json.hpp>

#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace kafka {

namespace s = sessionize;
using Json = nlohmann::json;

void PartitionSessions::restore(const SavedPartition& saved) {
  const auto position = Json::parse(saved.position, nullptr, false);
  const auto number = [&](const char* name) {
    const auto found = position.find(name);
    if (found == position.end() || !found->is_number_unsigned())
      throw std::runtime_error("cannot go on: " + name_ + " has no position of this program");
    return found->get<std::uint64_t>();
  };
  save_ = number("save");
  next_offset_ = static_cast<std::int64_t>(number("offset"));
  malformed_ = number("malformed");
  const auto restored = s::restore(sessions_, std::string_view(saved.state));
  if (!restored)
    throw std::runtime_error("cannot go on: " + name_ + ": " + restored.error().message);
  position_ = saved.position;
  outbox_ = saved.outbox;
  published_ = outbox_.empty();
}

auto PartitionSessions::sink() {
  return s::on_summary([this](const auto& session) { closed_.push_back(session.owned()); });
}

bool PartitionSessions::take(std::int64_t offset, const Event& event) {
  if (!advance(offset)) return false;
  const std::span<const Event> one(&event, 1);
  static_cast<void>(sessions_.process(one, s::by(&Event::key, &Event::time), sink()));
  return true;
}

bool PartitionSessions::skip(std::int64_t offset) {
  if (!advance(offset)) return false;
  ++malformed_;
  return true;
}

void PartitionSessions::begin_at(std::int64_t offset) {
  next_offset_ = offset;
  changed_ = true;
}

bool PartitionSessions::advance(std::int64_t offset) {
  if (next_offset_ && offset < *next_offset_) return false;
  next_offset_ = offset + 1;
  changed_ = true;
  return true;
}

void PartitionSessions::expire(EventClock::time_point now) {
  if (sessions_.expire(now, sink()).sessions != 0) changed_ = true;
}

void PartitionSessions::flush() {
  if (sessions_.flush(sink()).sessions != 0) changed_ = true;
}

SavedPartition PartitionSessions::to_save(bool with_outbox) const {
  SavedPartition saved;
  saved.position =
      Json{{"save", save_ + 1}, {"offset", next_offset_.value_or(0)}, {"malformed", malformed_}}
          .dump();
  const auto written = s::save(sessions_, [&](std::string_view bytes) { saved.state += bytes; });
  if (!written) throw std::runtime_error(written.error().message);
  saved.outbox = outbox();
  if (!with_outbox) return saved;
  const auto append = [&](std::string_view line) { saved.outbox += line; };
  auto lines = s::json_lines(append, s::summaries(s::unique_id));
  for (const auto& session : closed_) static_cast<void>(lines.emit(session));
  return saved;
}

void PartitionSessions::was_saved(SavedPartition&& saved) {
  ++save_;
  closed_.clear();
  changed_ = false;
  position_ = std::move(saved.position);
  outbox_ = std::move(saved.outbox);
  published_ = outbox_.empty();
}

}  // namespace kafka
