#ifndef SESSIONIZE_COMMAND_RUN_HPP
#define SESSIONIZE_COMMAND_RUN_HPP

#include "options.hpp"

namespace command {

// Exit codes beside 0.
inline constexpr int exit_rejects = 1;   // --strict, and something was rejected
inline constexpr int exit_usage = 2;     // the command line cannot be
inline constexpr int exit_io_error = 3;  // something could not be read or written

/// Sessionizes the input as the options say; returns the exit code.
int run(const RunOptions& options);

/// Prints the schema of the input and stops; returns the exit code.
int discover(const RunOptions& options);

/// Prints simulated clicks; returns the exit code.
int generate(const GenerateOptions& options);

}  // namespace command

#endif
