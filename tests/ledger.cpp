#include <sessionize/sessionizer.hpp>

#include <sessionize/rules/rules.hpp>
#include <sessionize/testing/manual_clock.hpp>
#include <sessionize/testing/sinks.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What became of every event is told by Counters after every call, also after one that a sink, a
// rule or the memory made fail.

namespace ledger_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::any_of;
using sessionize::AtMaxKeys;
using sessionize::by;
using sessionize::CloseReason;
using sessionize::Counters;
using sessionize::Counting;
using sessionize::Delivery;
using sessionize::EventClock;
using sessionize::make_sessionizer;
using sessionize::Rejection;
using sessionize::Sessionizer;
using sessionize::SplitReason;
using sessionize::Step;
using sessionize::testing::at;
using Time = EventClock::time_point;

struct Click {
  std::optional<std::string> user;
  Time time{};
  std::string campaign{};
  bool last = false;
};
using Clicks = std::vector<Click>;
constexpr auto by_user = by(&Click::user, &Click::time);
using ClickRecord = sessionize::RecordView<EventClock, std::string, Click>;
using StringSummary = sessionize::SummaryView<EventClock, std::string>;

std::string long_text(std::string_view text) {
  return std::string(text) + " in a text that no small string holds";
}

/// Sessions that continue, split, close, are rejected and evicted.
Clicks script() {
  Clicks clicks;
  const auto add = [&](const char* user, EventClock::duration time, const char* campaign = "a",
                       bool last = false) {
    clicks.push_back({long_text(user), at(time), long_text(campaign), last});
  };
  add("ann", 0s);
  add("ann", 1s, "b");
  clicks.push_back({std::nullopt, at(1s)});
  add("bob", 1s);
  add("ann", 20s, "b", true);
  add("ann", 21s, "b");
  add("cat", 21s);
  clicks.push_back({std::nullopt, at(22s)});
  clicks.push_back({std::nullopt, at(22s)});
  add("bob", 40s, "c", true);
  add("bob", 41s, "d", true);
  add("ann", 35s, "e");
  add("bob", 100s, "e");
  add("ann", 10s, "f");
  return clicks;
}
auto rule() {
  return any_of(sessionize::end_marker(&Click::last), sessionize::value_change(&Click::campaign));
}
const sessionize::Options<EventClock> two_keys{.max_keys = 2,
                                               .at_max_keys = AtMaxKeys::evicts_idle_key};
auto make_sessions() { return make_sessionizer<EventClock, std::string>(two_keys, rule()); }

/// Every identity of Counters, and their agreement with the open sessions.
template <class Clock, class Key, class Rule, Counting counting>
bool adds_up(const Sessionizer<Clock, Key, Rule, counting>& sessions) {
  const Counters& counters = sessions.counters();
  std::uint64_t open = 0;
  sessions.for_each_open([&](const auto& session) { open += session.events.value_or(0); });
  bool right = counters.offered == counters.accepted + counters.rejected.total();
  right = right && counters.accepted == counters.records_emitted + counters.records_pending;
  if (counting == Counting::on)
    right = right && counters.accepted ==
                         counters.events_emitted + counters.events_open + counters.events_pending;
  right = right && counters.events_open == open;
  right = right && counters.sessions_started == counters.sessions_closed() + sessions.size();
  return right;
}

/// What sinks get, in order, as texts.
struct Log {
  std::vector<std::string> lines{};

  void operator()(const ClickRecord& record) {
    lines.push_back("record " + std::string(record.key) + ' ' + ticks(record.time) + ' ' +
                    std::string(to_string(record.reason)) + ' ' + ticks(record.opened_at) + ' ' +
                    std::to_string(record.ordinal) + ' ' + record.event.campaign);
  }
  void operator()(const StringSummary& summary) {
    lines.push_back("summary " + std::string(summary.key) + ' ' + ticks(summary.start) + ' ' +
                    ticks(summary.last) + ' ' +
                    (summary.events ? std::to_string(*summary.events) : "null") + ' ' +
                    std::string(to_string(summary.reason)) + ' ' + std::to_string(summary.ordinal));
  }
  void flush() { lines.push_back("flush"); }

