#include "server.hpp"

#include "http_server.hpp"

#include <sessionize/detail/json_text.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <string_view>

namespace lambda {
namespace {

constexpr std::array<std::string_view, 2> paths = {"/",
                                                   "/2015-03-31/functions/function/invocations"};

/// An error in the form in which functions tell theirs.
http::Answer failure(int status, std::string_view message) {
  http::Answer answer{.status = status, .body = R"({"errorMessage":)"};
  sessionize::detail::append_json_string(answer.body, message);
  answer.body += '}';
  return answer;
}

/// The answer to a request that is none of an invocation; null where it is one.
std::optional<http::Answer> turn_away(const http::Request& request) {
  if (std::find(paths.begin(), paths.end(), request.path) == paths.end())
    return failure(404, "there is no such function: POST to / invokes the one that is here");
  if (request.method != "POST") return failure(405, "a function is invoked by POST");
  return std::nullopt;
}

}  // namespace

std::string serve(const ServerOptions& options,
                  const std::function<std::vector<RecordAnswer>(const Request&)>& invoke,
                  const std::function<void(int port)>& ready, const std::function<void()>& wait) {
  std::mutex one_at_a_time;
  const http::Service service{.turn_away = turn_away,
                              .answer =
                                  [&](const http::Request& from) {
                                    const auto request = read_request(from.body, options.limits);
                                    if (!request) return failure(400, request.error());
                                    const std::lock_guard lock(one_at_a_time);
                                    return http::Answer{.body = write_answer(invoke(*request))};
                                  },
                              .refuse = failure};
  // One request a connection: senders that keep theirs open for the next batch hold none.
  return http::serve({.host = options.host,
                      .port = options.port,
                      .max_body = options.max_body,
                      .connections = options.connections,
                      .max_requests = 1,
                      .patience = options.patience},
                     service, ready, wait);
}

}  // namespace lambda
