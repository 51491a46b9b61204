#ifndef SESSIONIZE_TESTS_KCL_SCRIPTED_DAEMON_HPP
#define SESSIONIZE_TESTS_KCL_SCRIPTED_DAEMON_HPP

#include <base64.hpp>
#include <hash_range.hpp>
#include <kinesis.hpp>

#include "catch.hpp"
#include "session_rows.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A stream, leases and workers as the Kinesis Client Library has them, in memory and by a seed:
// what it promises record processors, and all that it does not. A processor that has lost its lease
// may go on for long; a crash comes anywhere; a child shard begins when all its parents have been
// checkpointed to their end.

namespace kcl_test {

using aws::Json;

/// A program that speaks the protocol. Nothing is answered where it has crashed.
class Program {
 public:
  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  virtual ~Program() = default;

  virtual std::optional<std::string> ask(const std::string& line) = 0;
  /// Asks, and has it crash at some moment before it could answer, or just behind.
  virtual void ask_and_crash(const std::string& line, std::mt19937_64& random) = 0;
};
using MakeProgram = std::function<std::unique_ptr<Program>()>;

struct Record {
  std::string sequence, user, data;
};
struct SimulatedShard {
  std::string id{};
  std::vector<std::size_t> parents{};
  // The hash keys, by their highest byte: `first` belongs to it, `end` does not.
  unsigned first = 0, end = 256;
  bool is_closed = false;
  std::vector<Record> records{};
  // The lease.
  Json checkpoint = "TRIM_HORIZON";  // or SHARD_END, or a sequence number
  int owner = 0;                     // 0: none
};

class Stream {
 public:
  explicit Stream(unsigned count) {
    for (unsigned i = 0; i < count; ++i) add({}, 256 * i / count, 256 * (i + 1) / count);
  }

  void put(const std::string& user, const Json& event) {
    const unsigned place = kcl::hash_key_of(user)[0];
    for (auto& shard : shards)
      if (!shard.is_closed && shard.first <= place && place < shard.end)
        return shard.records.push_back({std::to_string(sequence_ += 7), user, event.dump()});
    FAIL("no shard takes the record");
  }
  void split(std::size_t at) {
    const unsigned first = shards[at].first, end = shards[at].end, middle = (first + end) / 2;
    if (shards[at].is_closed || middle == first) return;
    shards[at].is_closed = true;
    add({at}, first, middle);
    add({at}, middle, end);
  }
  /// Merges a shard with the next.
  void merge(std::size_t at) {
    if (shards[at].is_closed) return;
    for (std::size_t next = 0; next < shards.size(); ++next) {
      if (shards[next].is_closed || shards[next].first != shards[at].end) continue;
      const unsigned first = shards[at].first, end = shards[next].end;
      shards[at].is_closed = shards[next].is_closed = true;
      return add({at, next}, first, end);
    }
  }

  [[nodiscard]] std::vector<aws::Shard> list() const {
    std::vector<aws::Shard> listed;
    for (const auto& shard : shards) {
      aws::Shard made{shard.id, {}, decimal(shard.first), decimal(shard.end), shard.is_closed};
      // The last key of all is 2^128 - 1, and that of a shard one less than the next one's first.
      made.last_hash_key = one_less(made.last_hash_key);
      for (const std::size_t parent : shard.parents) made.parents.push_back(shards[parent].id);
      listed.push_back(made);
    }
    return listed;
  }

  std::vector<SimulatedShard> shards{};

 private:
  void add(std::vector<std::size_t> parents, unsigned first, unsigned end) {
    SimulatedShard shard;
    const auto number = std::to_string(shards.size());
    shard.id = "shardId-" + std::string(12 - number.size(), '0') + number;
    shard.parents = std::move(parents);
    shard.first = first;
    shard.end = end;
    shards.push_back(std::move(shard));
  }
  /// `byte` times 2^120.
  static std::string decimal(unsigned byte) {
    std::string digits = std::to_string(byte);
    for (int i = 0; i < 120; ++i) {
      int carry = 0;
      for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
        const int twice = (*digit - '0') * 2 + carry;
        *digit = static_cast<char>('0' + twice % 10);
        carry = twice / 10;
      }
      if (carry != 0) digits.insert(digits.begin(), '1');
    }
    return digits;
  }
  static std::string one_less(std::string digits) {
    auto digit = digits.rbegin();
    for (; *digit == '0'; ++digit) *digit = '9';
    --*digit;
    return digits;
  }

  // Numbers get longer on the way, as they may: compared as texts they would go wrong.
  std::uint64_t sequence_ = 9'000;
};

