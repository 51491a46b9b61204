#include "catch.hpp"
#include "program.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include <unistd.h>

// Every snippet of the README compiles (this program does not build otherwise), and what it shows
// as output is what comes out. Catches a README that an interface has moved away from.

namespace readme {
namespace {

/// What a shell command prints, errors included; lines of CSV without their CR.
std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    out.append(buffer, got);
  pclose(pipe);
  std::erase(out, '\r');
  return out;
}

TEST_CASE("the README's programs print what it shows") {
  REQUIRE(programs.size() >= 3);
  for (const auto& program : programs) {
    INFO(program.name);
    std::ostringstream printed;
    auto* const screen = std::cout.rdbuf(printed.rdbuf());
    program.run();
    std::cout.rdbuf(screen);
    CHECK(printed.str() == program.shown);
  }
}

TEST_CASE("the README's console sessions print what it shows") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("sessionize-readme-" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const std::string enter =
      "cd '" + folder.string() + "' && PATH='" SESSIONIZE_COMMAND_FOLDER "':$PATH\n";

  std::ifstream in(SESSIONIZE_README);
  int commands = 0;
  std::string line;
  while (std::getline(in, line)) {
    if (line != "```console") continue;
    REQUIRE(std::getline(in, line));
    while (line != "```") {
      REQUIRE(line.starts_with("$ "));
      const std::string command = line.substr(2);
      std::string shown;
      while (std::getline(in, line) && line != "```" && !line.starts_with("$ "))
        shown += line + '\n';
      INFO(command);
      CHECK(output_of(enter + command) == shown);
      ++commands;
    }
  }
  CHECK(commands >= 4);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace readme
