// expect: this is not a store: a store is called with a std::span<const Row>
#include <sessionize/sinks/delivery_queue.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace sz = sessionize;

int main() {
  const auto store = [](const std::vector<std::string>&) { return true; };
  const auto dead_letters = [](const sz::DeadLetter<std::string>&) {};
  auto queue =
      sz::delivery_queue<std::string>(store, std::chrono::steady_clock::now, {}, dead_letters);
  return queue.flush() == sz::Delivery::ok ? 0 : 1;
}
