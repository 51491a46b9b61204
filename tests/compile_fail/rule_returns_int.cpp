// expect: and answers bool or sessionize::SplitReason
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
  const auto rule = [](const sz::Step<Clock::time_point>&) { return 1; };
  auto sessions = sz::make_sessionizer<Clock, std::string>({}, rule);
  const Click click;
  return sessions.observe("ann", click.time, click).starts_session();
}
