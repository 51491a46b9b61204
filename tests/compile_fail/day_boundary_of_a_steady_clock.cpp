// expect: a day boundary needs times in UTC
#include <sessionize/rules/rules.hpp>
#include <sessionize/sessionizer.hpp>

#include <chrono>
#include <string>

namespace sz = sessionize;
using Clock = std::chrono::steady_clock;

int main() {
  auto sessions = sz::make_sessionizer<Clock, std::string>({}, sz::day_boundary());
  return sessions.observe("ann", Clock::time_point{}).starts_session();
}
