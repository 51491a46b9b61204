#include <sessionize/parallel/parallel.hpp>
#include <sessionize/sessionize.hpp>

#include <cstdint>
#include <vector>

int main() {
  using Clock = sessionize::EventClock;
  sessionize::ParallelSessionizer<Clock, std::uint64_t> sessions({}, 2);
  const std::vector<std::uint64_t> keys(20'000, 7);
  const std::vector<Clock::time_point> times(keys.size());
  std::vector<Clock::time_point> starts(keys.size());
  return sessions.observe_columns(keys, times, starts) == 0 && sessions.size() == 1 ? 0 : 1;
}
