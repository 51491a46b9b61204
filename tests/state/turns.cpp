#include <sessionize/state/turns.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace turns_tests {
namespace {

using Turns = sessionize::detail::Turns<std::string>;

void add(Turns& turns, std::string_view key) {
  Turns::Turn turn(turns, key, true);
  turn.take();
}
std::string name(std::size_t i) { return "user" + std::to_string(i); }
/// Keys with these numbers, in order.
Turns turns_of(std::size_t count) {
  Turns turns;
  for (std::size_t i = 0; i < count; ++i) add(turns, name(i));
  return turns;
}
constexpr auto seen_at_once = [](std::string_view) { return 0; };

// Holds: of a few keys, the one that was silent for longest goes, never the newest. Would catch:
// the key that has just come being evicted for itself, the largest time taken for the least.
TEST_CASE("the idlest key but the newest goes") {
  Turns turns;
  const auto last_seen = [](std::string_view key) { return std::stoi(std::string(key)); };
  for (const auto* key : {"20", "10", "30", "05"}) add(turns, key);
  CHECK(turns.take_idlest(last_seen) == "10");
  add(turns, "01");
  CHECK(turns.take_idlest(last_seen) == "05");
  add(turns, "40");
  CHECK(turns.take_idlest(last_seen) == "01");
}

// Holds: each call looks at sixteen keys, and goes on where the last one ended, so that every key
// has its turn. Would catch: a hand that stays at the first keys, a call that looks at all.
TEST_CASE("every key has its turn") {
  constexpr std::size_t count = 100;
  Turns turns = turns_of(count);
  std::set<std::string> seen;
  for (std::size_t call = 0; call < 7; ++call) {
    const std::string newest = "new" + std::to_string(call);
    add(turns, newest);
    std::set<std::string> now;
    const std::string gone = turns.take_idlest([&now](std::string_view key) {
      now.emplace(key);
      return 0;
    });
    CHECK(now.size() == 16);
    CHECK(now.count(gone) == 1);
    CHECK(now.count(newest) == 0);
    seen.merge(now);
  }
  std::size_t had_theirs = 0;
  for (std::size_t i = 0; i < count; ++i) had_theirs += seen.count(name(i));
  CHECK(had_theirs == count);
}

// Holds: the choice hangs on the calls alone, not on the seed of the table's hash. Would catch: two
// runs over one input that evict different keys.
TEST_CASE("the choice is the same for each object") {
  Turns one = turns_of(50), other = turns_of(50);
  for (int i = 0; i < 40; ++i) {
    add(one, "new" + std::to_string(i));
    add(other, "new" + std::to_string(i));
    REQUIRE(one.take_idlest(seen_at_once) == other.take_idlest(seen_at_once));
  }
}

// Holds: a key whose insertion elsewhere fails has no turn, and one that is forgotten none any
// more; where nobody evicts, nothing is kept. Would catch: a turn of a key without state.
TEST_CASE("a key without state has no turn") {
  Turns turns = turns_of(3);
  { const Turns::Turn failing(turns, "failing", true); }
  turns.forget("user1");
  turns.forget("nobody");
  {
    Turns::Turn unwanted(turns, "unwanted", false);
    unwanted.take();
  }
  std::set<std::string> gone;
  for (const auto* newest : {"a", "b", "c"}) {
    add(turns, newest);
    gone.insert(turns.take_idlest([](std::string_view key) { return key[0] == 'u' ? 0 : 1; }));
  }
  CHECK(gone == std::set<std::string>{"a", "user0", "user2"});
}

}  // namespace
}  // namespace turns_tests
