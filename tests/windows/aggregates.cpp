#include <sessionize/windows/aggregates.hpp>

#include "../property.hpp"
#include "../seeds.hpp"
#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace aggregates_tests {
namespace {

namespace sz = sessionize;

struct View {
  std::int64_t cents = 0;
  double seconds = 0;
  std::optional<std::string> page{};
  unsigned char level = 0;
  [[nodiscard]] std::string_view section() const { return page ? std::string_view(*page) : "none"; }
};
struct Seen {
  View view;
  sz::Moment moment;
};

template <class Aggregate>
typename Aggregate::State state_of(const Aggregate& aggregate, const std::vector<Seen>& events) {
  typename Aggregate::State state;
  for (const Seen& seen : events) aggregate.add(state, seen.view, seen.moment);
  return state;
}
template <class Aggregate>
auto result_of(const Aggregate& aggregate, const std::vector<Seen>& events) {
  return state_of(aggregate, events).result();
}

constexpr auto int64_max = std::numeric_limits<std::int64_t>::max();
constexpr auto int64_min = std::numeric_limits<std::int64_t>::min();

__extension__ using Wide = __int128;

}  // namespace

TEST_CASE("an aggregate of no events", "[windows][aggregates]") {
  // Holds: a default-constructed state has no events: counts and sums are 0, values null. Would
  // catch: a least value that starts at 0, or an uninitialized member.
  REQUIRE(sz::CountOf::State{}.result() == 0);
  REQUIRE(result_of(sz::sum(&View::cents), {}) == 0);
  REQUIRE(result_of(sz::sum(&View::seconds), {}) == 0);
  REQUIRE_FALSE(result_of(sz::min(&View::cents), {}).has_value());
  REQUIRE_FALSE(result_of(sz::max(&View::cents), {}).has_value());
  REQUIRE_FALSE(result_of(sz::first(&View::page), {}).has_value());
  REQUIRE_FALSE(result_of(sz::last(&View::page), {}).has_value());
  REQUIRE_FALSE(result_of(sz::first_arrived(&View::page), {}).has_value());
  REQUIRE(result_of(sz::distinct(&View::page, 2), {}) == sz::DistinctCount{0, true});
}

TEST_CASE("what each aggregate says", "[windows][aggregates]") {
  // Holds: each says what its name says, whatever the order of arrival; an empty value is no value.
  // Would catch: first() by arrival or first_arrived() by time; an event without a page that hides
  // the page of another; a text that is kept as a view of an event that is gone.
  const std::vector<Seen> events{{{3, 0.5, "/b", 7}, {20, 0}},
                                 {{-4, 0.25, std::nullopt, 7}, {10, 1}},
                                 {{9, 2, "/a", 8}, {15, 2}},
                                 {{1, 1, "/c", 8}, {20, 3}},
                                 {{1, 1, std::nullopt, 9}, {30, 4}}};
  REQUIRE(result_of(sz::count(), events) == 5);
  REQUIRE(result_of(sz::sum(&View::cents), events) == 10);
  REQUIRE(result_of(sz::sum(&View::level), events) == 39);
  REQUIRE(result_of(sz::sum(&View::seconds), events) == 4.75);
  REQUIRE(result_of(sz::sum<double>([](const View& v) { return v.cents; }), events) == 10.0);
  REQUIRE(result_of(sz::min(&View::cents), events) == -4);
  REQUIRE(result_of(sz::max(&View::cents), events) == 9);
  REQUIRE(result_of(sz::first(&View::cents), events) == -4);
  REQUIRE(result_of(sz::first(&View::page), events) == std::optional<std::string>("/a"));
  REQUIRE(result_of(sz::last(&View::page), events) == std::optional<std::string>("/c"));
  REQUIRE(result_of(sz::first_arrived(&View::page), events) == std::optional<std::string>("/b"));
  REQUIRE(result_of(sz::first(&View::section), events) == std::optional<std::string>("none"));
  REQUIRE(result_of(sz::distinct(&View::page, 3), events) == sz::DistinctCount{3, true});
  REQUIRE(result_of(sz::distinct(&View::page, 2), events) == sz::DistinctCount{2, false});

  const auto several = sz::aggregates(sz::count(), sz::sum(&View::cents), sz::last(&View::page));
  const auto state = state_of(several, events);
  REQUIRE(state.get<0>() == 5);
  REQUIRE(state.get<1>() == 10);
  REQUIRE(state.get<2>() == std::optional<std::string>("/c"));
  REQUIRE(state.result() ==
          std::tuple(std::uint64_t{5}, std::int64_t{10}, std::optional<std::string>("/c")));
}

