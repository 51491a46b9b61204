#ifndef SESSIONIZE_AWS_ERROR_HPP
#define SESSIONIZE_AWS_ERROR_HPP

#include <sessionize/result.hpp>

#include <string>
#include <utility>

namespace aws {

/// What can be done about an error.
enum class ErrorKind : unsigned char {
  throttled,         // too fast: the same request again, later
  transient,         // no answer, or the service is at fault: the same request again
  expired_iterator,  // a new iterator, from behind the last record that was read
  condition_failed,  // nothing was written, because the condition of the request does not hold
  client,            // the request, its rights or the configuration: again would fail again
};

struct Error {
  ErrorKind kind = ErrorKind::client;
  int status = 0;         ///< of HTTP; 0 where there was no answer
  std::string type{};     ///< the service's name of it, as "ValidationException"
  std::string message{};  ///< the service's, or libcurl's

  /// Whether the same request can go well at another time.
  [[nodiscard]] bool may_pass() const {
    return kind == ErrorKind::throttled || kind == ErrorKind::transient;
  }
  /// Whether the service refuses what is in the request, whoever sends it and when.
  [[nodiscard]] bool is_validation() const {
    return type == "ValidationException" || type == "SerializationException";
  }
  [[nodiscard]] std::string text() const { return type + ": " + message; }
};

/// Sorts an error of HTTP status `status` by the service's name of it (without the part up to '#').
[[nodiscard]] Error classify(int status, std::string type, std::string message);

template <class T>
using Result = sessionize::Result<T, Error>;
/// The value of what has none.
struct Done {};

[[nodiscard]] inline sessionize::Failure<Error> fail(ErrorKind kind, std::string type,
                                                     std::string message) {
  return {Error{kind, 0, std::move(type), std::move(message)}};
}

}  // namespace aws

#endif
