#include "session_table.hpp"

#include <sqlite3.h>

#include <chrono>

namespace command {
namespace {

constexpr int patience_ms = 5'000;

constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS sessions (
  user_id TEXT NOT NULL, session_id TEXT NOT NULL, session_start INTEGER NOT NULL,
  session_end INTEGER NOT NULL, events INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (session_id, user_id, session_start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
  file TEXT NOT NULL, line INTEGER NOT NULL, user_id TEXT NOT NULL, session_id TEXT,
  session_time TEXT, latest_time TEXT NOT NULL, session_start INTEGER,
  event_timestamp INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (file, line)) WITHOUT ROWID;
BEGIN IMMEDIATE;
)sql";

constexpr const char* state_schema =
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, bytes BLOB NOT NULL)";

constexpr const char* put_session =
    "INSERT OR REPLACE INTO sessions (user_id, session_id, session_start, session_end, events, "
    "duration_ms, reason) VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr const char* put_record =
    "INSERT OR REPLACE INTO records (file, line, user_id, session_id, session_time, latest_time, "
    "session_start, event_timestamp, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* put_one_state = "INSERT OR REPLACE INTO state (name, bytes) VALUES (?, ?)";
constexpr const char* get_one_state = "SELECT bytes FROM state WHERE name = ?";

}  // namespace

/// Binds values to a statement, one after the other.
class SessionTable::Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}

  Row& operator<<(std::string_view text) {
    // A null pointer would be NULL, and an empty text is not.
    bind(sqlite3_bind_text64(statement_, ++column_, text.empty() ? "" : text.data(), text.size(),
                             SQLITE_STATIC, SQLITE_UTF8));
    return *this;
  }
  Row& blob(std::string_view bytes) {
    bind(sqlite3_bind_blob64(statement_, ++column_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                             SQLITE_STATIC));
    return *this;
  }
  Row& operator<<(std::int64_t number) {
    bind(sqlite3_bind_int64(statement_, ++column_, number));
    return *this;
  }
  Row& operator<<(std::uint64_t number) { return *this << static_cast<std::int64_t>(number); }
  template <class T>
  Row& operator<<(const std::optional<T>& value) {
    if (value) return *this << *value;
    bind(sqlite3_bind_null(statement_, ++column_));
    return *this;
  }

  /// Runs the statement; SQLITE_OK or what went wrong.
  int put() {
    if (code_ == SQLITE_OK) sqlite3_step(statement_);
    const int result = sqlite3_reset(statement_);
    return code_ == SQLITE_OK ? result : code_;
  }

 private:
  void bind(int code) {
    if (code_ == SQLITE_OK) code_ = code;
  }

  sqlite3_stmt* statement_;
  int column_ = 0;
  int code_ = SQLITE_OK;
};

SessionTable::SessionTable(const std::string& path) : path_(path) {
  if (!check(sqlite3_open(path.c_str(), &database_))) return;
  sqlite3_busy_timeout(database_, patience_ms);
  if (!use_wal() || !run(schema)) return;
  check(sqlite3_prepare_v2(database_, put_session, -1, &put_session_, nullptr));
  check(sqlite3_prepare_v2(database_, put_record, -1, &put_record_, nullptr));
}

SessionTable::~SessionTable() {
  sqlite3_finalize(put_session_);
  sqlite3_finalize(put_record_);
  sqlite3_finalize(put_state_);
  sqlite3_finalize(get_state_);
  sqlite3_close(database_);
}

bool SessionTable::store(const SessionRow& row) {
  return !failed() &&
         check((Row(put_session_) << row.user_id << row.session_id << row.session_start
                                  << row.session_end << row.events << row.duration_ms << row.reason)
                   .put());
}

bool SessionTable::store(const RecordRow& row) {
  return !failed() &&
         check((Row(put_record_) << row.file << row.line << row.user_id << row.session_id
                                 << row.session_time << row.latest_time << row.session_start
                                 << row.event_timestamp << row.reason)
                   .put());
}

bool SessionTable::put_state(std::string_view name, std::string_view bytes) {
  return prepare_state() && check((Row(put_state_) << name).blob(bytes).put());
}

std::optional<std::string> SessionTable::state(std::string_view name) {
  if (!prepare_state()) return std::nullopt;
  std::optional<std::string> bytes;
  Row row(get_state_);
  row << name;
  if (sqlite3_step(get_state_) == SQLITE_ROW) {
    const auto* const from = static_cast<const char*>(sqlite3_column_blob(get_state_, 0));
    bytes.emplace(from, static_cast<std::size_t>(sqlite3_column_bytes(get_state_, 0)));
  }
  if (!check(sqlite3_reset(get_state_))) bytes.reset();
  return bytes;
}

bool SessionTable::commit() { return !failed() && run("COMMIT"); }

bool SessionTable::begin() { return !failed() && run("BEGIN IMMEDIATE"); }

bool SessionTable::prepare_state() {
  if (failed() || get_state_ != nullptr) return !failed();
  return run(state_schema) &&
         check(sqlite3_prepare_v2(database_, put_one_state, -1, &put_state_, nullptr)) &&
         check(sqlite3_prepare_v2(database_, get_one_state, -1, &get_state_, nullptr));
}

bool SessionTable::use_wal() {
  using std::chrono::steady_clock;
  const auto use = [&] {
    return sqlite3_exec(database_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
  };
  // SQLite does not wait by itself where several connections do this to a new database at once.
  constexpr int piece_ms = 5;
  const auto end = steady_clock::now() + std::chrono::milliseconds(patience_ms);
  int code = use();
  for (; code == SQLITE_BUSY && steady_clock::now() < end; code = use()) sqlite3_sleep(piece_ms);
  return check(code);
}

bool SessionTable::run(const char* sql) {
  return check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr));
}

bool SessionTable::check(int code) {
  if (code != SQLITE_OK && complaint_.empty())
    complaint_ = "cannot store into " + path_ + ": " +
                 (database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(code));
  return code == SQLITE_OK;
}

}  // namespace command
