#include <sessionize/sessionize.hpp>

#include <cstdint>
#include <iostream>
#include <vector>

namespace sz = sessionize;
struct Click {
  std::uint32_t user{};
  sz::EventClock::time_point time;
};

// Ids of short integers are written from short buffers, of which GCC warned once at -O2: that stops
// those who build with -Werror.
int main() {
  const std::vector<Click> clicks(3);
  sz::Sessionizer<sz::EventClock, std::uint32_t> sessions;
  auto sink = sz::json_lines(std::cout, sz::summaries(sz::unique_id));
  const auto taken = sessions.process(clicks, sz::by(&Click::user, &Click::time), sink);
  return taken.events == 3 && sessions.flush(sink).sessions == 1 ? 0 : 1;
}
