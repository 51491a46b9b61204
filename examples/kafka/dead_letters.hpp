#ifndef SESSIONIZE_KAFKA_DEAD_LETTERS_HPP
#define SESSIONIZE_KAFKA_DEAD_LETTERS_HPP

#include <sessionize/rejection.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kafka {

/// Writes messages that are no events down, a line of JSON each, to a file or standard error. They
/// are written before an offset is saved that is past them, so that a crash can double one, and
/// lose none.
class DeadLetters {
 public:
  /// Standard error where `path` is empty. Throws std::runtime_error where it cannot be written.
  explicit DeadLetters(const std::string& path) : path_(path) {
    if (!path.empty()) file_.open(path, std::ios::app);
    check();
  }

  /// Throws std::runtime_error where it cannot be written.
  void put(std::string_view topic, std::int32_t partition, std::int64_t offset,
           const sessionize::Rejection& why, std::string_view data) {
    const nlohmann::json line = {{"topic", topic},         {"partition", partition},
                                 {"offset", offset},       {"reason", to_string(why.reason)},
                                 {"message", why.message}, {"data", data}};
    // Bytes that are not UTF-8 are replaced. One call, for several workers may append to the file.
    (path_.empty() ? std::cerr : file_)
        << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n'
        << std::flush;
    check();
  }

 private:
  void check() const {
    if (!path_.empty() && !file_.good())
      throw std::runtime_error("cannot write --dead-letters " + path_);
  }

  std::string path_;
  std::ofstream file_;
};

}  // namespace kafka

#endif
