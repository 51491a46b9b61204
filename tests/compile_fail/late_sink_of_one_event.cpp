// expect: a late sink is called with a LateEvent of any event type
#include <sessionize/sessionize.hpp>
#include <sessionize/windows/windows.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sz = sessionize;

struct Click {
  std::string user;
  sz::EventClock::time_point time;
};

int main() {
  sz::SessionWindows<sz::EventClock, std::string> windows;
  const auto late = [](const sz::LateEvent<sz::EventClock, std::string_view, Click>&) {};
  const auto progress = windows.process(
      std::vector<Click>{}, sz::by(&Click::user, &Click::time), [](const auto&) {}, late);
  return static_cast<int>(progress.events);
}
