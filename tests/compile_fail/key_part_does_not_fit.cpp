// expect: integer that does not always fit one
#include <sessionize/rules/rules.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/utc.hpp>

#include <chrono>
#include <string>
#include <utility>
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
  sz::Sessionizer<Clock, std::pair<int, short>> sessions;
  const std::vector<Click> clicks;
  const auto sink = [](const sz::record auto&) {};
  const auto key = [](const Click& click) { return std::pair(1, click.ticks); };
  return sessions.process(clicks, sz::by(key, &Click::time), sink).events == 0;
}
