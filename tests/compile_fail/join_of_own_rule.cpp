// expect: a join cannot honour a rule of the caller's own: it asks about events
#include <sessionize/record.hpp>
#include <sessionize/windows/join.hpp>

#include <string>

namespace sz = sessionize;
using Summary = sz::Summary<sz::EventClock, std::string>;

struct Tenth {
  bool operator()(const sz::Step<sz::EventClock::time_point>& step) const {
    return step.events == 10;
  }
};

int main() {
  const sz::SessionJoin<Summary, Tenth> join;
  return join.sessions().empty() ? 0 : 1;
}
