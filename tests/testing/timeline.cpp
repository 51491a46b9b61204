#include <sessionize/testing/timeline.hpp>

#include <sessionize/rules/rules.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace timeline_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::any_of;
using sessionize::AtGap;
using sessionize::end_marker;
using sessionize::gap_rule;
using sessionize::max_duration;
using sessionize::PastCarry;
using sessionize::value_change;
using sessionize::testing::at;
using sessionize::testing::timeline;
using sessionize::testing::TimelineEvent;

std::string complaint(const char* text) {
  const auto verdict = timeline(text).agrees_with(gap_rule(10s));
  CHECK_FALSE(verdict);
  return verdict.message();
}

bool contains(const std::string& text, const char* piece) {
  return text.find(piece) != std::string::npos;
}

// Holds: a drawing that is right agrees, whatever its rule. Would catch: a bar or a reason that is
// read but not compared, and keys that are mixed up.
TEST_CASE("a timeline agrees with the rules that it draws") {
  CHECK(timeline("ann: 0s 4s 14s | 25s 26s").agrees_with(gap_rule(10s)));
  CHECK(timeline("ann: 0s |gap 10s").agrees_with(gap_rule(10s, AtGap::splits)));
  CHECK(timeline("ann: 0s 5s -5s | 6s; bob: 7s; ann: 8s").agrees_with(gap_rule(10s)));
  CHECK(timeline("ann: |first_event 0s").agrees_with(gap_rule(10s)));
  CHECK(timeline("ann: 0s |carry 11s 21s")
            .agrees_with({.gap = 30s, .carry = 10s, .past_carry = PastCarry::splits}));
  CHECK(timeline("ann: 0s 1h 2h |max_duration 2h1ms").agrees_with({.gap = 1h}, max_duration(2h)));
  CHECK(timeline("ann: 0s=a 1s 2s=a |value_change 3s=b 4s! |end_marker 5s; bob: 6s=c! | 7s")
            .agrees_with(
                {}, any_of(value_change(&TimelineEvent::value), end_marker(&TimelineEvent::ends))));
}

// Holds: a drawing that is wrong does not. Would catch: a verdict that is always true.
TEST_CASE("a timeline disagrees with other rules") {
  CHECK_FALSE(timeline("ann: 0s 4s 14s | 25s 26s").agrees_with(gap_rule(11s)));
  CHECK_FALSE(timeline("ann: 0s 4s 14s | 25s 26s").agrees_with(gap_rule(9s)));
  CHECK_FALSE(timeline("ann: 0s |max_duration 11s").agrees_with(gap_rule(10s)));
  CHECK_FALSE(timeline("ann: |gap 0s").agrees_with(gap_rule(10s)));
  CHECK_FALSE(timeline("ann: 0s; bob: 0s").agrees_with({.max_keys = 1}));
}

// Holds: the message shows both lines aligned, a caret under each difference, and says how far
// each event was. Would catch: carets that point at the neighbour.
TEST_CASE("a timeline says what it disagrees about") {
  const auto verdict = timeline("ann: 0s 4s | 14s 25s=a! |carry 1d; bob: 0s; cy: 9s | 8s")
                           .agrees_with(gap_rule(10s));
  const std::string expected =
      "the rules disagree with the timeline about 4 events\n"
      "  drawn   ann: 0s 4s | 14s      25s=a! |carry 1d\n"
      "  actual  ann: 0s 4s   14s |gap 25s=a! |gap   1d\n"
      "                     ^     ^           ^\n"
      "  drawn   cy: 9s | 8s\n"
      "  actual  cy: 9s   8s\n"
      "                 ^\n"
      "  ann at 14s: a split was expected, but the event continues the session; it is 10s after "
      "the "
      "key's previous event and 14s after its session's start\n"
      "  ann at 25s=a!: a split was not expected, but the event starts a session by gap; it is 11s "
      "after the key's previous event and 25s after its session's start\n"
      "  ann at 1d: a split by carry was expected, but the event starts a session by gap; it is "
      "23h59m35s after the key's previous event and 23h59m35s after its session's start\n"
      "  cy at 8s: a split was expected, but the event continues the session; it is 1s before the "
      "key's previous event and 1s before its session's start";
  CHECK(verdict.message() == expected);
  std::ostringstream out;
  out << verdict;
  CHECK(out.str() == expected);
}

