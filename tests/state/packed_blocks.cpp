#include <sessionize/state/packed_blocks.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "seeds.hpp"

#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/state/entry_states.hpp>
#include <sessionize/state/integer_line.hpp>
#include <sessionize/state/integer_states.hpp>
#include <sessionize/state/key_states.hpp>
#include <sessionize/state/text_states.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace packed_blocks_tests {
namespace {

using namespace sessionize;

/// A clock of any period.
template <class Period>
struct ClockOf {
  using duration = std::chrono::duration<std::int64_t, Period>;
  using rep = std::int64_t;
  using period = Period;
  using time_point = std::chrono::time_point<ClockOf>;
};
using Milliseconds = ClockOf<std::milli>;
using Nanoseconds = ClockOf<std::nano>;

/// Keys of every kind that is kept in its own way.
template <class Key>
Key key_number(std::uint64_t n) {
  if constexpr (std::same_as<Key, std::string>) {
    // Empty, short, of one block, of several, and some that differ in one byte only.
    static constexpr std::size_t sizes[] = {0, 1, 3, 7, 8, 15, 36, 47, 48, 49, 100};
    if (n == 0) return "";
    std::string key(sizes[1 + n % 10], 'x');
    const std::string number = std::to_string(n / 10);
    const std::size_t at = n % 3 == 0 ? 0 : key.size() / 2;
    return key.insert(std::min(at, key.size()), number);
  } else if constexpr (std::same_as<Key, std::pair<int, int>>) {
    return {static_cast<int>(n / 7), static_cast<int>(n % 7)};
  } else {
    return static_cast<Key>(n % 5 == 0 ? n : n * 0x9e37'79b9'7f4a'7c15);
  }
}

template <class Clock, class Rule>
std::string show(const Placement<Clock>& placement) {
  std::ostringstream out;
  out << "reason " << static_cast<int>(placement.reason) << " opened "
      << placement.opened_at.time_since_epoch().count() << " start "
      << (placement.session_start
              ? std::to_string(placement.session_start->time_since_epoch().count())
              : "null")
      << " ordinal " << placement.ordinal;
  return out.str();
}

// Each kind of key is kept in the way that is tested here.
template <class Key, class Rule = NoRule>
using StatesOf = detail::KeyStates<Milliseconds, Key, Rule, Counting::on>;
static_assert(
    std::same_as<StatesOf<int>, detail::IntegerStates<Milliseconds, int, NoRule, Counting::on>>);
static_assert(
    std::same_as<StatesOf<std::string>, detail::TextStates<Milliseconds, NoRule, Counting::on>>);
static_assert(
    std::same_as<StatesOf<std::pair<int, int>>,
                 detail::EntryStates<Milliseconds, std::pair<int, int>, NoRule, Counting::on>>);
static_assert(sizeof(detail::IntegerLine<std::uint32_t, true>) == 64);
static_assert(sizeof(detail::IntegerLine<std::uint32_t, false>) == 64);
static_assert(sizeof(detail::IntegerLine<std::uint64_t, true>) == 64);
static_assert(sizeof(detail::IntegerLine<std::uint64_t, false>) == 64);
static_assert(sizeof(detail::TextRecord<std::uint32_t>) == 64);

/// A map of states and the rules, and nothing else.
template <class Clock, class Key, class Rule, Counting counting>
class Plain {
 public:
  using time_point = typename Clock::time_point;
  using State = KeyState<Clock, Rule, counting>;
  using Closed = std::pair<std::pair<time_point, Key>, std::pair<time_point, std::uint64_t>>;

  explicit Plain(SessionRules<Clock, Rule> rules) : rules_(std::move(rules)) {}

  Placement<Clock> observe(const Key& key, time_point time) {
    const auto [at, is_new] = states.try_emplace(key);
    const SplitReason reason = rules_.reason(is_new ? nullptr : &at->second, time, NoEvent{});
    rules_.advance(at->second, reason, time, NoEvent{});
    if (reason != SplitReason::none) ++counters.sessions_started;
    if (reason != SplitReason::none && !is_new) ++closed(close_reason(reason));
    const State& state = at->second;
    return {time, reason, rules_.carried(state.session_start, time), state.session_start,
            state.ordinal};
  }
  std::vector<Closed> expire(time_point now) {
    std::vector<Closed> closed;
    for (auto at = states.begin(); at != states.end();) {
      if (rules_.gap_splits(at->second.previous, now)) {
        closed.push_back(summary(*at));
        ++this->closed(CloseReason::idle);
        at = states.erase(at);
      } else {
        ++at;
      }
    }
    std::sort(closed.begin(), closed.end());
    return closed;
  }
  static Closed summary(const std::pair<const Key, State>& of) {
    std::uint64_t events = 0;
    if constexpr (counting == Counting::on) events = of.second.events;
    return {{of.second.session_start, of.first}, {of.second.last, events}};
  }

  std::uint64_t& closed(CloseReason reason) {
    return counters.sessions_closed_by_reason[static_cast<std::size_t>(reason)];
  }

  std::map<Key, State> states;
  Counters counters{};  // of sessions, by reason

 private:
  SessionRules<Clock, Rule> rules_;
};

/// Plays random calls, columns among them, to a Sessionizer and to the map, and says where they
/// disagree; "" if nowhere.
template <class Clock, class Key, class Rule, Counting counting>
std::string disagreement(std::uint64_t seed) {
  using time_point = typename Clock::time_point;
  using Duration = typename Clock::duration;
  detail::seed_source() = seed;  // of the tables' hashes
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  const auto chance = [&below](std::uint64_t one_in) { return below(one_in) == 0; };
  constexpr std::int64_t second = Duration(std::chrono::seconds{1}).count();

  Options<Clock> options;
  options.gap = Duration{static_cast<std::int64_t>(below(20) * second / 2)};
  options.at_gap = chance(2) ? AtGap::splits : AtGap::continues;
  options.gap_from = chance(3) ? GapFrom::latest_time : GapFrom::previous_arrival;
  if (chance(2)) options.carry = Duration{static_cast<std::int64_t>(below(60)) * second};
  options.past_carry = chance(2) ? PastCarry::splits : PastCarry::is_null;
  if (chance(8)) options.gap = Duration::max();
  // Every event starts a session then, also one whose key is not there.
  if (chance(8)) {
    options.gap = Duration::zero();
    options.at_gap = AtGap::splits;
  }
  Rule rule{};
  if constexpr (std::same_as<Rule, MaxDuration<std::chrono::seconds>>)
    rule = max_duration(std::chrono::seconds{static_cast<std::int64_t>(below(40))});

  Sessionizer<Clock, Key, Rule, counting> sessions(options, rule);
  Plain<Clock, Key, Rule, counting> plain({options, rule});
  std::uint64_t sizes[] = {3, 60, 500, 9000};
  const std::uint64_t keys_in_all = sizes[below(4)];
  const bool wild = chance(3);
  std::int64_t now = static_cast<std::int64_t>(below(1) ? 0 : 1'700'000'000 * second);
  const auto next_time = [&] {
    now += static_cast<std::int64_t>(below(second * 8 / (chance(4) ? 1 : 64) + 1));
    if (wild && chance(200)) {
      const std::int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
      return time_point{Duration{ends[below(6)]}};
    }
    if (wild && chance(300)) now += static_cast<std::int64_t>(below(80'000'000)) * second;
    const std::int64_t back = chance(12) ? static_cast<std::int64_t>(below(20) * second) : 0;
    return time_point{Duration{now - back}};
  };

  using Closed = typename decltype(plain)::Closed;
  const auto into = [](std::vector<Closed>& closed) {
    return on_summary([&closed](const auto& summary) {
      closed.push_back(
          {{summary.start, Key(summary.key)}, {summary.last, summary.events.value_or(0)}});
    });
  };
  for (int call = 0; call < 60; ++call) {
    const auto where = [&](std::size_t i) {
      return "call " + std::to_string(call) + " event " + std::to_string(i) + ": ";
    };
    const std::uint64_t what = below(20);
    if (what < 14) {
      std::size_t counts[] = {0, 1, 2, 63, 64, 65, 128, 1000, 3000};
      const std::size_t count = counts[below(9)];
      const std::uint64_t of = chance(3) ? 1 + below(keys_in_all) : keys_in_all;
      std::vector<Key> keys;
      std::vector<time_point> times;
      std::vector<Placement<Clock>> expected;
      for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(key_number<Key>(below(of)));
        times.push_back(next_time());
        expected.push_back(plain.observe(keys.back(), times.back()));
      }
      if (what < 3) {
        for (std::size_t i = 0; i < count; ++i) {
          const Placement<Clock> got = sessions.observe(keys[i], times[i]);
          if (got != expected[i])
            return where(i) + show<Clock, Rule>(got) + ", not " + show<Clock, Rule>(expected[i]);
        }
      } else if (what < 8) {
        std::vector<Placement<Clock>> got(count);
        if (sessions.observe_columns(keys, times, got) != 0) return where(0) + "rejections";
        for (std::size_t i = 0; i < count; ++i)
          if (got[i] != expected[i])
            return where(i) + show<Clock, Rule>(got[i]) + ", not " + show<Clock, Rule>(expected[i]);
      } else if (what < 11) {
        std::vector<time_point> got(count);
        static_cast<void>(sessions.observe_columns(keys, times, got));
        for (std::size_t i = 0; i < count; ++i)
          if (got[i] != expected[i].opened_at) return where(i) + "another start";
      } else {
        std::vector<std::optional<time_point>> got(count);
        static_cast<void>(sessions.observe_columns(keys, times, got));
        for (std::size_t i = 0; i < count; ++i)
          if (got[i] != expected[i].session_start) return where(i) + "another carried start";
      }
    } else if (what < 16) {
      const time_point at = next_time();
      std::vector<Closed> closed;
      static_cast<void>(sessions.expire(at, into(closed)));
      if (closed != plain.expire(at)) return where(0) + "expire() closed others";
    } else if (what < 18) {
      // A whole turn of the sweep closes what expire() does.
      const time_point at = next_time();
      std::vector<Closed> closed;
      const std::size_t step = 1 + below(5000);
      for (std::size_t swept = 0; swept < 12 * keys_in_all + 5000; swept += step)
        static_cast<void>(sessions.sweep(at, step, into(closed)));
      std::sort(closed.begin(), closed.end());
      if (closed != plain.expire(at)) return where(0) + "sweep() closed others";
    } else if (what == 18) {
      for (std::uint64_t erased = below(keys_in_all); erased != 0; --erased) {
        const Key key = key_number<Key>(below(keys_in_all));
        const auto there = plain.states.find(key);
        const auto summary = sessions.erase(key);
        if (summary.has_value() != (there != plain.states.end())) return where(0) + "erase()";
        if (summary) {
          plain.states.erase(there);
          ++plain.closed(CloseReason::erased);
        }
      }
    } else {
      auto copy = sessions;
      sessions = chance(2) ? std::move(copy) : copy;
    }
    if (sessions.size() != plain.states.size()) return where(0) + "size()";
    const Counters counters = sessions.counters();
    std::uint64_t open = 0;
    std::vector<Closed> all, got;
    for (const auto& each : plain.states) {
      all.push_back(plain.summary(each));
      open += all.back().second.second;
    }
    sessions.for_each_open([&got](const auto& summary) {
      got.push_back(
          {{summary.start, Key(summary.key)}, {summary.last, summary.events.value_or(0)}});
    });
    std::sort(all.begin(), all.end());
    std::sort(got.begin(), got.end());
    if (all != got) return where(0) + "other sessions are open";
    if (counting == Counting::on && counters.accepted != counters.events_emitted + open)
      return where(0) + "the ledger does not add up";
    if (counters.sessions_started != plain.counters.sessions_started ||
        counters.sessions_closed_by_reason != plain.counters.sessions_closed_by_reason)
      return where(0) + "sessions are counted otherwise";
    if (sessions.size() != 0) {
      const auto& [key, state] = *plain.states.begin();
      const auto found = sessions.find(key);
      if (!found || found->last != state.last) return where(0) + "find()";
    }
  }
  return "";
}

template <class Clock, class Key, class Rule, Counting counting>
void check(std::uint64_t last_seed) {
  const bool vectors = detail::use_avx2();
  seeds::for_each(last_seed, [&](std::uint64_t seed) {
    for (const bool portable : {false, true}) {
      INFO((portable ? "the portable path" : "the path of this processor"));
      detail::use_avx2() = vectors && !portable;
      const std::string found = disagreement<Clock, Key, Rule, counting>(seed);
      detail::use_avx2() = vectors;
      REQUIRE(found == "");
    }
  });
}

using Limit = MaxDuration<std::chrono::seconds>;

}  // namespace
}  // namespace packed_blocks_tests

