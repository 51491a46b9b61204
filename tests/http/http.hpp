#ifndef SESSIONIZE_TESTS_HTTP_HTTP_HPP
#define SESSIONIZE_TESTS_HTTP_HTTP_HPP

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

// HTTP over loopback, at ports that the system chooses.

namespace http_test {

struct HttpRequest {
  std::string path{};
  std::map<std::string, std::string> headers{};
  std::string body{};
};

struct HttpReply {
  int status = 200;  ///< 0 where there was no answer
  std::string body{};
};

/// A function behind HTTP, as a test scripts it: `answer` is called by many threads at once.
class ScriptedFunction {
 public:
  explicit ScriptedFunction(std::function<HttpReply(const HttpRequest&)> answer);
  ~ScriptedFunction();
  ScriptedFunction(const ScriptedFunction&) = delete;
  ScriptedFunction& operator=(const ScriptedFunction&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  struct Server;
  std::unique_ptr<Server> server_;
  std::string url_;
};

/// Sends a request and waits for its answer. `type` is the body's.
[[nodiscard]] HttpReply send(int port, std::string_view method, const std::string& path,
                             const std::string& body, const std::string& type = "application/json");

/// A connection that a test writes byte by byte.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void write(std::string_view bytes);
  /// Nothing more is written.
  void end();
  /// What the other side sends up to and with `end`, or up to its own end.
  [[nodiscard]] std::string read_to(std::string_view end);
  [[nodiscard]] std::string read_all() { return read_to({}); }

 private:
  int socket_;
};

}  // namespace http_test

#endif
