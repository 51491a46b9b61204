// The whole core compiles and works without exceptions and RTTI. Catches a throw, a dynamic_cast or
// a standard facility that needs either.

#include <sessionize/sessionize.hpp>

#include <string>

int main() {
  using namespace std::chrono_literals;
  auto sessions = sessionize::make_sessionizer<sessionize::EventClock, std::string>(
      {.gap = 10s}, sessionize::any_of(sessionize::max_duration(1h), sessionize::day_boundary()));
  std::string out;
  auto write = [&](std::string_view bytes) { out += bytes; };
  auto sink = sessionize::json_lines(write, sessionize::summaries());
  const sessionize::EventClock::time_point start{};
  if (!sessions.observe("ann", start).starts_session()) return 1;
  if (!sessions.observe("ann", start + 11s).closed) return 2;
  if (sessions.flush(sink).sessions != 1 || out.empty()) return 3;
  return 0;
}
