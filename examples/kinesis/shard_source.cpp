#include "shard_source.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <variant>

namespace kinesis {
namespace {

using aws::Result;
using std::chrono::milliseconds;

constexpr std::string_view end_of_shard = "END";
constexpr std::string_view trim_horizon = "TRIM_HORIZON";
constexpr std::string_view no_such_shard = "ResourceNotFoundException";

}  // namespace

StreamReader reader_of(aws::Kinesis& client, const std::string& stream) {
  return {[&client, stream] { return client.list_shards(stream); },
          [&client, stream](const std::string& shard, const aws::Position& from) {
            return client.shard_iterator(stream, shard, from);
          },
          [&client](const std::string& iterator, unsigned limit) {
            return client.get_records(iterator, limit);
          }};
}

ShardSource::ShardSource(StreamReader stream, SourceOptions options)
    : stream_(std::move(stream)),
      options_(std::move(options)),
      random_(options_.retry.seed ? *options_.retry.seed : std::random_device{}()) {
  constexpr milliseconds clocks_differ_by{1'000};
  if (const auto* const at = std::get_if<aws::AtTimestamp>(&options_.from))
    from_ = at->time;
  else if (std::holds_alternative<aws::Latest>(options_.from))
    from_ = options_.wall_clock() - clocks_differ_by;
}

Result<ShardBatch> ShardSource::read(milliseconds patience) {
  auto* const next = next_shard();
  const bool is_listing = next == nullptr || listing_.due <= next->second.task.due;
  const time_point due = is_listing ? listing_.due : next->second.task.due;
  if (const time_point now = options_.now(); now < due) {
    const auto wait = std::chrono::ceil<milliseconds>(due - now);
    options_.sleep(std::min(wait, patience));
    if (options_.now() < due) return ShardBatch{};
  }
  return is_listing ? list() : read_shard(next->first, next->second);
}

bool ShardSource::is_ended(const std::string& shard) const {
  const auto known = shards_.find(shard);
  return known == shards_.end() || known->second.ended;
}

bool ShardSource::is_readable(const ShardState& shard) const {
  return !shard.ended && !shard.not_found &&
         std::all_of(shard.parents.begin(), shard.parents.end(),
                     [this](const std::string& parent) { return is_ended(parent); });
}

ShardSource::Shards::value_type* ShardSource::next_shard() {
  // Before the first listing nobody knows whose parents are unread.
  if (listing_.due == time_point::min()) return nullptr;
  Shards::value_type* next = nullptr;
  for (auto& each : shards_)
    if (is_readable(each.second) &&
        (next == nullptr || each.second.task.due < next->second.task.due))
      next = &each;
  return next;
}

Result<ShardBatch> ShardSource::list() {
  const auto listed = stream_.list_shards();
  if (!listed) return failed(listing_, listed.error());
  listing_ = {options_.now() + options_.list_interval, 0};
  must_list_ = false;
  std::set<std::string> known;  // are listed, or are parents of one that is
  for (const auto& shard : *listed) {
    known.insert(shard.id);
    known.insert(shard.parents.begin(), shard.parents.end());
    auto& state = shards_[shard.id];
    state.parents = shard.parents;
    state.not_found = false;
  }
  for (auto& [id, state] : shards_) {
    if (!state.not_found || state.ended) continue;
    ++counters_.lost_shards;
    state.ended = true;
  }
  std::erase_if(shards_,
                [&](const auto& each) { return each.second.ended && !known.contains(each.first); });
  return ShardBatch{};
}

Result<ShardBatch> ShardSource::read_shard(const std::string& id, ShardState& shard) {
  shard.task.due = options_.now() + options_.read_interval;
  const auto refused = [&](const aws::Error& error) -> Result<ShardBatch> {
    shard.caught_up.reset();
    if (error.kind == aws::ErrorKind::expired_iterator) {
      ++counters_.expired_iterators;
      shard.iterator.reset();
      return ShardBatch{};
    }
    if (error.type != no_such_shard) return failed(shard.task, error);
    // Whether it is the shard that is gone, or the stream, the list will say.
    ++counters_.failures;
    if (sessionize::gives_up(options_.retry, ++shard.task.failures, {}))
      return sessionize::Failure{error};
    shard.not_found = true;
    list_again();
    return ShardBatch{};
  };
  if (!shard.iterator) {
    aws::Position from = aws::TrimHorizon{};
    if (!shard.read_to.empty())
      from = aws::AfterSequenceNumber{shard.read_to};
    else if (from_)
      from = aws::AtTimestamp{*from_};
    auto iterator = stream_.shard_iterator(id, from);
    if (!iterator) return refused(iterator.error());
    shard.iterator = std::move(*iterator);
  }
  const auto asked_at = options_.wall_clock();
  auto answer = stream_.get_records(*shard.iterator, options_.max_records);
  if (!answer) return refused(answer.error());

  ++counters_.reads;
  counters_.records += answer->records.size();
  shard.task.failures = 0;
  shard.caught_up.reset();
  // A full answer may be 0 ms behind records of its last millisecond.
  if (answer->behind_latest == milliseconds::zero() &&
      answer->records.size() < options_.max_records)
    shard.caught_up = asked_at;
  shard.iterator = std::move(answer->next_iterator);
  ShardBatch batch;
  if (!answer->records.empty()) {
    shard.read_to = answer->records.back().sequence_number;
    batch = {id, std::move(answer->records)};
  }
  if (!shard.iterator) {
    ++counters_.ended_shards;
    shard.ended = true;
    // Also where the answer names the children: of another parent of theirs nothing may be known.
    list_again();
  }
  return batch;
}

void ShardSource::list_again() {
  must_list_ = true;
  listing_.due = std::min(listing_.due, options_.now() + options_.read_interval);
}

Result<ShardBatch> ShardSource::failed(Task& task, const aws::Error& error) {
  ++(error.kind == aws::ErrorKind::throttled ? counters_.throttled : counters_.failures);
  if (!error.may_pass() || sessionize::gives_up(options_.retry, ++task.failures, {}))
    return sessionize::Failure{error};
  const auto delay = sessionize::retry_delay(options_.retry, task.failures, random_());
  task.due = std::max(task.due, options_.now() + std::chrono::ceil<milliseconds>(delay));
  return ShardBatch{};
}

aws::Json ShardSource::position() const {
  aws::Json shards = aws::Json::object();
  for (const auto& [id, state] : shards_) {
    if (state.ended)
      shards[id] = end_of_shard;
    else if (!state.read_to.empty())
      shards[id] = state.read_to;
  }
  aws::Json from = trim_horizon;
  if (from_) from = from_->time_since_epoch().count();
  return {{"from", from}, {"shards", shards}};
}

bool ShardSource::restore(const aws::Json& position) {
  if (!position.is_object() || !position.contains("from") || !position.contains("shards"))
    return false;
  const auto& from = position.at("from");
  const auto& shards = position.at("shards");
  if ((from != trim_horizon && !from.is_number_integer()) || !shards.is_object()) return false;
  Shards restored;
  for (const auto& [id, read_to] : shards.items()) {
    if (!read_to.is_string()) return false;
    auto& state = restored[id];
    state.ended = read_to == end_of_shard;
    if (!state.ended) state.read_to = read_to;
  }
  from_.reset();
  if (from.is_number_integer()) from_ = aws::ArrivalTime(milliseconds(from.get<std::int64_t>()));
  shards_ = std::move(restored);
  return true;
}

std::optional<aws::ArrivalTime> ShardSource::caught_up() const {
  if (must_list_) return std::nullopt;
  auto all = options_.wall_clock();
  for (const auto& [id, state] : shards_) {
    if (state.ended) continue;
    if (!state.caught_up) return std::nullopt;
    all = std::min(all, *state.caught_up);
  }
  return all;
}

}  // namespace kinesis
