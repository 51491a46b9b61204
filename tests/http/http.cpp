#include "http.hpp"

#include <httplib.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http_test {
namespace {

constexpr std::chrono::seconds patience{60};

int must(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace

struct ScriptedFunction::Server {
  httplib::Server http{};
  std::promise<void> accepting{};
  std::thread listener{};
};

ScriptedFunction::ScriptedFunction(std::function<HttpReply(const HttpRequest&)> answer)
    : server_(std::make_unique<Server>()) {
  auto& http = server_->http;
  http.set_keep_alive_max_count(1);
  http.new_task_queue = [this] {
    server_->accepting.set_value();
    return new httplib::ThreadPool(4);
  };
  http.Post(".*",
            [answer = std::move(answer)](const httplib::Request& from, httplib::Response& to) {
              HttpRequest request{from.path, {}, from.body};
              for (const auto& [name, value] : from.headers) request.headers[name] = value;
              const HttpReply reply = answer(request);
              to.status = reply.status;
              to.set_content(reply.body, "application/json");
            });
  const int port = http.bind_to_any_port("127.0.0.1");
  must(port, "bind_to_any_port");
  url_ = "http://127.0.0.1:" + std::to_string(port) + "/2015-03-31/functions/function/invocations";
  server_->listener = std::thread([&http] { http.listen_after_bind(); });
  server_->accepting.get_future().wait();
}

ScriptedFunction::~ScriptedFunction() {
  server_->http.stop();
  server_->listener.join();
}

HttpReply send(int port, std::string_view method, const std::string& path, const std::string& body,
               const std::string& type) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(patience);
  client.set_write_timeout(patience);
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  request.set_header("Content-Type", type);
  const auto result = client.send(request);
  if (!result) return {0, httplib::to_string(result.error())};
  return {result->status, result->body};
}

Connection::Connection(int port)
    : socket_(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{patience.count(), 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  must(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
}

Connection::~Connection() { ::close(socket_); }

void Connection::write(std::string_view bytes) {
  while (!bytes.empty())
    bytes.remove_prefix(static_cast<std::size_t>(
        must(static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL)), "send")));
}

void Connection::end() { must(::shutdown(socket_, SHUT_WR), "shutdown"); }

std::string Connection::read_to(std::string_view end) {
  std::string text;
  char next = 0;
  while ((end.empty() || !text.ends_with(end)) && ::recv(socket_, &next, 1, 0) == 1) text += next;
  return text;
}

}  // namespace http_test
