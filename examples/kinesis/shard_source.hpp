#ifndef SESSIONIZE_KINESIS_SHARD_SOURCE_HPP
#define SESSIONIZE_KINESIS_SHARD_SOURCE_HPP

#include <kinesis.hpp>

#include <sessionize/sinks/retry.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace kinesis {

/// What a source asks of its stream; a test answers itself.
struct StreamReader {
  std::function<aws::Result<std::vector<aws::Shard>>()> list_shards;
  std::function<aws::Result<std::string>(const std::string& shard, const aws::Position& from)>
      shard_iterator;
  std::function<aws::Result<aws::RecordBatch>(const std::string& iterator, unsigned limit)>
      get_records;
};

/// The reader of a stream of the service; `client` is referred to, and best without retries.
[[nodiscard]] StreamReader reader_of(aws::Kinesis& client, const std::string& stream);

struct SourceOptions {
  /// Where to begin where no position was restored: TrimHorizon, AtTimestamp, or Latest, which
  /// stands for the time when the source is made, by this machine's clock, and a second before it:
  /// the service refuses times that are in the future to it.
  aws::Position from = aws::TrimHorizon{};
  /// From one request for a shard to the next: the service allows five a second to all of its
  /// readers together.
  std::chrono::milliseconds read_interval{250};
  /// Shards are listed so often, besides at the beginning and where a shard has ended.
  std::chrono::milliseconds list_interval{60'000};
  /// An answer has so many records at most, 10,000 at most.
  unsigned max_records = 10'000;
  /// The delays after throttling and failures, of each shard by itself, and when to give up.
  sessionize::RetryOptions retry{.longest_delay = std::chrono::seconds(10), .max_attempts = 100};
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  std::function<aws::ArrivalTime()> wall_clock = [] {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  };
  /// May return early, where the program is to end.
  aws::Sleep sleep = aws::sleep_for;
};

/// Records of one shard, in its order.
struct ShardBatch {
  std::string shard{};  ///< empty where there are no records
  std::vector<aws::KinesisRecord> records{};
};

struct SourceCounters {
  std::uint64_t records = 0;
  std::uint64_t reads = 0;              ///< answers of GetRecords
  std::uint64_t throttled = 0;          ///< requests that were refused as too many
  std::uint64_t failures = 0;           ///< requests that failed otherwise, and were made again
  std::uint64_t expired_iterators = 0;  ///< were replaced
  std::uint64_t ended_shards = 0;       ///< read to their end
  std::uint64_t lost_shards = 0;        ///< gone before they were read to their end: too slow
};

/// Reads all shards of a stream, one request at a time, in one thread. A shard is read only after
/// all of its parents have been read to their end, so that a partition key's records stay in their
/// order when a shard is split or merged; a parent that is gone, with all its records, is at its
/// end. There is no order between shards otherwise.
///
/// The position says how far the records go that read() has returned. Whoever saves it together
/// with what has become of these records loses none, and counts none twice.
class ShardSource {
 public:
  ShardSource(StreamReader stream, SourceOptions options);

  /// Makes the next request that is due, and returns what has come of it: maybe no records. Sleeps
  /// until one is due, `patience` at most. An error is one that does not pass, or not for too long.
  [[nodiscard]] aws::Result<ShardBatch> read(std::chrono::milliseconds patience);

  /// {"from": "TRIM_HORIZON" or milliseconds since 1970, "shards": {id: sequence number or "END"}}.
  /// It is worth saving before the first record: a source that was to begin at the latest record
  /// begins, after a restart, where it was to begin the first time.
  [[nodiscard]] aws::Json position() const;
  /// Goes on from there. To be called before read(); false where it is no position.
  [[nodiscard]] bool restore(const aws::Json& position);

  /// A time up to which all records that had arrived were returned, by this machine's clock; null
  /// while some shard is behind.
  [[nodiscard]] std::optional<aws::ArrivalTime> caught_up() const;

  [[nodiscard]] const SourceCounters& counters() const { return counters_; }

 private:
  using time_point = std::chrono::steady_clock::time_point;

  struct Task {
    time_point due = time_point::min();
    std::uint64_t failures = 0;  // since it last went well
  };
  struct ShardState {
    std::vector<std::string> parents{};
    std::string read_to{};  // a sequence number; empty: nothing yet
    bool ended = false;
    bool not_found = false;  // the service says that there is no such shard
    std::optional<std::string> iterator{};
    std::optional<aws::ArrivalTime> caught_up{};
    Task task{};
  };
  using Shards = std::map<std::string, ShardState>;

  [[nodiscard]] bool is_ended(const std::string& shard) const;
  [[nodiscard]] bool is_readable(const ShardState& shard) const;
  [[nodiscard]] Shards::value_type* next_shard();
  [[nodiscard]] aws::Result<ShardBatch> list();
  [[nodiscard]] aws::Result<ShardBatch> read_shard(const std::string& id, ShardState& shard);
  void list_again();
  /// Puts a task off after an error, or returns it.
  [[nodiscard]] aws::Result<ShardBatch> failed(Task& task, const aws::Error& error);

  StreamReader stream_;
  SourceOptions options_;
  std::mt19937_64 random_;
  std::optional<aws::ArrivalTime> from_{};  // null: the trim horizon
  Shards shards_;
  Task listing_;
  bool must_list_ = true;  // some shard may be unknown
  SourceCounters counters_;
};

}  // namespace kinesis

#endif
