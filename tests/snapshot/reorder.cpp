#include <sessionize/snapshot/reorder.hpp>
#include <sessionize/snapshot/several.hpp>

#include "catch.hpp"
#include "property.hpp"
#include "seeds.hpp"
#include "snapshot/bytes.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace snapshot_reorder_test {

/// An event that owns its texts.
struct Visit {
  std::chrono::sys_time<std::chrono::milliseconds> time{};
  std::string user{};
};

}  // namespace snapshot_reorder_test

template <>
struct sessionize::SnapshotTraits<snapshot_reorder_test::Visit> {
  static std::string name() { return "visit"; }
  static void save(SnapshotWriter& out, const snapshot_reorder_test::Visit& visit) {
    out.put(visit.time);
    out.put(visit.user);
  }
  static bool load(SnapshotReader& in, snapshot_reorder_test::Visit& visit) {
    return in.get(visit.time) && in.get(visit.user);
  }
};

namespace snapshot_reorder_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;
using sz::EventClock;
using sz::SnapshotReason;
using Time = EventClock::time_point;
using Front = sz::Reorder<EventClock, Visit>;
using Sessions = sz::Sessionizer<EventClock, std::string>;

std::uint64_t seed() { return seeds::one(20'264); }

/// Visits in whole seconds, so that there are ties; out of order, and some too late.
std::vector<Visit> make_visits(std::size_t count) {
  property::Random random(seed());
  std::vector<Visit> visits;
  for (std::size_t i = 0; i < count; ++i) {
    const auto second = 40 + 2 * i - random.below(10) - (random.once_in(6) ? 20 : 0);
    visits.push_back({Time{second * 1s}, std::string(random.below(3) + 20 * random.below(2), 'u')});
  }
  return visits;
}

/// A front and the sessionizer behind it, as a caller has them.
struct Pair {
  Front front{{.out_of_order = 6s, .max_events = 2}};
  Sessions sessions{{.gap = 7s}};
  std::vector<std::string> log{};

  [[nodiscard]] auto both() { return std::tie(front, sessions); }
  auto in_order() {
    return [this](const Visit& visit) {
      const auto placement = sessions.observe(visit.user, visit.time);
      log.push_back(std::to_string(visit.time.time_since_epoch().count()) + visit.user + ' ' +
                    std::string(to_string(placement.reason)) + std::to_string(placement.ordinal));
    };
  }
  void offer(const Visit& visit) {
    static_cast<void>(front.process(
        std::span(&visit, 1), &Visit::time, in_order(), [this](const Front::unordered_type& late) {
          log.push_back(std::to_string(late.watermark.time_since_epoch().count()) +
                        std::string(to_string(late.reason)));
        }));
  }
};

// Holds: a Reorder and the Sessionizer behind it, as one snapshot, go on with the events that were
// held, in their order, with their watermark and counters, wherever they are cut. Would catch: ties
// in another order, a watermark that goes back, a sessionizer that is left behind.
TEST_CASE("snapshot of a Reorder and a Sessionizer: cut at every event", "[snapshot][windows]") {
  const auto visits = make_visits(200);
  CAPTURE(seed());
  Pair whole;
  for (const Visit& visit : visits) whole.offer(visit);
  const auto whole_bytes = bytes_of(whole.both());
  static_cast<void>(whole.front.flush(whole.in_order()));
  CHECK(whole.front.counters().unordered(sz::UnorderedReason::behind_watermark) != 0);
  CHECK(whole.front.counters().unordered(sz::UnorderedReason::overtaken) != 0);

  Pair first;
  for (std::size_t cut = 0; cut <= visits.size(); ++cut) {
    CAPTURE(cut);
    if (cut != 0) first.offer(visits[cut - 1]);
    const auto bytes = bytes_of(first.both(), "here");
    Pair second;
    for (std::size_t i = 0; i < cut; i += 3) second.offer(visits[i]);  // is replaced
    auto both = second.both();
    const auto position = sz::restore(both, bytes);
    REQUIRE(position);
    CHECK(*position == "here");
    CHECK(bytes_of(both, "here") == bytes);
    second.log = first.log;
    for (std::size_t i = cut; i < visits.size(); ++i) second.offer(visits[i]);
    CHECK(bytes_of(both) == whole_bytes);
    static_cast<void>(second.front.flush(second.in_order()));
    REQUIRE(second.log == whole.log);
    CHECK(second.front.counters() == whole.front.counters());
    CHECK(second.sessions.counters() == whole.sessions.counters());
  }
}

// Holds: what is damaged, or of other options, is refused, and all objects are as they were. Would
// catch: a front that is restored though its sessionizer cannot be.
TEST_CASE("snapshot of a Reorder and a Sessionizer: all or none", "[snapshot][windows]") {
  Pair saved, target;
  for (const Visit& visit : make_visits(30)) saved.offer(visit);
  for (const Visit& visit : make_visits(7)) target.offer(visit);
  const auto bytes = bytes_of(saved.both()), before = bytes_of(target.both());
  auto both = target.both();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at);
    REQUIRE_FALSE(sz::restore(both, bytes.substr(0, at)));
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    REQUIRE_FALSE(sz::restore(both, damaged));
  }
  const auto refused = [&](auto& object, const std::string& of, std::string_view word) {
    const auto restored = sz::restore(object, of);
    REQUIRE_FALSE(restored);
    CAPTURE(restored.error().message);
    CHECK(restored.error().message.find(word) != std::string::npos);
  };
  Front other_front({.out_of_order = 7s, .max_events = 2});
  Sessions other_sessions({.gap = 8s});
  refused(other_front, bytes_of(saved.front), "out_of_order");
  auto mixed = std::tie(target.front, other_sessions);
  refused(mixed, bytes, "gap");
  refused(target.front, bytes, "options");
  refused(both, bytes_of(saved.front), "options");
  refused(both, bytes_of(saved.sessions), "kind");
  CHECK(bytes_of(both) == before);
}

// Holds: what the sink of one has refused keeps all from being saved. Would catch: a record that is
// in no run.
TEST_CASE("snapshot of several objects: pending deliveries", "[snapshot][windows]") {
  Pair pair;
  const std::vector<Visit> visits{{Time{1s}, "u"}};
  const auto refuse = [](const sz::RecordView<EventClock, std::string, Visit>&) {
    return sz::Delivery::refused;
  };
  CHECK(pair.sessions.process(visits, sz::by(&Visit::user, &Visit::time), refuse).delivery ==
        sz::Delivery::refused);
  const auto both = pair.both();
  const auto saved = sz::save(both, [](std::string_view) {});
  REQUIRE_FALSE(saved);
  CHECK(saved.error().reason == SnapshotReason::pending_deliveries);
}

}  // namespace
}  // namespace snapshot_reorder_test
