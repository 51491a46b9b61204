// expect: this sessionizer's rule reads the event: pass it too, observe(key, time, event)
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
  auto sessions = sz::make_sessionizer<Clock, std::string>({}, sz::end_marker(&Click::logout));
  return sessions.observe("ann", Clock::time_point{}).starts_session();
}