using namespace packed_blocks_tests;

// Holds: columns, single events, expiry, sweeps, erasure and copies in any mixture give what a map
// of exact states gives, for the vector path and the portable one, for times that go back, leave
// the window of packed times or reach the ends of int64.
// Would catch: an event of a key decided on before an earlier one of it, a packed state that
// overflows, a line that is stale after the table has grown, a key lost by a split or an erasure.
TEST_CASE("columns of integer keys agree with a map of states") {
  check<Milliseconds, std::uint64_t, NoRule, Counting::off>(30);
}
TEST_CASE("columns of integer keys agree with a map of states, where nothing is counted") {
  check<Milliseconds, std::uint64_t, NoRule, Counting::nothing>(30);
}
TEST_CASE("columns of integer keys and wide times agree with a map of states, uncounted") {
  check<Nanoseconds, std::uint64_t, NoRule, Counting::nothing>(8);
}
TEST_CASE("columns of integer keys agree with a map of states, under a maximum duration") {
  check<Nanoseconds, std::int32_t, Limit, Counting::on>(20);
}
TEST_CASE("columns of texts agree with a map of states") {
  check<Nanoseconds, std::string, NoRule, Counting::off>(15);
}
TEST_CASE("columns of texts agree with a map of states, where nothing is counted") {
  check<Milliseconds, std::string, NoRule, Counting::nothing>(4);
}
TEST_CASE("columns of texts agree with a map of states, under a maximum duration") {
  check<Milliseconds, std::string, Limit, Counting::on>(15);
}
TEST_CASE("columns of other keys agree with a map of states") {
  check<Milliseconds, std::pair<int, int>, NoRule, Counting::on>(4);
}

