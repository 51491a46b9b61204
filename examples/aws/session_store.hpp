#ifndef SESSIONIZE_AWS_SESSION_STORE_HPP
#define SESSIONIZE_AWS_SESSION_STORE_HPP

#include "dynamodb.hpp"

#include <sessionize/sinks/delivery_queue.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace aws {

/// A session as the table has it: the recipe's three texts, and what it did not keep.
struct SessionRow {
  std::string session_id;
  std::string session_time;  ///< HH:mm:ss
  std::string user_id;
  std::int64_t session_start = 0;  ///< milliseconds since 1970
  std::optional<std::int64_t> session_end{}, duration_ms{};
  std::optional<std::uint64_t> events{};
  std::optional<std::string> reason{};
};

/// The item of a row; an empty optional has no attribute.
[[nodiscard]] Item to_item(const SessionRow& row);

enum class SessionIds : unsigned char {
  unique,       ///< a session that is stored again takes its own place (unique_id)
  time_of_day,  ///< another day's session may have the same id (time_of_day_id)
};

/// Creates the recipe's table, key session_id, or finds it there; waits until it is ACTIVE.
[[nodiscard]] Result<Done> create_session_table(DynamoDb& dynamodb, const std::string& table);

/// The store of a sessionize::delivery_queue. Storing a row again changes nothing.
///
/// Unique ids go by BatchWriteItem, 25 rows a call. What comes back unprocessed has failed, and the
/// queue brings it again. Time-of-day ids go by PutItem, each on the condition that its id is free,
/// or stored with this very row: a different row there makes it unstorable, and is not overwritten.
///
/// What the service does not take for what is in it (ValidationException) is unstorable. All else
/// has failed, also what needs a hand: no rights, no table. Rows of one id are stored in their
/// order: behind one that failed, the others of that id are not tried. Where no answer comes twice
/// in a row, the rest of the batch is not tried either, so as not to wait out a timeout for each.
///
/// The client is best without retries, as it is by default: the queue has its own.
class SessionStore {
 public:
  SessionStore(DynamoDb& dynamodb, std::string table, SessionIds ids);

  void operator()(std::span<const SessionRow> batch, std::span<sessionize::StoreAnswer> answers);

 private:
  class Batch;

  DynamoDb* dynamodb_;
  std::string table_;
  SessionIds ids_;
};

}  // namespace aws

#endif
