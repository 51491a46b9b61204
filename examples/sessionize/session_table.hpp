#ifndef SESSIONIZE_COMMAND_SESSION_TABLE_HPP
#define SESSIONIZE_COMMAND_SESSION_TABLE_HPP

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace command {

/// The tables `sessions` and `records` of a SQLite database. Rows are upserted, so that a rerun
/// changes nothing. Everything that is stored up to commit() is one transaction: it is there then,
/// or not at all. The first begins with the object, each further one with begin().
class SessionTable {
 public:
  /// Opens or creates the database; failed() tells whether that went well.
  explicit SessionTable(const std::string& path);
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;
  ~SessionTable();

  struct SessionRow {
    std::string_view user_id;
    std::string_view session_id;  // '' where there is none
    std::int64_t session_start, session_end;
    std::uint64_t events;
    std::int64_t duration_ms;
    std::string_view reason;
  };
  struct RecordRow {
    std::string_view file;
    std::uint64_t line;
    std::string_view user_id;
    std::optional<std::string_view> session_id, session_time;
    std::string_view latest_time;
    std::optional<std::int64_t> session_start;
    std::int64_t event_timestamp;
    std::string_view reason;
  };

  bool store(const SessionRow& row);
  bool store(const RecordRow& row);
  /// Keeps `bytes` under a name, in a table `state` that is made for it: what has to be saved in
  /// one transaction with the rows that follow from it.
  bool put_state(std::string_view name, std::string_view bytes);
  /// What is kept under a name; null where nothing is, or on failure.
  [[nodiscard]] std::optional<std::string> state(std::string_view name);
  bool commit();
  bool begin();

  [[nodiscard]] bool failed() const { return !complaint_.empty(); }
  /// What went wrong first.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  class Row;
  bool use_wal();
  bool run(const char* sql);
  bool prepare_state();
  bool check(int code);

  std::string path_;
  std::string complaint_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* put_session_ = nullptr;
  sqlite3_stmt* put_record_ = nullptr;
  sqlite3_stmt* put_state_ = nullptr;  // null until there is a state
  sqlite3_stmt* get_state_ = nullptr;
};

}  // namespace command

#endif
