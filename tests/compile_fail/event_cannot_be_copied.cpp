// expect: an event is copied where a sink refuses its record: make the event copyable
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
  struct Once : Click {
    Once() = default;
    Once(const Once&) = delete;
  };
  sz::Sessionizer<Clock, std::string> sessions;
  const std::vector<Once> events;
  const auto sink = [](const sz::record auto&) {};
  return sessions.process(events, sz::by(&Once::user, &Once::time), sink).events == 0;
}
