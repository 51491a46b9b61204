#include "http_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <exception>
#include <future>
#include <semaphore>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A longer path is refused: the library matches paths by std::regex, which recurses.
constexpr std::size_t max_path = 1'024;

/// Waits until a socket is ready, or for so long.
bool ready_within(int socket, short events, milliseconds limit) {
  pollfd ready{socket, events, 0};
  const auto wait = static_cast<int>(std::clamp<milliseconds::rep>(limit.count(), 0, 3'600'000));
  return ::poll(&ready, 1, wait) > 0;
}

milliseconds until(steady_clock::time_point deadline) {
  return std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
}

bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

/// What comes over a connection, bounded in bytes and in time. The library reads the lines of a
/// head without a bound, and its time-outs begin anew with each byte: so a head is read here as a
/// whole before the library sees any of it.
class BoundedStream final : public httplib::Stream {
 public:
  enum class Head { complete, ended, too_large, too_slow };

  BoundedStream(int socket, const ServerOptions& options) : socket_(socket), options_(options) {
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  }

  /// Waits for the first byte of a request, and for no longer than it takes until `give_up`.
  template <class GiveUp>
  bool begins(const GiveUp& give_up) {
    constexpr milliseconds look_up{20};
    const auto deadline = steady_clock::now() + options_.idle;
    while (at_ == in_.size()) {
      if (ready_within(socket_, POLLIN, std::min(look_up, until(deadline)))) return true;
      if (give_up() || steady_clock::now() >= deadline) return false;
    }
    return true;
  }

  Head read_head() {
    deadline_ = steady_clock::now() + options_.patience;
    in_.erase(0, at_);
    at_ = 0;
    std::size_t seen = 0;
    for (;;) {
      const std::size_t end = in_.find("\r\n\r\n", seen);
      if (end != std::string::npos && end + 4 <= options_.max_head) {
        head_end_ = end + 4;
        hide_ranges();
        return Head::complete;
      }
      if (in_.size() >= options_.max_head) return Head::too_large;
      seen = in_.size() < 3 ? 0 : in_.size() - 3;
      const std::size_t before = in_.size();
      in_.resize(before + block);
      const ssize_t got = receive(in_.data() + before, block);
      in_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (got <= 0) return steady_clock::now() < deadline_ ? Head::ended : Head::too_slow;
    }
  }

  /// How much of what lies behind the head was read.
  [[nodiscard]] std::size_t body_read() const { return body_read_; }
  void expect_body() { body_read_ = 0; }
  [[nodiscard]] steady_clock::time_point deadline() const { return deadline_; }

  [[nodiscard]] bool is_readable() const override {
    return at_ < in_.size() || ready_within(socket_, POLLIN, until(deadline_));
  }
  [[nodiscard]] bool is_writable() const override { return true; }

  ssize_t read(char* to, size_t size) override {
    if (at_ == in_.size()) {
      // Who waits for "100 Continue" waits for what is in the buffer.
      if (!flush()) return -1;
      const ssize_t got = receive(to, size);
      if (got > 0) body_read_ += static_cast<std::size_t>(got);
      return got;
    }
    const std::size_t count = std::min(size, in_.size() - at_);
    std::memcpy(to, in_.data() + at_, count);
    at_ += count;
    if (at_ > head_end_) body_read_ += std::min(count, at_ - head_end_);
    return static_cast<ssize_t>(count);
  }

  /// Head and body of an answer go out together: apart, the second would wait for the first to be
  /// acknowledged.
  ssize_t write(const char* from, size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }

  bool flush() {
    const auto deadline = steady_clock::now() + options_.patience;
    std::string_view left = out_;
    while (!left.empty()) {
      const ssize_t sent = ::send(socket_, left.data(), left.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        left.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EINTR && (errno != EAGAIN || steady_clock::now() >= deadline ||
                                    !ready_within(socket_, POLLOUT, until(deadline)))) {
        break;
      }
    }
    const bool done = left.empty();
    out_.clear();
    return done;
  }

