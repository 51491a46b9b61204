// expect: sum() adds integers and floating-point numbers of up to 64 bits
#include <sessionize/windows/aggregates.hpp>

#include <string>

namespace sz = sessionize;

struct Click {
  std::string page;
};

int main() {
  const auto total = sz::sum(&Click::page);
  return sz::detail::check_aggregate<decltype(total), Click>() ? 0 : 1;
}
