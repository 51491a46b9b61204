// expect: a delivery queue keeps its records: they own their data
#include <sessionize/record.hpp>
#include <sessionize/sinks/delivery_queue.hpp>

#include <chrono>
#include <span>
#include <string>

namespace sz = sessionize;

int main() {
  using Row = sz::RecordView<sz::EventClock, std::string, std::string>;
  const auto store = [](std::span<const Row>, std::span<sz::StoreAnswer>) {};
  const auto dead_letters = [](const sz::DeadLetter<Row>&) {};
  auto queue = sz::delivery_queue<Row>(store, std::chrono::steady_clock::now, {}, dead_letters);
  return queue.flush() == sz::Delivery::ok ? 0 : 1;
}
