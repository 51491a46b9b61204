#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/collect.hpp>
#include <sessionize/sinks/filter.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/sinks/sinks.hpp>
#include <sessionize/sinks/tee.hpp>
#include <sessionize/sinks/transform.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace composition_test {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;
using sessionize::testing::at;

struct Click {
  std::string user;
  EventClock::time_point time;
  int page = 0;

  friend bool operator==(const Click&, const Click&) = default;
};
constexpr auto by_click = by(&Click::user, &Click::time);

const std::vector<Click> clicks = {
    {"ann", at(0s), 1}, {"bob", at(1s), 2}, {"ann", at(2s), 3}, {"ann", at(20s), 4}};

using Sessions = Sessionizer<EventClock, std::string>;

template <class Sink>
void run(Sink&& sink) {
  Sessions sessions;
  CHECK(sessions.process(clicks, by_click, sink).delivery == Delivery::ok);
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
}

// Promise: on_record and on_summary let a generic lambda be a sink of one kind. Catches a summary
// handed to a lambda that was written for records.
TEST_CASE("a generic lambda says which kind it wants") {
  std::vector<int> pages;
  std::vector<std::string> closed;
  run(tee(on_record([&](const auto& record) { pages.push_back(record.event.page); }),
          on_summary([&](const auto& summary) { closed.emplace_back(summary.key); })));
  CHECK(pages == std::vector{1, 2, 3, 4});
  CHECK(closed == std::vector<std::string>{"ann", "bob", "ann"});
}

// Promise: collect() owns what it keeps, and its container says which kind. Catches keys and events
// that look at memory of the caller's.
TEST_CASE("collected values outlive keys and events") {
  std::vector<Summary<EventClock, std::string>> table;
  std::vector<Record<EventClock, std::string, Click>> records;
  {
    Sessions sessions;
    std::vector<Click> mine = clicks;
    CHECK(sessions.process(mine, by_click, tee(collect(table), collect(records))).events == 4);
    mine.assign(4, Click{"overwritten", at(0s), 0});
    CHECK(sessions.flush(collect(table)).sessions == 2);
  }
  REQUIRE(records.size() == 4);
  CHECK(records[3].key == "ann");
  CHECK(records[3].event == clicks[3]);
  CHECK(records[3].reason == SplitReason::gap);
  REQUIRE(table.size() == 3);
  CHECK(table[0] ==
        Summary<EventClock, std::string>{"ann", at(0s), at(2s), 2, CloseReason::idle, 1});
  CHECK(table[1].key == "bob");
  CHECK(table[2].ordinal == 2);
}

// Promise: the recipe's two WHERE clauses are one-liners. Catches a filter that swallows the kinds
// its predicate does not speak of.
TEST_CASE("filters: one user, starts only") {
  Count starts, ann;
  run(tee(filter(starts_only, starts), filter(key_is("ann"), ann)));
  CHECK(starts.records == 3);
  CHECK(starts.summaries == 0);  // a summary is no start
  CHECK(ann.records == 3);
  CHECK(ann.starts == 2);
  CHECK(ann.summaries == 2);
}

TEST_CASE("transform passes on what its function makes") {
  // Promise: the function says which kinds pass. Catches a function called with the other kind.
  std::vector<std::string> keys;
  run(transform([](const SummaryView<EventClock, std::string>& s) { return std::string(s.key); },
                [&](const std::string& key) { keys.push_back(key); }));
  CHECK(keys == std::vector<std::string>{"ann", "bob", "ann"});
}

/// Takes values, but refuses or throws on chosen calls; counts those that it has taken.
struct Flaky {
  std::vector<std::string> taken{};
  int calls = 0;
  int refuses_at = 0;
  int throws_at = 0;

  Delivery emit(const RecordView<EventClock, std::string, Click>& record) {
    ++calls;
    if (calls == throws_at) throw std::runtime_error("sink");
    if (calls == refuses_at) return Delivery::refused;
    taken.push_back(std::to_string(record.event.page));
    return Delivery::ok;
  }
};

