#ifndef SESSIONIZE_TESTS_KINESIS_STREAM_HPP
#define SESSIONIZE_TESTS_KINESIS_STREAM_HPP

#include <kinesis.hpp>

#include "../aws/services/proxy.hpp"

#include "catch.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

// Streams that tests make and read past the proxy of ../aws, where nothing fails.

namespace kinesis_test {

using aws::Json;

inline aws::ClientOptions past_proxy(const char* url) {
  aws::ClientOptions options;
  options.endpoint = aws::environment(url).value();
  return options;
}
inline aws::Kinesis kinesis() { return aws::Kinesis(past_proxy("LOCAL_KINESIS_URL")); }

inline void put(const std::string& stream, std::span<const aws::PutRecord> records) {
  auto client = kinesis();
  while (!records.empty()) {
    const auto some = records.first(std::min<std::size_t>(records.size(), 500));
    const auto results = client.put_records(stream, some);
    REQUIRE(results);
    for (const auto& result : *results) REQUIRE(result.ok());
    records = records.subspan(some.size());
  }
}
inline std::string make_stream(unsigned shards, std::span<const aws::PutRecord> records) {
  const auto stream = services::fresh_name("clicks");
  auto client = kinesis();
  REQUIRE(client.create_stream(stream, shards));
  REQUIRE(client.wait_until_active(stream));
  put(stream, records);
  return stream;
}

/// The events of a stream in the order in which each shard returns them, parents first, without
/// those that were there before.
inline std::vector<Json> read_back(const std::string& stream) {
  auto client = kinesis();
  auto shards = client.list_shards(stream);
  REQUIRE(shards);
  std::sort(shards->begin(), shards->end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<Json> events;
  std::set<std::string> known;
  for (const auto& shard : *shards) {
    const auto first = client.shard_iterator(stream, shard.id, aws::TrimHorizon{});
    REQUIRE(first);
    for (std::optional<std::string> next = *first; next;) {
      const auto batch = client.get_records(*next);
      REQUIRE(batch);
      for (const auto& record : batch->records)
        if (known.insert(record.data).second) events.push_back(Json::parse(record.data));
      if (batch->records.empty() && batch->behind_latest.count() == 0) break;
      next = batch->next_iterator;
    }
  }
  return events;
}

}  // namespace kinesis_test

#endif
