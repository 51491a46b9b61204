#ifndef SESSIONIZE_COMMAND_OUTPUT_HPP
#define SESSIONIZE_COMMAND_OUTPUT_HPP

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace command {

/// Adds "3 closed" to a list that a person reads.
inline void list_count(std::string& list, std::uint64_t count, std::string_view name) {
  if (!list.empty()) list += ", ";
  list += std::to_string(count) + ' ';
  list += name;
}

/// A file or standard output, written in blocks. Remembers since when it holds bytes back, so that
/// a live stream can be flushed while its input pauses.
class Output {
 public:
  using Clock = std::chrono::steady_clock;

  /// What a file that is there already is for: to be replaced, or to be written on.
  enum class Old { replaced, kept };

  /// Standard output where `path` is empty.
  explicit Output(const std::string& path)
      : name_(path.empty() ? "standard output" : path), is_file_(!path.empty()) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }

  /// To be called before anything is written; returns whether the file could be opened.
  bool open(Old old = Old::replaced) {
    const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | (old == Old::kept ? O_APPEND : O_TRUNC);
    fd_ = is_file_ ? ::open(name_.c_str(), mode, 0666) : STDOUT_FILENO;
    if (fd_ < 0) error_ = errno;
    return ok();
  }

  /// Takes bytes; false once writing has failed.
  bool operator()(std::string_view bytes) {
    if (buffer_.empty()) held_since_ = Clock::now();
    buffer_.append(bytes);
    return buffer_.size() < block ? ok() : flush();
  }

  bool flush() {
    for (std::size_t done = 0; ok() && done < buffer_.size();) {
      const ssize_t wrote = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
      if (wrote >= 0)
        done += static_cast<std::size_t>(wrote);
      else if (errno != EINTR)
        error_ = errno;
    }
    buffer_.clear();
    return ok();
  }

  /// Closes a file, which can be the first to tell of a full disk.
  bool close() {
    flush();
    if (fd_ > STDERR_FILENO && ::close(fd_) != 0 && ok()) error_ = errno;
    fd_ = -1;
    return ok();
  }

  /// Since when bytes wait in the buffer; null where none do.
  [[nodiscard]] std::optional<Clock::time_point> held_since() const {
    if (buffer_.empty()) return std::nullopt;
    return held_since_;
  }
  [[nodiscard]] bool ok() const { return error_ == 0; }
  /// Nobody reads on: no error, but no use in going on.
  [[nodiscard]] bool broken_pipe() const { return error_ == EPIPE; }
  [[nodiscard]] std::string complaint() const {
    return "cannot write " + name_ + ": " + std::generic_category().message(error_);
  }

 private:
  static constexpr std::size_t block = 65'536;

  std::string name_;
  bool is_file_;
  int fd_ = -1;
  int error_ = 0;
  std::string buffer_;
  Clock::time_point held_since_{};
};

}  // namespace command

#endif
