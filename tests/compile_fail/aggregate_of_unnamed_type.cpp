// expect: an aggregate of a callable needs the type of its value
#include <sessionize/windows/aggregates.hpp>

namespace sz = sessionize;

struct Click {
  long cents = 0;
};

int main() {
  const auto total = sz::sum([](const Click& click) { return click.cents; });
  return sizeof total == 0 ? 1 : 0;
}
