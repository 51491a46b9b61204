#include <sessionize/snapshot/save.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "snapshot/bytes.hpp"

#include <sessionize/snapshot/sessionizer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Would catch: a damaged snapshot that is taken, a target that a refused one has changed.

namespace snapshot_save_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;
using sz::EventClock;
using sz::SnapshotReason;
using Sessions = sz::Sessionizer<EventClock, std::string>;

EventClock::time_point at(std::chrono::milliseconds time) { return EventClock::time_point{time}; }

Sessions two_users() {
  Sessions sessions;
  for (const int i : {0, 1, 2}) {
    sessions.observe("ann", at(i * 8s));
    sessions.observe("bob", at(i * 12s));
  }
  return sessions;
}

/// That the snapshot is refused for this reason, and an object that has a state keeps it.
template <class Object = Sessions>
std::string refusal(const std::string& bytes, SnapshotReason reason, Object target = Object{}) {
  const auto before = bytes_of(target);
  const auto restored = sz::restore(target, bytes);
  CHECK(bytes_of(target) == before);
  REQUIRE_FALSE(restored);
  CHECK(to_string(restored.error().reason) == to_string(reason));
  CHECK_FALSE(restored.error().message.empty());
  return restored.error().message;
}

// Holds: a snapshot is the bytes that its format says, written here by hand. Would catch: a change
// of the format under the same version, which would lose everybody's state.
TEST_CASE("snapshot: the format, byte for byte", "[snapshot]") {
  Sessions sessions{{.gap = 10s, .max_keys = 100}};
  sessions.observe("u", at(1s));
  sessions.observe("u", at(3s));
  sessions.observe("u", at(20s));
  std::string expected = std::string("\x89SNAP\r\n\x1a") + number(1, 4) + number(11, 4);
  for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{
           {"kind", "Sessionizer"},
           {"clock", "int64 of 1/1000 s since 1970"},
           {"key", "text"},
           {"rule", "none"},
           {"counting", "on"},
           {"gap", "10000 ms"},
           {"at_gap", "continues"},
           {"gap_from", "previous_arrival"},
           {"carry", "86400000 ms"},
           {"past_carry", "is_null"},
           {"max_keys", "100"},
       })
    expected += text(name) + text(value);
  expected.replace(12, 4, number(12, 4));
  expected += text("at_max_keys") + text("rejects_new_keys");
  expected += text("line 7");
  expected += number(3, 8) + number(2, 8) + number(2, 8);  // accepted, events emitted, started
  expected += number(16, 4) + std::string(16 * 8, '\0');   // rejected, by reason
  expected += number(10, 4) + number(1, 8) + std::string(9 * 8, '\0');  // closed, by reason: idle
  expected += number(1, 8) + text("u");
  expected += number(20'000, 8) + number(20'000, 8) + number(20'000, 8);  // start, previous, last
  expected += number(2, 8) + number(1, 8);                                // ordinal, events
  CHECK(bytes_of(sessions, "line 7") == sealed(expected));
}

// Holds: what is restored is what was saved, with its position: any bytes, also none. Would catch:
// a position that ends at a zero byte, one that the next snapshot still has.
TEST_CASE("snapshot: the position comes back with the state", "[snapshot]") {
  const auto sessions = two_users();
  const std::string large(200'000, 'p');  // larger than the blocks that are read and written
  for (const std::string& position : {std::string(), std::string("a\0b\xff", 4), large}) {
    Sessions target;
    target.observe("carl", at(5s));
    const auto bytes = bytes_of(sessions, position);
    const auto restored = sz::restore(target, bytes);
    REQUIRE(restored);
    CHECK(*restored == position);
    CHECK(bytes_of(target, position) == bytes);
    CHECK(target.counters() == sessions.counters());
    CHECK_FALSE(target.find("carl"));
  }
}

// Holds: a snapshot that is cut off anywhere is refused, and so is one with a byte more. Would
// catch: a file that a full disk has cut short and that is taken for a small state.
TEST_CASE("snapshot: cut off anywhere", "[snapshot]") {
  const auto bytes = bytes_of(two_users(), "position");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    // The last four bytes of any file may be its checksum: of twelve the first eight are read.
    refusal(bytes.substr(0, size),
            size < 12 ? SnapshotReason::not_a_snapshot : SnapshotReason::damaged, two_users());
  }
  refusal(bytes + '\0', SnapshotReason::damaged);
  refusal(bytes + bytes, SnapshotReason::damaged);
  refusal("{\"user_id\":\"ann\"}\n", SnapshotReason::not_a_snapshot);
}

// Holds: a snapshot of which one bit has changed is refused, whichever it is, and is called damaged
// where its beginning says that it is a snapshot. Would catch: a part that the checksum leaves out,
// a changed name of an option that is taken for an object of other options.
TEST_CASE("snapshot: any one bit", "[snapshot]") {
  const auto bytes = bytes_of(two_users(), "position");
  const auto target = [] {
    Sessions sessions;
    sessions.observe("carl", at(5s));
    return sessions;
  };
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    CAPTURE(bit);
    auto changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    refusal(changed,
            bit < 64   ? SnapshotReason::not_a_snapshot
            : bit < 96 ? SnapshotReason::other_version
                       : SnapshotReason::damaged,
            target());
  }
}