/// How often things happened.
struct Happened {
  int kills = 0, steals = 0, handovers = 0, reshards = 0, throttled = 0, refused = 0;
};

class ScriptedDaemon {
 public:
  ScriptedDaemon(Stream& stream, MakeProgram make, std::uint64_t seed)
      : random(seed), stream_(stream), make_(std::move(make)) {}

  /// Whether all that is there was read and checkpointed, to the end of what is closed.
  [[nodiscard]] bool is_done() const {
    return std::all_of(stream_.shards.begin(), stream_.shards.end(), [](const auto& shard) {
      if (shard.is_closed) return shard.checkpoint == "SHARD_END";
      return shard.records.empty() || shard.checkpoint == shard.records.back().sequence;
    });
  }

  /// Gives each lease that nobody has to somebody, and some records to one processor.
  void step(std::size_t most_records) {
    for (std::size_t shard = 0; shard < stream_.shards.size(); ++shard)
      if (stream_.shards[shard].owner == 0 && is_ready(shard)) start(shard);
    if (holders_.empty()) return;
    read(random() % holders_.size(), 1 + random() % most_records);
  }

  /// One processor crashes while it has records, or at a shard's end.
  void kill() {
    if (holders_.empty()) return;
    const std::size_t at = random() % holders_.size();
    const auto line = next_request(*holders_[at], 1 + random() % 400);
    if (!line) return;
    ++happened.kills;
    holders_[at]->program->ask_and_crash(*line, random);
    drop(at);
  }
  /// Another worker takes a lease; the processor that has had it does not know.
  void steal() {
    const std::size_t at = random() % stream_.shards.size();
    if (stream_.shards[at].owner == 0 || !is_ready(at)) return;
    ++happened.steals;
    start(at);
  }
  /// A worker ends as it should, or hears that it has lost a lease.
  void hand_over() {
    if (holders_.empty()) return;
    const std::size_t at = random() % holders_.size();
    ++happened.handovers;
    if (is_owner(*holders_[at]) && random() % 2 == 0)
      if (!request(*holders_[at], {{"action", "shutdownRequested"}})) return drop(at);
    // By now, or sooner, somebody else may have it.
    stream_.shards[holders_[at]->shard].owner =
        is_owner(*holders_[at]) ? 0 : stream_.shards[holders_[at]->shard].owner;
    static_cast<void>(request(*holders_[at], {{"action", "leaseLost"}}));
    drop(at);
  }
  void reshard() {
    ++happened.reshards;
    const std::size_t at = random() % stream_.shards.size();
    if (random() % 2 == 0)
      stream_.split(at);
    else
      stream_.merge(at);
  }
  /// Asks each processor that has a lease for a last checkpoint.
  void finish() {
    for (std::size_t at = holders_.size(); at-- != 0;)
      if (is_owner(*holders_[at]) && !request(*holders_[at], {{"action", "shutdownRequested"}}))
        drop(at);
  }

  /// Of so many checkpoints one is throttled; and one is made, and the processor crashes before it
  /// hears of it. 0: never.
  unsigned throttles = 0, crashes = 0;
  std::mt19937_64 random;
  Happened happened{};

 private:
  struct Holder {
    std::unique_ptr<Program> program{};
    std::size_t shard = 0;
    int name = 0;
    std::size_t next = 0;  // of the shard's records
  };

  [[nodiscard]] bool is_owner(const Holder& holder) const {
    return stream_.shards[holder.shard].owner == holder.name;
  }
  [[nodiscard]] bool is_ready(std::size_t at) const {
    const auto& shard = stream_.shards[at];
    return shard.checkpoint != "SHARD_END" &&
           std::all_of(shard.parents.begin(), shard.parents.end(), [&](std::size_t parent) {
             return stream_.shards[parent].checkpoint == "SHARD_END";
           });
  }

