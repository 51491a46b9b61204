#ifndef SESSIONIZE_KINESIS_SESSION_OUTPUT_HPP
#define SESSIONIZE_KINESIS_SESSION_OUTPUT_HPP

#include "dead_letters.hpp"

#include <dynamodb.hpp>
#include <session_store.hpp>
#include <session_table.hpp>

#include <sessionize/clock.hpp>
#include <sessionize/duplicates.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/delivery_queue.hpp>
#include <sessionize/snapshot/snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

namespace kinesis {

using sessionize::EventClock;

/// What the worker knows of its users.
struct State {
  sessionize::DuplicateFilter<EventClock, sessionize::ContentId> duplicates;
  sessionize::Sessionizer<EventClock, std::string> sessions;

  /// Both, for sessionize::save() and restore().
  [[nodiscard]] auto all() { return std::tie(duplicates, sessions); }
};

/// Where sessions go, and with them the state of which they were the outcome and the position in
/// the stream: whatever happens, the saved state is of a time when all sessions before it were
/// stored. What cannot go on throws std::runtime_error.
class SessionOutput {
 public:
  SessionOutput() = default;
  SessionOutput(const SessionOutput&) = delete;
  SessionOutput& operator=(const SessionOutput&) = delete;
  virtual ~SessionOutput() = default;

  /// Reads what was saved into `state`, and returns the position; nothing in the first run.
  [[nodiscard]] virtual std::optional<std::string> restore(State& state) = 0;
  /// Stores a session, now or later; waits where too many are to be stored.
  virtual void put(const aws::SessionRow& row) = 0;
  /// Saves the state behind the sessions that were put: now, or when they are stored. While that is
  /// to come, another one is not needed and is left out.
  virtual void save(State& state, const std::string& position) = 0;
  /// Does what is due.
  virtual void poll() {}
  /// Waits until everything is stored and the last state is saved.
  virtual void finish(State& state, const std::string& position) = 0;
  /// What became of the sessions, for people.
  [[nodiscard]] virtual aws::Json counters() const = 0;
};

/// SQLite: the sessions and the state behind them are one transaction.
class SqliteOutput : public SessionOutput {
 public:
  /// The state is kept under the stream's name.
  SqliteOutput(const std::string& path, std::string stream);

  [[nodiscard]] std::optional<std::string> restore(State& state) override;
  void put(const aws::SessionRow& row) override;
  void save(State& state, const std::string& position) override;
  void finish(State& state, const std::string& position) override { save(state, position); }
  [[nodiscard]] aws::Json counters() const override { return {{"stored", stored_}}; }

 private:
  void begin();
  void check() const;

  command::SessionTable table_;
  std::string stream_;
  bool in_transaction_ = true;
  std::uint64_t stored_ = 0;
};

struct DynamoOptions {
  std::string table{};
  std::string state_file{};
  aws::ClientOptions client{};
  aws::SessionIds ids = aws::SessionIds::unique;
  sessionize::DeliveryOptions delivery{
      .max_wait = std::chrono::milliseconds(200),
      .retry = {.max_attempts = 100'000, .max_age = std::chrono::hours(1)}};
};

/// The rows of a DynamoDB table: they go out in batches, and come again until they are stored or
/// dead letters.
class DynamoRows {
 public:
  /// `dead_letters` is referred to. Creates the table where there is none. The options' state file
  /// is the caller's.
  DynamoRows(const DynamoOptions& options, DeadLetters& dead_letters);

  /// Waits where too many are on their way.
  void put(const aws::SessionRow& row);
  /// Does what is due.
  void poll() { queue_.poll(); }
  /// Waits until all that were put are stored or dead letters.
  void flush();
  /// How many were put, and how many of them, without a gap, are stored or dead letters.
  [[nodiscard]] std::uint64_t taken() const { return queue_.counters().taken; }
  [[nodiscard]] std::uint64_t settled() const { return queue_.settled(); }
  [[nodiscard]] aws::Json counters() const;

 private:
  struct Store {
    aws::SessionStore store;
    std::string complaint{};
    void operator()(std::span<const aws::SessionRow> batch,
                    std::span<sessionize::StoreAnswer> answers);
  };
  using Queue = sessionize::DeliveryQueue<aws::SessionRow, Store&,
                                          std::chrono::steady_clock::time_point (&)(), DeadLetters&,
                                          sessionize::CountResults, sessionize::NoSize>;
  void wait();

  aws::DynamoDb dynamodb_;
  Store store_;
  Queue queue_;
};

/// DynamoDB: the state behind the sessions takes the place of the state file when they are stored
/// or dead letters.
class DynamoOutput : public SessionOutput {
 public:
  /// `dead_letters` is referred to. Creates the table where there is none.
  DynamoOutput(DynamoOptions options, DeadLetters& dead_letters);

  [[nodiscard]] std::optional<std::string> restore(State& state) override;
  void put(const aws::SessionRow& row) override;
  void save(State& state, const std::string& position) override;
  void poll() override;
  void finish(State& state, const std::string& position) override;
  [[nodiscard]] aws::Json counters() const override { return rows_.counters(); }

 private:
  void replace_state();

  std::string state_file_;
  DynamoRows rows_;
  std::optional<std::uint64_t> saved_behind_{};  // the id of the last session before what is saved
};

}  // namespace kinesis

#endif