  static std::string ticks(Time time) { return std::to_string(time.time_since_epoch().count()); }
};

/// What the script gives a sink that always takes everything, up to the end of the stream.
std::vector<std::string> expected_lines() {
  auto sessions = make_sessions();
  Log log;
  REQUIRE(sessions.process(script(), by_user, log).events == script().size());
  REQUIRE(sessions.flush(log).delivery == Delivery::ok);
  return log.lines;
}

/// Passes on what it gets, but in some calls, from the `from`-th to before the `to`-th, it fails.
template <class Fail>
struct Failing {
  Log& log;
  std::uint64_t from, to;
  Fail fail;
  std::uint64_t calls = 0;

  template <class T>
  requires sessionize::takes<Log, T> Delivery operator()(const T& value) {
    if (++calls >= from && calls < to) return fail();
    log(value);
    return Delivery::ok;
  }
  Delivery flush() {
    if (++calls >= from && calls < to) return fail();
    log.flush();
    return Delivery::ok;
  }
};
template <class Fail>
Failing(Log&, std::uint64_t, std::uint64_t, Fail) -> Failing<Fail>;

constexpr auto refuse = [] { return Delivery::refused; };
constexpr auto throw_up = []() -> Delivery { throw std::runtime_error("a sink's exception"); };

// Holds: a sink may refuse in any call, once or several times: what it refused goes out first next
// time, in order, nothing is lost or doubled, the call says how many events it took, and the ledger
// adds up after each. Would catch: a record dropped behind a refused summary, an event taken twice,
// a counter moved before the sink has the record.
TEST_CASE("a sink that refuses at any position gets everything once and in order") {
  const auto expected = expected_lines();
  const Clicks clicks = script();
  for (std::uint64_t times = 1; times <= 3; ++times)
    for (std::uint64_t position = 1; position <= expected.size(); ++position) {
      INFO("refuses " << times << " times from call " << position);
      auto sessions = make_sessions();
      Log log;
      Failing sink{log, position, position + times, refuse};
      std::span<const Click> rest(clicks);
      std::uint64_t refusals = 0;
      for (bool done = false; !done;) {
        const auto before = sessions.counters();
        const auto progress = sessions.process(rest, by_user, sink);
        done = progress.delivery == Delivery::ok;
        refusals += done ? 0 : 1;
        REQUIRE(adds_up(sessions));
        REQUIRE(sessions.counters().offered == before.offered + progress.events);
        // While something is pending no event is taken.
        if (before.records_pending != 0 && !done && sink.calls == before.offered)
          REQUIRE(progress.events == 0);
        if (!done)
          REQUIRE(sessions.counters().records_pending + sessions.counters().events_pending != 0);
        rest = rest.subspan(progress.events);
      }
      REQUIRE(rest.empty());
      REQUIRE(sessions.counters().records_pending == 0);
      REQUIRE(sessions.counters().events_pending == 0);
      for (bool done = false; !done;) {
        done = sessions.flush(sink).delivery == Delivery::ok;
        refusals += done ? 0 : 1;
        REQUIRE(adds_up(sessions));
      }
      REQUIRE(refusals == times);
      REQUIRE(log.lines == expected);
      REQUIRE(sessions.counters().events_emitted == sessions.counters().accepted);
    }
}

// Holds: while something is pending and the sink refuses it, a call takes no event. Would catch: an
// outbox that grows with the stream.
TEST_CASE("a sink that goes on refusing is offered the same again and no event is taken") {
  auto sessions = make_sessions();
  const Clicks clicks = script();
  Log log;
  Failing sink{log, 1, 100, refuse};
  CHECK(sessions.process(clicks, by_user, sink).events == 1);
  const auto before = sessions.counters();
  const auto live = allocations::live();
  for (int call = 0; call < 20; ++call) {
    const auto progress = sessions.process(clicks, by_user, sink);
    REQUIRE(progress.events == 0);
    REQUIRE(progress.delivery == Delivery::refused);
    REQUIRE(sessions.expire(at(1h), sink).sessions == 0);
    REQUIRE(sessions.flush(sink).sessions == 0);
  }
  CHECK(allocations::live() == live);
  CHECK(sessions.counters() == before);
  CHECK(sink.calls == 61);
  CHECK(sessions.size() == 1);
}

