#include <sessionize/shard.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace shard_tests {

/// A key of the caller's own type, with a hash of its own.
struct Device {
  std::uint32_t number = 0;
  bool operator==(const Device&) const = default;
  auto operator<=>(const Device&) const = default;
};

}  // namespace shard_tests

template <>
struct std::hash<shard_tests::Device> {
  std::size_t operator()(const shard_tests::Device& device) const { return device.number; }
};

namespace shard_tests {
namespace {

using sessionize::key_view_t;
using sessionize::shard_of;

constexpr std::uint64_t whole = std::uint64_t{1} << 32;  // so many shards that 32 bits of hash show

enum class Colour : std::int8_t { none = -1, red = 1 };

// Holds: these keys have these shards, whatever the version, compiler or machine; the numbers were
// computed from the formula in the header by a program in another language. Would catch: any change
// of the hash, a text read in the machine's own byte order, bytes taken as signed.
TEST_CASE("a key's shard never changes") {
  static_assert(shard_of(0, whole) == 3783558518);
  static_assert(shard_of(1, whole) == 1338899628);
  static_assert(shard_of(-1, whole) == 3996545345);
  static_assert(shard_of(1, 2) == 0 && shard_of(1, 7) == 2 && shard_of(1, 1000) == 311);
  static_assert(shard_of("", whole) == 2116245671);
  static_assert(shard_of("a", whole) == 276931989);
  static_assert(shard_of("\xff\xfe\x80", whole) == 2769719891);
  static_assert(shard_of("user1", whole) == 2740845724);
  static_assert(shard_of("12345678", whole) == 2998614930);
  static_assert(shard_of("0123456789abcdef", whole) == 4075284110);
  static_assert(shard_of("123e4567-e89b-12d3-a456-426614174000", whole) == 275142299);
  static_assert(shard_of(std::pair("ann", 7), whole) == 1238307360);
  static_assert(shard_of(std::tuple("ann", 7, "web"), whole) == 3135296948);

  // The same when the program runs, where texts are read word by word.
  const std::vector<std::pair<std::string, std::size_t>> texts = {
      {"", 2116245671},
      {"a", 276931989},
      {"\xff\xfe\x80", 2769719891},
      {"user1", 2740845724},
      {"12345678", 2998614930},
      {"0123456789abcdef", 4075284110},
      {"123e4567-e89b-12d3-a456-426614174000", 275142299}};
  for (const auto& [text, shard] : texts) {
    INFO(text);
    CHECK(shard_of(text, whole) == shard);
  }
}

// Holds: what is the same key has the same shard, in whatever type it comes, and as the view that a
// table has of it. Would catch: a hash that counts a type's width, or hashes a pointer.
TEST_CASE("equal keys of different types share a shard") {
  static_assert(shard_of(std::int8_t{-1}, whole) == shard_of(std::int64_t{-1}, whole));
  static_assert(shard_of(std::uint8_t{1}, whole) == shard_of(std::uint64_t{1}, whole));
  static_assert(shard_of(Colour::none, whole) == shard_of(-1, whole));
  static_assert(shard_of(Colour::red, whole) == shard_of(1, whole));

  const std::string text = "a text that is longer than a small one";
  CHECK(shard_of(text, whole) == shard_of(std::string_view(text), whole));
  CHECK(shard_of(text, whole) == shard_of(text.c_str(), whole));
  CHECK(shard_of(std::pair(text, 1), whole) ==
        shard_of(key_view_t<std::pair<std::string, int>>(text, 1), whole));
  CHECK(shard_of(std::pair(1, std::tuple(text)), whole) == shard_of(std::tuple(1, text), whole));

  const Device device{7};
  CHECK(shard_of(device, whole) == shard_of(key_view_t<Device>(device), whole));
}

// Holds: parts count in order, and bytes where they stand. Would catch: parts that are combined by
// a sum, a text without its length, padding that looks like zero bytes.
TEST_CASE("different keys differ") {
  CHECK(shard_of(std::pair(1, 2), whole) != shard_of(std::pair(2, 1), whole));
  CHECK(shard_of(std::pair("ab", "c"), whole) != shard_of(std::pair("a", "bc"), whole));
  const std::string zeros(40, '\0');
  for (std::size_t size = 0; size < zeros.size(); ++size)
    CHECK(shard_of(zeros.substr(0, size), whole) != shard_of(zeros.substr(0, size + 1), whole));
  std::string text(37, 'x');
  const std::size_t before = shard_of(text, whole);
  for (auto& byte : text) {
    byte = 'y';
    CHECK(shard_of(text, whole) != before);
    byte = 'x';
  }
}

// Holds: over 100,000 keys of each common kind, chi-square of the shards' sizes stays below what
// one in a million even spreads exceeds (Wilson and Hilferty's approximation, 4.75 deviations).
// The keys are fixed, so that the test has one outcome. Would catch: a hash whose high bits do not
// hang on all of the key, and a map to shards that prefers some.
TEST_CASE("keys spread evenly") {
  using MakeKey = std::function<std::size_t(std::uint64_t, std::size_t)>;
  const std::vector<std::pair<std::string, MakeKey>> kinds = {
      {"numbers", [](std::uint64_t i, std::size_t n) { return shard_of(i, n); }},
      {"high bits", [](std::uint64_t i, std::size_t n) { return shard_of(i << 40, n); }},
      {"steps of 1000", [](std::uint64_t i, std::size_t n) { return shard_of(i * 1000, n); }},
      {"texts", [](std::uint64_t i, std::size_t n) { return shard_of(std::to_string(i), n); }},
      {"users",
       [](std::uint64_t i, std::size_t n) { return shard_of("user" + std::to_string(i), n); }},
      {"long texts",
       [](std::uint64_t i, std::size_t n) {
         return shard_of(std::string(30, 'k') + std::to_string(i) + std::string(20, 'k'), n);
       }},
      {"pairs",
       [](std::uint64_t i, std::size_t n) { return shard_of(std::pair(i % 100, i / 100), n); }},
  };
  constexpr std::size_t keys = 100'000;
  for (const auto& [kind, shard] : kinds) {
    for (const std::size_t shards : {2U, 3U, 7U, 16U, 64U, 1000U}) {
      INFO(kind << ", " << shards << " shards");
      std::vector<std::size_t> sizes(shards);
      for (std::uint64_t i = 0; i < keys; ++i) ++sizes.at(shard(i, shards));
      const double mean = static_cast<double>(keys) / static_cast<double>(shards);
      double chi_square = 0;
      for (const auto size : sizes)
        chi_square +=
            (static_cast<double>(size) - mean) * (static_cast<double>(size) - mean) / mean;
      const double freedom = static_cast<double>(shards) - 1;
      const double spread = 2 / (9 * freedom);
      const double root = 1 - spread + 4.75 * std::sqrt(spread);
      CHECK(chi_square < freedom * root * root * root);
    }
  }
}

}  // namespace
}  // namespace shard_tests
