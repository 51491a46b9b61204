#include "property.hpp"

#include "../catch.hpp"
#include "../seeds.hpp"

#include <cstdint>
#include <string>

// Holds: for every policy, rule and limit, SessionWindows reports the results, late events and
// counters that the plain model does, for events, watermarks, early results and flushes in any
// order, for sinks that refuse or throw (nothing is lost, in order, exactly once), and for times
// near the ends of int64; and its ledger adds up after each call.
// Would catch: any change of merging, of what is due, of what is late, of what is reported when.
TEST_CASE("event-time sessions and the model agree on random streams", "[windows][property]") {
  seeds::for_each(10'000,
                  [](std::uint64_t seed) { REQUIRE(windows_property::check_model(seed) == ""); });
}

// Holds: with disorder within the bound nothing is late, and the streamed sessions equal those of
// the batch as sets of (key, start, last, events, aggregates, id), whatever the other keys did.
// Would catch: a watermark that is too early by a tick, a session closed or cut too soon.
TEST_CASE("event-time sessions within the bound are those of the batch", "[windows][property]") {
  seeds::for_each(10'000,
                  [](std::uint64_t seed) { REQUIRE(windows_property::check_theorem(seed) == ""); });
}
