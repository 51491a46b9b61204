#include <sessionize/decide.hpp>
#include <sessionize/rules/rules.hpp>

#include "catch.hpp"

#include <chrono>
#include <initializer_list>

namespace decide_test {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;

constexpr EventClock::time_point at(EventClock::duration since_1970) {
  return EventClock::time_point{since_1970};
}

/// The key's state after events at some times.
template <class Rule = NoRule>
constexpr auto after(const SessionRules<EventClock, Rule>& rules,
                     std::initializer_list<EventClock::duration> times) {
  KeyState<EventClock, Rule, Counting::on> state;
  bool first = true;
  for (const auto time : times) {
    const auto reason = rules.reason(first ? nullptr : &state, at(time), NoEvent{});
    rules.advance(state, reason, at(time), NoEvent{});
    first = false;
  }
  return state;
}

// Promise: the whole algorithm is a pure function of a key's state, an event and the options, so
// that it can be checked while compiling. Catches a decision that needs an engine to be asked.
constexpr SessionRules<EventClock> rules{};
static_assert(rules.reason<Counting::on>(nullptr, at(0s), NoEvent{}) == SplitReason::first_event);
constexpr auto three = after(rules, {0s, 10s, 20s});
static_assert(three.events == 3 && three.ordinal == 1);
static_assert(three.session_start == at(0s) && three.last == at(20s));
static_assert(rules.reason(&three, at(30s), NoEvent{}) == SplitReason::none);
static_assert(rules.reason(&three, at(30s + 1ms), NoEvent{}) == SplitReason::gap);

// Promise (2.1): a time that goes back never splits and becomes prev; `last` stays the largest.
constexpr auto back = after(rules, {100s, 5s});
static_assert(back.session_start == at(100s) && back.previous == at(5s) && back.last == at(100s));
static_assert(rules.reason(&back, at(16s), NoEvent{}) == SplitReason::gap);

// Promise (2.1): by name, prev is the latest time seen instead.
constexpr SessionRules<EventClock> latest{{.gap_from = GapFrom::latest_time}};
constexpr auto back_latest = after(latest, {100s, 5s});
static_assert(back_latest.previous == at(100s));
static_assert(latest.reason(&back_latest, at(16s), NoEvent{}) == SplitReason::none);

// Promise (2.1): past the carry horizon the start is null and the session goes on, or by name a new
// one starts; of two reasons the record has the first in checking order.
constexpr SessionRules<EventClock> nulls{{.gap = 1h, .carry = 24h}};
static_assert(nulls.carried(at(0s), at(24h)) == at(0s));
static_assert(!nulls.carried(at(0s), at(24h + 1ms)));
static_assert(nulls.carried(at(0s), at(-1h)) == at(0s));
constexpr SessionRules<EventClock, MaxDuration<std::chrono::hours>> splits{
    {.gap = 1h, .carry = 2h, .past_carry = PastCarry::splits}, max_duration(3h)};
constexpr auto long_session = after(splits, {0s, 1h, 2h});
static_assert(long_session.ordinal == 1);
static_assert(splits.reason(&long_session, at(2h + 1ms), NoEvent{}) == SplitReason::carry);
static_assert(splits.reason(&long_session, at(3h), NoEvent{}) == SplitReason::carry);
constexpr SessionRules<EventClock, MaxDuration<std::chrono::hours>> both{
    {.gap = 3h, .carry = 2h, .past_carry = PastCarry::splits}, max_duration(2h)};
constexpr auto two_hours = after(both, {0s, 2h});
static_assert(both.reason(&two_hours, at(2h + 1ms), NoEvent{}) == SplitReason::max_duration);

TEST_CASE("the algorithm is checked while this file is compiled") { SUCCEED(); }

}  // namespace
}  // namespace decide_test
