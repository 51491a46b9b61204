#ifndef SESSIONIZE_HTTP_SERVER_HPP
#define SESSIONIZE_HTTP_SERVER_HPP

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// An HTTP server for the examples: cpp-httplib's, with the bounds that it lacks around it.

namespace http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                ///< chosen by the system where 0
  std::size_t max_head = 16'384;  ///< bytes of a request line and headers
  std::size_t max_body = 1 << 20;
  std::size_t connections = 32;  ///< served at a time, by a thread each; others wait to be accepted
  /// Requests on one connection; with 1 each has its own.
  std::size_t max_requests = 10'000;
  /// How long a request may take to come as a whole, and again its answer to be taken.
  std::chrono::milliseconds patience{10'000};
  /// How long a connection may be silent between two requests. It is closed sooner where all are
  /// in use and another waits.
  std::chrono::milliseconds idle{5'000};
};

struct Request {
  std::string method{};
  std::string path{};  ///< decoded
  std::string query{};
  std::string type{};  ///< of the body
  std::string body{};

  /// Whether the query has a parameter that is neither empty nor 0: `?name=1`.
  [[nodiscard]] bool asks_for(std::string_view name) const;
};

struct Answer {
  int status = 200;
  std::string body{};
  std::string type = "application/json";
  std::map<std::string, std::string> headers{};
};

/// What a server answers. All are called by many threads at once.
struct Service {
  /// Turns a request away before its body is read; null where that is to be read.
  std::function<std::optional<Answer>(const Request&)> turn_away;
  std::function<Answer(const Request&)> answer;
  /// The answer for what the server itself refuses: what is no HTTP, too large, too slow; and for
  /// what has thrown.
  std::function<Answer(int status, std::string_view message)> refuse;
  /// Hears the status of each answer.
  std::function<void(int status)> answered = [](int) {};
};

/// Serves until `wait` returns. Requests of a connection are answered one after the other, those of
/// different connections side by side. A request that does not come as a whole is not answered for
/// by the service.
///
/// Calls `ready` with the port as soon as connections are accepted, and `wait`, which returns when
/// it is time to stop; then accepts no more, answers the requests that have begun, and returns what
/// went wrong, or an empty text.
[[nodiscard]] std::string serve(const ServerOptions& options, const Service& service,
                                const std::function<void(int port)>& ready,
                                const std::function<void()>& wait);

}  // namespace http

#endif
