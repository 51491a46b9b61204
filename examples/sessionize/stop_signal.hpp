#ifndef SESSIONIZE_COMMAND_STOP_SIGNAL_HPP
#define SESSIONIZE_COMMAND_STOP_SIGNAL_HPP

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace command {

/// SIGTERM and SIGINT as something that a reader can wait for beside its input: a signal that comes
/// between a look at a flag and the wait for input would be waited over. There is one such object
/// at a time, for the rest of the program. A second signal ends the program at once.
class StopSignal {
 public:
  StopSignal() {
    if (::pipe(pipe_) != 0) return;
    for (const int end : pipe_) {
      ::fcntl(end, F_SETFD, FD_CLOEXEC);
      ::fcntl(end, F_SETFL, O_NONBLOCK);
    }
    struct sigaction action {};
    action.sa_handler = [](int) {
      came_ = 1;
      static_cast<void>(::write(pipe_[1], "", 1) == 1);
    };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
  }

  /// Whether there was a signal.
  [[nodiscard]] static bool came() { return came_ != 0; }
  /// Waits until `fd` can be read or there is a signal; returns whether there is one.
  [[nodiscard]] static bool comes_before(int fd) {
    pollfd ready[] = {{pipe_[0], POLLIN, 0}, {fd, POLLIN, 0}};
    while (::poll(ready, 2, -1) < 0 && !came()) continue;
    // Where both come at once, poll() may see the input alone; the handler has run by now.
    return came();
  }

 private:
  static inline volatile std::sig_atomic_t came_ = 0;
  static inline int pipe_[2] = {-1, -1};
};

}  // namespace command

#endif
