// The command `sessionize`: JSON Lines of clicks in, sessions out. A thin user of the library:
//   options.cpp        the command line
//   run.cpp            a run: read, select, sessionize, write
//   state_file.cpp     what --state keeps
//   whole_input.cpp    sessions of the whole input, for --emit sessions and --into
//   event_time.hpp     sessions in event time, for --order event
//   session_table.cpp  the SQLite table of --into
//   discover.cpp       the schema of the input, for --discover
//   generate.cpp       the click simulator

#include "options.hpp"
#include "run.hpp"

#include <csignal>

#include <fcntl.h>

namespace command {
namespace {

/// Occupies the standard descriptors that are closed, so that no file that is opened becomes
/// standard output by accident. Using one of them then fails, as it should.
void keep_standard_descriptors() {
  for (const int fd : {0, 1, 2})
    if (::fcntl(fd, F_GETFD) == -1)
      static_cast<void>(::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY));
}

}  // namespace
}  // namespace command

int main(int argc, char* argv[]) {
  command::keep_standard_descriptors();
  // A reader that has gone is an error of write(), which ends the run quietly.
  std::signal(SIGPIPE, SIG_IGN);
  const auto line = command::parse_command_line(argc, argv);
  if (line.exit) return *line.exit;
  if (line.generate) return command::generate(*line.generate);
  return line.run.discover ? command::discover(line.run) : command::run(line.run);
}
