#include "click_line.hpp"
#include "output.hpp"
#include "run.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

namespace command {

int generate(const GenerateOptions& options) {
  using Clock = std::chrono::steady_clock;
  sessionize::testing::ClickGenerator clicks(options.clicks);
  Output output("");
  output.open();
  std::string room;
  const auto began = Clock::now();
  for (const auto& click : clicks.take(options.events)) {
    if (options.speed) {
      const std::chrono::duration<double> after = click.time - options.clicks.start;
      const auto due = began + std::chrono::duration_cast<Clock::duration>(after / *options.speed);
      if (due > Clock::now()) output.flush();
      std::this_thread::sleep_until(due);
    }
    if (!output(click_line(room, click))) break;
  }
  if (output.close() || output.broken_pipe()) return 0;
  std::fprintf(stderr, "sessionize: %s\n", output.complaint().c_str());
  return exit_io_error;
}

}  // namespace command
