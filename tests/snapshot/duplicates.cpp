#include <sessionize/snapshot/duplicates.hpp>

#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/snapshot/several.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"
#include "property.hpp"
#include "snapshot/bytes.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace snapshot_duplicates_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;
using sz::EventClock;
using sz::SnapshotReason;
using sz::testing::at;
using Time = EventClock::time_point;
using Filter = sz::DuplicateFilter<EventClock, std::string>;
using Sessions = sz::Sessionizer<EventClock, std::string>;

std::uint64_t seed() {
  const char* const given = std::getenv("SESSIONIZE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'265;
}

struct Click {
  std::string id, user;
  Time time;
};
std::vector<Click> make_clicks(std::size_t count) {
  property::Random random(seed());
  std::vector<Click> clicks;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = i - random.below(i < 9 ? i + 1 : 9);  // some come again
    clicks.push_back({"event" + std::to_string(number), "user" + std::to_string(number % 3),
                      at(std::chrono::seconds(3 * number))});
  }
  return clicks;
}

/// A filter and the sessionizer behind it, as a caller has them.
struct Pair {
  Filter seen{{.horizon = 25s, .max_ids = 6}};
  Sessions sessions{{.gap = 7s}};
  std::string log{};

  [[nodiscard]] auto both() { return std::tie(seen, sessions); }
  void offer(const Click& click) {
    if (!seen.is_new(click.id, click.time)) {
      log += "duplicate\n";
      return;
    }
    log += to_string(sessions.observe(click.user, click.time).reason);
    log += '\n';
  }
};

// Holds: a filter and the Sessionizer behind it, as one snapshot, go on alike wherever they are
// cut, and the same state gives the same bytes under another hash seed. Would catch: ids that are
// forgotten in another order, a filter that is left behind its sessionizer.
TEST_CASE("snapshot of a DuplicateFilter and a Sessionizer: cut at every event", "[snapshot]") {
  const auto clicks = make_clicks(200);
  CAPTURE(seed());
  Pair whole;
  for (const Click& click : clicks) whole.offer(click);
  CHECK(whole.seen.counters().duplicates > 20);
  CHECK(whole.seen.counters().expired > 20);
  CHECK(whole.seen.counters().forgotten_early > 20);

  Pair first;
  for (std::size_t cut = 0; cut <= clicks.size(); ++cut) {
    CAPTURE(cut);
    if (cut != 0) first.offer(clicks[cut - 1]);
    const auto bytes = bytes_of(first.both(), "here");
    Pair second;
    for (std::size_t i = 0; i < cut; i += 3) second.offer(clicks[i]);  // is replaced
    second.log = first.log;
    auto both = second.both();
    const auto position = sz::restore(both, bytes);
    REQUIRE(position);
    REQUIRE(*position == "here");
    REQUIRE(bytes_of(both, "here") == bytes);
    REQUIRE(second.seen.counters() == first.seen.counters());
    for (std::size_t i = cut; i < clicks.size(); ++i) second.offer(clicks[i]);
    REQUIRE(second.log == whole.log);
    REQUIRE(bytes_of(both) == bytes_of(whole.both()));
  }
}

/// The snapshot of a filter with a horizon of 10 s and two ids at most.
std::string golden(std::string_view state) {
  return "\x89SNAP\r\n\x1a" + number(1, 4) + number(5, 4) + text("kind") + text("DuplicateFilter") +
         text("clock") + text("int64 of 1/1000 s since 1970") + text("id") + text("uint64") +
         text("horizon") + text("10000 ms") + text("max_ids") + text("2") + text("") +
         std::string(state);
}

// Holds: the bytes are those that the format says, and a state that no filter can have is refused.
// Would catch: a change of the format, a damaged filter that answers wrongly for ever.
TEST_CASE("snapshot of a DuplicateFilter: its bytes", "[snapshot]") {
  using Numbers = sz::DuplicateFilter<EventClock>;
  Numbers seen{{.horizon = 10s, .max_ids = 2}};
  CHECK(seen.is_new(7, at(1s)));
  CHECK(seen.is_new(8, at(2s)));
  CHECK(!seen.is_new(7, at(3s)));
  CHECK(seen.is_new(9, at(4s)));
  const auto counts = number(4, 8) + number(1, 8) + number(0, 8) + number(1, 8) + number(0, 8);
  const auto id = [](std::uint64_t name, std::uint64_t since) {
    return number(name, 8) + number(since, 8);
  };
  const auto now = number(4000, 8);
  CHECK(bytes_of(seen) == sealed(golden(counts + now + number(2, 8) + id(8, 2000) + id(9, 4000))));

  const auto is_restored = [&](const std::string& state) {
    Numbers target{{.horizon = 10s, .max_ids = 2}};
    const auto restored = sz::restore(target, sealed(golden(counts + state)));
    if (!restored) CHECK(restored.error().reason == SnapshotReason::damaged);
    if (!restored) CHECK(target.size() == 0);
    return restored.has_value();
  };
  CHECK(is_restored(now + number(2, 8) + id(8, 2000) + id(9, 2000)));
  CHECK(!is_restored(now + number(2, 8) + id(9, 4000) + id(8, 2000)));  // out of order
  CHECK(!is_restored(now + number(2, 8) + id(8, 2000) + id(8, 2000)));  // twice
  CHECK(!is_restored(now + number(1, 8) + id(8, 4001)));                // in the future
  CHECK(!is_restored(number(12'001, 8) + number(1, 8) + id(8, 2000)));  // past the horizon
  CHECK(is_restored(number(12'000, 8) + number(1, 8) + id(8, 2000)));
  CHECK(!is_restored(now + number(3, 8) + id(1, 1) + id(2, 2) + id(3, 3)));  // too many
  CHECK(!is_restored(now + number(2, 8) + id(8, 2000)));                     // too few
}

// Holds: a snapshot of a filter with other options or ids is refused in a sentence that says which,
// and one that is damaged; the filter is as it was. Would catch: a horizon that is taken over
// silently.
TEST_CASE("snapshot of a DuplicateFilter: refusals", "[snapshot]") {
  Filter seen{{.horizon = 25s, .max_ids = 6}};
  CHECK(seen.is_new("a", at(1s)));
  const auto bytes = bytes_of(seen);
  const auto refused = [&](auto&& object, SnapshotReason reason, std::string_view word) {
    const auto before = bytes_of(object);
    const auto restored = sz::restore(object, bytes);
    REQUIRE_FALSE(restored);
    CAPTURE(restored.error().message);
    CHECK(restored.error().reason == reason);
    CHECK(restored.error().message.find(word) != std::string::npos);
    CHECK(bytes_of(object) == before);
  };
  refused(Filter{{.horizon = 26s, .max_ids = 6}}, SnapshotReason::other_options, "horizon");
  refused(Filter{{.horizon = 25s, .max_ids = 7}}, SnapshotReason::other_options, "max_ids");
  refused(sz::DuplicateFilter<EventClock>{{.horizon = 25s, .max_ids = 6}},
          SnapshotReason::other_key_type, "id");
  refused(Sessions{}, SnapshotReason::other_kind, "kind");
  for (std::size_t at_byte = 0; at_byte < bytes.size(); ++at_byte) {
    auto damaged = bytes;
    damaged[at_byte] = static_cast<char>(damaged[at_byte] ^ 1);
    Filter target{{.horizon = 25s, .max_ids = 6}};
    REQUIRE_FALSE(sz::restore(target, damaged));
    REQUIRE(target.size() == 0);
  }
}

}  // namespace
}  // namespace snapshot_duplicates_test