  void start(std::size_t at) {
    auto& shard = stream_.shards[at];
    auto holder = std::make_unique<Holder>();
    holder->program = make_();
    holder->shard = at;
    holder->name = ++names_;
    shard.owner = holder->name;
    holder->next = static_cast<std::size_t>(
        std::find_if(shard.records.begin(), shard.records.end(),
                     [&](const Record& record) { return record.sequence == shard.checkpoint; }) -
        shard.records.begin());
    holder->next = holder->next == shard.records.size() ? 0 : holder->next + 1;
    if (request(*holder, {{"action", "initialize"},
                          {"shardId", shard.id},
                          {"sequenceNumber", shard.checkpoint},
                          {"subSequenceNumber", 0}}))
      holders_.push_back(std::move(holder));
    else
      shard.owner = 0;
  }
  void drop(std::size_t at) {
    if (is_owner(*holders_[at])) stream_.shards[holders_[at]->shard].owner = 0;
    holders_.erase(holders_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  /// The next records of a processor, or the end of its shard; nothing where there is neither.
  std::optional<std::string> next_request(Holder& holder, std::size_t count) {
    const auto& shard = stream_.shards[holder.shard];
    if (holder.next == shard.records.size()) {
      if (!shard.is_closed) return std::nullopt;
      return Json{{"action", "shardEnded"}}.dump();
    }
    Json records = Json::array();
    for (; count != 0 && holder.next != shard.records.size(); --count, ++holder.next) {
      const auto& record = shard.records[holder.next];
      records.push_back({{"action", "record"},
                         {"data", aws::base64_encode(record.data)},
                         {"partitionKey", record.user},
                         {"approximateArrivalTimestamp", 1'656'633'600'000},
                         {"sequenceNumber", record.sequence},
                         {"subSequenceNumber", 0}});
    }
    return Json{{"action", "processRecords"}, {"millisBehindLatest", 0}, {"records", records}}
        .dump();
  }

  void read(std::size_t at, std::size_t count) {
    Holder& holder = *holders_[at];
    const auto line = next_request(holder, count);
    const bool ends = line && Json::parse(*line).at("action") == "shardEnded";
    if (!line || (request(holder, Json::parse(*line)) && !ends)) return;
    // Ended well, or crashed.
    drop(at);
  }

  /// Sends a request and does what is asked for until it is answered; false where it crashed.
  bool request(Holder& holder, const Json& request) {
    auto& shard = stream_.shards[holder.shard];
    auto answer = holder.program->ask(request.dump());
    while (answer) {
      const Json message = Json::parse(*answer);
      if (message.at("action") == "status") {
        CHECK(message.at("responseFor") == request.at("action"));
        if (request.at("action") == "shardEnded" && is_owner(holder))
          CHECK(shard.checkpoint == "SHARD_END");
        return true;
      }
      REQUIRE(message.at("action") == "checkpoint");
      Json reply = message;
      reply["error"] = nullptr;
      if (!is_owner(holder)) {
        ++happened.refused;
        reply["error"] = "ShutdownException";
      } else if (throttles != 0 && random() % throttles == 0) {
        ++happened.throttled;
        reply["error"] = "ThrottlingException";
      } else if (message.at("sequenceNumber").is_null()) {
        CHECK(request.at("action") == "shardEnded");
        shard.checkpoint = "SHARD_END";
      } else {
        shard.checkpoint = message.at("sequenceNumber");
      }
      if (reply["error"].is_null() && crashes != 0 && random() % crashes == 0) return false;
      answer = holder.program->ask(reply.dump());
    }
    return false;
  }

  Stream& stream_;
  MakeProgram make_;
  std::vector<std::unique_ptr<Holder>> holders_{};
  int names_ = 0;
};

/// Clicks of many users, some of them with times that go back, and at last one of each user that is
/// long after all others: so that all sessions before it are closed.
struct Click {
  std::string user;
  std::int64_t time;
};
inline std::vector<Click> make_clicks(std::uint64_t seed, std::size_t count, std::size_t users) {
  std::mt19937_64 random(seed);
  std::vector<Click> clicks;
  std::set<std::string> seen;
  std::int64_t time = 1'656'633'600'000;
  for (std::size_t i = 0; i < count; ++i) {
    // About six seconds from one click of a user to his next, of ten that are the gap.
    time += static_cast<std::int64_t>(random() % (12'000 / users + 1));
    // The lower a number, the more clicks.
    const std::size_t user = std::min(random() % users, random() % users);
    const std::int64_t back = random() % 50 == 0 ? 7'000 : 0;
    clicks.push_back({"user" + std::to_string(user), time - back});
    seen.insert(clicks.back().user);
  }
  for (const auto& user : seen) clicks.push_back({user, time + 86'400'000});
  return clicks;
}
inline Json event_of(const Click& click) {
  return {{"user_id", click.user}, {"event_timestamp", std::to_string(click.time)}};
}
/// LAG over each user's clicks, without the sessions that nothing has closed.
inline session_rows::Rows closed_rows(const std::vector<Click>& clicks) {
  std::vector<Json> events;
  for (const auto& click : clicks) events.push_back(event_of(click));
  return session_rows::closed_rows(events);
}

}  // namespace kcl_test

#endif
