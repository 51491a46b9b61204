#include <sessionize/windows/join.hpp>

#include <sessionize/record.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/collect.hpp>
#include <sessionize/windows/aggregates.hpp>

#include "../property.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace join_tests {
namespace {

using namespace std::chrono_literals;
namespace sz = sessionize;
using Clock = sz::EventClock;
using Time = Clock::time_point;
using std::chrono::milliseconds;

struct View {
  std::string user;
  Time time;
  std::int64_t cents = 0;
  milliseconds gap{};  // of its own, where gaps are per event
  std::uint64_t arrival = 0;
};

using Aggregate = decltype(sz::aggregates(sz::sum(&View::cents), sz::first(&View::cents),
                                          sz::distinct(&View::cents, 3)));
const Aggregate aggregate =
    sz::aggregates(sz::sum(&View::cents), sz::first(&View::cents), sz::distinct(&View::cents, 3));

struct Session : sz::Summary<Clock, std::string> {
  Aggregate::State aggregate;
};
/// A session of events with gaps of their own.
struct EndingSession : Session {
  Time end{};
};
using Options = sz::JoinOptions<Time>;

std::string text_of(const Session& session) {
  const auto [sum, first, different] = session.aggregate.result();
  return session.key + " " + property::text_of(session.start) + ".." +
         property::text_of(session.last) + " events " + property::text_of(session.events) + " " +
         std::string(to_string(session.reason)) + " sum " + std::to_string(sum) + " first " +
         property::text_of(first) + " different " + std::to_string(different.count) +
         (different.exact ? "" : " or more");
}
template <class S>
std::vector<std::string> text_of(const std::vector<S>& sessions) {
  std::vector<std::string> texts;
  for (const Session& session : sessions) texts.push_back(text_of(session));
  return texts;
}

/// What a run over `events` gives, computed by sorting and cutting. Days have 24 hours and begin at
/// 0; `by_day` says whether they end sessions. Times are small: nothing overflows.
template <class S>
std::vector<S> batch(std::vector<View> events, const Options& options, bool by_day) {
  constexpr bool own_gaps = std::is_same_v<S, EndingSession>;
  std::sort(events.begin(), events.end(), [](const View& a, const View& b) {
    return std::tie(a.user, a.time, a.arrival) < std::tie(b.user, b.time, b.arrival);
  });
  const bool splits = options.at_gap == sz::AtGap::splits;
  const auto day_of = [](Time time) { return std::chrono::floor<std::chrono::days>(time); };
  std::map<std::string, Time> latest;  // of each key, and of all
  std::vector<S> sessions;
  std::vector<Time> ends;
  for (const View& event : events) {
    const Time end = event.time + (own_gaps ? event.gap : options.gap);
    const bool same_key = !sessions.empty() && sessions.back().key == event.user;
    const bool near = same_key && (splits ? event.time < ends.back() : event.time <= ends.back());
    const bool next_day = same_key && by_day && day_of(event.time) > day_of(sessions.back().last);
    if (near && next_day) sessions.back().reason = sz::CloseReason::day_boundary;
    if (!near || next_day) {
      sessions.emplace_back();
      ends.push_back(end);
      sessions.back().key = event.user;
      sessions.back().start = event.time;
      sessions.back().events = 0;
    }
    S& session = sessions.back();
    session.last = event.time;
    ends.back() = std::max(ends.back(), end);
    if constexpr (own_gaps) session.end = ends.back();
    ++*session.events;
    aggregate.add(session.aggregate, event, {event.time.time_since_epoch().count(), event.arrival});
    for (const std::string& whose : {event.user, std::string()})
      latest[whose] = std::max(latest.try_emplace(whose, event.time).first->second, event.time);
  }
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (sessions[i].reason == sz::CloseReason::day_boundary) continue;
    Time watermark = options.watermark;
    if (options.out_of_order) {
      const Time moved =
          latest[options.watermark_of == sz::WatermarkOf::key ? sessions[i].key : std::string()] -
          *options.out_of_order;
      watermark = std::max(watermark, moved);
    }
    const Time closes = ends[i] + options.lateness;
    const bool idle = splits ? closes <= watermark : closes < watermark;
    sessions[i].reason = idle ? sz::CloseReason::idle : sz::CloseReason::flush;
  }
  std::sort(sessions.begin(), sessions.end(), [](const S& a, const S& b) {
    return std::tie(a.start, a.key) < std::tie(b.start, b.key);
  });
  return sessions;
}

