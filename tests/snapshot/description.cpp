#include <sessionize/snapshot/description.hpp>

#include "bytes.hpp"

#include "../catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>

namespace snapshot_description_test {
namespace {

using namespace std::chrono_literals;
namespace sz = sessionize;
using sz::SnapshotReason;

sz::SnapshotDescription description(std::string gap, bool has_limit = false) {
  sz::SnapshotDescription made;
  made.add("kind", "sessions", SnapshotReason::other_kind);
  made.add("gap", std::move(gap));
  if (has_limit) made.add("max_keys", std::uint64_t{100});
  return made;
}
/// What is wrong with a snapshot of `saved`, where `expected` is restored; `damage` is done to its
/// bytes first.
template <class Damage>
std::optional<sz::SnapshotError> mismatch(const sz::SnapshotDescription& saved,
                                          const sz::SnapshotDescription& expected, Damage damage) {
  std::string bytes;
  auto sink = [&](std::string_view more) { bytes += more; };
  sz::SnapshotWriter out(sink);
  saved.save(out);
  REQUIRE(out.finish());
  damage(bytes);
  sz::SnapshotReader in(bytes);
  if (expected.expect(in)) CHECK(in.finish());
  return in.error();
}
std::optional<sz::SnapshotError> mismatch(const sz::SnapshotDescription& saved,
                                          const sz::SnapshotDescription& expected) {
  return mismatch(saved, expected, [](std::string&) {});
}

// Holds: a description that is the same is accepted; where one differs, the message names the
// option and both values, and the reason is that option's; an option more or fewer is a difference.
// A damaged one is called damaged, not different. Would catch: a snapshot that is restored under
// another gap, and a flipped bit in a text that sends its reader to look for another option.
TEST_CASE("a snapshot's description is compared by names", "[snapshot]") {
  CHECK_FALSE(mismatch(description("10000 ms"), description("10000 ms")));

  const auto gap = mismatch(description("10000 ms"), description("30000 ms"));
  REQUIRE(gap);
  CHECK(gap->reason == SnapshotReason::other_options);
  CHECK(gap->message == "the snapshot has gap \"10000 ms\", and this object \"30000 ms\"");

  sz::SnapshotDescription windows;
  windows.add("kind", "windows", SnapshotReason::other_kind);
  windows.add("gap", 10'000ms);
  const auto kind = mismatch(windows, description("10000 ms"));
  REQUIRE(kind);
  CHECK(kind->reason == SnapshotReason::other_kind);
  CHECK(kind->message == "the snapshot has kind \"windows\", and this object \"sessions\"");

  sz::SnapshotDescription other_name;
  other_name.add("kind", "sessions");
  other_name.add("lateness", "10000 ms");
  const auto name = mismatch(other_name, description("10000 ms"));
  REQUIRE(name);
  CHECK(name->message ==
        "the snapshot speaks of an option \"lateness\", where this object has \"gap\"");

  for (const bool saved_has_it : {false, true}) {
    const auto count =
        mismatch(description("1 s", saved_has_it), description("1 s", !saved_has_it));
    REQUIRE(count);
    CHECK(count->message == "the snapshot has another number of options than this object");
  }
  const auto damaged = mismatch(description("10000 ms"), description("10000 ms"),
                                [](std::string& bytes) { bytes.at(bytes.find("10000")) = '3'; });
  REQUIRE(damaged);
  CHECK(damaged->reason == SnapshotReason::damaged);
}

struct Own {
  struct State {};
  [[nodiscard]] std::string snapshot_name() const { return "every third event"; }
};

// Holds: rules and durations have these names, in files that are there already: a name that changes
// makes those unreadable. Would catch: two rules, or a limit in two units, with one name.
TEST_CASE("a snapshot knows rules by these names", "[snapshot]") {
  CHECK(sz::rule_name(sz::NoRule{}) == "none");
  CHECK(sz::rule_name(sz::max_duration(2h)) == "max_duration 2 times 3600/1 s");
  CHECK(sz::rule_name(sz::max_duration(7'200s)) == "max_duration 7200 s");
  CHECK(sz::rule_name(sz::max_duration(5ms)) == "max_duration 5 ms");
  CHECK(sz::rule_name(sz::max_duration(5us)) == "max_duration 5 us");
  CHECK(sz::rule_name(sz::max_duration(5ns)) == "max_duration 5 ns");
  CHECK(sz::rule_name(sz::day_boundary(-1h)) == "day_boundary -3600 s");
  CHECK(sz::rule_name(std::optional(sz::max_duration(1s))) == "max_duration 1 s");
  CHECK(sz::rule_name(std::optional<decltype(sz::max_duration(1s))>()) == "off");
  CHECK(sz::rule_name(sz::any_of(sz::day_boundary(), sz::max_duration(1s))) ==
        "any of (day_boundary 0 s, max_duration 1 s)");
  CHECK(sz::rule_name(Own{}) == "every third event");
}

}  // namespace
}  // namespace snapshot_description_test