// Holds: a checksum does not make a state right: keys that are not in order, or too many for the
// object, are refused. Would catch: a table with a key twice.
TEST_CASE("snapshot: a state that cannot be", "[snapshot]") {
  sz::Sessionizer<EventClock, std::uint32_t> sessions;
  for (const std::uint32_t key : {1U, 2U}) sessions.observe(key, at(0s));
  const auto bytes = unsealed(bytes_of(sessions));
  const std::size_t size = 4 + 3 * 8 + 2 * 8;  // of a key and its state
  const auto front = bytes.substr(0, bytes.size() - 8 - 2 * size);
  const auto one = bytes.substr(bytes.size() - 2 * size, size);
  const auto two = bytes.substr(bytes.size() - size);
  using Numbers = decltype(sessions);
  CHECK(sealed(front + number(2, 8) + one + two) == bytes_of(sessions));
  refusal<Numbers>(sealed(front + number(2, 8) + two + one), SnapshotReason::damaged);
  refusal<Numbers>(sealed(front + number(2, 8) + one + one), SnapshotReason::damaged);
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{3}, ~std::uint64_t{0}})
    refusal<Numbers>(sealed(front + number(count, 8) + one + two), SnapshotReason::damaged);
}

// Holds: a snapshot of another version is refused by that name, whatever follows. Would catch: the
// state of a program to come, read by the words of this one.
TEST_CASE("snapshot: another version", "[snapshot]") {
  auto bytes = unsealed(bytes_of(two_users()));
  bytes.replace(8, 4, number(2, 4));
  CHECK(refusal(sealed(bytes), SnapshotReason::other_version).find("version 2") !=
        std::string::npos);
  refusal(bytes.substr(0, 12) + "something else", SnapshotReason::other_version);
}

// Holds: every form of sink and source that is documented serves, in pieces of any size. Would
// catch: a source that must give all that is asked for.
TEST_CASE("snapshot: sinks and sources", "[snapshot]") {
  const auto sessions = two_users();
  const std::string position(150'000, 'p');
  const auto bytes = bytes_of(sessions, position);

  std::ostringstream stream;
  CHECK(sz::save(sessions, stream, position));
  CHECK(stream.str() == bytes);
  std::vector<std::byte> vector;
  CHECK(sz::save(
      sessions,
      [&](std::span<const std::byte> more) {
        vector.insert(vector.end(), more.begin(), more.end());
        return sz::Delivery::ok;
      },
      position));
  CHECK(vector.size() == bytes.size());

  const auto check = [&](auto&& source) {
    Sessions target;
    const auto restored = sz::restore(target, source);
    REQUIRE(restored);
    CHECK(bytes_of(target, *restored) == bytes);
  };
  check(bytes);
  check(std::string_view(bytes));
  check(std::span<const std::byte>(vector));
  check(std::istringstream(bytes));
  for (const std::size_t piece : {1U, 5U, 65'536U, 1'000'000U}) {
    std::size_t done = 0;
    check([&](std::span<char> room) {
      const std::size_t got = std::min({piece, room.size(), bytes.size() - done});
      bytes.copy(room.data(), got, done);
      done += got;
      return got;
    });
    done = 0;
    check([&](std::span<std::byte> room) {
      const std::size_t got = std::min({piece, room.size(), vector.size() - done});
      std::copy_n(vector.begin() + static_cast<std::ptrdiff_t>(done), got, room.begin());
      done += got;
      return got;
    });
  }
}

// Holds: a sink that refuses is asked for no more, and named; a source that fails too, and the
// target is as it was. Would catch: a snapshot with a hole, an error of reading that passes for the
// end.
TEST_CASE("snapshot: sinks and sources that fail", "[snapshot]") {
  const auto sessions = two_users();
  const std::string position(200'000, 'p');
  for (int good = 0; good < 4; ++good) {
    int calls = 0;
    const auto saved = sz::save(
        sessions, [&](std::string_view) { return ++calls <= good; }, position);
    REQUIRE_FALSE(saved);
    CHECK(saved.error().reason == SnapshotReason::cannot_write);
    CHECK(calls == good + 1);
  }
  std::ostringstream full;
  full.setstate(std::ios::badbit);
  CHECK_FALSE(sz::save(sessions, full));

  const auto bytes = bytes_of(sessions, position);
  for (std::size_t good = 0; good <= bytes.size(); good += 10'000) {
    CAPTURE(good);
    std::size_t done = 0;
    auto target = two_users();
    const auto before = bytes_of(target);
    const auto restored = sz::restore(target, [&](std::span<char> room) -> std::ptrdiff_t {
      const std::size_t got = std::min(room.size(), good - done);
      bytes.copy(room.data(), got, done);
      done += got;
      return got == 0 ? -1 : static_cast<std::ptrdiff_t>(got);
    });
    REQUIRE_FALSE(restored);
    CHECK(restored.error().reason == SnapshotReason::cannot_read);
    CHECK(bytes_of(target) == before);
  }
}

// Holds: wherever memory runs out while a snapshot is restored, the target is as it was. Would
// catch: a state that is moved in before all of it is there.
TEST_CASE("snapshot: no memory", "[snapshot]") {
  const auto bytes = bytes_of(two_users(), std::string(100, 'p'));
  Sessions target;
  target.observe(std::string(100, 'k'), at(1s));
  const auto before = bytes_of(target);
  bool restored = false;
  std::uint64_t k = 0;
  while (!restored && ++k < 1'000) {
    try {
      const allocations::FailNth fail(k);
      restored = sz::restore(target, bytes).has_value();
    } catch (const std::bad_alloc&) {
      const auto after = bytes_of(target);
      if (after != before) CHECK(after == before);
    }
  }
  CHECK(restored);
  CHECK(k > 10);
  CHECK(target.counters() == two_users().counters());
}

}  // namespace
}  // namespace snapshot_save_test
