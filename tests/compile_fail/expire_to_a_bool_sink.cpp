// expect: this sink returns something else than void or sessionize::Delivery
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
  const auto sink = [](const sz::summary auto&) { return true; };
  return sessions.expire(clicks[0].time, sink).sessions == 0;
}
