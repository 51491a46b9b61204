#include "../property.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

// property_main [seeds]: checks the seeds from 1 on (5 by default), prints the first disagreement
// and exits with 1; with 0 where there is none. Events are always counted, to compile faster.
int main(int argc, char** argv) {
  const std::uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const std::string disagreement = property::check<sessionize::Counting::on>(seed);
    if (disagreement.empty()) continue;
    std::puts(disagreement.c_str());
    return 1;
  }
  return 0;
}
