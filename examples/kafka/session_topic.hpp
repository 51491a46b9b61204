#ifndef SESSIONIZE_KAFKA_SESSION_TOPIC_HPP
#define SESSIONIZE_KAFKA_SESSION_TOPIC_HPP

#include "handles.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kafka {

/// A topic that sessions are published to, a message each: the key is the session's user, the value
/// a line of JSON with the columns of the table. A producer's retries neither double nor swap
/// messages; a whole batch that is published again does double them, under the same session ids.
class SessionTopic {
 public:
  /// Throws std::runtime_error for settings that are none.
  SessionTopic(Settings settings, std::string topic);
  SessionTopic(const SessionTopic&) = delete;
  SessionTopic& operator=(const SessionTopic&) = delete;
  ~SessionTopic() = default;

  /// Publishes lines, each with a user_id, and waits until the topic has all of them; returns
  /// whether it has. `is_stopped` is asked ten times a second: once it says so, the wait is for a
  /// second more. Throws std::runtime_error where the topic does not take a line within its
  /// message.timeout.ms. Some of the others may be there in both cases.
  [[nodiscard]] bool publish(std::string_view lines, bool (*is_stopped)());

  [[nodiscard]] std::uint64_t published() const { return published_; }

 private:
  std::string name_;
  std::string complaint_;  // of a message that was not taken
  std::uint64_t published_ = 0;
  // In this order, as the last calls for reports come with the client's end.
  Client client_;
  Topic topic_;
};

}  // namespace kafka

#endif
