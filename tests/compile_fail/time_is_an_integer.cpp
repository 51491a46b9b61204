// expect: the time projection gives a time_point of the sessionizer's clock; make one of
#include <sessionize/rules/rules.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/utc.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace sz = sessionize;
using Clock = sz::EventClock;

struct Click {
  std::string user;
  Clock::time_point time;
  bool logout = false;
  long ticks = 0;
};

int main() {
  sz::Sessionizer<Clock, std::string> sessions;
  const std::vector<Click> clicks;
  const auto sink = [](const sz::record auto&) {};
  return sessions.process(clicks, sz::by(&Click::user, &Click::ticks), sink).events == 0;
}