// Holds: a sink may throw in any call: its exception passes through, the decisions already taken
// stay pending and go out first, the counters tell how many events were taken. Would catch: a
// record lost on the way out, state that was not moved, a session closed twice.
TEST_CASE("a sink that throws at any position gets everything once and in order") {
  const auto expected = expected_lines();
  const Clicks clicks = script();
  for (std::uint64_t times = 1; times <= 2; ++times)
    for (std::uint64_t position = 1; position <= expected.size(); ++position) {
      INFO("throws " << times << " times from call " << position);
      auto sessions = make_sessions();
      Log log;
      Failing sink{log, position, position + times, throw_up};
      std::uint64_t thrown = 0;
      for (bool done = false; !done;) {
        const auto taken = static_cast<std::size_t>(sessions.counters().offered);
        try {
          const auto progress = sessions.process(std::span(clicks).subspan(taken), by_user, sink);
          REQUIRE(progress.delivery == Delivery::ok);
          done = true;
        } catch (const std::runtime_error&) {
          ++thrown;
        }
        REQUIRE(adds_up(sessions));
      }
      REQUIRE(sessions.counters().offered == clicks.size());
      REQUIRE(sessions.counters().records_pending == 0);
      for (bool done = false; !done;) {
        try {
          done = sessions.flush(sink).delivery == Delivery::ok;
        } catch (const std::runtime_error&) {
          ++thrown;
        }
        REQUIRE(adds_up(sessions));
      }
      REQUIRE(thrown == times);
      REQUIRE(log.lines == expected);
    }
}

// Holds: an error sink that refuses or throws loses its own rejection alone: it is counted, no
// state moves, and the events before it stay delivered. Would catch: a rejection that is counted
// late, an error sink that stops the stream.
TEST_CASE("an error sink's refusal or exception leaves the ledger true") {
  const Clicks clicks = script();
  auto sessions = make_sessions();
  Log log;
  int rejections = 0;
  const auto refusing = [&](const Rejection&) {
    ++rejections;
    return Delivery::refused;
  };
  const auto progress = sessions.process(clicks, by_user, log, refusing);
  CHECK(progress.events == clicks.size());
  CHECK(progress.delivery == Delivery::ok);
  CHECK(rejections == 3);
  CHECK(adds_up(sessions));

  auto thrown_at = make_sessions();
  Log other;
  const auto throwing = [](const Rejection&) { throw std::runtime_error("an error sink's"); };
  int thrown = 0;
  while (thrown_at.counters().offered < clicks.size()) {
    const auto taken = static_cast<std::size_t>(thrown_at.counters().offered);
    try {
      const auto rest = std::span(clicks).subspan(taken);
      const auto got = thrown_at.process(rest, by_user, other, throwing);
      CHECK(got.events == rest.size());
    } catch (const std::runtime_error&) {
      ++thrown;
    }
    CHECK(adds_up(thrown_at));
  }
  CHECK(thrown == 3);
  CHECK(other.lines == log.lines);
  CHECK(thrown_at.counters() == sessions.counters());
}

