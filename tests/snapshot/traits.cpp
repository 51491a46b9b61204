#include <sessionize/snapshot/traits.hpp>

#include "catch.hpp"
#include "snapshot/bytes.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

// Would catch: bytes that hang on the machine, values that come back as others, a length that is
// believed.

namespace sessionize_traits_test {

struct Place {
  std::string street;
  int number = 0;
  friend bool operator==(const Place&, const Place&) = default;
};
enum class Color : signed char { red = -1, blue = 7 };

}  // namespace sessionize_traits_test

template <>
struct sessionize::SnapshotTraits<sessionize_traits_test::Place> {
  using Place = sessionize_traits_test::Place;
  static std::string name() { return "place"; }
  static void save(SnapshotWriter& out, const Place& place) {
    out.put(place.street);
    out.put(place.number);
  }
  static bool load(SnapshotReader& in, Place& place) {
    return in.get(place.street) && in.get(place.number) && place.number >= 0;
  }
};

namespace sessionize_traits_test {
namespace {

using namespace std::chrono_literals;
using namespace snapshot_bytes;
namespace sz = sessionize;

template <class T>
std::string written(const T& value) {
  std::string bytes;
  auto sink = [&](std::string_view more) { bytes += more; };
  sz::SnapshotWriter out(sink);
  out.put(value);
  REQUIRE(out.finish());
  return bytes;
}
template <class T>
std::optional<T> read(const std::string& bytes) {
  T value{};
  sz::SnapshotReader in(bytes);
  const bool got = in.get(value);
  CHECK(got == in.ok());
  if (!got || !in.finish()) {
    CHECK(in.error()->reason == sz::SnapshotReason::damaged);
    return std::nullopt;
  }
  return value;
}
template <class T>
void check(const T& value, const std::string& bytes) {
  CHECK(written(value) == sealed(bytes));
  const auto back = read<T>(sealed(bytes));
  REQUIRE(back);
  CHECK(*back == value);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(read<T>(sealed(bytes.substr(0, size))));
  CHECK_FALSE(read<T>(sealed(bytes + "x")));
}

// Holds: each type has the bytes that are written here by hand, and is read back from them, from
// no fewer and no more. Would catch: the byte order or the width of the machine, a sign that is
// lost, a part that is left out.
TEST_CASE("snapshot traits: the bytes of each type", "[snapshot]") {
  check(true, "\x01");
  check(std::uint8_t{200}, "\xc8");
  check(std::int16_t{-2}, "\xfe\xff");
  check(std::uint32_t{0x0102'0304}, "\x04\x03\x02\x01");
  check(std::numeric_limits<std::int64_t>::min(), std::string(7, '\0') + "\x80");
  check(Color::red, "\xff");
  check(1.5, std::string(6, '\0') + "\xf8\x3f");
  check(std::string("a\0b", 3), text({"a\0b", 3}));
  check(std::string(), text(""));
  check(std::chrono::milliseconds(-1), std::string(8, '\xff'));
  check(std::chrono::sys_seconds(5s), number(5, 8));
  check(std::optional<int>(), std::string(1, '\0'));
  check(std::optional<int>(3), "\x01" + number(3, 4));
  check(std::pair(std::string("k"), Color::blue), text("k") + "\x07");
  check(std::tuple(std::uint8_t{1}, std::string("t"), false), "\x01" + text("t") + '\0');
  check(std::vector<std::string>{"one", ""}, number(2, 8) + text("one") + text(""));
  check(Place{"Elm", 4}, text("Elm") + number(4, 4));
}

// Holds: a value that is none of its type is refused: a bool of 2, what a caller's type refuses.
// Would catch: a bool with a bit pattern of its own, a load() that nobody asks.
TEST_CASE("snapshot traits: a value that is none", "[snapshot]") {
  CHECK_FALSE(read<bool>(sealed("\x02")));
  CHECK_FALSE(read<std::optional<int>>(sealed("\x02" + number(3, 4))));
  CHECK_FALSE(read<Place>(sealed(text("Elm") + number(0xffff'fffe, 4))));
}

// Holds: a wrong length is found to be wrong before memory is taken for it, also with a checksum
// that is right. Would catch: a resize() to what the bytes say, a loop of 2^64 values of no bytes.
TEST_CASE("snapshot traits: lengths are not believed", "[snapshot]") {
  for (const std::uint64_t size : {std::uint64_t{4}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    CHECK_FALSE(read<std::string>(sealed(number(size, 8) + "abc")));
    CHECK_FALSE(read<std::vector<std::uint8_t>>(sealed(number(size, 8) + "abc")));
    CHECK_FALSE(read<std::vector<sz::NoState>>(sealed(number(size, 8))));
  }
}

// Holds: types are told apart by name, and those that are written alike have one name.
// Would catch: a snapshot of numbers that is read as one of texts; one of `long` that `long long`
// cannot read.
TEST_CASE("snapshot traits: names", "[snapshot]") {
  CHECK(sz::SnapshotTraits<bool>::name() == "bool");
  CHECK(sz::SnapshotTraits<long>::name() == sz::SnapshotTraits<std::int64_t>::name());
  CHECK(sz::SnapshotTraits<unsigned>::name() == "uint32");
  CHECK(sz::SnapshotTraits<Color>::name() == "enum int8");
  CHECK(sz::SnapshotTraits<std::pair<std::string, int>>::name() == "(text, int32)");
  CHECK(sz::SnapshotTraits<std::tuple<std::string, int>>::name() == "(text, int32)");
  CHECK(sz::SnapshotTraits<std::optional<double>>::name() == "optional float64");
  CHECK(sz::SnapshotTraits<std::vector<Place>>::name() == "vector place");
  CHECK(sz::SnapshotTraits<std::chrono::sys_time<std::chrono::milliseconds>>::name() ==
        "int64 of 1/1000 s since 1970");
  CHECK(sz::SnapshotTraits<std::chrono::steady_clock::time_point>::name() ==
        "int64 of 1/1000000000 s");
}

}  // namespace
}  // namespace sessionize_traits_test
