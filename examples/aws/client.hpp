#ifndef SESSIONIZE_AWS_CLIENT_HPP
#define SESSIONIZE_AWS_CLIENT_HPP

#include "credentials.hpp"
#include "error.hpp"

#include <sessionize/sinks/retry.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace aws {

using Json = nlohmann::json;

/// Stops the calling thread. A test gives another one, and a service one that its end cuts short.
using Sleep = std::function<void(std::chrono::milliseconds)>;
void sleep_for(std::chrono::milliseconds delay);

struct ClientOptions {
  /// Empty: AWS_REGION, or AWS_DEFAULT_REGION.
  std::string region{};
  /// "https://host:port". Empty: AWS_ENDPOINT_URL_KINESIS or _DYNAMODB, or AWS_ENDPOINT_URL, or
  /// the region's own.
  std::string endpoint{};
  CredentialsSource credentials = [] { return default_credentials(); };
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{30'000};
  /// GetRecords answers 10 MB of data, which is a third more as base64, and names around it.
  std::size_t max_answer_bytes = std::size_t{32} << 20U;
  /// When a request that may pass (Error::may_pass) is sent again; never, for callers that have a
  /// queue, or something else to do. Its max_age counts the delays alone.
  sessionize::RetryOptions retry{.max_attempts = 1};
  Sleep sleep = sleep_for;
};

/// What tells one service from the others.
struct Service {
  std::string_view name;          ///< "kinesis", in hosts, signatures and variables
  std::string_view target;        ///< "Kinesis_20131202", of the header X-Amz-Target
  std::string_view content_type;  ///< "application/x-amz-json-1.1"
};

/// Calls the operations of one JSON service over one connection, which is kept. Requests are signed
/// by libcurl. One thread at a time; clients of their own for several.
///
/// libcurl itself sends a request again where a kept connection turns out to be closed before a
/// byte of the answer has come. So what is sent once can be executed twice, also without retries.
class Client {
 public:
  Client(const Service& service, ClientOptions options);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Sends one request, and again as options.retry says. Returns the answer, an object, or the last
  /// error. No exception but std::bad_alloc, and what credentials and sleep throw.
  [[nodiscard]] Result<Json> call(std::string_view operation, const Json& request);

  /// Asks `ready` until it says true, ten times a second for `patience`. What does not exist yet
  /// (ResourceNotFoundException) is not ready.
  [[nodiscard]] Result<Done> wait_until(const std::function<Result<bool>()>& ready,
                                        std::chrono::milliseconds patience) const;

  [[nodiscard]] const ClientOptions& options() const { return options_; }

 private:
  struct Connection;
  [[nodiscard]] Result<Json> send(std::string_view operation, const std::string& body);

  Service service_;
  ClientOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<Connection> connection_;
};

/// The value that `read` makes of an answer. What it does not find there (it throws nlohmann's
/// exceptions) is an error of the service: `transient`, type InvalidAnswer.
template <class Read>
[[nodiscard]] auto read_answer(const Result<Json>& answer, Read read)
    -> Result<decltype(read(*answer))> {
  if (!answer) return sessionize::Failure{answer.error()};
  try {
    return read(*answer);
  } catch (const Json::exception& problem) {
    return fail(ErrorKind::transient, "InvalidAnswer", problem.what());
  }
}

}  // namespace aws

#endif
