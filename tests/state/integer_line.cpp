#include <sessionize/state/integer_line.hpp>

#include "catch.hpp"

#include <cstdint>

namespace integer_line_tests {
namespace {

using sessionize::detail::IntegerLine;

template <class Line>
void put(Line& line, unsigned lane) {
  using Offset = typename Line::Offset;
  line.key[lane] = ~std::uint64_t{lane};
  line.place(lane).set(static_cast<Offset>(~Offset{lane + 10}), static_cast<Offset>(~Offset{lane}),
                       ~std::uint32_t{lane + 20});
}
/// Whether a lane has what put() has put there.
template <class Line>
bool has(Line& line, unsigned lane) {
  using Offset = typename Line::Offset;
  const auto place = line.place(lane);
  return line.key[lane] == ~std::uint64_t{lane} &&
         place.previous() == static_cast<Offset>(~Offset{lane + 10}) &&
         place.start() == static_cast<Offset>(~Offset{lane}) &&
         place.tally() == (Line::has_tally ? ~std::uint32_t{lane + 20} : 0);
}
template <class Line>
bool is_zero(Line& line, unsigned lane) {
  const auto place = line.place(lane);
  return line.key[lane] == 0 && place.previous() == 0 && place.start() == 0 && place.tally() == 0;
}

// Holds for each form of a line: items of some lanes move whole, with their counts, and leave their
// places clean; the others stay as they are, and their lanes are clean in the other line. Would
// catch: a part of an item that a split of the table leaves behind or takes along.
TEMPLATE_TEST_CASE("items move between lines", "", (IntegerLine<std::uint32_t, false>),
                   (IntegerLine<std::uint32_t, true>), (IntegerLine<std::uint64_t, false>),
                   (IntegerLine<std::uint64_t, true>)) {
  constexpr unsigned all = (1U << TestType::lanes) - 1;
  for (unsigned moved = 0; moved <= all; ++moved) {
    CAPTURE(moved);
    TestType line, to;
    for (unsigned lane = 0; lane < TestType::lanes; ++lane) put(line, lane);
    line.move(moved, to);
    for (unsigned lane = 0; lane < TestType::lanes; ++lane) {
      const bool moves = (moved >> lane & 1) != 0;
      CHECK(has(moves ? to : line, lane));
      CHECK(is_zero(moves ? line : to, lane));
    }
    CHECK(line.free_lanes() == moved);
    CHECK(line.clean_lanes() == moved);
    CHECK(to.clean_lanes() == (all & ~moved));
  }
}

// Holds for each form of a line: which lanes have a key, which are free and which of these are
// clean. Would catch: a lane that is taken for another, a place that is soiled and taken for clean
// (a look-up ends too soon) or for taken (it is never used again).
TEMPLATE_TEST_CASE("a line says what is in its lanes", "", (IntegerLine<std::uint32_t, false>),
                   (IntegerLine<std::uint32_t, true>), (IntegerLine<std::uint64_t, false>),
                   (IntegerLine<std::uint64_t, true>)) {
  constexpr unsigned all = (1U << TestType::lanes) - 1;
  TestType line;
  CHECK(line.free_lanes() == all);
  CHECK(line.clean_lanes() == all);
  for (unsigned lane = 0; lane < TestType::lanes; ++lane) put(line, lane);
  CHECK(line.free_lanes() == 0);
  for (unsigned lane = 0; lane < TestType::lanes; ++lane) {
    CAPTURE(lane);
    CHECK(line.equal(~std::uint64_t{lane}) == 1U << lane);
    // Half of the key is another's.
    CHECK(line.equal(~std::uint64_t{lane} ^ 1) == (1U << (lane ^ 1) & all));
    CHECK(line.equal(~std::uint64_t{lane} ^ std::uint64_t{1} << 63) == 0);
    CHECK(line.equal(~std::uint64_t{lane} ^ 1U << 5) == 0);
  }
  // A state that is kept elsewhere has no `previous`: its place is taken.
  line.place(0).set(0, 1, 0);
  CHECK(line.free_lanes() == 0);
  line.soil(0);
  CHECK(line.free_lanes() == 1);
  CHECK(line.clean_lanes() == 0);
  line.clear(1);
  CHECK(line.free_lanes() == 3);
  CHECK(line.clean_lanes() == 2);
}

}  // namespace
}  // namespace integer_line_tests
