// expect: other rules hang on the order of arrival
#include <sessionize/sessionize.hpp>
#include <sessionize/windows/windows.hpp>

#include <string>

namespace sz = sessionize;

int main() {
  const auto rule = [](const auto& step) { return step.events >= 100; };
  auto windows = sz::make_session_windows<sz::EventClock, std::string>({}, rule);
  return static_cast<int>(windows.size());
}
