// expect: other rules hang on the order of arrival
#include <sessionize/sessionize.hpp>
#include <sessionize/windows/windows.hpp>

#include <string>

namespace sz = sessionize;

struct Click {
  std::string campaign;
};

int main() {
  auto windows =
      sz::make_session_windows<sz::EventClock, std::string>({}, sz::value_change(&Click::campaign));
  return static_cast<int>(windows.size());
}
