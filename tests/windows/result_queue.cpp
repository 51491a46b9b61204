#include <sessionize/windows/result_queue.hpp>

#include "../catch.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace result_queue_test {
namespace {

namespace sz = sessionize;
using Time = sz::EventClock::time_point;
using sz::Op;

struct Nothing {};
using Queue = sz::detail::ResultQueue<sz::EventClock, std::string, Nothing>;

Time at(int milliseconds) { return Time(sz::EventClock::duration(milliseconds)); }

/// A result of a session of two events that is known by its start.
Queue::Result result(std::string key, int start, Op op, std::vector<Time> replaces = {}) {
  return {{std::move(key), at(start), at(start + 1), 2, sz::CloseReason::idle, 0},
          op,
          at(start),
          std::move(replaces),
          {}};
}

/// What a sink is told, in short.
struct Told {
  std::vector<std::string> results{};
  std::vector<std::vector<Time>> replaced{};

  void operator()(const Queue::View& view) {
    results.push_back(std::string(view.key) + ' ' +
                      std::to_string(view.start.time_since_epoch().count()) + ' ' +
                      std::string(to_string(view.op)));
    replaced.push_back(view.replaces);
  }
};
Told drained(Queue& queue) {
  Told told;
  sz::WindowCounters counters;
  CHECK(queue.drain(told, counters) == sz::Delivery::ok);
  CHECK(queue.empty());
  return told;
}
using Texts = std::vector<std::string>;

// Holds: the results of a step come by the start that they have their place by, then by key, and
// else as they were made, a retraction before what follows it; those of a later step come later.
// Would catch: an order that hangs on which key was settled first.
TEST_CASE("the results of a step are in order, step after step", "[windows]") {
  Queue queue;
  queue.push(result("b", 3, Op::open), at(3));
  queue.push(result("b", 9, Op::retract), at(1));
  queue.push(result("b", 1, Op::update), at(1));
  queue.push(result("a", 3, Op::open), at(3));
  queue.finish();
  queue.push(result("a", 0, Op::open), at(0));
  queue.finish();
  CHECK(drained(queue).results ==
        Texts{"b 9 retract", "b 1 update", "a 3 open", "b 3 open", "a 0 open"});
}

// Holds: where an event changes a session that is closed by what the event makes due, the final
// result alone is told, and says which sessions it has swallowed; a retraction, another session's
// change and what became due before are told. Would catch: two results of a session at once, or a
// sink that never hears that a row of its table is replaced.
TEST_CASE("a final result tells what changed in its step", "[windows]") {
  Queue queue;
  queue.push(result("a", 1, Op::retract), at(1));
  queue.push(result("a", 1, Op::update, {at(7)}), at(1));
  queue.push(result("a", 2, Op::open), at(2));
  queue.push(result("b", 1, Op::open), at(1));
  queue.end_event();
  queue.push(result("a", 1, Op::final), at(1));
  queue.finish();
  const Told told = drained(queue);
  CHECK(told.results == Texts{"a 1 retract", "a 1 final", "b 1 open", "a 2 open"});
  CHECK(told.replaced.at(1) == std::vector{at(7)});

  // A step without an event.
  queue.push(result("a", 1, Op::open), at(1));
  queue.push(result("a", 1, Op::final), at(1));
  queue.finish();
  CHECK(drained(queue).results == Texts{"a 1 open", "a 1 final"});
}

// Holds: a sink that refuses or throws is given the same result at the next call, and none twice
// that it has taken; events count as emitted once their final result is taken. Would catch: a
// result that is lost with an exception, or one that is counted before the sink has it.
TEST_CASE("results wait for a sink that refuses or throws", "[windows]") {
  Queue queue;
  sz::WindowCounters counters;
  counters.events_pending = 4;
  queue.push(result("a", 1, Op::final), at(1));
  queue.push(result("a", 2, Op::open), at(2));
  queue.push(result("a", 3, Op::final), at(3));
  queue.finish();

  std::vector<int> asked, taken;
  enum class Mood { takes, refuses, throws } mood = Mood::refuses;
  auto sink = [&](const Queue::View& view) {
    const auto start = static_cast<int>(view.start.time_since_epoch().count());
    asked.push_back(start);
    const Mood is = std::exchange(mood, Mood::takes);
    if (is == Mood::throws) throw std::runtime_error("no connection");
    if (is == Mood::refuses) return sz::Delivery::refused;
    taken.push_back(start);
    if (start == 1) mood = Mood::throws;
    return sz::Delivery::ok;
  };
  CHECK(queue.drain(sink, counters) == sz::Delivery::refused);
  CHECK_FALSE(queue.empty());
  CHECK(counters.events_emitted == 0);
  CHECK_THROWS_AS(queue.drain(sink, counters), std::runtime_error);
  CHECK_FALSE(queue.empty());
  CHECK(counters.events_emitted == 2);
  CHECK(counters.events_pending == 2);
  CHECK(queue.drain(sink, counters) == sz::Delivery::ok);
  CHECK(asked == std::vector{1, 1, 2, 2, 3});
  CHECK(taken == std::vector{1, 2, 3});
  CHECK(counters.events_emitted == 4);
  CHECK(counters.events_pending == 0);
}

}  // namespace
}  // namespace result_queue_test
