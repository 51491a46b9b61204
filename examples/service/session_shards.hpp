#ifndef SESSIONIZE_SERVICE_SESSION_SHARDS_HPP
#define SESSIONIZE_SERVICE_SESSION_SHARDS_HPP

#include "database_lock.hpp"
#include "event_batch.hpp"
#include "session_table.hpp"
#include "wall_time.hpp"

#include <sessionize/counters.hpp>
#include <sessionize/duplicates.hpp>
#include <sessionize/sessionizer.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace service {

struct ShardOptions {
  /// The SQLite database with the table of the command's --into. Of one process at a time.
  std::string database{};
  std::size_t shards = 16;
  /// max_keys is of all shards together: each has an equal part of it.
  sessionize::Options<EventClock> session{.max_keys = 1'000'000};
  /// For events that have ids; max_ids is of all shards together.
  sessionize::DuplicateOptions<EventClock> duplicates{};
  /// A session is closed that an event stamped `now - grace` would not continue; null: by events
  /// alone. Events that come later than the grace find their session closed.
  std::optional<std::chrono::milliseconds> grace = std::chrono::seconds(60);
  /// How often the clock is looked at, and the state is saved.
  std::chrono::milliseconds close_every{1'000};
  std::chrono::milliseconds save_every{5'000};
  /// With so many closed sessions that the database does not have, no more events are taken; with
  /// half as many a save begins.
  std::size_t max_rows = 200'000;
  std::function<EventClock::time_point()> now = command::wall_time;
};

/// Sessions of events that come on many threads: a Sessionizer a shard of the keys, each behind its
/// own mutex, and one database behind them all.
///
/// What a save writes is one transaction: the sessions that were closed since the last one, and the
/// state of each shard that has changed. So the database always has the sessions of some moment,
/// each event in them once; a process that is killed goes on from the last save.
///
/// Thread-safe, but for open() and stop().
class SessionShards {
 public:
  explicit SessionShards(ShardOptions options);
  ~SessionShards();  // does not save
  SessionShards(const SessionShards&) = delete;
  SessionShards& operator=(const SessionShards&) = delete;

  /// Opens the database and goes on from its state; returns what is wrong, or nothing. To be called
  /// first.
  [[nodiscard]] std::optional<std::string> open();
  /// Starts the thread that closes idle sessions and saves.
  void start();
  /// Ends that thread and saves; returns what is wrong, or nothing. To be called when take() is
  /// not.
  [[nodiscard]] std::optional<std::string> stop();

  struct Taken {
    std::uint64_t accepted = 0;    ///< counted, now
    std::uint64_t duplicates = 0;  ///< counted before
  };
  /// Sessionizes a batch; events of one key in their order. An event for whose key there is no room
  /// is added to what is rejected of the batch. Between events of different keys others may be
  /// taken, and saves begin.
  Taken take(EventBatch& batch);
  /// Whether events are to wait until the database has taken more sessions.
  [[nodiscard]] bool is_full() const { return rows_ >= options_.max_rows; }
  /// Waits until all that was taken before is in the database; false where saving has failed. Many
  /// threads wait for one save. Between start() and stop().
  [[nodiscard]] bool wait_until_saved();

  /// Closes the sessions that are idle by the clock.
  void close_idle();
  /// Saves what has changed; false on failure: it is in the next save then.
  bool save();

  /// The open session of a key; null where there is none.
  [[nodiscard]] std::optional<sessionize::Summary<EventClock, std::string>> find(
      std::string_view key) const;

  struct Stats {
    sessionize::Counters events{};  ///< of all shards since the database was created
    std::uint64_t duplicates = 0;
    std::uint64_t open_sessions = 0;
    std::uint64_t rows_pending = 0;  ///< closed sessions that the database does not have yet
    std::uint64_t rows_stored = 0;   ///< by this process, as are the next two
    std::uint64_t saves = 0;
    std::uint64_t failed_saves = 0;
  };
  [[nodiscard]] Stats stats() const;
  /// What went wrong with the last save; empty where nothing did.
  [[nodiscard]] std::string complaint() const;

 private:
  using Sessions = sessionize::Sessionizer<EventClock, std::string>;
  using Seen = sessionize::DuplicateFilter<EventClock, sessionize::ContentId>;

  struct Shard {
    Shard(const sessionize::Options<EventClock>& session,
          const sessionize::DuplicateOptions<EventClock>& duplicates)
        : sessions(session), seen(duplicates) {}

    mutable std::mutex mutex{};
    Sessions sessions;
    Seen seen;
    std::vector<Sessions::summary_type> closed{};  // since the last save
    bool changed = false;                          // since the last save
  };

  [[nodiscard]] std::optional<std::string> restore();
  /// Whether so many sessions wait that the next save should not.
  [[nodiscard]] bool is_half_full() const { return rows_ >= (options_.max_rows + 1) / 2; }
  void take_some(EventBatch& batch, std::size_t from, std::size_t count, Taken& taken);
  void take_one(Shard& shard, EventBatch& batch, std::size_t event, Taken& taken);
  void save_state(Shard& shard, std::size_t index);
  void keep();

  ShardOptions options_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::atomic<std::size_t> rows_ = 0;
  std::atomic<std::size_t> turn_ = 0;
  command::DatabaseLock lock_{};

  mutable std::mutex saving_{};                    // one save at a time
  std::optional<command::SessionTable> table_{};   // null where it is to be opened again
  std::vector<Sessions::summary_type> storing_{};  // sessions that no save has stored
  // Of the shard at hand.
  std::vector<Sessions::summary_type> closed_{};
  Sessions saved_sessions_;
  Seen saved_seen_;
  std::string state_{};

  mutable std::mutex keeping_{};  // of what follows
  std::condition_variable wake_{};
  std::condition_variable done_waiting_{};
  bool stopping_ = false;
  std::uint64_t wanted_ = 0;  // saves are numbered from 1: the one that somebody waits for,
  std::uint64_t begun_ = 0;   // the last one that has begun,
  std::uint64_t ended_ = 0;   // that has ended,
  std::uint64_t good_ = 0;    // that has gone well
  std::uint64_t rows_stored_ = 0;
  std::uint64_t saves_ = 0;
  std::uint64_t failed_saves_ = 0;
  std::string complaint_{};
  std::thread keeper_{};
};

}  // namespace service

#endif
