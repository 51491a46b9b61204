#include <sessionize/windows/late_queue.hpp>

#include "../catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace late_queue_test {
namespace {

namespace sz = sessionize;
using Time = sz::EventClock::time_point;
using Queue = sz::detail::LateQueue<sz::EventClock, std::string>;

Time at(int milliseconds) { return Time(sz::EventClock::duration(milliseconds)); }

}  // namespace

// Holds: late events come by time, then by key, and else as they were put there, each once, with
// all that was known of it; one that a sink throws at was told, and those behind it come with the
// next call. Would catch: an order that hangs on which key was settled first, an event that is told
// again or lost where a sink fails.
TEST_CASE("late events that wait are told in order, once", "[windows]") {
  Queue queue;
  CHECK(queue.empty());
  queue.push(sz::LateReason::unattached, "b", at(5), at(9), "second");
  queue.push(sz::LateReason::unattached, "b", at(3), at(9), "first");
  queue.push(sz::LateReason::far_future, "a", at(5), at(7), "");
  queue.push(sz::LateReason::closed, "b", at(5), at(8), "third");
  std::vector<std::string> told;
  const auto sink = [&](const auto& late) {
    told.push_back(
        std::string(late.key) + ' ' + std::to_string(late.time.time_since_epoch().count()) + ' ' +
        std::string(to_string(late.reason)) + " at " +
        std::to_string(late.watermark.time_since_epoch().count()) + ' ' + std::string(late.data));
    CHECK(late.event == nullptr);
    if (told.size() == 2) throw std::runtime_error("the sink fails");
  };
  CHECK_THROWS_AS(queue.drain(sink), std::runtime_error);
  CHECK_FALSE(queue.empty());
  queue.drain(sink);
  CHECK(queue.empty());
  queue.drain(sink);
  CHECK(told == std::vector<std::string>{"b 3 unattached at 9 first", "a 5 far_future at 7 ",
                                         "b 5 unattached at 9 second", "b 5 closed at 8 third"});
}

}  // namespace late_queue_test
