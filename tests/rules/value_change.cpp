#include <sessionize/rules/value_change.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace value_change_tests {
namespace {

using sessionize::SplitReason;
using sessionize::Step;
using sessionize::value_change;
using Time = sessionize::EventClock::time_point;

struct Page {
  int page = 0;
  std::optional<int> campaign{};
};
struct Visit {
  std::string device{};
  std::optional<std::string> country{};
  const char* agent = nullptr;
  std::string_view referrer{};
};
constexpr Step<Time> step{};

/// The answers for a key's events in turn, its first not asked: 'S' splits, '.' continues.
template <class Rule, class... Events>
constexpr auto answers(const Rule& rule, const Events&... events) {
  struct Text {
    char chars[sizeof...(Events) + 1] = {};
    constexpr bool operator==(std::string_view other) const {
      return std::string_view(chars) == other;
    }
  } text;
  typename Rule::State last{};
  std::size_t i = 0;
  (((text.chars[i++] = rule(step, events, last) == SplitReason::none ? '.' : 'S'),
    rule.remember(events, last)),
   ...);
  return text;
}

// Holds: a value splits where it differs from the last; the first value never splits. Would catch:
// a first value compared with a default one.
static_assert(answers(value_change(&Page::page), Page{1}, Page{1}, Page{2}, Page{1}) == "..SS");
static_assert(value_change(&Page::page)(step, Page{2}, 1) == SplitReason::value_change);

// Holds: null never splits and keeps the last value that was not null. Would catch: null
// remembered, null different from everything.
constexpr Page with(std::optional<int> campaign) { return {.campaign = campaign}; }
static_assert(answers(value_change(&Page::campaign), with({}), with({}), with(1), with({}), with(1),
                      with({}), with(2), with({}), with(1)) == "......S.S");
static_assert(answers(value_change(&Page::campaign), with(0), with({}), with(0)) == "...");

// Holds: a callable gives the value too, by value or as an optional. Would catch: a reference to a
// value that is gone.
constexpr auto tens = [](const Page& visit) { return visit.page / 10; };
static_assert(answers(value_change<int>(tens), Page{11}, Page{19}, Page{20}) == "..S");
constexpr auto positive = [](const Page& visit) {
  return visit.page > 0 ? std::optional(visit.page) : std::nullopt;
};
static_assert(answers(value_change<int>(positive), Page{1}, Page{0}, Page{1}, Page{2}) == "...S");

// Holds: texts are remembered as std::string, whatever the event holds them as. Would catch: a view
// of an event that is gone.
template <auto member>
using Stored = typename decltype(value_change(member))::State::value_type;
static_assert(std::same_as<Stored<&Visit::device>, std::string>);
static_assert(std::same_as<Stored<&Visit::country>, std::string>);
static_assert(std::same_as<Stored<&Visit::agent>, std::string>);
static_assert(std::same_as<Stored<&Visit::referrer>, std::string>);
static_assert(std::same_as<Stored<&Page::page>, int>);
static_assert(std::same_as<Stored<&Page::campaign>, int>);

// Holds: what looks at an event is no rule where there is none. Would catch: a sessionizer that
// would have to make an event up.
static_assert(!std::invocable<decltype(value_change(&Page::page)), const Step<Time>&,
                              const sessionize::NoEvent&, const std::optional<int>&>);

template <class Text>
Visit visit(Text text, auto member) {
  Visit out;
  out.*member = std::move(text);
  return out;
}

// Holds: texts of every kind split where they differ, null ones never, and an empty text is a text.
// Would catch: pointers compared for texts, "" taken for null.
TEST_CASE("a text that changes splits whatever type holds it") {
  const std::string same_a = "a text", same_b = "a text";
  CHECK(answers(value_change(&Visit::device), visit(same_a, &Visit::device),
                visit(same_b, &Visit::device), visit(std::string(), &Visit::device),
                visit(std::string(), &Visit::device)) == "..S.");
  CHECK(answers(value_change(&Visit::agent), visit(same_a.c_str(), &Visit::agent),
                visit(same_b.c_str(), &Visit::agent), visit(nullptr, &Visit::agent),
                visit("a text", &Visit::agent), visit("", &Visit::agent),
                visit(nullptr, &Visit::agent), visit("", &Visit::agent)) == "....S..");
  CHECK(answers(value_change(&Visit::country), visit(std::nullopt, &Visit::country),
                visit(same_a, &Visit::country), visit(std::nullopt, &Visit::country),
                visit(same_b, &Visit::country), visit("b", &Visit::country)) == "....S");
  CHECK(answers(value_change(&Visit::referrer), visit(std::string_view(same_a), &Visit::referrer),
                visit(std::string_view(same_b), &Visit::referrer),
                visit(std::string_view("b"), &Visit::referrer)) == "..S");
  CHECK(answers(value_change<std::string>([](const Visit& v) { return v.device + "!"; }),
                visit(same_a, &Visit::device), visit(same_b, &Visit::device),
                visit(std::string("b"), &Visit::device)) == "..S");
}

// Holds: the value is the key's own copy. Would catch: a last value that changes with the event.
TEST_CASE("the last value outlives its event") {
  const auto rule = value_change(&Visit::referrer);
  std::optional<std::string> last;
  {
    const std::string gone = "a referrer too long for the small string";
    rule.remember(visit(std::string_view(gone), &Visit::referrer), last);
  }
  CHECK(last == "a referrer too long for the small string");
  rule.remember(Visit{}, last);
  CHECK(last == "");
}

// Holds: a value that stays is compared and remembered without an allocation. Would catch: a copy
// of the text made to compare it.
TEST_CASE("a value that does not change allocates nothing") {
  const auto rule = value_change(&Visit::country);
  const Visit same = visit(std::string(60, 'x'), &Visit::country);
  std::optional<std::string> last;
  rule.remember(same, last);
  const auto before = allocations::made();
  const auto reason = rule(step, same, last);
  rule.remember(same, last);
  rule.remember(Visit{}, last);
  CHECK(allocations::made() == before);
  CHECK(reason == SplitReason::none);
}

}  // namespace
}  // namespace value_change_tests