/// Shards, each with what a run over it gives, and their join.
template <class S, class Rule>
std::vector<S> join(const std::vector<std::vector<S>>& shards, const Options& options, Rule rule) {
  sz::SessionJoin<S, Rule> whole(options, rule);
  for (const auto& shard : shards) REQUIRE_FALSE(whole.add(shard));
  return whole.sessions();
}

template <class S, class Rule>
void check_random(std::uint64_t seed, Rule rule) {
  property::Random random(seed);
  constexpr bool by_day = !std::is_same_v<Rule, sz::NoRule>;
  Options options{.gap = std::chrono::hours(random.below(4))};
  options.at_gap = random.one_of({sz::AtGap::continues, sz::AtGap::splits});
  // Where a gap of nothing splits, each event is a session, and which is which cannot be said.
  if (options.at_gap == sz::AtGap::splits) options.gap += 1h;
  options.out_of_order = std::chrono::hours(random.below(4));
  options.lateness = std::chrono::hours(random.below(2));
  if (random.once_in(2)) options.watermark_of = sz::WatermarkOf::key;

  std::vector<View> events;
  for (std::uint64_t i = 0, size = random.below(40); i < size; ++i) {
    View view;
    view.user = random.one_of({"ann", "bob", "cy"});
    view.time = Time(std::chrono::hours(random.below(100)) - 50h);
    view.cents = static_cast<std::int64_t>(random.below(6));
    view.gap = std::chrono::hours(1 + random.below(5));
    view.arrival = i;
    events.push_back(view);
  }
  // Cut by time, as days are, or by chance, as shards of arrival are.
  const bool by_time = random.once_in(2);
  const std::uint64_t count = 1 + random.below(5);
  std::vector<std::vector<View>> cut(count);
  std::vector<Time> borders;
  for (std::uint64_t i = 1; i < count; ++i)
    borders.push_back(Time(std::chrono::hours(random.below(100)) - 50h));
  std::sort(borders.begin(), borders.end());
  for (const View& event : events) {
    const auto after = std::upper_bound(borders.begin(), borders.end(), event.time);
    const auto shard =
        by_time ? static_cast<std::size_t>(after - borders.begin()) : random.below(count);
    cut[shard].push_back(event);
  }
  if (random.once_in(4)) options.out_of_order.reset();
  Options in_shard = options;
  // A caller's own watermark is never further in a shard's run than at the end of the one run.
  if (random.once_in(3)) {
    in_shard.watermark = Time(std::chrono::hours(random.below(100)) - 50h);
    options.watermark = in_shard.watermark + std::chrono::hours(random.below(20));
  }

  const auto expected = text_of(batch<S>(events, options, by_day));
  std::vector<std::vector<S>> shards;
  for (const auto& part : cut) shards.push_back(batch<S>(part, in_shard, by_day));
  CHECK(text_of(join(shards, options, rule)) == expected);

  // In any order of joining: what two shards come to is a shard again.
  while (shards.size() > 1) {
    const auto at = static_cast<std::size_t>(random.below(shards.size() - 1));
    shards[at] = join<S>({shards[at + 1], shards[at]}, in_shard, rule);
    shards.erase(shards.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  CHECK(text_of(join(shards, options, rule)) == expected);
}

sz::Summary<Clock, std::string> session(Time start, Time last, sz::CloseReason reason) {
  return {.key = "ann", .start = start, .last = last, .events = 2, .reason = reason};
}
using Join = sz::SessionJoin<sz::Summary<Clock, std::string>>;

}  // namespace

TEST_CASE("what shards come to is what one run gives", "[windows][join]") {
  // Holds: however events are cut into shards, by time or by chance, the joined sessions are those
  // of a plain computation over all events (start, last, events, aggregates, reason), whatever the
  // order in which shards are joined. Would catch: a session that a border cuts in two or three and
  // that is joined once; one that lies within another; exactly the gap across a border; a `flush`
  // of a shard's end that stays; a reason that is taken from the wrong part.
  seeds::for_each(1500, [&](std::uint64_t seed) {
    check_random<Session>(seed, sz::NoRule{});
    check_random<Session>(seed, sz::any_of(std::optional(sz::day_boundary())));
    check_random<EndingSession>(seed, sz::NoRule{});
    check_random<EndingSession>(seed, sz::day_boundary());
  });
}

TEST_CASE("exactly the gap across a border", "[windows][join]") {
  // Holds: the gap is measured across the border of two shards as within one. Would catch: a join
  // with a comparison of its own.
  using enum sz::CloseReason;
  for (const auto at_gap : {sz::AtGap::continues, sz::AtGap::splits}) {
    for (const milliseconds pause : {9'999ms, 10'000ms, 10'001ms}) {
      Join join({.gap = 10s, .at_gap = at_gap});
      REQUIRE_FALSE(join.add(std::vector{session(Time{0s}, Time{5s}, flush)}));
      REQUIRE_FALSE(join.add(std::vector{session(Time{5s} + pause, Time{60s}, flush)}));
      const auto sessions = join.sessions();
      const bool is_one = at_gap == sz::AtGap::continues ? pause <= 10s : pause < 10s;
      REQUIRE(sessions.size() == (is_one ? 1 : 2));
      REQUIRE(sessions.back() == (is_one ? sz::Summary<Clock, std::string>{.key = "ann",
                                                                           .start = Time{0s},
                                                                           .last = Time{60s},
                                                                           .events = 4,
                                                                           .reason = flush}
                                         : session(Time{5s} + pause, Time{60s}, flush)));
      if (!is_one) REQUIRE(sessions.front() == session(Time{0s}, Time{5s}, idle));
    }
  }
}

TEST_CASE("midnight between two shards", "[windows][join]") {
  // Holds: a session that goes on behind midnight is closed as day_boundary where the rule is on,
  // at its offset, though its shard had ended and said flush; past the gap it is idle. Would catch:
  // a reason that stays what the shard said, an offset that is forgotten.
  using enum sz::CloseReason;
  const Time midnight{24h};
  const auto run = [&](auto rule, Time next) {
    sz::SessionJoin<sz::Summary<Clock, std::string>, decltype(rule)> join({.gap = 10s}, rule);
    REQUIRE_FALSE(join.add(std::vector{session(midnight - 20s, midnight - 1s, flush)}));
    REQUIRE_FALSE(join.add(std::vector{session(next, midnight + 60s, flush)}));
    std::vector<sz::CloseReason> reasons;
    for (const auto& joined : join.sessions()) reasons.push_back(joined.reason);
    return reasons;
  };
  using Reasons = std::vector<sz::CloseReason>;
  REQUIRE(run(sz::day_boundary(), midnight) == Reasons{day_boundary, flush});
  REQUIRE(run(sz::day_boundary(), midnight + 9s) == Reasons{day_boundary, flush});
  REQUIRE(run(sz::day_boundary(), midnight + 10s) == Reasons{idle, flush});
  REQUIRE(run(sz::day_boundary(2h), midnight) == Reasons{flush});
  REQUIRE(run(sz::NoRule{}, midnight) == Reasons{flush});
}

TEST_CASE("a Sessionizer over sorted events, cut by day", "[windows][join]") {
  // Holds: summaries of the arrival-order sessionizer over each day's sorted events come to those
  // of one over all, also which of the key's sessions each is. Would catch: an ordinal that starts
  // again with each shard, a watermark of all keys where each has its own.
  property::Random random(7);
  using Summary = sz::Summary<Clock, std::string>;
  std::vector<View> events;
  for (std::uint64_t i = 0; i < 3000; ++i)
    events.push_back({random.one_of({"ann", "bob", "cy", "di"}),
                      Time{std::chrono::seconds(random.below(10 * 86'400))}});
  std::stable_sort(events.begin(), events.end(),
                   [](const View& a, const View& b) { return a.time < b.time; });
  const auto run = [](const std::vector<View>& part) {
    std::vector<Summary> summaries;
    sz::Sessionizer<Clock, std::string> sessions({.gap = 20min});
    const auto by = sz::by(&View::user, &View::time);
    REQUIRE(sessions.process(part, by, sz::collect(summaries)).events == part.size());
    REQUIRE(sessions.flush(sz::collect(summaries)).delivery == sz::Delivery::ok);
    return summaries;
  };
  auto expected = run(events);
  std::sort(expected.begin(), expected.end(), [](const Summary& a, const Summary& b) {
    return std::tie(a.start, a.key) < std::tie(b.start, b.key);
  });
  Join join({.gap = 20min, .watermark_of = sz::WatermarkOf::key});
  for (int day = 0; day < 10; ++day) {
    std::vector<View> part;
    for (const View& event : events)
      if (event.time >= Time{day * 24h} && event.time < Time{(day + 1) * 24h})
        part.push_back(event);
    REQUIRE_FALSE(join.add(run(part)));
  }
  REQUIRE(join.sessions() == expected);
}

TEST_CASE("sessions that a join cannot honour", "[windows][join]") {
  // Holds: a session that was closed by what a join knows nothing of is refused by that reason, and
  // nothing of its shard is taken. Would catch: one that is joined over its cut, a shard that is
  // taken by half and comes again.
  using enum sz::CloseReason;
  for (const auto reason :
       {end_marker, max_duration, carry, value_change, rule, evicted, erased, day_boundary}) {
    Join join({.gap = 10s});
    const std::vector shard{session(Time{0s}, Time{1s}, idle), session(Time{5s}, Time{6s}, reason)};
    REQUIRE(join.add(shard) == reason);
    REQUIRE(join.sessions().empty());
  }
}

TEST_CASE("reports of open sessions are not joined", "[windows][join]") {
  // Holds: of a run that reports a session more than once, the final result counts; the id is made
  // of the joined start. Would catch: events that count twice, an id that none of the rows has.
  enum class Op { open, update, retract, final };
  struct Report : sz::Summary<Clock, std::string> {
    Op op;
    Time id_time;
  };
  using enum sz::CloseReason;
  sz::SessionJoin<Report> join({.gap = 10s});
  REQUIRE_FALSE(
      join.add(std::vector<Report>{{session(Time{50s}, Time{50s}, flush), Op::open, Time{50s}},
                                   {session(Time{45s}, Time{50s}, idle), Op::final, Time{45s}},
                                   {session(Time{40s}, Time{41s}, idle), Op::final, Time{40s}}}));
  const auto sessions = join.sessions();
  REQUIRE(sessions.size() == 1);
  REQUIRE(sessions[0].events == 4U);
  REQUIRE(sessions[0].id_time == Time{40s});
}

TEST_CASE("a join at the ends of time", "[windows][join]") {
  // Holds: no comparison overflows, and a count that one part lacks is unknown. Would catch: last
  // plus gap, or the watermark, beyond int64.
  using enum sz::CloseReason;
  Join join({.gap = milliseconds::max(),
             .out_of_order = milliseconds::max(),
             .lateness = milliseconds::max()});
  auto uncounted = session(Time::min() + 1ms, Time{0s}, flush);
  uncounted.events.reset();
  REQUIRE_FALSE(join.add(std::vector{session(Time::max(), Time::max(), flush), uncounted,
                                     session(Time::min(), Time::min(), flush)}));
  const auto sessions = join.sessions();
  REQUIRE(sessions.size() == 1);
  REQUIRE(sessions[0].start == Time::min());
  REQUIRE(sessions[0].last == Time::max());
  REQUIRE_FALSE(sessions[0].events.has_value());
  REQUIRE(sessions[0].reason == flush);
  REQUIRE(Join().sessions().empty());

  Join short_gap({.gap = 1ms, .out_of_order = 0ms, .lateness = milliseconds::max()});
  REQUIRE_FALSE(short_gap.add(std::vector{session(Time::min(), Time::min(), flush),
                                          session(Time::max(), Time::max(), flush)}));
  REQUIRE(short_gap.sessions()[0].reason == idle);
}

// Holds: where the gap splits, a point and a session that begins where it lies are two, in whatever
// order they came. Would catch: an answer that hangs on the order of the shards.
TEST_CASE("a point and a session that begins where it lies", "[windows][join]") {
  EndingSession point, session;
  point.key = session.key = "ann";
  point.events = session.events = 1;
  session.last = Time{5s};
  session.end = Time{15s};
  sz::SessionJoin<EndingSession> join({.at_gap = sz::AtGap::splits});
  REQUIRE_FALSE(join.add(std::vector{session, point}));
  CHECK(join.sessions().size() == 2);
}

// Holds: a joined session's id is made of its start. Would catch: one that is known by the event
// that opened a part of it.
TEST_CASE("the id of a joined session is its start", "[windows][join]") {
  struct Report : sz::Summary<Clock, std::string> {
    Time id_time;
  };
  sz::SessionJoin<Report> join({.gap = 10s});
  REQUIRE_FALSE(join.add(
      std::vector<Report>{{session(Time{0s}, Time{5s}, sz::CloseReason::idle), Time{3s}}}));
  CHECK(join.sessions()[0].id_time == Time{0s});
}

// Holds: a session that a part of it has seen end is idle. Would catch: a reason that hangs on
// which of two parts with one end came first.
TEST_CASE("what an idle part has seen pass", "[windows][join]") {
  using enum sz::CloseReason;
  for (const auto& shard :
       {std::vector{session(Time{0s}, Time{5s}, idle), session(Time{3s}, Time{5s}, flush)},
        std::vector{session(Time{0s}, Time{5s}, flush), session(Time{3s}, Time{5s}, idle)},
        std::vector{session(Time{0s}, Time{5s}, idle)}}) {
    Join join({.gap = 10s, .out_of_order = std::nullopt});
    REQUIRE_FALSE(join.add(shard));
    CHECK(join.sessions()[0].reason == idle);
  }
}

}  // namespace join_tests
