// expect: this is not a sink of these events: it is called with a const Event&
#include <sessionize/windows/reorder.hpp>

namespace sz = sessionize;

struct Click {
  sz::EventClock::time_point time;
};

int main() {
  sz::Reorder<sz::EventClock, Click> front;
  const auto sink = [](const Click&) { return true; };
  return front.flush(sink) == sz::Delivery::ok ? 0 : 1;
}
