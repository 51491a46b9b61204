#ifndef SESSIONIZE_KINESIS_DEAD_LETTERS_HPP
#define SESSIONIZE_KINESIS_DEAD_LETTERS_HPP

#include <kinesis.hpp>
#include <session_store.hpp>

#include <sessionize/rejection.hpp>
#include <sessionize/sinks/delivery_queue.hpp>

#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

namespace kinesis {

/// Writes down what cannot be processed, a line of JSON each, to a file or standard error: records
/// that are no events, and sessions that the table does not take. They are written before a state
/// is saved that is past them, so that a crash can double one, and lose none.
class DeadLetters {
 public:
  /// Standard error where `path` is empty.
  explicit DeadLetters(const std::string& path) {
    if (!path.empty()) file_.open(path, std::ios::app);
    to_file_ = !path.empty();
  }

  /// A record that is no event.
  bool put(const std::string& shard, const aws::KinesisRecord& record,
           const sessionize::Rejection& why) {
    return put(shard, record, to_string(why.reason), why.message);
  }
  /// The same, for a reason of the caller's.
  bool put(const std::string& shard, const aws::KinesisRecord& record, std::string_view reason,
           std::string_view message) {
    return write({{"shard", shard},
                  {"sequence_number", record.sequence_number},
                  {"reason", reason},
                  {"message", message},
                  {"data", record.data}});
  }
  /// A session that the table does not take: the sink of a delivery queue.
  sessionize::Delivery operator()(const sessionize::DeadLetter<aws::SessionRow>& letter) {
    const bool written = write({{"session", aws::to_item(letter.value)},
                                {"attempts", letter.attempts},
                                {"message", letter.message}});
    return written ? sessionize::Delivery::ok : sessionize::Delivery::refused;
  }

  /// Whether everything could be written.
  [[nodiscard]] bool ok() const { return !to_file_ || file_.good(); }

 private:
  bool write(const aws::Json& line) {
    std::ostream& out = to_file_ ? file_ : std::cerr;
    // Bytes that are not UTF-8 are replaced.
    out << line.dump(-1, ' ', false, aws::Json::error_handler_t::replace) << std::endl;
    return out.good();
  }

  std::ofstream file_;
  bool to_file_ = false;
};

}  // namespace kinesis

#endif