// Holds: a refused decision keeps copies of its key and its event: the caller's are free to go.
// Would catch: a pending record that looks at the caller's buffer.
TEST_CASE("what is pending owns its key and its event") {
  auto sessions = make_sessions();
  Log log;
  Failing sink{log, 2, 3, refuse};
  {
    const Clicks gone{{long_text("ann"), at(0s), long_text("a")},
                      {long_text("ann"), at(30s), long_text("b")}};
    const auto progress = sessions.process(gone, by_user, sink);
    CHECK(progress.events == 2);
    CHECK(progress.delivery == Delivery::refused);
  }
  CHECK(sessions.counters().records_pending == 1);
  CHECK(sessions.counters().events_pending == 1);
  CHECK(sessions.erase(long_text("ann")));
  CHECK(adds_up(sessions));
  CHECK(sessions.process(Clicks{}, by_user, sink).delivery == Delivery::ok);
  REQUIRE(log.lines.size() == 3);
  CHECK(log.lines[1] == "summary " + long_text("ann") + " 0 0 1 idle 1");
  CHECK(log.lines[2] == "record " + long_text("ann") + " 30000 gap 30000 2 " + long_text("b"));
  CHECK(adds_up(sessions));
}

// Holds: observe(), find() and erase() go on while something is pending, and change none of it.
// Would catch: a decision taken in between that is counted as the pending one.
TEST_CASE("observe and erase go on while a delivery is pending") {
  auto sessions = make_sessions();
  Log log;
  Failing sink{log, 1, 2, refuse};
  CHECK(sessions.process(Clicks{{"ann", at(0s), "a"}}, by_user, sink).events == 1);
  CHECK(sessions.counters().records_pending == 1);
  CHECK(sessions.observe("ann", at(1s), Click{"ann", at(1s), "a"}).reason == SplitReason::none);
  CHECK(adds_up(sessions));
  CHECK(sessions.counters().records_pending == 1);
  const auto closing = sessions.observe("ann", at(30s), Click{"ann", at(30s), "a"});
  REQUIRE(closing.closed);
  CHECK(closing.closed->events == 2U);
  CHECK(adds_up(sessions));
  CHECK(sessions.erase("ann"));
  CHECK(adds_up(sessions));
  CHECK(sessions.counters().events_emitted == 3);
  CHECK(sessions.counters().records_pending == 1);
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(log.lines == std::vector<std::string>{"record ann 0 first_event 0 1 a", "flush"});
  CHECK(adds_up(sessions));
}

// Holds: a record waits for the sink that refused it: a call with events of another type, and so
// another sink, takes nothing and loses nothing. Would catch: a record given to a sink of another
// type, or dropped for it.
TEST_CASE("a pending record waits for the sink of its event type") {
  struct Tick {
    std::string user;
    Time time;
  };
  Sessionizer<EventClock, std::string> sessions;
  Log log;
  Failing clicks_sink{log, 1, 2, refuse};
  CHECK(sessions.process(Clicks{{"ann", at(0s), "a"}}, by_user, clicks_sink).events == 1);

  using TickRecord = sessionize::RecordView<EventClock, std::string, Tick>;
  std::vector<std::string> ticks;
  const auto ticks_sink = [&](const TickRecord& record) { ticks.emplace_back(record.key); };
  const std::vector<Tick> events{{"bob", at(1s)}};
  const auto by_tick = by(&Tick::user, &Tick::time);
  const auto refused = sessions.process(events, by_tick, ticks_sink);
  CHECK(refused.events == 0);
  CHECK(refused.delivery == Delivery::refused);
  const auto summaries_alone = [](const StringSummary&) {};
  CHECK(sessions.expire(at(1h), summaries_alone).delivery == Delivery::refused);
  CHECK(sessions.size() == 1);
  CHECK(adds_up(sessions));
  CHECK(ticks.empty());

  CHECK(sessions.process(Clicks{}, by_user, clicks_sink).delivery == Delivery::ok);
  CHECK(log.lines.size() == 1);
  CHECK(sessions.process(events, by_tick, ticks_sink).events == 1);
  CHECK(ticks == std::vector<std::string>{"bob"});
  CHECK(adds_up(sessions));
}

