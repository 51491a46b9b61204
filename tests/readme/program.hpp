#ifndef SESSIONIZE_TESTS_README_PROGRAM_HPP
#define SESSIONIZE_TESTS_README_PROGRAM_HPP

#include <string>
#include <vector>

/// A program of the README, and what the README says that it prints.
struct Program {
  std::string name;
  int (*run)();
  std::string shown;
};
extern const std::vector<Program> programs;

#endif
