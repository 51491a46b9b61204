#include "client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace aws {
namespace {

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

std::string endpoint_of(const Service& service, const std::string& region) {
  auto given = environment(("AWS_ENDPOINT_URL_" + upper_case(service.name)).c_str());
  if (!given) given = environment("AWS_ENDPOINT_URL");
  if (given) return *given;
  return "https://" + std::string(service.name) + "." + region + ".amazonaws.com";
}

/// The answer as far as it has come.
struct Answer {
  std::string body;
  std::size_t max_bytes;
  bool too_long = false;
};

std::size_t take(char* data, std::size_t, std::size_t size, void* to) {
  Answer& answer = *static_cast<Answer*>(to);
  answer.too_long = size > answer.max_bytes - answer.body.size();
  if (answer.too_long) return 0;
  answer.body.append(data, size);
  return size;
}

/// Errors that the same request would meet again at any time.
bool is_configuration(CURLcode code) {
  constexpr std::array codes = {CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
                                CURLE_BAD_FUNCTION_ARGUMENT, CURLE_PEER_FAILED_VERIFICATION,
                                CURLE_NOT_BUILT_IN};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

}  // namespace

void sleep_for(std::chrono::milliseconds delay) { std::this_thread::sleep_for(delay); }

// The names are those of the error pages of both services, and the common errors of all.
Error classify(int status, std::string type, std::string message) {
  constexpr std::array<std::string_view, 7> throttling = {"ProvisionedThroughputExceededException",
                                                          "ThrottlingException",
                                                          "Throttling",
                                                          "LimitExceededException",
                                                          "KMSThrottlingException",
                                                          "RequestLimitExceeded",
                                                          "TooManyRequestsException"};
  type.erase(0, type.find('#') + 1);
  ErrorKind kind = ErrorKind::client;
  if (status == 429 || std::find(throttling.begin(), throttling.end(), type) != throttling.end())
    kind = ErrorKind::throttled;
  else if (status >= 500 || status == 408)
    kind = ErrorKind::transient;
  else if (type == "ExpiredIteratorException")
    kind = ErrorKind::expired_iterator;
  else if (type == "ConditionalCheckFailedException")
    kind = ErrorKind::condition_failed;
  return {kind, status, std::move(type), std::move(message)};
}

struct Client::Connection {
  struct Cleanup {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using Headers = std::unique_ptr<curl_slist, Cleanup>;

  Connection() {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) handle.reset(curl_easy_init());
  }

  static void add(Headers& headers, const std::string& line) {
    if (curl_slist* const longer = curl_slist_append(headers.get(), line.c_str())) {
      static_cast<void>(headers.release());
      headers.reset(longer);
    }
  }

  std::unique_ptr<CURL, Cleanup> handle;
};

Client::Client(const Service& service, ClientOptions options)
    : service_(service),
      options_(std::move(options)),
      random_(options_.retry.seed ? *options_.retry.seed : std::random_device{}()),
      connection_(std::make_unique<Connection>()) {
  if (options_.region.empty())
    options_.region =
        environment("AWS_REGION").value_or(environment("AWS_DEFAULT_REGION").value_or(""));
  if (options_.endpoint.empty()) options_.endpoint = endpoint_of(service, options_.region);
  while (options_.endpoint.ends_with('/')) options_.endpoint.pop_back();
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Json> Client::call(std::string_view operation, const Json& request) {
  std::string body;
  try {
    body = request.dump();
  } catch (const Json::exception&) {
    return fail(ErrorKind::client, "SerializationException", "a text of the request is not UTF-8");
  }
  std::chrono::milliseconds slept{0};
  for (std::uint64_t attempts = 1;; ++attempts) {
    auto answer = send(operation, body);
    if (answer || !answer.error().may_pass() ||
        sessionize::gives_up(options_.retry, attempts, slept))
      return answer;
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(
        sessionize::retry_delay(options_.retry, attempts, random_()));
    options_.sleep(delay);
    slept += delay;
  }
}

Result<Json> Client::send(std::string_view operation, const std::string& body) {
  CURL* const curl = connection_->handle.get();
  if (curl == nullptr) return fail(ErrorKind::client, "NoLibcurl", "libcurl cannot be initialised");
  if (options_.region.empty())
    return fail(ErrorKind::client, "NoRegion", "neither an option nor AWS_REGION gives a region");
  const auto credentials = options_.credentials();
  if (!credentials) return sessionize::Failure{credentials.error()};

  // No "Expect:" here: an empty header is signed and not sent.
  Connection::Headers headers;
  Connection::add(headers, "Content-Type: " + std::string(service_.content_type));
  Connection::add(headers,
                  "X-Amz-Target: " + std::string(service_.target) + "." + std::string(operation));
  if (!credentials->session_token.empty())
    Connection::add(headers, "X-Amz-Security-Token: " + credentials->session_token);
  const std::string url = options_.endpoint + "/";
  const std::string scope = "aws:amz:" + options_.region + ":" + std::string(service_.name);
  Answer answer{{}, options_.max_answer_bytes};
  std::array<char, CURL_ERROR_SIZE> complaint{};

  // A reset keeps the connection.
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope.c_str());
  curl_easy_setopt(curl, CURLOPT_USERNAME, credentials->access_key.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials->secret_key.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.request_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, complaint.data());

  const CURLcode code = curl_easy_perform(curl);
  if (answer.too_long)
    return fail(ErrorKind::client, "AnswerTooLong",
                "the answer has more than " + std::to_string(answer.max_bytes) + " bytes");
  if (code != CURLE_OK)
    return fail(is_configuration(code) ? ErrorKind::client : ErrorKind::transient, "NoAnswer",
                options_.endpoint + ": " +
                    (complaint[0] != '\0' ? complaint.data() : curl_easy_strerror(code)));

  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  Json content = answer.body.empty() ? Json::object() : Json::parse(answer.body, nullptr, false);
  if (status == 200) {
    if (content.is_object()) return content;
    return fail(ErrorKind::transient, "InvalidAnswer", "the answer is not a JSON object");
  }
  std::string type = "HTTP " + std::to_string(status);
  std::string message = answer.body.substr(0, 200);
  if (content.is_object()) {
    const auto put = [&](const char* name, std::string& text) {
      const auto member = content.find(name);
      if (member != content.end() && member->is_string()) text = member->get<std::string>();
    };
    put("__type", type);
    put("Message", message);
    put("message", message);
  }
  return sessionize::Failure{
      classify(static_cast<int>(status), std::move(type), std::move(message))};
}

Result<Done> Client::wait_until(const std::function<Result<bool>()>& ready,
                                std::chrono::milliseconds patience) const {
  constexpr std::chrono::milliseconds pause{100};
  for (;; patience -= pause) {
    const auto now = ready();
    if (now && *now) return Done{};
    if (!now && now.error().type != "ResourceNotFoundException")
      return sessionize::Failure{now.error()};
    if (patience <= pause)
      return sessionize::Failure{
          now ? Error{ErrorKind::transient, 0, "NotReady", "it is still not ready"} : now.error()};
    options_.sleep(pause);
  }
}

}  // namespace aws
