#include "ordered_puts.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace producer {
namespace {

std::size_t size_of(const aws::PutRecord& record) {
  return record.data.size() + record.partition_key.size();
}

/// The page of PutRecords knows two errors of one record, and gives them no status.
aws::Error error_of(const aws::PutResult& result) {
  const bool service_is_at_fault =
      result.error_type == "InternalFailure" || result.error_type == "ServiceUnavailable";
  return aws::classify(service_is_at_fault ? 500 : 400, result.error_type, result.error_message);
}

aws::Error given_up(aws::Error error, std::uint64_t attempts) {
  error.message += " (given up after " + std::to_string(attempts) + " attempts)";
  return error;
}

}  // namespace

std::optional<std::string> misfit(const aws::PutRecord& record) {
  constexpr std::size_t most_bytes = std::size_t{1} << 20U;
  constexpr std::ptrdiff_t most_characters = 256;
  const std::string& key = record.partition_key;
  // UTF-8 has one byte a character that is not of the form 10xxxxxx.
  const auto characters = std::count_if(key.begin(), key.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  if (key.empty()) return "the user is empty: a partition key has 1 to 256 characters";
  if (characters > most_characters)
    return "the user has " + std::to_string(characters) +
           " characters: a partition key has 1 to 256";
  if (size_of(record) > most_bytes)
    return "the event has " + std::to_string(size_of(record)) +
           " bytes with its user: a record has 1048576 at most";
  return std::nullopt;
}

OrderedPuts::OrderedPuts(Put put, Now now, const OrderedPutsOptions& options)
    : put_(std::move(put)),
      now_(std::move(now)),
      options_(options),
      random_(options.retry.seed ? *options.retry.seed : std::random_device{}()) {
  assert(options.max_records >= 1 && options.max_waiting >= 1);
}

bool OrderedPuts::offer(const aws::PutRecord& record) {
  if (counters_.waiting >= options_.max_waiting) return false;
  auto& user = *users_.try_emplace(record.partition_key).first;
  user.second.records.push_back(record);
  if (user.second.records.size() == 1) ready_.push_back(&user);
  ++counters_.offered;
  ++counters_.waiting;
  return true;
}

std::vector<aws::PutRecord> OrderedPuts::next_call() const {
  std::vector<aws::PutRecord> call;
  std::size_t bytes = 0;
  for (const auto* const user : ready_) {
    const aws::PutRecord& record = user->second.records.front();
    bytes += size_of(record);
    if (call.size() == options_.max_records || (!call.empty() && bytes > options_.max_bytes)) break;
    call.push_back(record);
  }
  return call;
}

std::optional<aws::Error> OrderedPuts::poll() {
  const time_point now = now_();
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    ready_.push_back(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
  }
  if (ready_.empty() || now < resume_at_) return std::nullopt;

  // Nothing changes before the answer is there: put_ may throw.
  const auto call = next_call();
  auto results = put_(call);
  ++counters_.calls;
  if (!results) return call_failed(results.error());
  assert(results->size() == call.size());
  failures_ = 0;
  // Those that are refused together come again together, in one call.
  const std::uint64_t random = random_();
  std::optional<aws::Error> error;
  for (const aws::PutResult& result : *results) {
    auto& user = *ready_.front();
    ready_.pop_front();
    if (result.ok())
      taken(user);
    else if (auto fatal = refused(user, result, random); fatal && !error)
      error = std::move(fatal);
  }
  return error;
}

std::optional<aws::Error> OrderedPuts::call_failed(aws::Error error) {
  ++counters_.failed_calls;
  if (!error.may_pass()) return error;
  const time_point now = now_();
  if (failures_++ == 0) failing_since_ = now;
  if (sessionize::gives_up(options_.retry, failures_, now - failing_since_))
    return given_up(std::move(error), failures_);
  resume_at_ = now + sessionize::retry_delay(options_.retry, failures_, random_());
  return std::nullopt;
}

std::optional<aws::Error> OrderedPuts::refused(Users::value_type& user,
                                               const aws::PutResult& result, std::uint64_t random) {
  ++counters_.refused_records;
  auto& [key, state] = user;
  const time_point now = now_();
  if (state.failures++ == 0) state.failing_since = now;
  const auto delay = sessionize::retry_delay(options_.retry, state.failures, random);
  delayed_.emplace(now + delay, &user);
  auto error = error_of(result);
  error.message += " (a record of " + key + ")";
  if (!error.may_pass()) return error;
  if (sessionize::gives_up(options_.retry, state.failures, now - state.failing_since))
    return given_up(std::move(error), state.failures);
  return std::nullopt;
}

void OrderedPuts::taken(Users::value_type& user) {
  User& state = user.second;
  state.records.pop_front();
  state.failures = 0;
  ++counters_.put;
  --counters_.waiting;
  if (state.records.empty())
    users_.erase(users_.find(user.first));
  else
    ready_.push_back(&user);
}

std::optional<OrderedPuts::time_point> OrderedPuts::next_attempt() const {
  if (!ready_.empty()) return resume_at_;
  if (!delayed_.empty()) return std::max(resume_at_, delayed_.begin()->first);
  return std::nullopt;
}

}  // namespace producer