// Holds: where the sink refuses or throws in expire() or flush(), the session it was given is
// closed and pending, those not reached stay open and are closed by the next call. Would catch:
// sessions erased before they were emitted, or emitted twice.
TEST_CASE("expire and flush leave unreached sessions open when the sink fails") {
  std::vector<std::string> whole;
  for (int user = 0; user < 9; ++user)
    whole.push_back("summary u" + std::to_string(8 - user) + ' ' + std::to_string(user) + ' ' +
                    std::to_string(user) + " 1 ");
  for (const bool all : {false, true})
    for (const bool throws : {false, true})
      for (std::uint64_t position = 1; position <= 9; ++position) {
        INFO((all ? "flush" : "expire") << (throws ? " throws" : " refuses") << " at " << position);
        Sessionizer<EventClock, std::string> sessions;
        for (int user = 8; user >= 0; --user)
          static_cast<void>(
              sessions.observe("u" + std::to_string(8 - user), Time(EventClock::duration(user))));
        static_cast<void>(sessions.observe("stays", at(1h)));
        Log log;
        Failing sink{log, position, position + 1,
                     [&] { return throws ? throw_up() : Delivery::refused; }};
        const auto close = [&] {
          return all ? sessions.flush(sink) : sessions.expire(at(30min), sink);
        };
        bool failed = false;
        try {
          const auto closing = close();
          CHECK(closing.sessions == position);
          failed = closing.delivery == Delivery::refused;
        } catch (const std::runtime_error&) {
          failed = throws;
        }
        CHECK(failed);
        REQUIRE(adds_up(sessions));
        CHECK(sessions.size() == 10 - position);
        CHECK(sessions.counters().events_pending == 1);
        CHECK(log.lines.size() == position - 1);
        CHECK(sessions.find("u0").has_value() == (position < 9));
        const auto closing = close();
        CHECK(closing.delivery == Delivery::ok);
        CHECK(closing.sessions == (all ? 10U : 9U) - position);
        REQUIRE(adds_up(sessions));
        std::vector<std::string> expected;
        for (const auto& line : whole) expected.push_back(line + (all ? "flush 1" : "idle 1"));
        if (all) expected.push_back("summary stays 3600000 3600000 1 flush 1");
        if (all) expected.push_back("flush");
        CHECK(log.lines == expected);
        CHECK(sessions.size() == (all ? 0U : 1U));
      }
}

// Holds: a sink that refuses the end of the stream is told of it again. Would catch: an end that is
// swallowed, sessions that are closed again.
TEST_CASE("a refused end of the stream is offered again") {
  Sessionizer<EventClock, std::string> sessions;
  static_cast<void>(sessions.observe("ann", at(0s)));
  Log log;
  Failing sink{log, 2, 3, refuse};
  const auto refused = sessions.flush(sink);
  CHECK(refused.sessions == 1);
  CHECK(refused.delivery == Delivery::refused);
  CHECK(log.lines.size() == 1);
  const auto again = sessions.flush(sink);
  CHECK(again.sessions == 0);
  CHECK(again.delivery == Delivery::ok);
  CHECK(log.lines.back() == "flush");
}

// Holds: a sink that takes one kind has all of the other: it is emitted, never pending. Would
// catch: summaries that pile up for a sink that has no use for them.
TEST_CASE("what a sink does not take by its type counts as emitted") {
  auto sessions = make_sessions();
  const auto records = [](const ClickRecord&) {};
  CHECK(sessions.process(script(), by_user, records).delivery == Delivery::ok);
  CHECK(adds_up(sessions));
  CHECK(sessions.counters().events_pending == 0);
  CHECK(sessions.counters().records_pending == 0);
  const auto summaries = [](const StringSummary&) {};
  CHECK(sessions.process(script(), by_user, summaries).delivery == Delivery::ok);
  CHECK(adds_up(sessions));
  CHECK(sessions.counters().records_pending == 0);
}

