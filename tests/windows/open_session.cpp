#include <sessionize/windows/open_session.hpp>

#include "../property.hpp"
#include "../seeds.hpp"

#include "../catch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace open_session_test {
namespace {

namespace sz = sessionize;
using Time = sz::EventClock::time_point;

struct Sum {
  std::uint64_t sum = 0;
  void merge(const Sum& other) { sum += other.sum; }
};
using Session = sz::detail::OpenSession<sz::EventClock, Sum, true>;

struct Event {
  Time time, reach;
  std::uint64_t arrival;
};

Time at(std::uint64_t milliseconds) { return Time(sz::EventClock::duration(milliseconds)); }

void add(std::vector<Session>& to, const Event& event) {
  const auto add_to = [&event](Sum& state) { state.sum += event.arrival; };
  if (to.empty())
    to.emplace_back(event.time, event.reach, event.arrival, true, true, add_to);
  else
    to.front().add(event.time, event.reach, event.arrival, true, add_to);
}

// Holds: what a session is does not hang on which sessions it was before, and a part of it is what
// its events come to: their times, reaches, number and aggregate, known by the first of them to
// arrive. Would catch: kept events that are appended and not merged, ties in an order
// that hangs on which came first, a session that is known by the swallowed one's later event.
TEST_CASE("an open session is what its events are, in one piece or swallowed", "[windows]") {
  seeds::for_each(300, [](std::uint64_t seed) {
    property::Random random(seed);
    std::vector<Event> events(2 + random.below(12));
    for (std::size_t i = 0; i < events.size(); ++i) {
      const Time time = at(random.below(20));
      events[i] = {time, time + sz::EventClock::duration(random.below(10)), i + 1};
    }
    std::vector<Session> pieces[2];
    for (const Event& event : events) add(pieces[random.below(2)], event);
    if (pieces[0].empty()) std::swap(pieces[0], pieces[1]);
    Session& session = pieces[0].front();
    if (!pieces[1].empty()) session.swallow(pieces[1].front());

    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      return std::tie(a.time, a.reach, a.arrival) < std::tie(b.time, b.reach, b.arrival);
    });
    const auto check = [&](const Session::Part& part, std::size_t from, std::size_t to) {
      Event first = events[from];
      Time reach = first.reach;
      std::uint64_t sum = 0;
      for (std::size_t i = from; i < to; ++i) {
        if (events[i].arrival < first.arrival) first = events[i];
        reach = std::max(reach, events[i].reach);
        sum += events[i].arrival;
      }
      CHECK(part.start == events[from].time);
      CHECK(part.last == events[to - 1].time);
      CHECK(part.reach == reach);
      CHECK(part.events == to - from);
      CHECK(part.arrival == first.arrival);
      CHECK(part.id_time == first.time);
      CHECK(part.aggregate.sum == sum);
    };
    REQUIRE(session.kept.size() == events.size());
    for (std::size_t i = 0; i < events.size(); ++i)
      REQUIRE(session.kept[i].arrival == events[i].arrival);
    for (std::size_t from = 0; from < events.size(); ++from)
      for (std::size_t to = from + 1; to <= events.size(); ++to)
        check(session.part(from, to), from, to);

    CHECK(session.start == events.front().time);
    CHECK(session.last == events.back().time);
    CHECK(session.events == events.size());
    const auto dropped = random.below(events.size());
    if (dropped != 0) session.drop_front(dropped);
    auto left = session.whole();
    left.aggregate = session.part(0, session.kept.size()).aggregate;  // kept with the events
    check(left, dropped, events.size());

    // What a session is split into, each piece as if it had been opened by its own events.
    std::size_t from = dropped;
    for (auto rest = std::move(session);;) {
      const std::size_t connected = rest.connected();
      std::size_t expected = 1;
      for (Time reach = events[from].reach;
           from + expected < events.size() && events[from + expected].time <= reach; ++expected)
        reach = std::max(reach, events[from + expected].reach);
      REQUIRE(connected == expected);
      if (connected == rest.kept.size()) break;
      auto behind = rest.split(connected);
      auto front = rest.whole();
      front.aggregate = rest.part(0, rest.kept.size()).aggregate;
      check(front, from, from + connected);
      from += connected;
      rest = std::move(behind);
    }
  });
}