// Holds: a rejected event is a difference of its own. Would catch: a rejection that passes for a
// continued session.
TEST_CASE("a timeline shows a rejected event") {
  CHECK(timeline("ann: 0s; bob: 0s").agrees_with({.max_keys = 1}).message() ==
        "the rules disagree with the timeline about 1 event\n"
        "  drawn   bob:          0s\n"
        "  actual  bob: rejected 0s\n"
        "               ^\n"
        "  bob at 0s: a split was expected, but the event was rejected: too_many_keys");
}

// Holds: the events are those that are drawn, in the text's order. Would catch: a unit, a sign or
// a sum misread.
TEST_CASE("a timeline's events can be given to other functions") {
  const std::vector<TimelineEvent> expected{
      {"ann", at(0s), {}, false},      {"ann", at(90min), {}, false},
      {"ann", at(-5s), "news", false}, {"ann", at(49h + 1ms), "a=b:c", true},
      {"bob", at(500ms), {}, true},    {"ann", at(3min), {}, false},
  };
  CHECK(timeline("ann:0s 1h30m|-5s=news\t2d1h1ms=a=b:c! ;\n bob : 500ms!; ann: 3m;").events() ==
        expected);
  CHECK(timeline("ann: 0s 1x").events().empty());
}

// Holds: the ends of int64 can be drawn, and what is past them is refused. Would catch: overflow
// while a time is read, or while a distance is told.
TEST_CASE("a timeline reaches the ends of time") {
  const auto events = timeline("ann: -9223372036854775808ms 9223372036854775807ms").events();
  REQUIRE(events.size() == 2);
  CHECK(events[0].time.time_since_epoch().count() == INT64_MIN);
  CHECK(events[1].time.time_since_epoch().count() == INT64_MAX);
  CHECK(contains(complaint("ann: -9223372036854775808ms 9223372036854775807ms"),
                 "it is 213503982334d14h25m51s615ms after the key's previous event"));
  CHECK(contains(complaint("ann: -9223372036854775809ms"), "beyond the largest time"));
  CHECK(contains(complaint("ann: 106751991167d8h"), "beyond the largest time"));
}

// Holds: a text that is no timeline says what is wrong, where, and what would be right. Would
// catch: a typing error in a test that passes for agreement.
TEST_CASE("a malformed timeline says what is wrong") {
  CHECK(complaint("ann: 0s 4") ==
        "this is no timeline: '4' needs a unit here: ms, s, m, h or d\n"
        "  ann: 0s 4\n"
        "           ^");
  CHECK(complaint("ann: 0s\n\t|gab 1s\n2s") ==
        "this is no timeline: 'gab' is no reason to split: write '|' alone or one of first_event, "
        "gap, end_marker, max_duration, carry, day_boundary, value_change, rule\n"
        "  \t|gab 1s\n"
        "  \t ^");
  CHECK(contains(complaint(""), "a key and a colon come first, as in 'ann: 0s 4s'"));
  CHECK(contains(complaint("0s 4s"), "a key and a colon come first"));
  CHECK(contains(complaint("ann: 0s; ; bob: 0s"), "a key and a colon come first"));
  CHECK(contains(complaint("ann: "), "'ann' has no events"));
  CHECK(contains(complaint("ann: 0s bob: 1s"), "a key comes after a ';'"));
  CHECK(contains(complaint("ann: 0s |"), "a bar stands before an event"));
  CHECK(contains(complaint("ann: 0s | | 1s"), "a bar stands before an event"));
  CHECK(contains(complaint("ann: 0s |none 1s"), "'none' is no reason to split"));
  CHECK(contains(complaint("ann: soon"), "'soon' is no time: write 500ms"));
  CHECK(contains(complaint("ann: 1.5s"), "'1.5s' needs a unit here"));
  CHECK(contains(complaint("ann: 1h30"), "'1h30' needs a unit here"));
  CHECK(contains(complaint("ann: 1s= 2s"), "a value follows '='"));
  CHECK(contains(complaint("ann: 1s=!"), "a value follows '='"));
  CHECK(contains(complaint("ann: !"), "is no time"));
}

}  // namespace
}  // namespace timeline_tests
