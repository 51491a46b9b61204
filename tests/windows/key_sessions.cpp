#include <sessionize/windows/key_sessions.hpp>

#include "../catch.hpp"

#include <sessionize/rules/rules.hpp>

#include <chrono>
#include <cstddef>
#include <string>

using namespace std::chrono_literals;

namespace key_sessions_test {
namespace {

namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;
using Options = sz::WindowOptions<Clock>;
using Rule = decltype(sz::max_duration(1s));
using Limited = sz::detail::EventTime<Clock, Rule>;
using Plain = sz::detail::EventTime<Clock, sz::NoRule>;

struct Sum {
  std::size_t sum = 0;
  void merge(const Sum& other) { sum += other.sum; }
};
using LimitedKey = sz::detail::KeySessions<Clock, Sum, Rule>;
using PlainKey = sz::detail::KeySessions<Clock, Sum, sz::NoRule>;

Time at(std::chrono::seconds after) { return Time{after}; }

/// A session of one event at a time, of a key under these options.
template <class Key, class EventTime>
typename Key::Session session(const EventTime& time, std::chrono::seconds start,
                              std::chrono::seconds gap = 10s) {
  return {at(start), time.reach(at(start), gap),     1, time.is_limited(),
          false,     [](Sum& state) { ++state.sum; }};
}

}  // namespace

// Holds: a key's sessions lie in the order of their starts, however they were opened, and a time is
// held by the one that it is in. Would catch: an order of arrival, which what is due is read off.
TEST_CASE("a key's sessions are in order", "[windows]") {
  const Plain time(Options{.gap = 10s}, {});
  PlainKey key;
  for (const auto start : {60s, 0s, 30s}) key.open(session<PlainKey>(time, start));
  REQUIRE(key.sessions.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(key.sessions[i].start == at(30s * i));
  CHECK(key.holder(time, at(40s)) == &key.sessions[1]);
  CHECK(key.holder(time, at(41s)) == nullptr);
  CHECK(key.next_due(time) == at(10s));
  CHECK(key.first_due(time).session == 0);
}

// Holds: under a maximum duration a time is held by a cut, not by the session that is cut, and what
// waits in a cut is part of it. Would catch: a heartbeat between two cuts that never is reported.
TEST_CASE("a key's cuts hold what is in them", "[windows]") {
  const Limited time(Options{.gap = 10s}, sz::max_duration(20s));
  LimitedKey key;
  auto& run = key.open(session<LimitedKey>(time, 0s));
  for (const auto second : {9s, 18s, 24s})
    run.add(at(second), at(second + 10s), 2, true, [](Sum& state) { ++state.sum; });
  for (const auto second : {0s, 12s, 20s, 24s, 34s}) CHECK(key.holds(time, at(second)));
  for (const auto second : {21s, 23s, 35s}) CHECK_FALSE(key.holds(time, at(second)));
  key.wait({at(12s), 5, "", Sum{100}});
  key.wait({at(22s), 6, "", Sum{1'000}});
  const auto parts = key.parts(time, run);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].events == 4);
  CHECK(parts[0].aggregate.sum == 103);
  CHECK(parts[1].events == 1);
  CHECK(parts[1].aggregate.sum == 1);
  CHECK(key.next_due(time) == at(20s));  // the first cut is final, before what waits at 22 s
}

// Holds: what is remembered of a key alone says when it is due to be forgotten: a closed session as
// long as an event of its gap could meet it, the key's own watermark until that of all is there.
// Would catch: a key that is never looked at again.
TEST_CASE("a key without a session is due when nothing of it is missed", "[windows]") {
  const Plain time(
      Options{
          .gap = 10s, .out_of_order = 5s, .lateness = 3s, .after_close = sz::AfterClose::is_late},
      {});
  PlainKey key;
  CHECK(key.next_due(time) == Time::max());
  key.see(at(100s));
  CHECK(key.next_due(time) == at(95s) - 1ms);
  key.remember_closed(time, session<PlainKey>(time, 0s, 30s));
  CHECK(key.next_due(time) == at(30s + 30s + 3s));
  CHECK(key.meets_closed(time, at(30s), at(40s)));
  CHECK_FALSE(key.meets_closed(time, at(31s), at(41s)));
  key.forget_closed(time, at(63s));
  CHECK_FALSE(key.is_simple());
  key.forget_closed(time, at(63s) + 1ms);
  CHECK(key.is_simple());
  CHECK(key.largest() == at(100s));
}

}  // namespace key_sessions_test