// Holds: what was told of a session is known until it is taken back, also when another session has
// swallowed it; of two reports of one part the later one counts. Would catch: a report that is lost
// in a merge, so that a session is opened twice for a sink, or one that stays when it is replaced.
TEST_CASE("an open session knows what was told of it and of those it swallowed", "[windows]") {
  const auto nothing = [](Sum&) {};
  Session early(at(5), at(6), 1, true, true, nothing), late(at(1), at(2), 2, true, true, nothing);
  CHECK_FALSE(late.is_reported());
  CHECK(late.report_of(2) == nullptr);
  late.set_report(late.part(0, 1));
  late.add(at(2), at(3), 3, true, nothing);
  late.set_report(late.part(0, 2));
  early.set_report(early.part(0, 1));
  const auto second = late.part(0, 2).report(), other = early.part(0, 1).report();
  late.swallow(early);
  REQUIRE(late.report_of(1) != nullptr);
  CHECK(*late.report_of(1) == other);
  REQUIRE(late.report_of(2) != nullptr);
  CHECK(*late.report_of(2) == second);
  CHECK(late.whole().arrival == 1);
  CHECK(late.whole().id_time == at(5));

  // What is told of a part takes the place of what was told of those within it.
  Session all(at(4), at(5), 4, true, true, nothing);
  all.set_report(all.part(0, 1));
  Session::make_room(&all, 1);
  all.swallow(late);
  REQUIRE(all.kept.size() == 4);
  all.set_report(all.part(1, 4));
  CHECK(all.report_of(4) == nullptr);
  CHECK(all.report_of(2) != nullptr);
  REQUIRE(all.report_of(1) != nullptr);
  CHECK(all.report_of(1)->events == 3);
  late = std::move(all);
  late.unset_report(2);
  CHECK(late.report_of(2) == nullptr);
  CHECK(late.is_reported());
  late.unset_report(1);
  CHECK_FALSE(late.is_reported());
}

// Holds: what was told of a part goes with its events where a session falls in two, and is gone
// once something is told of a part that has them. Would catch: a report that stays behind, and
// makes a sink an update of what it never had.
TEST_CASE("what was told of a part goes where its events go", "[windows]") {
  const auto nothing = [](Sum&) {};
  Session session(at(1), at(2), 1, true, true, nothing);
  session.add(at(5), at(6), 2, true, nothing);
  session.set_report(session.part(0, 1));
  session.set_report(session.part(1, 2));
  const Session behind = session.split(1);
  CHECK(session.report_of(1) != nullptr);
  CHECK(session.report_of(2) == nullptr);
  CHECK(behind.report_of(1) == nullptr);
  CHECK(behind.report_of(2) != nullptr);

  Session grown(at(5), at(6), 2, true, true, nothing);
  grown.set_report(grown.part(0, 1));
  grown.add(at(6), at(7), 1, true, nothing);
  grown.set_report(grown.part(0, 2));  // known by its second event, which arrived first
  CHECK(grown.report_of(2) == nullptr);
  CHECK(grown.report_of(1) != nullptr);
}

// Holds: whatever is inserted, erased and moved, OneOrMore has what a std::vector has, and says
// which element is the only one. Would catch, with the sanitizers: an element that is not destroyed
// or is twice, where one becomes two or two become one.
TEST_CASE("OneOrMore is a vector", "[windows]") {
  seeds::for_each(100, [](std::uint64_t seed) {
    property::Random random(seed);
    // On the heap: of local ones, GCC loses sight of what is in them, and warns that it is nothing.
    const auto made = std::make_unique<sz::detail::OneOrMore<std::string>>();
    auto& tested = *made;
    std::vector<std::string> model;
    for (int step = 0; step < 60; ++step) {
      if (model.empty() || random.once_in(2)) {
        const auto place = random.below(model.size() + 1);
        const std::string value =
            "a text that is long enough to be allocated, " + std::to_string(step);
        CHECK(tested.insert(place, std::string(value)) == value);
        model.insert(model.begin() + static_cast<std::ptrdiff_t>(place), value);
      } else {
        const auto from = random.below(model.size() + 1);
        const auto to = from + random.below(model.size() - from + 1);
        tested.erase(from, to);
        model.erase(model.begin() + static_cast<std::ptrdiff_t>(from),
                    model.begin() + static_cast<std::ptrdiff_t>(to));
      }
      if (random.once_in(4)) {
        const auto moved = std::make_unique<sz::detail::OneOrMore<std::string>>(std::move(tested));
        tested.insert(0, "what is assigned to is forgotten, and so is its memory");
        tested = std::move(*moved);
      }
      REQUIRE(std::vector<std::string>(tested.begin(), tested.end()) == model);
      CHECK(tested.size() == model.size());
      CHECK(tested.empty() == model.empty());
      CHECK((tested.only() != nullptr) == (model.size() == 1));
    }
  });
}

}  // namespace
}  // namespace open_session_test
