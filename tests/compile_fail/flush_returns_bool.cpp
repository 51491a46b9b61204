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
  struct Sink {
    void operator()(const sz::SummaryView<Clock, std::string>&) const {}
    bool flush() const { return true; }
  };
  return sessions.flush(Sink{}).sessions == 0;
}