/// Plays three events of one key, at any of some times, and compares with the map.
template <class Key>
void check_ends() {
  using std::chrono::milliseconds;
  const std::int64_t times[] = {INT64_MIN, INT64_MIN + 1,      INT64_MIN + 20'000, -1,
                                0,         INT64_MAX - 20'000, INT64_MAX - 1,      INT64_MAX};
  const auto at = [](std::int64_t ticks) { return Milliseconds::time_point{milliseconds{ticks}}; };
  const Key key = key_number<Key>(7);
  for (const std::int64_t first : times)
    for (const std::int64_t second : times)
      for (const std::int64_t third : times) {
        CAPTURE(first, second, third);
        const Options<Milliseconds> options{.gap = milliseconds{10'000}};
        Sessionizer<Milliseconds, Key, NoRule, Counting::on> sessions(options);
        Plain<Milliseconds, Key, NoRule, Counting::on> plain({options, {}});
        bool agree = true;
        for (const std::int64_t time : {first, second, third})
          agree &= static_cast<Placement<Milliseconds>>(sessions.observe(key, at(time))) ==
                   plain.observe(key, at(time));
        CHECK(agree);
        CHECK(sessions.find(key)->last == plain.states.at(key).last);
      }
}
// Holds: times at one end of int64 are far from those at the other. Would catch: a window of packed
// times that goes round the end.
TEST_CASE("the ends of time do not meet") {
  check_ends<std::uint64_t>();
  check_ends<std::string>();
}

// Holds: columns of events of known keys allocate nothing, and neither does reserved room.
// Would catch: a buffer for each call, growth in spite of reserve().
TEST_CASE("columns of known keys allocate nothing") {
  std::vector<int> keys(3000);
  std::vector<Milliseconds::time_point> times(keys.size()), starts(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<int>(i);
  Sessionizer<Milliseconds, int> sessions;
  sessions.reserve(keys.size());
  const auto before = allocations::made();
  for (int round = 0; round < 3; ++round) sessions.observe_columns(keys, times, starts);
  CHECK(allocations::made() == before);
}
