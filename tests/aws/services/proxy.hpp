#ifndef SESSIONIZE_TESTS_AWS_SERVICES_PROXY_HPP
#define SESSIONIZE_TESTS_AWS_SERVICES_PROXY_HPP

#include <curl/curl.h>
#include <client.hpp>

#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

// What the tests do with the proxy (../proxy.mjs) beside sending requests through it.

namespace services {

/// A name that no other test has.
inline std::string fresh_name(const std::string& what) {
  static int number = 0;
  return what + "-" + std::to_string(++number);
}

inline bool with_kinesis_local() {
  return aws::environment("LOCAL_KINESIS").value_or("") == "kinesis-local";
}

/// Asks the proxy, or posts to it. Throws where there is none: ../run.mjs starts it.
inline aws::Json ask_proxy(const std::string& path, const std::string* post = nullptr) {
  const auto endpoint = aws::environment("AWS_ENDPOINT_URL");
  if (!endpoint) throw std::runtime_error("run this by tests/aws/run.mjs");
  std::string answer;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  using Write = std::size_t (*)(char*, std::size_t, std::size_t, void*);
  const Write write = [](char* data, std::size_t, std::size_t size, void* to) {
    static_cast<std::string*>(to)->append(data, size);
    return size;
  };
  curl_easy_setopt(curl.get(), CURLOPT_URL, (*endpoint + path).c_str());
  if (post != nullptr) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, post->c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, write);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  if (curl_easy_perform(curl.get()) != CURLE_OK) throw std::runtime_error("no proxy");
  return aws::Json::parse(answer);
}

inline void set_faults(const aws::Json& faults) {
  const std::string text = faults.dump();
  static_cast<void>(ask_proxy("/__faults", &text));
}

/// Has one fault happen to the next request of an operation.
inline void next_fault(const std::string& operation, const std::string& fault) {
  set_faults({{"script", aws::Json::array({{{"operation", operation}, {"fault", fault}}})}});
}

/// How many requests of an operation the proxy has passed on.
inline int executed(const std::string& operation) {
  const auto stats = ask_proxy("/__stats");
  const auto& operations = stats.at("operations");
  return operations.contains(operation) ? operations.at(operation).at("executed").get<int>() : 0;
}

}  // namespace services

#endif
