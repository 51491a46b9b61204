#include <sessionize/sessionize.hpp>

#include <cstdint>

int main() {
  sessionize::Sessionizer<sessionize::EventClock, std::uint64_t> sessions;
  return sessions.observe(7, {}).starts_session() ? 0 : 1;
}
