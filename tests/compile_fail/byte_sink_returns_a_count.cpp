// expect: a sink for bytes returns void, a Delivery, or a bool
#include <sessionize/snapshot/snapshot.hpp>

#include <string>
#include <string_view>

namespace sz = sessionize;

int main() {
  sz::Sessionizer<sz::EventClock, std::string> sessions;
  const auto write = [](std::string_view bytes) { return static_cast<long>(bytes.size()); };
  return sz::save(sessions, write) ? 0 : 1;
}