// Holds: without counting events the ledger of records holds, and the one of events is empty. Would
// catch: a wrap-around where a count is subtracted that was never added.
TEST_CASE("the ledger of records holds without counting events") {
  const auto expected_count = expected_lines().size();
  for (std::uint64_t position = 1; position <= expected_count; ++position) {
    auto sessions = make_sessionizer<EventClock, std::string, Counting::off>(two_keys, rule());
    Log log;
    Failing sink{log, position, position + 1, refuse};
    const Clicks clicks = script();
    std::span<const Click> rest(clicks);
    while (true) {
      const auto progress = sessions.process(rest, by_user, sink);
      REQUIRE(adds_up(sessions));
      if (progress.delivery == Delivery::ok) break;
      rest = rest.subspan(progress.events);
    }
    while (sessions.flush(sink).delivery != Delivery::ok) REQUIRE(adds_up(sessions));
    REQUIRE(adds_up(sessions));
    REQUIRE(log.lines.size() == expected_count);
    REQUIRE(sessions.counters().events_open == 0);
    REQUIRE(sessions.counters().events_pending == 0);
    REQUIRE(sessions.counters().events_emitted == 0);
  }
}

// ---- Memory.

/// One thing that a sink got, without memory of its own.
struct Item {
  bool is_summary;
  char user;  // its key's first letter
  Time time;
  Time start;
  int reason;
  std::uint64_t ordinal;
  friend bool operator==(const Item&, const Item&) = default;
};
/// A sink that returns nothing and does not allocate.
struct Items {
  std::vector<Item> items{};

  Items() { items.reserve(100); }
  void operator()(const ClickRecord& record) {
    items.push_back({false, record.key[0], record.time, record.opened_at,
                     static_cast<int>(record.reason), record.ordinal});
  }
  void operator()(const StringSummary& summary) {
    items.push_back({true, summary.key[0], summary.last, summary.start,
                     static_cast<int>(summary.reason), summary.ordinal});
  }
};

