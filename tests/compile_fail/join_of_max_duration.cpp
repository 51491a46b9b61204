// expect: a join cannot honour max_duration: where a session is cut depends on its events
#include <sessionize/record.hpp>
#include <sessionize/windows/join.hpp>

#include <chrono>
#include <string>

namespace sz = sessionize;
using Summary = sz::Summary<sz::EventClock, std::string>;

int main() {
  const sz::SessionJoin join =
      sz::SessionJoin<Summary, decltype(sz::max_duration(std::chrono::hours(1)))>(
          {}, sz::max_duration(std::chrono::hours(1)));
  return join.sessions().empty() ? 0 : 1;
}
