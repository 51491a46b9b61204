#include "session_output.hpp"

#include "session_row.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

namespace kinesis {
namespace {

using std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

/// The clients of the two have the same options but for their retries: the queue has its own.
aws::ClientOptions with_retries(aws::ClientOptions options) {
  options.retry = {.longest_delay = std::chrono::seconds(5), .max_attempts = 10};
  return options;
}

}  // namespace

SqliteOutput::SqliteOutput(const std::string& path, std::string stream)
    : table_(path), stream_(std::move(stream)) {
  check();
}

std::optional<std::string> SqliteOutput::restore(State& state) {
  const auto bytes = table_.state(stream_);
  check();
  if (!bytes) return std::nullopt;
  auto all = state.all();
  auto position = sessionize::restore(all, std::string_view(*bytes));
  if (!position) fail("cannot go on: " + position.error().message);
  return *position;
}

void SqliteOutput::put(const aws::SessionRow& row) {
  begin();
  table_.store(to_table_row(row));
  check();
  ++stored_;
}

void SqliteOutput::save(State& state, const std::string& position) {
  std::string bytes;
  const auto all = state.all();
  const auto saved = sessionize::save(
      all, [&bytes](std::string_view more) { bytes += more; }, position);
  if (!saved) fail(saved.error().message);
  begin();
  table_.put_state(stream_, bytes);
  table_.commit();
  check();
  in_transaction_ = false;
}

void SqliteOutput::begin() {
  if (!in_transaction_) table_.begin();
  in_transaction_ = true;
}

void SqliteOutput::check() const {
  if (table_.failed()) fail(table_.complaint());
}

void DynamoRows::Store::operator()(std::span<const aws::SessionRow> batch,
                                   std::span<sessionize::StoreAnswer> answers) {
  store(batch, answers);
  const auto failed =
      std::find_if(answers.begin(), answers.end(), [](const sessionize::StoreAnswer& answer) {
        return answer.result == sessionize::StoreResult::failed;
      });
  if (failed == answers.end() || failed->message == complaint) return;
  complaint = failed->message;
  std::cerr << "sessions are not stored yet: " << complaint << '\n';
}

DynamoRows::DynamoRows(const DynamoOptions& options, DeadLetters& dead_letters)
    : dynamodb_(options.client),
      store_{aws::SessionStore(dynamodb_, options.table, options.ids)},
      queue_(store_, steady_clock::now, options.delivery, dead_letters, {}, {}) {
  aws::DynamoDb patient(with_retries(options.client));
  const auto created = aws::create_session_table(patient, options.table);
  if (!created) fail("the table " + options.table + ": " + created.error().text());
}

void DynamoRows::put(const aws::SessionRow& row) {
  while (queue_.emit(row) == sessionize::Delivery::refused) wait();
}

void DynamoRows::flush() {
  while (queue_.flush() == sessionize::Delivery::refused) wait();
}

void DynamoRows::wait() {
  std::this_thread::sleep_until(queue_.next_attempt().value_or(steady_clock::now()));
  queue_.poll();
}

aws::Json DynamoRows::counters() const {
  const auto counts = queue_.counters();
  return {{"stored", counts.stored}, {"dead_sessions", counts.dead}, {"failures", counts.failures}};
}

DynamoOutput::DynamoOutput(DynamoOptions options, DeadLetters& dead_letters)
    : state_file_(std::move(options.state_file)), rows_(options, dead_letters) {}

std::optional<std::string> DynamoOutput::restore(State& state) {
  auto all = state.all();
  auto position = sessionize::restore_file(all, state_file_);
  if (position) return *position;
  if (position.error().reason == sessionize::SnapshotReason::no_file) return std::nullopt;
  fail("cannot go on: " + position.error().message);
}

void DynamoOutput::put(const aws::SessionRow& row) {
  rows_.put(row);
  replace_state();
}

void DynamoOutput::save(State& state, const std::string& position) {
  if (saved_behind_) return;
  const auto all = state.all();
  const auto saved = sessionize::save_file(all, state_file_ + ".next", position);
  if (!saved) fail(saved.error().message);
  saved_behind_ = rows_.taken();
  poll();
}

void DynamoOutput::poll() {
  rows_.poll();
  replace_state();
}

void DynamoOutput::replace_state() {
  if (!saved_behind_ || rows_.settled() < *saved_behind_) return;
  std::filesystem::rename(state_file_ + ".next", state_file_);
  saved_behind_.reset();
}

void DynamoOutput::finish(State& state, const std::string& position) {
  rows_.flush();
  poll();
  save(state, position);
}

}  // namespace kinesis
