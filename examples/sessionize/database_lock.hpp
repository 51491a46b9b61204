#ifndef SESSIONIZE_COMMAND_DATABASE_LOCK_HPP
#define SESSIONIZE_COMMAND_DATABASE_LOCK_HPP

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace command {

/// Keeps a database for one process as long as the object is there: two that serve from one would
/// each save a state that knows nothing of the other's events. The lock is on a file of its own,
/// the database's name with "-serving" behind it, and goes with the process however that ends.
class DatabaseLock {
 public:
  DatabaseLock() = default;
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;
  ~DatabaseLock() {
    if (file_ >= 0) ::close(file_);
  }

  /// Returns what is wrong, or nothing where the lock is taken.
  [[nodiscard]] std::optional<std::string> take(const std::string& database) {
    const std::string path = database + "-serving";
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) == 0) return std::nullopt;
    if (errno == EWOULDBLOCK) return database + " is another running process's";
    return "cannot lock " + path + ": " + std::generic_category().message(errno);
  }

 private:
  int file_ = -1;
};

}  // namespace command

#endif
