#include "output.hpp"
#include "run.hpp"

#include <sessionize/sinks/json_lines.hpp>

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
  std::string line;
  const auto began = Clock::now();
  for (const auto& click : clicks.take(options.events)) {
    if (options.speed) {
      const std::chrono::duration<double> after = click.time - options.clicks.start;
      const auto due = began + std::chrono::duration_cast<Clock::duration>(after / *options.speed);
      if (due > Clock::now()) output.flush();
      std::this_thread::sleep_until(due);
    }
    line.clear();
    sessionize::JsonRow row(line);
    row.text("user_id", click.user_id);
    row.text("event_timestamp", std::to_string(click.time.time_since_epoch().count()));
    row.text("event_name", click.event_name);
    row.text("event_type", click.event_type);
    row.text("device_type", click.device_type);
    row.end();
    if (!output(line)) break;
  }
  if (output.close() || output.broken_pipe()) return 0;
  std::fprintf(stderr, "sessionize: %s\n", output.complaint().c_str());
  return exit_io_error;
}

}  // namespace command
