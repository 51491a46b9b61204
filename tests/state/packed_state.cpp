#include <sessionize/state/packed_state.hpp>

#include "catch.hpp"

#include <sessionize/clock.hpp>
#include <sessionize/sessionizer.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace packed_state_tests {
namespace {

using namespace sessionize;
using namespace std::chrono_literals;
using Counted = detail::Tally<Counting::on>;
using Uncounted = detail::Tally<Counting::off>;

// Holds: a tally goes from one event to the next as two numbers would, and says in time that one of
// them is full. Would catch: a carry from one number into the other.
static_assert(Counted::next(Counted::pack(5, 7), 0) == Counted::pack(5, 8));
static_assert(Counted::next(Counted::pack(5, 7), ~0U) == Counted::pack(6, 1));
static_assert(Counted::has_room(Counted::pack(0x7fff, 0x7fff)));
static_assert(!Counted::has_room(Counted::next(Counted::pack(1, 0x7fff), 0)));
static_assert(!Counted::has_room(Counted::next(Counted::pack(0x7fff, 1), ~0U)));
static_assert(Counted::ordinal(Counted::next(Counted::pack(0x7fff, 1), ~0U)) == 0x8000);
static_assert(Counted::events(Counted::next(Counted::pack(1, 0x7fff), 0)) == 0x8000);
static_assert(Uncounted::next(Uncounted::pack(5, 0), 0) == Uncounted::pack(5, 0));
static_assert(Uncounted::next(Uncounted::pack(5, 0), ~0U) == Uncounted::pack(6, 0));
static_assert(Uncounted::has_room(Uncounted::pack(0x7fff'ffff, 0)));
static_assert(!Uncounted::has_room(Uncounted::next(Uncounted::pack(0x7fff'ffff, 0), ~0U)));

// Holds: sessions and events of one key are counted exactly beyond what a packed state holds.
// Would catch: a tally that wraps.
TEST_CASE("a key with very many events and sessions is counted exactly") {
  Sessionizer<EventClock, int> sessions;
  auto time = EventClock::time_point{};
  for (int i = 0; i < 40'000; ++i) sessions.observe(1, time += 1s);
  CHECK(sessions.find(1)->events == 40'000U);
  for (int i = 0; i < 40'000; ++i) sessions.observe(1, time += 1min);
  CHECK(sessions.find(1)->ordinal == 40'001);
  CHECK(sessions.counters().events_emitted + 1 == 80'000);
}

// Holds: the gap decides the same at its edges, packed or not: zero, one tick, beyond 32 bits and
// the largest. Would catch: a gap that is cut to 32 bits, one tick too much or too little.
TEST_CASE("a packed state knows the edges of the gap") {
  constexpr auto largest = EventClock::duration::max();
  for (const auto gap : {0ms, 1ms, 4'294'967'294ms, 4'294'967'295ms, 4'294'967'296ms, largest})
    for (const AtGap at_gap : {AtGap::continues, AtGap::splits})
      for (const std::int64_t since : {0LL, 1LL, 2LL, 4'294'967'293LL, 4'294'967'294LL}) {
        INFO("gap " << gap.count() << ", since " << since);
        const Options<EventClock> options{.gap = gap, .at_gap = at_gap};
        const SessionRules<EventClock> rules{options, {}};
        using Packing = detail::StatePacking<EventClock, NoRule, Counting::off>;
        const auto packed = Packing::rules(rules);
        const auto offset = static_cast<std::uint32_t>(since) + 1;  // backwards
        const EventClock::time_point now{std::chrono::milliseconds{since}};
        const bool splits = rules.gap_splits(EventClock::time_point{}, now);
        CHECK(detail::PackedStep<true>::by_gap(offset, 1, packed) == splits);
        if (!packed.limited) CHECK(detail::PackedStep<false>::by_gap(offset, 1, packed) == splits);
      }
}

}  // namespace
}  // namespace packed_state_tests