// Promise: where one sink of a tee refuses or throws, no sink gets a value twice and none misses
// one. Catches a tee that starts over with its first sink.
TEST_CASE("a tee offers a value again only to the sinks that do not have it") {
  const std::vector<std::string> all = {"1", "2", "3", "4"};
  for (int at_call = 1; at_call <= 4; ++at_call) {
    Flaky first, second{.refuses_at = at_call}, third;
    auto out = tee(first, second, third);
    Sessions sessions;
    const auto progress = sessions.process(clicks, by_click, out);
    CHECK(progress.delivery == Delivery::refused);
    CHECK(progress.events == static_cast<std::size_t>(at_call));
    const std::vector<Click> rest(clicks.begin() + at_call, clicks.end());
    CHECK(sessions.process(rest, by_click, out).delivery == Delivery::ok);
    CHECK(first.taken == all);
    CHECK(second.taken == all);
    CHECK(third.taken == all);
  }
  Flaky first, second{.throws_at = 3};
  auto out = tee(first, second);
  Sessions sessions;
  CHECK_THROWS_AS(sessions.process(clicks, by_click, out), std::runtime_error);
  CHECK(sessions.counters().records_pending == 1);
  const std::vector<Click> rest(clicks.begin() + 3, clicks.end());
  CHECK(sessions.process(rest, by_click, out).delivery == Delivery::ok);
  CHECK(first.taken == all);
  CHECK(second.taken == all);
}

// Promise: flush() reaches every sink below. Catches an adaptor that keeps the end to itself.
TEST_CASE("the end of the stream reaches the innermost sink") {
  struct Ends {
    int ended = 0;
    void emit(const SummaryView<EventClock, std::string>&) {}
    void flush() { ++ended; }
  } sink;
  run(filter([](const auto&) { return true; }, tee(on_summary(sink))));
  run(transform([](const SummaryView<EventClock, std::string>& s) { return s; }, sink));
  CHECK(sink.ended == 2);
}

// Promise: an end that a sink has refused is nothing a later value is kept from. Catches marks that
// speak of another value than the one at hand.
TEST_CASE("a tee whose flush() was refused misses no later value") {
  struct RefusesItsEnd {
    int taken = 0;
    void emit(const RecordView<EventClock, std::string, Click>&) { ++taken; }
    Delivery flush() { return Delivery::refused; }
  } second;
  Count first;
  auto out = tee(first, second);
  Sessions sessions;
  CHECK(sessions.flush(out).delivery == Delivery::refused);
  CHECK(sessions.process(clicks, by_click, out).delivery == Delivery::ok);
  CHECK(first.records == 4);
  CHECK(second.taken == 4);
}

// Promise: a rejection is offered once, to every sink of the tee that is reached. Catches a refusal
// that keeps the next rejection from a sink.
TEST_CASE("a tee of error sinks loses no rejection") {
  int first = 0;
  int calls = 0;
  auto errors =
      tee([&](const Rejection&) { ++first; },
          [&](const Rejection&) { return ++calls == 1 ? Delivery::refused : Delivery::ok; });
  Sessions sessions{{.max_keys = 1}};
  const std::vector<Click> others = {{"a", at(0s)}, {"b", at(0s)}, {"c", at(0s)}, {"d", at(0s)}};
  Count count;
  CHECK(sessions.process(others, by_click, count, errors).events == 4);
  CHECK(first == 3);
  CHECK(calls == 3);
}

// Promise: shared by two streams, a tee still loses nothing, though it may give a value twice.
// Catches a value of one stream that is taken for that of the other.
TEST_CASE("a tee that two streams share loses nothing") {
  Flaky first;
  Flaky second{.refuses_at = 1};
  auto out = tee(first, second);
  Sessions one;
  Sessions other;
  const std::vector<Click> x = {{"x", at(0s), 1}};
  const std::vector<Click> y = {{"y", at(0s), 2}};
  CHECK(one.process(x, by_click, out).delivery == Delivery::refused);
  CHECK(other.process(y, by_click, out).delivery == Delivery::ok);
  CHECK(one.flush(out).delivery == Delivery::ok);
  CHECK(first.taken == std::vector<std::string>{"1", "2", "1"});
  CHECK(second.taken == std::vector<std::string>{"2", "1"});
}

}  // namespace
}  // namespace composition_test
