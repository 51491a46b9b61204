#ifndef SESSIONIZE_KAFKA_PARTITION_SESSIONS_HPP
#define SESSIONIZE_KAFKA_PARTITION_SESSIONS_HPP

#include <sessionize/clock.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/sessionizer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kafka {

using sessionize::EventClock;
using Event = sessionize::json::Event<EventClock>;
using ClosedSession = sessionize::Summary<EventClock, std::string>;

/// What a table keeps of a partition: all that its next owner needs.
struct SavedPartition {
  /// {"save":17,"offset":1200,"malformed":0}: the number of the save, the offset to go on from, and
  /// how many messages before it were no events. No two saves of a partition have the same one.
  std::string position{};
  std::string state{};  ///< the snapshot of its Sessionizer
  /// For a topic, a line of JSON each: the sessions of this save, behind those of saves before it
  /// that were not published.
  std::string outbox{};
};

/// The sessions of one partition of a topic: a Sessionizer, the offset up to which it has seen the
/// partition, and what it has closed since it was saved. Knows neither a network nor a table.
///
/// What follows from the messages up to an offset is the same whoever takes them, so that two
/// owners who go on from one save come to the same sessions; which of them has his stored is the
/// table's to decide.
class PartitionSessions {
 public:
  /// The name is the table's for it: no other partition has it.
  PartitionSessions(std::string name, const sessionize::Options<EventClock>& options)
      : name_(std::move(name)), sessions_(options) {}

  /// Goes on from a save. Throws std::runtime_error where that is of another program or options;
  /// then the object is of no more use.
  void restore(const SavedPartition& saved);

  /// Takes the message at `offset`: an event, or a message that is none. Messages that were taken
  /// before change nothing; returns whether it was a new one.
  bool take(std::int64_t offset, const Event& event);
  bool skip(std::int64_t offset);
  /// Begins at an offset, where nothing was taken yet.
  void begin_at(std::int64_t offset);
  /// Closes what an event at `now` would not continue, or all sessions.
  void expire(EventClock::time_point now);
  void flush();

  /// Where to read on; null before the first message.
  [[nodiscard]] std::optional<std::int64_t> next_offset() const { return next_offset_; }
  /// Whether a save would say something new.
  [[nodiscard]] bool has_changed() const { return changed_ || (published_ && !outbox_.empty()); }
  /// What was closed since the last save.
  [[nodiscard]] const std::vector<ClosedSession>& closed() const { return closed_; }

  /// The position of the last save; null before the first one.
  [[nodiscard]] const std::optional<std::string>& saved_position() const { return position_; }
  /// What is to be stored now, in one transaction with closed(), if the table has saved_position()
  /// still. Lines are made only where they are wanted; those of outbox() stay either way. Throws
  /// std::runtime_error where there is no memory or no snapshot.
  [[nodiscard]] SavedPartition to_save(bool with_outbox) const;
  /// That it was stored: closed() is empty, and its lines are in outbox().
  void was_saved(SavedPartition&& saved);

  /// The lines of the last save that are not known to be published. The next save keeps them.
  [[nodiscard]] std::string_view outbox() const {
    return published_ ? std::string_view() : outbox_;
  }
  void was_published() { published_ = true; }

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  /// Whether the message at `offset` is a new one; it is taken then.
  bool advance(std::int64_t offset);
  [[nodiscard]] auto sink();

  std::string name_;
  sessionize::Sessionizer<EventClock, std::string> sessions_;
  std::vector<ClosedSession> closed_;
  std::optional<std::int64_t> next_offset_;
  std::uint64_t malformed_ = 0;
  bool changed_ = false;
  std::uint64_t save_ = 0;  // the number of the last one
  std::optional<std::string> position_;
  std::string outbox_;
  bool published_ = true;  // the lines of the outbox, if there are any
};

}  // namespace kafka

#endif