TEST_CASE("a sum of integers beyond 64 bits", "[windows][aggregates]") {
  // Holds: the sum is exact on the way, and the nearest that 64 bits can say in the end. Would
  // catch: an overflow that wraps or is undefined, and a sum that saturates on the way, so that
  // what comes back into range does so only in some orders.
  const auto sum = sz::sum(&View::cents);
  REQUIRE(result_of(sum, {{{int64_max}, {}}, {{1}, {}}}) == int64_max);
  REQUIRE(result_of(sum, {{{int64_max}, {}}, {{1}, {}}, {{-2}, {}}}) == int64_max - 1);
  REQUIRE(result_of(sum, {{{int64_min}, {}}, {{-1}, {}}}) == int64_min);
  REQUIRE(result_of(sum, {{{int64_min}, {}}, {{-1}, {}}, {{3}, {}}}) == int64_min + 2);
  REQUIRE(result_of(sum, {{{int64_min}, {}}, {{int64_max}, {}}}) == -1);
  REQUIRE(result_of(sum, {{{-1}, {}}, {{1}, {}}}) == 0);
  const auto unsigned_sum =
      sz::sum<std::uint64_t>([](const View& v) { return static_cast<std::uint64_t>(v.cents); });
  REQUIRE(result_of(unsigned_sum, {{{-1}, {}}}) == std::numeric_limits<std::uint64_t>::max());
  REQUIRE(result_of(unsigned_sum, {{{-1}, {}}, {{1}, {}}}) ==
          std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("a sum of doubles is rounded once", "[windows][aggregates]") {
  // Holds: the sum is the double nearest to the true one. Would catch: a plain +=, whose result
  // depends on the order in which events arrive and sessions merge; a rounding that looks at two
  // parts only, where the third decides a tie.
  const auto sum = [](std::vector<double> values) {
    std::vector<Seen> events;
    for (const double value : values) events.push_back({{0, value}, {}});
    return result_of(sz::sum(&View::seconds), events);
  };
  REQUIRE(sum({1e100, 1, -1e100}) == 1);
  REQUIRE(sum({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}) == 1);
  const double half = std::ldexp(1, -53);
  REQUIRE(sum({1, half}) == 1);
  REQUIRE(sum({1, half, std::ldexp(1, -110)}) > 1);
  REQUIRE(sum({1, half, -std::ldexp(1, -110)}) == 1);
  REQUIRE(sum({-1, -half, -std::ldexp(1, -110)}) < -1);
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE(sum({1, infinity, 1}) == infinity);
  REQUIRE(std::isnan(sum({infinity, 1, -infinity})));
  REQUIRE(std::isnan(sum({1, std::nan(""), 2})));
  REQUIRE(sum({std::numeric_limits<double>::max(), std::numeric_limits<double>::max()}) ==
          infinity);
}

TEST_CASE("a NaN has no place in an order", "[windows][aggregates]") {
  // Holds: min, max and distinct pass over it. Would catch: a result that depends on whether the
  // NaN came first, and a sorted set that a NaN has broken.
  for (const bool nan_first : {true, false}) {
    std::vector<Seen> events{{{0, std::nan("")}, {0, 0}}, {{0, 2}, {1, 1}}, {{0, 1}, {2, 2}}};
    if (!nan_first) std::swap(events[0], events[1]);
    REQUIRE(result_of(sz::min(&View::seconds), events) == 1.0);
    REQUIRE(result_of(sz::max(&View::seconds), events) == 2.0);
    REQUIRE(result_of(sz::distinct(&View::seconds, 5), events) == sz::DistinctCount{2, true});
  }
}

TEST_CASE("no aggregate costs nothing", "[windows][aggregates]") {
  // Holds: a session's state is no larger for NoAggregate, nor an aggregate for a stateless
  // callable. Would catch: a member that is not empty.
  struct Session {
    std::int64_t start;
    [[no_unique_address]] sz::NoAggregate::State aggregate;
  };
  STATIC_REQUIRE(sizeof(Session) == sizeof(std::int64_t));
  STATIC_REQUIRE(std::is_empty_v<sz::NoAggregate>);
  STATIC_REQUIRE(sz::aggregate<sz::NoAggregate, View>);
  STATIC_REQUIRE(std::is_empty_v<decltype(sz::sum<int>([](const View&) { return 1; }))>);
}

TEST_CASE("what is an aggregate of which events", "[windows][aggregates]") {
  // Holds: the concept tells an aggregate of these events from others, and a value that would be
  // changed by being kept is refused. Would catch: a constraint that is checked only within add().
  struct Other {};
  const auto twice = [](const View& v) { return 2 * v.seconds; };
  STATIC_REQUIRE(sz::aggregate<decltype(sz::sum(&View::cents)), View>);
  STATIC_REQUIRE_FALSE(sz::aggregate<decltype(sz::sum(&View::cents)), Other>);
  STATIC_REQUIRE(sz::aggregate<decltype(sz::sum<double>(twice)), View>);
  STATIC_REQUIRE_FALSE(sz::aggregate<decltype(sz::sum<int>(twice)), View>);
  STATIC_REQUIRE_FALSE(
      sz::aggregate<decltype(sz::sum<int>([](const View& v) { return v.cents; })), View>);
  STATIC_REQUIRE(sz::aggregate<sz::CountOf, Other>);
  STATIC_REQUIRE_FALSE(
      sz::aggregate<decltype(sz::aggregates(sz::count(), sz::min(&View::cents))), Other>);
}

TEST_CASE("merging is associative and commutative", "[windows][aggregates]") {
  // Holds: however a set of events is split into parts, in whatever order each part adds its own
  // and the parts merge, the result is that of a plain computation over the set. Would catch: a
  // merge that forgets one side, a tie that the order of merging decides, a limit that an empty
  // part does not know, a sum that rounds on the way.
  const auto aggregate = sz::aggregates(
      sz::count(), sz::sum(&View::cents), sz::sum(&View::seconds), sz::min(&View::cents),
      sz::max(&View::page), sz::first(&View::page), sz::last(&View::cents),
      sz::first_arrived(&View::page), sz::distinct(&View::page, 3));
  using State = decltype(aggregate)::State;
  seeds::for_each(500, [&](std::uint64_t seed) {
    property::Random random(seed);
    std::vector<Seen> events;
    for (std::uint64_t i = 0, size = random.below(12); i < size; ++i) {
      View view;
      view.cents = random.one_of({int64_min, int64_max, std::int64_t{-3}, std::int64_t{5}});
      view.seconds = std::ldexp(static_cast<double>(random.below(1000)) - 500,
                                static_cast<int>(random.below(101)) - 50);
      if (!random.once_in(4)) view.page = std::string(1, static_cast<char>('a' + random.below(5)));
      events.push_back({view, {static_cast<std::int64_t>(random.below(5)), i}});
    }

    // Parts of the events, each in any order.
    std::vector<State> parts(1 + random.below(5));
    for (std::size_t i = events.size(); i > 1; --i)
      std::swap(events[i - 1], events[random.below(i)]);
    for (const Seen& seen : events)
      aggregate.add(parts[random.below(parts.size())], seen.view, seen.moment);
    while (parts.size() > 1) {
      const std::size_t from = random.below(parts.size());
      std::size_t into = random.below(parts.size() - 1);
      if (into >= from) ++into;
      parts[into].merge(parts[from]);
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(from));
    }
    const State& got = parts.front();

    // The plain computation: all events in the order of their moments.
    std::sort(events.begin(), events.end(),
              [](const Seen& a, const Seen& b) { return a.moment < b.moment; });
    std::int64_t extremes = 0, small = 0;  // int64_min + int64_max is -1
    Wide seconds = 0;                      // in units of 2^-50
    std::vector<std::int64_t> cents;
    std::vector<std::string> pages;
    std::map<std::uint64_t, std::string> arrived;
    for (const auto& [view, moment] : events) {
      cents.push_back(view.cents);
      seconds += static_cast<Wide>(std::ldexp(view.seconds, 50));
      if (view.cents == int64_min) --small;
      extremes += view.cents == int64_max ? 1 : view.cents == int64_min ? -1 : 0;
      if (std::abs(static_cast<double>(view.cents)) < 10) small += view.cents;
      if (view.page) pages.push_back(*view.page);
      if (view.page) arrived[moment.arrival] = *view.page;
    }
    // The sum is extremes * int64_max + small, where small is no larger than 100.
    const std::int64_t cents_sum = extremes == 0                   ? small
                                   : extremes == 1 && small <= 0   ? int64_max + small
                                   : extremes == -1 && small >= -1 ? -int64_max + small
                                   : extremes > 0                  ? int64_max
                                                                   : int64_min;
    using Page = std::optional<std::string>;
    const std::size_t different = std::set<std::string>(pages.begin(), pages.end()).size();
    REQUIRE(got.get<0>() == events.size());
    REQUIRE(got.get<1>() == cents_sum);
    REQUIRE(got.get<3>() == (events.empty() ? std::optional<std::int64_t>()
                                            : *std::min_element(cents.begin(), cents.end())));
    REQUIRE(got.get<4>() ==
            (pages.empty() ? Page() : Page(*std::max_element(pages.begin(), pages.end()))));
    REQUIRE(got.get<5>() == (pages.empty() ? Page() : Page(pages.front())));
    REQUIRE(got.get<6>() ==
            (events.empty() ? std::optional<std::int64_t>() : std::optional(cents.back())));
    REQUIRE(got.get<7>() == (arrived.empty() ? Page() : Page(arrived.begin()->second)));
    REQUIRE(got.get<8>() ==
            (different > 3 ? sz::DistinctCount{3, false} : sz::DistinctCount{different, true}));
    REQUIRE(got.get<2>() == std::ldexp(static_cast<double>(seconds), -50));
  });
}

}  // namespace aggregates_tests
