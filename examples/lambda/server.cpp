#include "server.hpp"

#include <sessionize/detail/json_text.hpp>

#include <httplib.h>

#include <algorithm>
#include <array>
#include <exception>
#include <future>
#include <mutex>
#include <semaphore>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/socket.h>

namespace lambda {
namespace {

using std::chrono::steady_clock;

constexpr std::array<std::string_view, 2> paths = {"/",
                                                   "/2015-03-31/functions/function/invocations"};

/// As many threads as connections, and no connection accepted that none of them is free for.
class BoundedPool final : public httplib::TaskQueue {
 public:
  explicit BoundedPool(std::size_t threads)
      : pool_(threads), free_(static_cast<std::ptrdiff_t>(threads)) {}

  void enqueue(std::function<void()> task) override {
    free_.acquire();
    pool_.enqueue([this, task = std::move(task)] {
      task();
      free_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  httplib::ThreadPool pool_;
  std::counting_semaphore<> free_;
};

/// An error in the form in which functions tell theirs.
void fail(httplib::Response& response, int status, std::string_view message) {
  std::string body = R"({"errorMessage":)";
  sessionize::detail::append_json_string(body, message);
  body += '}';
  response.status = status;
  response.set_content(body, "application/json");
}

/// Answers a request that is none of an invocation, before its body is read; false where it is one.
bool turn_away(const httplib::Request& request, httplib::Response& response) {
  if (std::find(paths.begin(), paths.end(), request.path) == paths.end())
    fail(response, 404, "there is no such function: POST to / invokes the one that is here");
  else if (request.method != "POST")
    fail(response, 405, "a function is invoked by POST");
  else if (request.is_multipart_form_data())
    fail(response, 415, "the body is to be the request itself, as application/json");
  else
    return false;
  return true;
}

/// Reads a body, to its end also where it is too large, so that the answer finds a reader; false
/// where it has been answered.
bool read_body(const ServerOptions& options, const httplib::ContentReader& reader,
               httplib::Response& response, std::string& body) {
  const auto deadline = steady_clock::now() + options.patience;
  std::size_t size = 0;
  const bool complete = reader([&](const char* piece, std::size_t length) {
    size += length;
    if (size <= options.max_body)
      body.append(piece, length);
    else
      body = {};
    return steady_clock::now() < deadline;
  });
  if (size > options.max_body)
    fail(response, 413,
         "the body has more than " + std::to_string(options.max_body) +
             " bytes: send fewer records");
  else if (!complete)
    fail(response, steady_clock::now() < deadline ? 400 : 408, "the body has not come to its end");
  else
    return true;
  return false;
}

}  // namespace

std::string serve(const ServerOptions& options,
                  const std::function<std::vector<RecordAnswer>(const Request&)>& invoke,
                  const std::function<void(int port)>& ready, const std::function<void()>& wait) {
  httplib::Server server;
  std::promise<void> accepting;
  server.new_task_queue = [&] {
    accepting.set_value();  // from here on stop() stops it
    return new BoundedPool(options.connections);
  };
  // Not the library's SO_REUSEPORT, by which two servers share a port without knowing.
  server.set_socket_options([](int socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  // One request a connection: a client that is idle holds none, and what is left of a body that was
  // not read is nobody's next request.
  server.set_keep_alive_max_count(1);
  server.set_keep_alive_timeout(options.patience.count());
  server.set_read_timeout(options.patience);
  server.set_write_timeout(options.patience);

  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    return turn_away(request, response) ? httplib::Server::HandlerResponse::Handled
                                        : httplib::Server::HandlerResponse::Unhandled;
  });
  std::mutex one_at_a_time;
  const auto answer = [&](const httplib::Request&, httplib::Response& response,
                          const httplib::ContentReader& reader) {
    std::string body;
    if (!read_body(options, reader, response, body)) return;
    const auto request = read_request(body, options.limits);
    if (!request) return fail(response, 400, request.error());
    const std::lock_guard lock(one_at_a_time);
    response.set_content(write_answer(invoke(*request)), "application/json");
  };
  for (const auto path : paths) server.Post(std::string(path), answer);
  server.set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
        fail(response, 500, "the function has failed");
      });

  const int port = options.port == 0 ? server.bind_to_any_port(options.host)
                   : server.bind_to_port(options.host, options.port) ? options.port
                                                                     : -1;
  if (port < 0)
    return "cannot listen at " + options.host + ':' + std::to_string(options.port) +
           ": is the address this machine's, and the port free?";
  bool listened = true;
  std::thread listener([&] { listened = server.listen_after_bind(); });
  accepting.get_future().wait();
  ready(port);
  wait();
  server.stop();
  listener.join();
  return listened ? "" : "cannot accept connections any more";
}

}  // namespace lambda
