#include "session_output.hpp"

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
  table_.store(command::SessionTable::SessionRow{
      row.user_id, row.session_id, row.session_start, row.session_end.value_or(row.session_start),
      row.events.value_or(1), row.duration_ms.value_or(0), row.reason ? *row.reason : ""});
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

void DynamoOutput::Store::operator()(std::span<const aws::SessionRow> batch,
                                     std::span<sessionize::StoreAnswer> answers) {
  store(batch, answers);
  const auto failed =
      std::find_if(answers.begin(), answers.end(), [](const sessionize::StoreAnswer& answer) {
        return answer.result == sessionize::StoreResult::failed;
      });
  if (failed == answers.end() || failed->message == complaint) return;
  complaint = failed->message;
  std::cerr << "kinesis_worker: sessions are not stored yet: " << complaint << '\n';
}

DynamoOutput::DynamoOutput(DynamoOptions options, DeadLetters& dead_letters)
    : options_(std::move(options)),
      dynamodb_(options_.client),
      store_{aws::SessionStore(dynamodb_, options_.table, options_.ids)},
      queue_(store_, steady_clock::now, options_.delivery, dead_letters, {}, {}) {
  aws::DynamoDb patient(with_retries(options_.client));
  const auto created = aws::create_session_table(patient, options_.table);
  if (!created) fail("the table " + options_.table + ": " + created.error().text());
}

std::optional<std::string> DynamoOutput::restore(State& state) {
  auto all = state.all();
  auto position = sessionize::restore_file(all, options_.state_file);
  if (position) return *position;
  if (position.error().reason == sessionize::SnapshotReason::no_file) return std::nullopt;
  fail("cannot go on: " + position.error().message);
}

void DynamoOutput::put(const aws::SessionRow& row) {
  while (queue_.emit(row) == sessionize::Delivery::refused) wait();
}

void DynamoOutput::save(State& state, const std::string& position) {
  if (saved_behind_) return;
  const auto all = state.all();
  const auto saved = sessionize::save_file(all, options_.state_file + ".next", position);
  if (!saved) fail(saved.error().message);
  saved_behind_ = queue_.counters().taken;
  poll();
}

void DynamoOutput::poll() {
  queue_.poll();
  if (!saved_behind_ || queue_.settled() < *saved_behind_) return;
  std::filesystem::rename(options_.state_file + ".next", options_.state_file);
  saved_behind_.reset();
}

void DynamoOutput::finish(State& state, const std::string& position) {
  while (queue_.flush() == sessionize::Delivery::refused) wait();
  poll();
  save(state, position);
}

void DynamoOutput::wait() {
  std::this_thread::sleep_until(queue_.next_attempt().value_or(steady_clock::now()));
  poll();
}

aws::Json DynamoOutput::counters() const {
  const auto counts = queue_.counters();
  return {{"stored", counts.stored}, {"dead_sessions", counts.dead}, {"failures", counts.failures}};
}

}  // namespace kinesis
