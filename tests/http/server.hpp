#ifndef SESSIONIZE_TESTS_HTTP_SERVER_HPP
#define SESSIONIZE_TESTS_HTTP_SERVER_HPP

#include "../command/harness.hpp"
#include "catch.hpp"
#include "http.hpp"

#include <csignal>
#include <string>

namespace http_test {

/// A program that serves HTTP on loopback, and the port that it has said; killed with the object.
class Server {
 public:
  explicit Server(const command_test::Args& args) : program_(args) {
    const auto line = program_.line();
    if (!line) FAIL("no server: " << program_.finish().err);
    CHECK(line->starts_with("listening at http://127.0.0.1:"));
    port_ = std::stoi(line->substr(line->rfind(':') + 1));
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] command_test::Running& program() { return program_; }
  [[nodiscard]] HttpReply send(std::string_view method, const std::string& path,
                               const std::string& body = {},
                               const std::string& type = "application/json") const {
    return http_test::send(port_, method, path, body, type);
  }
  /// The answer to what is written byte by byte, to its end.
  [[nodiscard]] std::string talk(const std::string& text) const {
    Connection connection(port_);
    connection.write(text);
    return connection.read_all();
  }
  [[nodiscard]] command_test::Outcome stop() {
    program_.signal(SIGTERM);
    return program_.finish();
  }

 private:
  command_test::Running program_;
  int port_ = 0;
};

}  // namespace http_test

#endif
