#include "input.hpp"
#include "run.hpp"

#include <sessionize/json/discovery.hpp>

#include <cstdio>
#include <system_error>

namespace command {

int discover(const RunOptions& options) {
  constexpr std::size_t sample_size = 1'000;
  sessionize::json::Discovery discovery;
  std::size_t lines = 0;
  int code = 0;
  for (const auto& file : options.files) {
    const auto add = [&](const sessionize::json::Line& line) {
      if (!line.too_long) discovery.add(line.text);
      return ++lines < sample_size;
    };
    const int error = read_lines(file, {}, add, [] {});
    if (error == 0) continue;
    std::fprintf(stderr, "sessionize: cannot read %s: %s\n", one_line(file).c_str(),
                 std::generic_category().message(error).c_str());
    code = exit_io_error;
  }
  Output output(options.output);
  output.open();
  output(discovery.schema().to_json());
  output("\n");
  if (output.close() || output.broken_pipe()) return code;
  std::fprintf(stderr, "sessionize: %s\n", one_line(output.complaint()).c_str());
  return exit_io_error;
}

}  // namespace command
