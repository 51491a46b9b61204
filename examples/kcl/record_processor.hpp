#ifndef SESSIONIZE_KCL_RECORD_PROCESSOR_HPP
#define SESSIONIZE_KCL_RECORD_PROCESSOR_HPP

#include "hash_range.hpp"
#include "state_store.hpp"

#include <kinesis.hpp>
#include <session_store.hpp>

#include <sessionize/clock.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/options.hpp>
#include <sessionize/sessionizer.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kcl {

using sessionize::EventClock;

/// How far a shard was read: behind this record, or to the shard's end.
struct Position {
  std::string sequence{};  ///< decimal, without leading zeros
  std::uint64_t sub = 0;   ///< within the records that were put as one
  bool at_end = false;

  /// As numbers: "10" is behind "9".
  friend std::strong_ordering operator<=>(const Position& a, const Position& b);
  friend bool operator==(const Position& a, const Position& b) = default;
};

struct ProcessorOptions {
  std::string stream{};
  sessionize::Options<EventClock> session{};
  sessionize::json::Mapping mapping{};
  /// A session is closed, and its user forgotten, when a record arrives more than so much later
  /// than the session's last event. It goes by the records' times of arrival, a minute at a time,
  /// so that who reads them again decides the same. Not less than the gap.
  std::optional<std::chrono::milliseconds> close_idle{};
  /// A checkpoint comes with the answer to records when so many have come, or so long after the
  /// last.
  std::uint64_t checkpoint_records = 100'000;
  std::chrono::milliseconds checkpoint_every{10'000};
  /// A checkpoint that has to be, at a shard's end, is asked for so often where it is throttled.
  int checkpoint_attempts = 10;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  aws::Sleep sleep = aws::sleep_for;
};

/// What a processor needs of the world. What a function cannot do, it throws.
struct Surroundings {
  StateStore& states;
  /// Asked at each initialize before a shard's first checkpoint, and never after that.
  std::function<aws::Result<std::vector<aws::Shard>>()> list_shards;
  /// When it returns, the rows are stored, or are dead letters. A row may come again, the same.
  std::function<void(std::span<const aws::SessionRow>)> store_rows;
  /// A record that is no event of its shard, and why.
  std::function<void(const std::string& shard, const aws::KinesisRecord& record,
                     std::string_view reason, std::string_view message)>
      dead_letter;
};

/// A line that the daemon does not send.
struct ProtocolError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Of this processor alone, but for `malformed`, which is saved with the state.
struct ProcessorCounters {
  std::uint64_t records = 0;
  std::uint64_t replayed = 0;   ///< were in the state already
  std::uint64_t malformed = 0;  ///< dead letters
  std::uint64_t rows = 0;       ///< given to store_rows
  std::uint64_t checkpoints = 0, failed_checkpoints = 0;
};

/// The record processor of one shard: what a program under the MultiLangDaemon of the Kinesis
/// Client Library answers to its lines, without a process. A state is saved under the position that
/// it is of, and a position is checkpointed when its state is there; so whoever is given a position
/// finds its state, and no other is ever read. See README.md for what follows from that.
///
/// What cannot go on throws: ProtocolError, or std::runtime_error. The object is then of no more
/// use, and nothing is lost that was checkpointed.
class RecordProcessor {
 public:
  /// `surroundings.states` is referred to.
  RecordProcessor(ProcessorOptions options, Surroundings surroundings);

  /// Takes a line of the daemon's, without its end, and returns the one line that answers it.
  [[nodiscard]] std::string take(std::string_view line);

  [[nodiscard]] const ProcessorCounters& counters() const { return counters_; }
  [[nodiscard]] const std::string& shard() const { return shard_; }
  [[nodiscard]] const auto& sessions() const { return sessions_; }

 private:
  using Sessions = sessionize::Sessionizer<EventClock, std::string>;

  std::string initialize(const aws::Json& request);
  std::string process(const aws::Json& request);
  std::string checkpoint_or_answer(std::string_view action);
  std::string checkpointed(const aws::Json& reply);

  void take(aws::KinesisRecord record, Position at);
  void close_idle(aws::ArrivalTime arrival);
  void restore(const std::string& shard, const Position& at, std::string_view bytes);
  void inherit();
  void set_range(const std::string& first, const std::string& last);
  void save();
  void forget_older();

  ProcessorOptions options_;
  Surroundings surroundings_;
  sessionize::json::EventReader<EventClock> reader_;
  Sessions sessions_;
  std::string shard_;  // empty until initialize
  std::string first_hash_key_, last_hash_key_;
  HashRange range_{};
  std::optional<Position> position_{}, checkpointed_{};
  std::int64_t idle_closed_at_ = 0;    // minutes since 1970, of arrival
  std::vector<aws::SessionRow> rows_;  // not yet stored
  std::uint64_t since_checkpoint_ = 0;
  std::chrono::steady_clock::time_point checkpoint_time_{};
  std::string waiting_{};  // the request that a checkpoint is to be answered before
  int attempts_ = 0;
  bool lost_ = false;  // the lease is another's
  ProcessorCounters counters_;
};

}  // namespace kcl

#endif
