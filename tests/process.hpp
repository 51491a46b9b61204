#ifndef SESSIONIZE_TESTS_PROCESS_HPP
#define SESSIONIZE_TESTS_PROCESS_HPP

#include <nlohmann/json.hpp>

#include "catch.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace process_test {

/// A folder that goes with the object.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sessionize_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    // Programs that have been killed may have children that end a moment later, and remove files.
    std::error_code busy;
    for (int tries = 0; tries < 100; ++tries) {
      std::filesystem::remove_all(path, busy);
      if (!busy) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

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
  /// Tells it to end, as soon as it listens: before that SIGTERM would end it like any program.
  void terminate() {
    while (is_running() && !handles(SIGTERM))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(SIGTERM);
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
  [[nodiscard]] bool handles(int signal) const {
    std::ifstream status("/proc/" + std::to_string(id_) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigCgt:"))
        return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
    return true;
  }

  std::string error_file_;
  pid_t id_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

/// The counters that a worker has told at its end, which was a good one.
inline nlohmann::json counters_of(Process& worker) {
  const int code = worker.wait();
  const auto errors = worker.errors();
  CAPTURE(errors);
  REQUIRE(code == 0);
  const auto last = errors.rfind('\n', errors.size() - 2);
  return nlohmann::json::parse(errors.substr(last == std::string::npos ? 0 : last + 1));
}

}  // namespace process_test

#endif
