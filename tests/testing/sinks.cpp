#include <sessionize/testing/sinks.hpp>

#include <sessionize/sessionizer.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace testing_sinks_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::by;
using sessionize::CloseReason;
using sessionize::Delivery;
using sessionize::EventClock;
using sessionize::SplitReason;
using sessionize::testing::at;
using sessionize::testing::failing;
using sessionize::testing::Recorded;

struct Visit {
  std::optional<std::string> user;
  EventClock::time_point time;
  int page = 0;
};
using Seen = sessionize::testing::RecordingSink<EventClock, std::string, Visit>;
using Sessions = sessionize::Sessionizer<EventClock, std::string>;
const auto by_user = by(&Visit::user, &Visit::time).raw([](const Visit& visit) {
  return visit.page == 7 ? "page 7" : "";
});

// Holds: a recording sink keeps copies of records, summaries and rejections, and the order of all.
// Would catch: a view kept of a key or an event that is gone, as the visits here are.
TEST_CASE("a recording sink keeps what it is given") {
  Sessions sessions;
  Seen seen;
  {
    std::vector<Visit> visits{{"a key that is too long for the string itself", at(0s), 1},
                              {std::nullopt, at(1s), 7},
                              {"a key that is too long for the string itself", at(11s), 2}};
    CHECK(sessions.process(visits, by_user, seen, seen).events == 3);
  }
  CHECK(sessions.flush(seen).delivery == Delivery::ok);

  using enum Recorded;
  CHECK(seen.order == std::vector{record, rejection, summary, record, summary, flush});
  REQUIRE(seen.records.size() == 2);
  CHECK(seen.records[0].key == "a key that is too long for the string itself");
  CHECK(seen.records[0].event.page == 1);
  CHECK(seen.records[1].reason == SplitReason::gap);
  CHECK(seen.records[1].event.page == 2);
  REQUIRE(seen.summaries.size() == 2);
  CHECK(seen.summaries[0].reason == CloseReason::idle);
  CHECK(seen.summaries[0].last == at(0s));
  CHECK(seen.summaries[1].reason == CloseReason::flush);
  CHECK(seen.summaries[1].key == seen.records[0].key);
  REQUIRE(seen.rejections.size() == 1);
  CHECK(seen.rejections[0].reason == sessionize::RejectReason::missing_key);
  CHECK(seen.rejections[0].position == 2);
  CHECK(seen.rejections[0].data == "page 7");

  seen.clear();
  CHECK(seen.order.empty());
  CHECK(seen.records.empty());
}

// Holds: it records keys that are no texts, too. Would catch: a sink for strings alone.
TEST_CASE("a recording sink records composite keys") {
  using Key = std::pair<std::string, int>;
  sessionize::testing::RecordingSink<EventClock, Key> seen;
  sessionize::Sessionizer<EventClock, Key> sessions;
  sessions.observe({"ann", 3}, at(0s));
  CHECK(sessions.flush(seen).sessions == 1);
  REQUIRE(seen.summaries.size() == 1);
  CHECK(seen.summaries[0].key == Key("ann", 3));
}

// Holds: a script refuses exactly the calls that it says, and what it refused comes again. Would
// catch: a script that counts from 0, or a refused value that reaches the sink all the same.
TEST_CASE("a failing sink follows its script") {
  Sessions sessions;
  Seen seen;
  auto sink = failing(seen, "ok refuse  refuse");
  const std::vector<Visit> visits{{"ann", at(0s), 1}, {"ann", at(1s), 2}, {"ann", at(2s), 3}};

  auto progress = sessions.process(visits, by_user, sink);
  CHECK(progress.events == 2);
  CHECK(progress.delivery == Delivery::refused);
  CHECK(seen.records.size() == 1);

  const std::vector<Visit> rest{visits[2]};
  progress = sessions.process(rest, by_user, sink);
  CHECK(progress.events == 0);
  CHECK(progress.delivery == Delivery::refused);
  progress = sessions.process(rest, by_user, sink);
  CHECK(progress.events == 1);
  CHECK(progress.delivery == Delivery::ok);
  REQUIRE(seen.records.size() == 3);
  CHECK(seen.records[1].event.page == 2);
  CHECK(seen.records[2].event.page == 3);
  CHECK(sink.calls() == 5);
}

// Holds: a predicate sees the number of the call, from 1, and flush() is a call. Would catch: an
// end of the stream that cannot be made to fail.
TEST_CASE("a failing sink asks its predicate") {
  Sessions sessions;
  Seen seen;
  auto sink = failing(seen, [](std::uint64_t call) { return call == 2; });
  sessions.observe("ann", at(0s));
  CHECK(sessions.flush(sink).delivery == Delivery::refused);
  CHECK(seen.order == std::vector{Recorded::summary});
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(seen.order == std::vector{Recorded::summary, Recorded::flush});
}

// Holds: a failing sink takes what the sink inside takes. Would catch: records offered to a sink of
// summaries.
TEST_CASE("a failing sink takes the kinds of the sink inside") {
  using Summary = sessionize::SummaryView<EventClock, std::string>;
  const auto summaries = [](const Summary&) {};
  using Sink = decltype(failing(summaries, "ok"));
  STATIC_REQUIRE(sessionize::takes<Sink, Summary>);
  STATIC_REQUIRE(!sessionize::takes<Sink, sessionize::RecordView<EventClock, std::string, Visit>>);
}

}  // namespace
}  // namespace testing_sinks_tests
