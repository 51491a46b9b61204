#include <sessionize/testing/reference.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reference_tests {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;
using sessionize::testing::at;
using sessionize::testing::later_by_at_least;
using sessionize::testing::later_by_more_than;
using sessionize::testing::reference_rows;
using Row = sessionize::testing::ReferenceRow<EventClock>;
using Model = sessionize::testing::ReferenceModel<EventClock, std::string>;
using Time = EventClock::time_point;

// Holds: the two comparisons are right at the span and at the ends of int64. Would catch: a sum
// that overflows in the very function that everything is measured by.
static_assert(!later_by_more_than(10s, at(0s), at(10s)));
static_assert(later_by_more_than(10s, at(0s), at(10'001ms)));
static_assert(later_by_at_least(10s, at(0s), at(10s)));
static_assert(!later_by_at_least(10s, at(0s), at(9'999ms)));
static_assert(!later_by_at_least(0s, at(1s), at(0s)));
static_assert(later_by_more_than(10s, Time::min(), Time::max()));
static_assert(!later_by_at_least(10s, Time::max(), Time::max()));
static_assert(!later_by_more_than(10s, Time::max(), Time::min()));
static_assert(later_by_at_least(EventClock::duration::max(), at(0s), Time::max()));
static_assert(!later_by_more_than(EventClock::duration::max(), at(0s), Time::max()));

// Holds: the rows of a stream worked out by hand from the SQL. Would catch: a reference that is
// wrong in the same way as the library.
TEST_CASE("the reference rows are those of the SQL") {
  const std::vector<std::pair<std::string, Time>> events{
      {"ann", at(0s)},  {"bob", at(3s)},       {"ann", at(10s)},      {"ann", at(5s)},
      {"ann", at(16s)}, {"bob", at(13'001ms)}, {"ann", at(24h + 16s)}};
  const std::vector<Row> expected{{true, at(0s)},       {true, at(3s)},  {false, at(0s)},
                                  {false, at(0s)},      {true, at(16s)}, {true, at(13'001ms)},
                                  {true, at(24h + 16s)}};
  CHECK(reference_rows<EventClock>(events, {}) == expected);
}

// Holds: each option changes the rows as it says. Would catch: an option that the reference
// ignores, and with it every comparison under that option.
TEST_CASE("the reference rows follow the options") {
  const std::vector<std::pair<int, Time>> events{
      {1, at(0s)}, {1, at(10s)}, {1, at(2s)}, {1, at(15s)}};
  using Rows = std::vector<Row>;
  CHECK(reference_rows<EventClock>(events, {.gap = 10s}) ==
        Rows{{true, at(0s)}, {false, at(0s)}, {false, at(0s)}, {true, at(15s)}});
  CHECK(reference_rows<EventClock>(events, {.gap = 10s, .at_gap = AtGap::splits}) ==
        Rows{{true, at(0s)}, {true, at(10s)}, {false, at(10s)}, {true, at(15s)}});
  CHECK(reference_rows<EventClock>(events, {.gap = 10s, .gap_from = GapFrom::latest_time}) ==
        Rows{{true, at(0s)}, {false, at(0s)}, {false, at(0s)}, {false, at(0s)}});
  CHECK(reference_rows<EventClock>(events, {.gap = 20s, .carry = 10s}) ==
        Rows{{true, at(0s)}, {false, at(0s)}, {false, at(0s)}, {false, std::nullopt}});
  CHECK(reference_rows<EventClock>(events, {.gap = 20s, .carry = forever}) ==
        Rows{{true, at(0s)}, {false, at(0s)}, {false, at(0s)}, {false, at(0s)}});
}

// Holds: the model gives each split rule's reason, and the first where several hold. Would catch: a
// rule that the model never applies.
TEST_CASE("the reference model follows the split rules") {
  Model model({.gap = 2h, .carry = 5h, .past_carry = PastCarry::splits}, {.end_marker = true,
                                                                          .max_duration = 7h,
                                                                          .day_boundary = 1h,
                                                                          .value_change = true,
                                                                          .own_rule = true});
  const auto reason = [&](Time time, std::optional<std::string> value = {}, bool ends = false,
                          bool splits = false) {
    return model.observe({"ann", time, std::move(value), ends, splits}).placement.reason;
  };
  CHECK(reason(at(-6h), "a") == SplitReason::first_event);
  CHECK(reason(at(-4h)) == SplitReason::none);
  CHECK(reason(at(-2h), "b", false, true) == SplitReason::value_change);
  CHECK(reason(at(-1h - 1ms), {}, false, true) == SplitReason::rule);
  CHECK(reason(at(-1h)) == SplitReason::day_boundary);
  CHECK(reason(at(1h), "b", true) == SplitReason::none);
  CHECK(reason(at(1h), "c") == SplitReason::end_marker);
  CHECK(reason(at(3h)) == SplitReason::none);
  CHECK(reason(at(5h)) == SplitReason::none);
  CHECK(reason(at(6h)) == SplitReason::none);
  CHECK(reason(at(6h + 1ms)) == SplitReason::carry);
  CHECK(reason(at(8h + 2ms), "d", true) == SplitReason::gap);
}

// Holds: the model's summaries, by next events, expire(), close() and flush(). Would catch: a last
// time that is the last arrival's, a count or an ordinal that is off, an expiry at the gap.
TEST_CASE("the reference model summarizes sessions") {
  Model model({});
  model.observe({.key = "ann", .time = at(0s)});
  model.observe({.key = "ann", .time = at(9s)});
  model.observe({.key = "ann", .time = at(4s)});
  using Summary = sessionize::Summary<EventClock, std::string>;
  const auto answer = model.observe({.key = "ann", .time = at(15s)});
  CHECK(answer.closed == Summary{"ann", at(0s), at(9s), 3, CloseReason::idle, 1});
  CHECK(answer.placement == Placement<EventClock>{at(15s), SplitReason::gap, at(15s), at(15s), 2});
  model.observe({.key = "bob", .time = at(14s)});
  model.observe({.key = "cy", .time = at(20s)});
  CHECK(model.size() == 3);

  CHECK(model.expire(at(24s)).empty());
  CHECK(model.expire(at(26s)) ==
        std::vector<Summary>{{"bob", at(14s), at(14s), 1, CloseReason::idle, 1},
                             {"ann", at(15s), at(15s), 1, CloseReason::idle, 2}});
  CHECK(model.observe({.key = "ann", .time = at(26s)}).placement.ordinal == 1);
  CHECK(model.close("ann") == Summary{"ann", at(26s), at(26s), 1, CloseReason::erased, 1});
  CHECK(model.close("ann") == std::nullopt);
  CHECK(model.flush() == std::vector<Summary>{{"cy", at(20s), at(20s), 1, CloseReason::flush, 1}});
  CHECK(model.size() == 0);
}

// Holds: a new key beyond max_keys is rejected and leaves no trace. Would catch: a model that grows
// past its bound.
TEST_CASE("the reference model rejects keys that are too many") {
  Model model({.max_keys = 1});
  model.observe({.key = "ann", .time = at(0s)});
  CHECK(model.observe({.key = "bob", .time = at(0s)}).rejected == RejectReason::too_many_keys);
  CHECK_FALSE(model.find("bob"));
  CHECK_FALSE(model.observe({.key = "ann", .time = at(1s)}).rejected);
}

}  // namespace
}  // namespace reference_tests
