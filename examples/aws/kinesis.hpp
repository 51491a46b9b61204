#ifndef SESSIONIZE_AWS_KINESIS_HPP
#define SESSIONIZE_AWS_KINESIS_HPP

#include "client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace aws {

using ArrivalTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Where to begin to read a shard.
struct TrimHorizon {};  ///< at the oldest record that is still there
struct Latest {};       ///< behind the newest
struct AtTimestamp {
  ArrivalTime time;  ///< at the first that arrived then or later; not in the future
};
struct AfterSequenceNumber {
  std::string number;
};
using Position = std::variant<TrimHorizon, Latest, AtTimestamp, AfterSequenceNumber>;

struct Shard {
  std::string id;
  /// The shards that it was split from or merged of, none to two: to be read to their end before
  /// it. They may be gone already, with all their records.
  std::vector<std::string> parents;
  std::string first_hash_key, last_hash_key;  ///< decimal, of 128 bits
  bool closed = false;                        ///< it takes no more records
};

struct KinesisRecord {
  std::string sequence_number;
  std::string partition_key;
  std::string data;  ///< decoded
  ArrivalTime arrival{};
};

/// An answer of GetRecords.
struct RecordBatch {
  std::vector<KinesisRecord> records;  ///< in the shard's order; may be none though more follow
  /// Where to go on; nothing at the end of a shard that is closed.
  std::optional<std::string> next_iterator;
  /// At that end: the shards that go on from there, with all parents of each.
  std::vector<Shard> children;
  std::chrono::milliseconds behind_latest{0};
};

struct PutRecord {
  std::string partition_key;
  std::string data;
};
/// What became of one record of PutRecords.
struct PutResult {
  std::string shard_id, sequence_number;    ///< empty where it was not taken
  std::string error_type, error_message{};  ///< empty where it was
  [[nodiscard]] bool ok() const { return error_type.empty(); }
};

struct StreamSummary {
  std::string status;  ///< CREATING, ACTIVE, UPDATING, DELETING
  std::uint64_t open_shards = 0;
};

/// Kinesis Data Streams: a call is a request, but where it says otherwise. Limits of the service:
/// GetRecords five times a second and 10 MB an answer, each shard; in, 1 MB and 1,000 records a
/// second, each shard.
class Kinesis {
 public:
  explicit Kinesis(ClientOptions options = {});

  /// All shards of a stream, also closed ones that still have records, in `page` a request
  /// (0: as many as the service gives).
  [[nodiscard]] Result<std::vector<Shard>> list_shards(const std::string& stream,
                                                       unsigned page = 0);
  /// An iterator is good for one GetRecords, within five minutes.
  [[nodiscard]] Result<std::string> shard_iterator(const std::string& stream,
                                                   const std::string& shard, const Position& from);
  [[nodiscard]] Result<RecordBatch> get_records(const std::string& iterator,
                                                unsigned limit = 10'000);
  /// Each record is taken or refused by itself: 500 records and 5 MB at most. An answer has a
  /// result a record, in their order. Those that were refused, sent again, come behind those that
  /// were not.
  [[nodiscard]] Result<std::vector<PutResult>> put_records(const std::string& stream,
                                                           std::span<const PutRecord> records);

  [[nodiscard]] Result<Done> create_stream(const std::string& stream, unsigned shards);
  [[nodiscard]] Result<StreamSummary> describe_stream(const std::string& stream);
  /// Asks until the stream is ACTIVE, ten times a second.
  [[nodiscard]] Result<Done> wait_until_active(
      const std::string& stream, std::chrono::milliseconds patience = std::chrono::minutes(1));
  /// Closes a shard; two others go on, the second from `hash_key` on.
  [[nodiscard]] Result<Done> split_shard(const std::string& stream, const std::string& shard,
                                         const std::string& hash_key);

 private:
  Client client_;
};

}  // namespace aws

#endif
