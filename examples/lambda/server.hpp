#ifndef SESSIONIZE_LAMBDA_SERVER_HPP
#define SESSIONIZE_LAMBDA_SERVER_HPP

#include "lambda_records.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace lambda {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;  ///< chosen by the system where 0
  std::size_t max_body = max_payload;
  std::size_t connections = 8;  ///< served at a time; others wait to be accepted
  /// How long a request may take to come, and its answer to be taken.
  std::chrono::seconds patience{10};
  Limits limits{};
};

/// Serves invocations over HTTP: POST to "/" and to the path of the runtime interface emulator,
/// /2015-03-31/functions/function/invocations. Requests are read side by side; `invoke`, which
/// gives an answer for each record, is called by one thread at a time. A request that does not come
/// as a whole is not invoked.
///
/// Calls `ready` with the port as soon as connections are accepted, and `wait`, which returns when
/// it is time to stop; then answers what was accepted, and returns what went wrong, or an empty
/// text.
[[nodiscard]] std::string serve(
    const ServerOptions& options,
    const std::function<std::vector<RecordAnswer>(const Request&)>& invoke,
    const std::function<void(int port)>& ready, const std::function<void()>& wait);

}  // namespace lambda

#endif