  /// Ends a connection on which more may come than was read: closed at once, it would take the
  /// answer with it.
  void linger() {
    constexpr milliseconds most{1'000};
    ::shutdown(socket_, SHUT_WR);
    std::array<char, block> unread;
    deadline_ = std::min(deadline_, steady_clock::now() + most);
    while (receive(unread.data(), unread.size()) > 0) continue;
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  static constexpr std::size_t block = 16'384;

  ssize_t receive(char* to, std::size_t size) {
    while (steady_clock::now() < deadline_) {
      const ssize_t got = ::recv(socket_, to, size, 0);
      if (got >= 0) return got;
      if (errno != EINTR && errno != EAGAIN) return -1;
      if (errno == EAGAIN) static_cast<void>(ready_within(socket_, POLLIN, until(deadline_)));
    }
    return -1;
  }

  /// Ranges of an answer are nothing that is served here, and the library reads them by std::regex.
  void hide_ranges() {
    constexpr std::string_view name = "range:";
    for (std::size_t line = 0; line < head_end_; line = in_.find('\n', line) + 1)
      if (equal_names(std::string_view(in_).substr(line, name.size()), name)) in_[line] = '-';
  }

  int socket_;
  const ServerOptions& options_;
  std::string in_{};
  std::size_t at_ = 0;        // what is before it in in_ was read
  std::size_t head_end_ = 0;  // in in_
  std::size_t body_read_ = 0;
  std::string out_{};
  steady_clock::time_point deadline_{};
};

/// As many threads as connections, and no connection accepted that none of them is free for.
class BoundedPool final : public httplib::TaskQueue {
 public:
  BoundedPool(std::size_t threads, std::atomic<bool>& one_waits)
      : pool_(threads), free_(static_cast<std::ptrdiff_t>(threads)), one_waits_(one_waits) {}

  void enqueue(std::function<void()> task) override {
    if (!free_.try_acquire()) {
      one_waits_ = true;
      free_.acquire();
      one_waits_ = false;
    }
    pool_.enqueue([this, task = std::move(task)] {
      task();
      free_.release();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  httplib::ThreadPool pool_;
  std::counting_semaphore<> free_;
  std::atomic<bool>& one_waits_;
};

/// The request that a connection is at, between the library's callbacks.
struct Current {
  BoundedStream* stream = nullptr;
  std::size_t content_length = 0;
  bool bad_length = false;
};
thread_local Current current;

/// A content length that is digits and nothing else, once. The library takes what strtoull() does.
bool content_length(const httplib::Request& request, std::size_t& length) {
  length = 0;
  const std::size_t count = request.get_header_value_count("Content-Length");
  if (count == 0) return true;
  const std::string text = request.get_header_value("Content-Length");
  constexpr std::size_t most_digits = 18;
  if (count > 1 || text.empty() || text.size() > most_digits ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return false;
  length = std::stoull(text);
  return true;
}

class Server final : public httplib::Server {
 public:
  Server(const ServerOptions& options, const Service& service)
      : options_(options), service_(service) {
    new_task_queue = [this] {
      // From here on stop() stops it. The library's own backlog has room for five.
      ::listen(svr_sock_, SOMAXCONN);
      accepting_.set_value();
      return new BoundedPool(options_.connections, one_waits_);
    };
    // Not the library's SO_REUSEPORT, by which two servers share a port without knowing.
    set_socket_options([](int socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_keep_alive_max_count(options_.max_requests);
    set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(options_.idle).count());
    set_pre_routing_handler([this](const httplib::Request& from, httplib::Response& to) {
      const auto refusal = turn_away(from);
      if (refusal) put(*refusal, to);
      return refusal ? HandlerResponse::Handled : HandlerResponse::Unhandled;
    });
    Get(".*", [this](const httplib::Request& from, httplib::Response& to) {
      put(service_.answer(request_of(from)), to);
    });
    const auto with_body = [this](const httplib::Request& from, httplib::Response& to,
                                  const httplib::ContentReader& reader) {
      Request request = request_of(from);
      const auto refusal = read_body(reader, request.body);
      put(refusal ? *refusal : service_.answer(request), to);
    };
    Post(".*", with_body);
    Put(".*", with_body);
    Patch(".*", with_body);
    Delete(".*", with_body);
    set_error_handler([this](const httplib::Request&, httplib::Response& to) {
      if (to.body.empty()) put(service_.refuse(to.status, "this is no request"), to);
    });
    set_exception_handler(
        [this](const httplib::Request&, httplib::Response& to, const std::exception_ptr&) {
          put(service_.refuse(500, "the service has failed"), to);
        });
    set_logger([this](const httplib::Request&, const httplib::Response& to) {
      service_.answered(to.status);
    });
  }

  std::future<void> accepting() { return accepting_.get_future(); }

  void drain() {
    draining_ = true;
    stop();
  }

 private:
  [[nodiscard]] static Request request_of(const httplib::Request& from) {
    const std::size_t mark = from.target.find('?');
    return {from.method, from.path,
            mark == std::string::npos ? std::string{} : from.target.substr(mark + 1),
            from.get_header_value("Content-Type"), std::string{}};
  }

  static void put(const Answer& answer, httplib::Response& to) {
    to.status = answer.status;
    for (const auto& [name, value] : answer.headers) to.set_header(name, value);
    to.set_content(answer.body, answer.type);
  }

  std::optional<Answer> turn_away(const httplib::Request& from) {
    if (current.bad_length) return service_.refuse(400, "Content-Length is to be one number");
    if (from.path.size() > max_path) return service_.refuse(414, "the path is too long");
    if (auto refusal = service_.turn_away(request_of(from))) return refusal;
    if (from.is_multipart_form_data())
      return service_.refuse(415, "the body is to be the request itself, no form");
    if (current.content_length > options_.max_body) return too_large();
    return std::nullopt;
  }

  std::optional<Answer> read_body(const httplib::ContentReader& reader, std::string& body) {
    bool fits = true;
    body.reserve(current.content_length);
    const bool complete = reader([&](const char* piece, std::size_t length) {
      fits = body.size() + length <= options_.max_body;
      if (fits) body.append(piece, length);
      return fits;
    });
    if (!fits) return too_large();
    if (complete) return std::nullopt;
    if (steady_clock::now() >= current.stream->deadline())
      return service_.refuse(408, "the request took too long to come");
    return service_.refuse(400, "the body has not come to its end");
  }

  [[nodiscard]] Answer too_large() const {
    return service_.refuse(
        413, "the body has more than " + std::to_string(options_.max_body) + " bytes: send less");
  }

  bool process_and_close_socket(socket_t socket) override {
    BoundedStream stream(socket, options_);
    auto next = Next::request;
    for (std::size_t left = options_.max_requests; left != 0 && next == Next::request; --left) {
      if (!stream.begins([&] { return draining_.load() || one_waits_.load(); })) break;
      next = process_one(stream, left == 1);
    }
    if (next == Next::unread) stream.linger();
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return true;
  }

  /// What comes on a connection: another request, nothing that matters, or what nobody has read.
  enum class Next { request, end, unread };

  /// Answers one request.
  Next process_one(BoundedStream& stream, bool is_last) {
    using Head = BoundedStream::Head;
    switch (stream.read_head()) {
      case Head::complete: break;
      case Head::ended: return Next::end;
      case Head::too_large:
        return refuse(stream, 431, "Request Header Fields Too Large",
                      "request line and headers have more than " +
                          std::to_string(options_.max_head) + " bytes");
      case Head::too_slow:
        return refuse(stream, 408, "Request Timeout", "the request took too long to come");
    }
    stream.expect_body();
    current = {&stream};
    bool closes = is_last || draining_;
    bool closed = false;
    bool has_pieces = false;
    bool understood = false;  // otherwise there is more of it that is no next request
    const bool answered = process_request(stream, closes, closed, [&](httplib::Request& request) {
      understood = true;
      current.bad_length = !content_length(request, current.content_length);
      // Where a body ends that comes in pieces, the stream does not know.
      has_pieces = request.has_header("Transfer-Encoding");
      if (current.bad_length || current.content_length > options_.max_body || has_pieces)
        closes = true;
      if (closes) {
        request.headers.erase("Connection");
        request.set_header("Connection", "close");
      }
    });
    const bool sent = stream.flush();
    if (!understood || has_pieces || stream.body_read() != current.content_length)
      return Next::unread;
    return sent && answered && !closes && !closed ? Next::request : Next::end;
  }

  Next refuse(BoundedStream& stream, int status, std::string_view reason,
              std::string_view message) {
    const Answer answer = service_.refuse(status, message);
    std::string text = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason) +
                       "\r\nConnection: close\r\nContent-Type: " + answer.type +
                       "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" +
                       answer.body;
    static_cast<void>(stream.Stream::write(text));
    static_cast<void>(stream.flush());
    service_.answered(status);
    return Next::unread;
  }

  const ServerOptions& options_;
  const Service& service_;
  std::promise<void> accepting_{};
  std::atomic<bool> draining_ = false;
  std::atomic<bool> one_waits_ = false;
};

}  // namespace

bool Request::asks_for(std::string_view name) const {
  std::string_view left = query;
  while (!left.empty()) {
    const std::string_view pair = left.substr(0, left.find('&'));
    left.remove_prefix(std::min(left.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
    const std::string_view value = pair.substr(equals + 1);
    return !value.empty() && value != "0";
  }
  return false;
}

std::string serve(const ServerOptions& options, const Service& service,
                  const std::function<void(int port)>& ready, const std::function<void()>& wait) {
  Server server(options, service);
  const int port = options.port == 0 ? server.bind_to_any_port(options.host)
                   : server.bind_to_port(options.host, options.port) ? options.port
                                                                     : -1;
  if (port < 0)
    return "cannot listen at " + options.host + ':' + std::to_string(options.port) +
           ": is the address this machine's, and the port free?";
  bool listened = true;
  std::thread listener([&] { listened = server.listen_after_bind(); });
  server.accepting().wait();
  ready(port);
  wait();
  server.drain();
  listener.join();
  return listened ? "" : "cannot accept connections any more";
}

}  // namespace http
