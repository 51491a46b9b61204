#include "property.hpp"

#include "catch.hpp"
#include "seeds.hpp"

#include <cstdint>
#include <string>

// Holds: for every combination of options, rules and counting, a Sessionizer answers what the plain
// reference does, for observe(), process(), expire(), erase() and flush() in any order, for sinks
// that refuse, for times that go back or reach the ends of int64; and its ledger adds up after each
// call. Would catch: any change of the decision, the state or the delivery that no example shows.
TEST_CASE("a sessionizer and the reference agree on random streams", "[property]") {
  using sessionize::Counting;
  seeds::for_each(40, [](std::uint64_t seed) {
    const auto disagreement = property::check<Counting::on, Counting::off, Counting::nothing>(seed);
    REQUIRE(disagreement == "");
  });
}