/// Calls `call()` again and again, failing the first allocation in it, then the second, ... until
/// it is through without one that fails. `failed()` is asked after each std::bad_alloc.
template <class Call, class Failed>
std::uint64_t with_each_allocation_failing(Call call, Failed failed) {
  for (std::uint64_t k = 1;; ++k) {
    const auto before = allocations::made();
    bool threw = false;
    try {
      const allocations::FailNth fail(k);
      call();
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    if (threw) failed();
    if (!threw && allocations::made() - before < k) return k - 1;
    if (!threw) return k;  // the failure was of no consequence: the call is through
  }
}

// Holds: where any allocation in observe() fails, std::bad_alloc passes through, the event is not
// taken and nothing is changed: the same event again gets the answer it would have had. Would
// catch: a key inserted without its state, a counter moved too early, a rule that remembers an
// event that was not taken.
TEST_CASE("observe changes nothing where an allocation fails") {
  auto sessions = make_sessions();
  auto reference = make_sessions();
  std::uint64_t failures = 0;
  for (const Click& click : script()) {
    if (!click.user) continue;
    const auto before = sessions.counters();
    const auto size = sessions.size();
    std::optional<decltype(sessions)::decision_type> decision;
    bool unchanged = true;
    failures += with_each_allocation_failing(
        [&] { decision = sessions.observe(*click.user, click.time, click); },
        [&] { unchanged = unchanged && sessions.counters() == before && sessions.size() == size; });
    CHECK(unchanged);
    CHECK(adds_up(sessions));
    const auto expected = reference.observe(*click.user, click.time, click);
    REQUIRE(decision);
    CHECK(to_string(decision->reason) == to_string(expected.reason));
    CHECK(decision->opened_at == expected.opened_at);
    CHECK(decision->ordinal == expected.ordinal);
    CHECK(decision->closed.has_value() == expected.closed.has_value());
    if (decision->closed && expected.closed) CHECK(*decision->closed == *expected.closed);
  }
  CHECK(failures > 10);
  CHECK(sessions.counters() == reference.counters());
}

// Holds: where any allocation in process() fails, std::bad_alloc passes through, the counters say
// how many events were taken, and going on from there gives what would have come without. Would
// catch: an event that is taken and not delivered, or delivered and not taken.
TEST_CASE("process goes on behind any failed allocation") {
  const Clicks clicks = script();
  const auto run = [&](std::uint64_t k, Items& items, bool& failed) {
    auto sessions = make_sessions();
    std::span<const Click> rest(clicks);
    try {
      const allocations::FailNth fail(k);
      static_cast<void>(sessions.process(rest, by_user, items));
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    REQUIRE(adds_up(sessions));
    if (failed) {
      // A sink that returns nothing has whatever it was given.
      REQUIRE(sessions.counters().records_pending == 0);
      rest = rest.subspan(static_cast<std::size_t>(sessions.counters().offered));
      REQUIRE(sessions.process(rest, by_user, items).events == rest.size());
      REQUIRE(adds_up(sessions));
    }
    REQUIRE(sessions.counters().offered == clicks.size());
    REQUIRE(sessions.flush(items).delivery == Delivery::ok);
    REQUIRE(adds_up(sessions));
  };
  Items expected;
  bool none_failed = false;
  run(1'000'000, expected, none_failed);
  REQUIRE_FALSE(none_failed);
  REQUIRE(expected.items.size() == expected_lines().size() - 1);
  std::uint64_t k = 1;
  for (bool failed = true; failed; ++k) {
    INFO("allocation " << k);
    failed = false;
    Items items;
    run(k, items, failed);
    REQUIRE(items.items == expected.items);
  }
  CHECK(k > 10);
}

// Holds: where any allocation in expire(), flush() or erase() fails, the ledger adds up and calling
// again closes what is left. Would catch: sessions that vanish, or are closed twice.
TEST_CASE("expire, flush and erase go on behind any failed allocation") {
  const auto user = [](int i) {
    return std::string(1, static_cast<char>('A' + i)) + long_text("");
  };
  const auto fill = [&](auto& sessions) {
    for (int i = 0; i < 40; ++i)
      static_cast<void>(sessions.observe(user(i), Time(EventClock::duration(1000 - i))));
  };
  for (int kind = 0; kind < 3; ++kind) {
    Sessionizer<EventClock, std::string> sessions;
    fill(sessions);
    Items items;
    bool right = true;
    std::size_t erased = 0;
    const auto failures = with_each_allocation_failing(
        [&] {
          if (kind == 0) static_cast<void>(sessions.flush(items));
          if (kind == 1) static_cast<void>(sessions.expire(at(1h), items));
          if (kind == 2) erased += sessions.erase(user(3)) ? 1 : 0;
        },
        [&] { right = right && adds_up(sessions); });
    CHECK(right);
    CHECK(failures >= 1);
    CHECK(adds_up(sessions));
    if (kind == 2) {
      CHECK(erased == 1);
      CHECK(sessions.size() == 39);
      continue;
    }
    CHECK(sessions.size() == 0);
    REQUIRE(items.items.size() == 40);
    bool ordered = true;
    for (int i = 0; i < 40; ++i)
      ordered = ordered &&
                items.items[static_cast<std::size_t>(i)].user == static_cast<char>('A' + 39 - i);
    CHECK(ordered);
    // What was freed serves again.
    fill(sessions);
    CHECK(sessions.size() == 40);
    CHECK(adds_up(sessions));
  }
}

// Holds: a sink that runs out of memory throws like any other: its record stays pending. Would
// catch: a void sink's exception taken for a delivery.
TEST_CASE("a sink that runs out of memory gets its record again") {
  auto sessions = make_sessions();
  std::vector<std::string> lines;
  int calls = 0;
  const auto sink = [&](const ClickRecord& record) {
    if (++calls == 2) throw std::bad_alloc();
    lines.push_back(record.event.campaign);
  };
  const Clicks clicks{{"ann", at(0s), "a"}, {"ann", at(1s), "b"}, {"ann", at(2s), "c"}};
  bool threw = false;
  try {
    static_cast<void>(sessions.process(clicks, by_user, sink));
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  CHECK(threw);
  CHECK(sessions.counters().offered == 2);
  CHECK(sessions.counters().records_pending == 1);
  CHECK(adds_up(sessions));
  CHECK(sessions.process(std::span(clicks).subspan(2), by_user, sink).events == 1);
  CHECK(lines == std::vector<std::string>{"a", "b", "c"});
  CHECK(adds_up(sessions));
}

// ---- Rules and projections that throw.

struct Grumpy {
  struct State {
    int remembered = 0;
  };
  const int* throws;  // 1: when asked, 2: when told
  bool operator()(const Step<Time>&, const Click&, const State& state) const {
    if (*throws == 1) throw std::runtime_error("a rule's exception");
    return state.remembered == 3;
  }
  void remember(const Click&, State& state) const {
    if (*throws == 2) throw std::runtime_error("a rule's exception");
    ++state.remembered;
  }
};

// Holds: what a rule throws passes through and the event is not taken: no state, no counter has
// moved. Would catch: a previous time that is already the event's, a key left without a session.
TEST_CASE("a rule that throws leaves the event untaken") {
  int throws = 2;
  auto sessions = make_sessionizer<EventClock, std::string>({}, Grumpy{&throws});
  const auto observe = [&](EventClock::duration time) {
    return sessions.observe("ann", at(time), Click{}).reason;
  };
  CHECK_THROWS_AS(observe(0s), std::runtime_error);
  CHECK(sessions.size() == 0);
  CHECK(sessions.counters() == Counters{});
  throws = 0;
  CHECK(observe(0s) == SplitReason::first_event);
  const auto before = sessions.counters();
  for (throws = 1; throws <= 2; ++throws) CHECK_THROWS_AS(observe(9s), std::runtime_error);
  CHECK(sessions.counters() == before);
  CHECK(sessions.find("ann")->last == at(0s));
  throws = 2;
  CHECK_THROWS_AS(observe(100s), std::runtime_error);
  CHECK(sessions.counters() == before);
  CHECK(sessions.find("ann")->start == at(0s));
  throws = 0;
  CHECK(observe(11s) ==
        SplitReason::gap);  // 11 s after the first event, 2 s after those that threw
  CHECK(observe(12s) == SplitReason::none);
  CHECK(observe(13s) == SplitReason::rule);
  CHECK(adds_up(sessions));
}

// Holds: what a projection throws passes through with nothing changed. Would catch: an event that
// is offered before it has been read.
TEST_CASE("a projection that throws leaves the event unoffered") {
  Sessionizer<EventClock, std::string> sessions;
  bool throws = true;
  const auto key = [&](const Click& click) {
    if (throws) throw std::runtime_error("a projection's exception");
    return click.user;
  };
  const auto sink = [](const ClickRecord&) {};
  const Clicks clicks{{"ann", at(0s)}};
  CHECK_THROWS_AS(sessions.process(clicks, by(key, &Click::time), sink), std::runtime_error);
  CHECK(sessions.counters() == Counters{});
  throws = false;
  CHECK(sessions.process(clicks, by(key, &Click::time), sink).events == 1);
  CHECK(adds_up(sessions));
}

// Holds: a summary that a sink refused goes to a sink that takes summaries, and waits for one.
// Would catch: a summary counted as emitted that a sink for records alone has swallowed.
TEST_CASE("a pending summary waits for a sink that takes summaries") {
  Sessionizer<EventClock, std::string> sessions;
  static_cast<void>(sessions.observe("ann", at(0s)));
  const auto refusing = [](const StringSummary&) { return Delivery::refused; };
  CHECK(sessions.expire(at(1h), refusing).delivery == Delivery::refused);
  const Clicks clicks{{"bob", at(1h)}};
  const auto records_alone = [](const ClickRecord&) {};
  CHECK(sessions.process(clicks, by_user, records_alone).delivery == Delivery::refused);
  CHECK(sessions.counters().events_pending == 1);
  int summaries = 0;
  const auto take = [&](const StringSummary&) { ++summaries; };
  CHECK(sessions.flush(take).delivery == Delivery::ok);
  CHECK(summaries == 1);
  CHECK(adds_up(sessions));
}

}  // namespace
}  // namespace ledger_tests
