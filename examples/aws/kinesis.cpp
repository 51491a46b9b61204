#include "kinesis.hpp"

#include "base64.hpp"

#include <cmath>
#include <utility>

namespace aws {
namespace {

constexpr Service kinesis{"kinesis", "Kinesis_20131202", "application/x-amz-json-1.1"};

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

/// Of ListShards, or a child of GetRecords, which names its parents otherwise.
Shard read_shard(const Json& answer) {
  Shard shard;
  shard.id = answer.at("ShardId");
  for (const char* const name : {"ParentShardId", "AdjacentParentShardId"})
    if (answer.contains(name) && answer.at(name).is_string())
      shard.parents.push_back(answer.at(name));
  if (answer.contains("ParentShards"))
    shard.parents = answer.at("ParentShards").get<std::vector<std::string>>();
  shard.first_hash_key = answer.at("HashKeyRange").at("StartingHashKey");
  shard.last_hash_key = answer.at("HashKeyRange").at("EndingHashKey");
  if (answer.contains("SequenceNumberRange")) {
    const auto& range = answer.at("SequenceNumberRange");
    shard.closed =
        range.contains("EndingSequenceNumber") && range.at("EndingSequenceNumber").is_string();
  }
  return shard;
}

std::optional<KinesisRecord> read_record(const Json& answer) {
  KinesisRecord record;
  record.sequence_number = answer.at("SequenceNumber");
  record.partition_key = answer.at("PartitionKey");
  auto data = base64_decode(answer.at("Data").get_ref<const std::string&>());
  if (!data) return std::nullopt;
  record.data = std::move(*data);
  // Seconds, with a fraction. A float of 2^53 ms and more is no time of this service.
  constexpr double most = 9e15;
  const double arrival = answer.value("ApproximateArrivalTimestamp", 0.0) * 1'000;
  if (!(std::abs(arrival) < most)) return std::nullopt;
  record.arrival = ArrivalTime(std::chrono::milliseconds(std::llround(arrival)));
  return record;
}

}  // namespace

Kinesis::Kinesis(ClientOptions options) : client_(kinesis, std::move(options)) {}

Result<std::vector<Shard>> Kinesis::list_shards(const std::string& stream, unsigned page) {
  std::vector<Shard> shards;
  Json request = {{"StreamName", stream}};
  for (;;) {
    if (page != 0) request["MaxResults"] = page;
    const auto token =
        read_answer(client_.call("ListShards", request), [&](const Json& answer) -> std::string {
          for (const auto& shard : answer.at("Shards")) shards.push_back(read_shard(shard));
          const auto next = answer.find("NextToken");
          return next == answer.end() || next->is_null() ? "" : next->get<std::string>();
        });
    if (!token) return sessionize::Failure{token.error()};
    if (token->empty()) return shards;
    request = {{"NextToken", *token}};
  }
}

Result<std::string> Kinesis::shard_iterator(const std::string& stream, const std::string& shard,
                                            const Position& from) {
  Json request = {{"StreamName", stream}, {"ShardId", shard}};
  std::visit(Overloaded{[&](TrimHorizon) { request["ShardIteratorType"] = "TRIM_HORIZON"; },
                        [&](Latest) { request["ShardIteratorType"] = "LATEST"; },
                        [&](AtTimestamp at) {
                          request["ShardIteratorType"] = "AT_TIMESTAMP";
                          request["Timestamp"] =
                              static_cast<double>(at.time.time_since_epoch().count()) / 1'000;
                        },
                        [&](const AfterSequenceNumber& after) {
                          request["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER";
                          request["StartingSequenceNumber"] = after.number;
                        }},
             from);
  return read_answer(client_.call("GetShardIterator", request), [](const Json& answer) {
    return answer.at("ShardIterator").get<std::string>();
  });
}

Result<RecordBatch> Kinesis::get_records(const std::string& iterator, unsigned limit) {
  bool good = true;
  auto batch = read_answer(
      client_.call("GetRecords", {{"ShardIterator", iterator}, {"Limit", limit}}),
      [&](const Json& answer) {
        RecordBatch read;
        for (const auto& each : answer.at("Records")) {
          auto record = read_record(each);
          if (!(good = record.has_value())) break;
          read.records.push_back(std::move(*record));
        }
        const auto next = answer.find("NextShardIterator");
        if (next != answer.end() && !next->is_null()) read.next_iterator = next->get<std::string>();
        const auto children = answer.find("ChildShards");
        if (children != answer.end() && !children->is_null())
          for (const auto& child : *children) read.children.push_back(read_shard(child));
        read.behind_latest =
            std::chrono::milliseconds(answer.value("MillisBehindLatest", std::int64_t{0}));
        return read;
      });
  if (!good)
    return fail(ErrorKind::transient, "InvalidAnswer",
                "a record has data that is not base64, or no possible time");
  return batch;
}

Result<std::vector<PutResult>> Kinesis::put_records(const std::string& stream,
                                                    std::span<const PutRecord> records) {
  Json request = {{"StreamName", stream}, {"Records", Json::array()}};
  for (const auto& record : records)
    request["Records"].push_back(
        {{"Data", base64_encode(record.data)}, {"PartitionKey", record.partition_key}});
  auto results = read_answer(client_.call("PutRecords", request), [](const Json& answer) {
    std::vector<PutResult> read;
    const auto text = [](const Json& object, const char* name) {
      const auto member = object.find(name);
      return member == object.end() || member->is_null() ? "" : member->get<std::string>();
    };
    for (const auto& result : answer.at("Records"))
      read.push_back({text(result, "ShardId"), text(result, "SequenceNumber"),
                      text(result, "ErrorCode"), text(result, "ErrorMessage")});
    return read;
  });
  if (results && results->size() != records.size())
    return fail(ErrorKind::transient, "InvalidAnswer",
                "the answer has other records than the request");
  return results;
}

Result<Done> Kinesis::create_stream(const std::string& stream, unsigned shards) {
  return read_answer(client_.call("CreateStream", {{"StreamName", stream}, {"ShardCount", shards}}),
                     [](const Json&) { return Done{}; });
}

Result<StreamSummary> Kinesis::describe_stream(const std::string& stream) {
  return read_answer(client_.call("DescribeStreamSummary", {{"StreamName", stream}}),
                     [](const Json& answer) {
                       const auto& summary = answer.at("StreamDescriptionSummary");
                       return StreamSummary{summary.at("StreamStatus").get<std::string>(),
                                            summary.at("OpenShardCount").get<std::uint64_t>()};
                     });
}

Result<Done> Kinesis::wait_until_active(const std::string& stream,
                                        std::chrono::milliseconds patience) {
  return client_.wait_until(
      [&]() -> Result<bool> {
        const auto summary = describe_stream(stream);
        if (!summary) return sessionize::Failure{summary.error()};
        return summary->status == "ACTIVE";
      },
      patience);
}

Result<Done> Kinesis::split_shard(const std::string& stream, const std::string& shard,
                                  const std::string& hash_key) {
  return read_answer(client_.call("SplitShard", {{"StreamName", stream},
                                                 {"ShardToSplit", shard},
                                                 {"NewStartingHashKey", hash_key}}),
                     [](const Json&) { return Done{}; });
}

}  // namespace aws
