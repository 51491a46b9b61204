#include <sessionize/counters.hpp>
#include <sessionize/options.hpp>
#include <sessionize/projections.hpp>
#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/version.hpp>

#include "catch.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace record_test {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;

constexpr EventClock::time_point at(EventClock::duration since_1970) {
  return EventClock::time_point{since_1970};
}

// Promise (2.1): the defaults are the SQL recipe's. Catches a default that moves.
static_assert(Options<EventClock>{}.gap == 10s);
static_assert(Options<EventClock>{}.at_gap == AtGap::continues);
static_assert(Options<EventClock>{}.gap_from == GapFrom::previous_arrival);
static_assert(Options<EventClock>{}.carry == Horizon<EventClock::duration>(24h));
static_assert(Options<EventClock>{}.past_carry == PastCarry::is_null);
static_assert(Options<EventClock>{}.at_max_keys == AtMaxKeys::rejects_new_keys);

// Promise (2.1): session_time is non-null only on the starting event, where it is the event's time.
constexpr Placement<EventClock> start{at(7s), SplitReason::gap, at(7s), at(7s), 2};
constexpr Placement<EventClock> later{at(9s), SplitReason::none, at(7s), at(7s), 2};
static_assert(start.starts_session() && start.session_time() == at(7s));
static_assert(!later.starts_session() && !later.session_time());

// Promise (2.1): a summary's duration is last - start, saturating at the ends of int64.
constexpr Summary<EventClock, int> all_time{
    1, EventClock::time_point::min(), EventClock::time_point::max(), 2, CloseReason::idle, 1};
static_assert(all_time.duration() == EventClock::duration::max());
static_assert(Summary<EventClock, int>{1, at(3s), at(8s)}.duration() == 5s);

// Promise: an owned copy has the key's own type. Catches a view that outlives its key.
TEST_CASE("owned copies hold their key and event") {
  const std::string page = "/";
  Record<EventClock, std::string_view, const std::string&> view{start, "ann", page};
  const Record<EventClock, std::string, std::string> owned = view.owned();
  CHECK(owned.key == "ann");
  CHECK(owned.event == "/");
  CHECK(owned.time == at(7s));
  CHECK(owned == view.owned());
}

// Promise: every reason for a rejection has a name of its own, and is counted by itself. Catches
// two reasons under one name, and a count under another reason.
TEST_CASE("rejections are counted by reason") {
  RejectCounts counts;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < reject_reason_count; ++i) {
    const auto reason = static_cast<RejectReason>(i);
    names.insert(to_string(reason));
    for (std::size_t times = 0; times <= i; ++times) counts.add(reason);
    CHECK(counts[reason] == i + 1);
  }
  CHECK(names.size() == reject_reason_count);
  CHECK(names.count("unknown") == 0);
  CHECK(counts.total() == reject_reason_count * (reject_reason_count + 1) / 2);
}

// Promise: closed sessions add up over their reasons. Catches a reason that is left out.
TEST_CASE("closed sessions are counted by reason") {
  Counters counters;
  for (std::size_t i = 0; i < close_reason_count; ++i) counters.sessions_closed_by_reason[i] = i;
  CHECK(counters.sessions_closed(CloseReason::erased) == close_reason_count - 1);
  CHECK(counters.sessions_closed() == close_reason_count * (close_reason_count - 1) / 2);
}

// Promise: by() reads members, and raw() adds to it without changing it. Catches swapped members.
TEST_CASE("projections read the caller's event") {
  struct Click {
    int user;
    EventClock::time_point time;
    std::string line;
  };
  const auto plain = by(&Click::user, &Click::time);
  const auto with_raw = plain.raw(&Click::line);
  const Click click{4, at(1s), "raw"};
  CHECK(click.*plain.key == 4);
  CHECK(click.*with_raw.time == at(1s));
  CHECK(click.*with_raw.raw_data == "raw");
  CHECK(plain.raw_data(click).empty());
}

TEST_CASE("the version is spelled once") {
  // Promise: number and text agree. Catches a release that changes one of them.
  CHECK(std::string(SESSIONIZE_VERSION) == std::to_string(SESSIONIZE_VERSION_MAJOR) + '.' +
                                               std::to_string(SESSIONIZE_VERSION_MINOR) + '.' +
                                               std::to_string(SESSIONIZE_VERSION_PATCH));
}

}  // namespace
}  // namespace record_test
