// expect: this sink would get nothing: its parameter is neither a summary nor a record
#include <sessionize/rules/rules.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/sinks.hpp>
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
  const auto by = sz::by(&Click::user, &Click::time);
  return sessions
             .process(clicks, by,
                      sz::tee(sz::Count{}, [](const sz::Summary<Clock, std::string>&) {}))
             .events == 0;
}
