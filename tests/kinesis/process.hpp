#ifndef SESSIONIZE_TESTS_KINESIS_PROCESS_HPP
#define SESSIONIZE_TESTS_KINESIS_PROCESS_HPP

#include "catch.hpp"

#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kinesis_test {

/// A program that is running; killed with the object. Its standard error goes to a file.
class Process {
 public:
  Process(std::vector<std::string> args, std::string error_file)
      : error_file_(std::move(error_file)) {
    std::vector<char*> pointers;
    for (auto& arg : args) pointers.push_back(arg.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, error_file_.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    REQUIRE(posix_spawn(&id_, pointers[0], &files, nullptr, pointers.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    kill(SIGKILL);
    wait();
  }

  [[nodiscard]] bool is_running() {
    if (!ended_ && ::waitpid(id_, &status_, WNOHANG) == id_) ended_ = true;
    return !ended_;
  }
  void kill(int signal) {
    if (is_running()) ::kill(id_, signal);
  }
  /// Makes it stand still until kill(SIGCONT), and waits until it does; returns whether it does, as
  /// it may have ended instead.
  [[nodiscard]] bool stop() {
    kill(SIGSTOP);
    if (ended_) return false;
    ::waitpid(id_, &status_, WUNTRACED);
    ended_ = !WIFSTOPPED(status_);
    return !ended_;
  }
  /// The exit code; the negative number of the signal that has ended it.
  int wait() {
    if (!ended_) ::waitpid(id_, &status_, 0);
    ended_ = true;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }
  [[nodiscard]] std::string errors() const {
    std::ostringstream text;
    text << std::ifstream(error_file_).rdbuf();
    return text.str();
  }

 private:
  std::string error_file_;
  pid_t id_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace kinesis_test

#endif
