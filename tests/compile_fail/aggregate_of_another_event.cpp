// expect: this aggregate does not read these events
#include <sessionize/windows/aggregates.hpp>

namespace sz = sessionize;

struct Click {
  long cents = 0;
};
struct View {};

int main() {
  const auto aggregate = sz::aggregates(sz::count(), sz::sum(&Click::cents));
  return sz::detail::check_aggregate<decltype(aggregate), View>() ? 0 : 1;
}
