// Turns the README's C++ blocks into one source file: each block in a namespace of its own, its
// includes at the top, its main() under a number, together with the output that the README shows.
//
// usage: extract README.md snippets.cpp

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace {

std::string read_block(std::istream& in) {
  std::string block;
  for (std::string line; std::getline(in, line) && line != "```";) block += line + '\n';
  return block;
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 3) return 2;
  std::ifstream readme(argv[1]);
  std::ostringstream includes, blocks, table;
  int count = 0;
  bool behind_program = false;
  for (std::string line; std::getline(readme, line);) {
    if (line == "```cpp") {
      const std::string name = "snippet_" + std::to_string(++count);
      std::istringstream block(read_block(readme));
      blocks << "namespace " << name << " {\n";
      behind_program = false;
      for (std::string code; std::getline(block, code);) {
        if (code.starts_with("#include")) {
          includes << code << '\n';
        } else if (code == "int main() {") {
          blocks << "int program() {\n";
          behind_program = true;
        } else if (code == "}" && behind_program) {
          blocks << "  return 0;\n}\n";
        } else {
          blocks << code << '\n';
        }
      }
      blocks << "}  // namespace " << name << "\n\n";
      continue;
    }
    if (line == "```text" && behind_program) {
      table << "  {\"snippet_" << count << "\", snippet_" << count << "::program, R\"shown("
            << read_block(readme) << ")shown\"},\n";
      behind_program = false;
    }
  }
  std::ofstream(argv[2]) << includes.str() << "#include \"program.hpp\"\n\n"
                         << blocks.str() << "const std::vector<Program> programs = {\n"
                         << table.str() << "};\n";
  return 0;
}
