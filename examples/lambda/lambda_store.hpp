#ifndef SESSIONIZE_LAMBDA_LAMBDA_STORE_HPP
#define SESSIONIZE_LAMBDA_LAMBDA_STORE_HPP

#include "lambda_records.hpp"

#include <sessionize/record.hpp>
#include <sessionize/sinks/delivery_queue.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lambda {

using sessionize::EventClock;

/// A session on its way to a function.
struct SessionRow {
  /// The same whenever the same session is sent, also by another process: what a function that
  /// stores each record once goes by. UTF-8.
  std::string record_id{};
  std::string data{};  ///< what the function is to store, as JSON
};

/// The row of a closed session: session_id (its unique id, also the record's), session_time and
/// user_id, which are what the recipe's function reads, and the columns of a session's line.
[[nodiscard]] SessionRow row_of(const sessionize::SummaryView<EventClock, std::string>& session);

/// Who signs, for functions that ask for AWS Signature Version 4.
struct Signature {
  std::string region{}, access_key{}, secret_key{};
  std::string session_token{};  ///< empty where the credentials have none
};

struct FunctionOptions {
  /// Where the function takes invocations: http://127.0.0.1:9000/2015-03-31/functions/function/
  /// invocations for the runtime interface emulator, the service's own path with its function's
  /// name, or whatever passes the request on as it is.
  std::string url{};
  /// What the request says of its sender.
  std::string application_arn =
      "arn:aws:kinesisanalytics:local:000000000000:application/sessionize";
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds timeout{30'000};  ///< of an invocation as a whole
  std::size_t max_request = max_payload;      ///< bytes
  std::size_t max_answer = max_payload;       ///< bytes; a larger answer is none
  std::optional<Signature> signature{};
  /// Is told what an answer says of records that were not sent.
  std::function<void(std::string_view)> stray = [](std::string_view) {};
};

/// Invokes a function over HTTP, as the store behind a sessionize::DeliveryQueue of SessionRow.
///
/// A record is stored where the function answers Ok to it. One that no request has room for is
/// unstorable. All else has failed, and the queue will come again: with the same record id, and
/// with a retry hint that says how often this record has failed before. A batch that does not fit
/// into one request goes out in several; behind one that fails as a whole nothing more is sent. It
/// blocks until the function has answered, or a timeout. One thread at a time may use an object.
class LambdaStore {
 public:
  explicit LambdaStore(FunctionOptions options);

  /// Of batch_store.
  void operator()(std::span<const SessionRow> batch, std::span<sessionize::StoreAnswer> answers);

  /// How many bytes a row takes in a request, at most, and how many there are for all of them: the
  /// size_of and the max_bytes of the queue.
  [[nodiscard]] static std::size_t size_of(const SessionRow& row);
  [[nodiscard]] std::size_t room() const;

 private:
  struct Sent;
  struct Close {
    void operator()(void* handle) const;
  };

  [[nodiscard]] bool invoke(std::span<const Sent> rows);
  [[nodiscard]] std::string post(std::string_view body, std::string& answer);

  FunctionOptions options_;
  std::unique_ptr<void, Close> curl_;
  std::uint64_t sender_;  // of this object's invocations
  std::uint64_t invocations_ = 0;
  // How often those records have failed that have come last: a queue sends them again next.
  std::map<std::string, std::uint64_t, std::less<>> failures_{};
};

}  // namespace lambda

#endif
