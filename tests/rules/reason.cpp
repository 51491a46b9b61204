#include <sessionize/rules/reason.hpp>

#include "catch.hpp"

#include <cstddef>
#include <set>
#include <string_view>

namespace reason_tests {
namespace {

using sessionize::close_reason;
using sessionize::close_reason_count;
using sessionize::CloseReason;
using sessionize::first_reason;
using sessionize::split_reason_count;
using sessionize::SplitReason;
using sessionize::to_string;

// Holds: reasons compare in checking order. Would catch: an enumerator put in at the wrong place.
static_assert(SplitReason::first_event < SplitReason::gap);
static_assert(SplitReason::gap < SplitReason::end_marker);
static_assert(SplitReason::end_marker < SplitReason::max_duration);
static_assert(SplitReason::max_duration < SplitReason::carry);
static_assert(SplitReason::carry < SplitReason::day_boundary);
static_assert(SplitReason::day_boundary < SplitReason::value_change);
static_assert(SplitReason::value_change < SplitReason::rule);
static_assert(SplitReason{} == SplitReason::none);

// Holds: of two reasons the first in checking order counts, and none counts last. Would catch: a
// plain minimum, which would always be none.
static_assert(first_reason(SplitReason::none, SplitReason::none) == SplitReason::none);
static_assert(first_reason(SplitReason::none, SplitReason::rule) == SplitReason::rule);
static_assert(first_reason(SplitReason::rule, SplitReason::none) == SplitReason::rule);
static_assert(first_reason(SplitReason::rule, SplitReason::gap) == SplitReason::gap);
static_assert(first_reason(SplitReason::carry, SplitReason::day_boundary) == SplitReason::carry);
static_assert(first_reason(SplitReason::day_boundary, SplitReason::carry) == SplitReason::carry);

// Holds: a split rule's name is the close reason of the session it ends; the gap's is idle.
static_assert(close_reason(SplitReason::gap) == CloseReason::idle);
static_assert(close_reason(SplitReason::end_marker) == CloseReason::end_marker);
static_assert(close_reason(SplitReason::max_duration) == CloseReason::max_duration);
static_assert(close_reason(SplitReason::carry) == CloseReason::carry);
static_assert(close_reason(SplitReason::day_boundary) == CloseReason::day_boundary);
static_assert(close_reason(SplitReason::value_change) == CloseReason::value_change);
static_assert(close_reason(SplitReason::rule) == CloseReason::rule);

// Holds: names are those of the records. Would catch: a name that changes under its readers.
static_assert(to_string(SplitReason::none) == "none");
static_assert(to_string(SplitReason::first_event) == "first_event");
static_assert(to_string(SplitReason::gap) == "gap");
static_assert(to_string(SplitReason::end_marker) == "end_marker");
static_assert(to_string(SplitReason::max_duration) == "max_duration");
static_assert(to_string(SplitReason::carry) == "carry");
static_assert(to_string(SplitReason::day_boundary) == "day_boundary");
static_assert(to_string(SplitReason::value_change) == "value_change");
static_assert(to_string(SplitReason::rule) == "rule");
static_assert(to_string(CloseReason::idle) == "idle");
static_assert(to_string(CloseReason::flush) == "flush");
static_assert(to_string(CloseReason::evicted) == "evicted");
static_assert(to_string(CloseReason::erased) == "erased");

// Holds: every reason below the count has a name of its own, and no other has. Would catch: a count
// that was not raised with a new reason, a name given twice.
TEST_CASE("every reason has a name of its own") {
  std::set<std::string_view> splits, closes;
  for (std::size_t i = 0; i < split_reason_count; ++i)
    splits.insert(to_string(static_cast<SplitReason>(i)));
  for (std::size_t i = 0; i < close_reason_count; ++i)
    closes.insert(to_string(static_cast<CloseReason>(i)));
  CHECK(splits.size() == split_reason_count);
  CHECK(closes.size() == close_reason_count);
  CHECK(splits.count("unknown") == 0);
  CHECK(closes.count("unknown") == 0);
  CHECK(to_string(static_cast<SplitReason>(split_reason_count)) == "unknown");
  CHECK(to_string(static_cast<CloseReason>(close_reason_count)) == "unknown");
}

// Holds: a rule's session is closed under the rule's own name. Would catch: two tables that differ.
TEST_CASE("a split rule and its close reason have one name") {
  for (auto reason = SplitReason::end_marker; reason <= SplitReason::rule;
       reason = static_cast<SplitReason>(static_cast<unsigned char>(reason) + 1))
    CHECK(to_string(reason) == to_string(close_reason(reason)));
}

}  // namespace
}  // namespace reason_tests
