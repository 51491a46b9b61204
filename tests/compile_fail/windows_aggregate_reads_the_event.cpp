// expect: this aggregate does not read these events
#include <sessionize/sessionize.hpp>
#include <sessionize/windows/windows.hpp>

#include <string>
#include <vector>

namespace sz = sessionize;

struct Click {
  std::string user;
  sz::EventClock::time_point time;
};
struct Order {
  long cents = 0;
};

int main() {
  auto windows = sz::make_session_windows<sz::EventClock, std::string>({}, sz::NoRule{},
                                                                       sz::sum(&Order::cents));
  const auto progress =
      windows.process(std::vector<Click>{}, sz::by(&Click::user, &Click::time), [](const auto&) {});
  return static_cast<int>(progress.events);
}
