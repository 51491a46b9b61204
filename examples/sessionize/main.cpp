// The command `sessionize`: JSON Lines of clicks in, sessions out. A thin user of the library:
//   options.cpp        the command line
//   run.cpp            a run: read, select, sessionize, write
//   whole_input.cpp    sessions of the whole input, for --emit sessions and --into
//   session_table.cpp  the SQLite table of --into
//   discover.cpp       the schema of the input, for --discover
//   generate.cpp       the click simulator

#include "options.hpp"
#include "run.hpp"

#include <csignal>

int main(int argc, char* argv[]) {
  // A reader that has gone is an error of write(), which ends the run quietly.
  std::signal(SIGPIPE, SIG_IGN);
  const auto line = command::parse_command_line(argc, argv);
  if (line.exit) return *line.exit;
  if (line.generate) return command::generate(*line.generate);
  return line.run.discover ? command::discover(line.run) : command::run(line.run);
}
