#include <sessionize/detail/decimal.hpp>
#include <sessionize/detail/json_text.hpp>
#include <sessionize/key.hpp>

#include "catch.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace decimal_test {
namespace {

using namespace sessionize;

std::string written(std::int64_t value) {
  char text[24];
  return {text, detail::write_integer(text, value)};
}

// Holds: integers are written as std::to_string() has them. Would catch: a zero too many in front,
// a carry that is lost between the digits that are made at once, a limit that is one off.
TEST_CASE("integers are written in decimal", "[decimal]") {
  std::vector<std::int64_t> values{0, -1, std::numeric_limits<std::int64_t>::max(),
                                   std::numeric_limits<std::int64_t>::min()};
  for (std::int64_t power = 1; power <= 1'000'000'000'000'000'000 / 10; power *= 10)
    for (std::int64_t times = 1; times <= 10; ++times)
      for (std::int64_t beside = -2; beside <= 2; ++beside) {
        values.push_back(power * times + beside);
        values.push_back(-power * times + beside);
      }
  std::uint64_t state = 1;
  for (int i = 0; i < 100'000; ++i)
    values.push_back(static_cast<std::int64_t>(detail::splitmix64(state) >> (i % 64)));
  for (const std::int64_t value : values)
    if (written(value) != std::to_string(value)) FAIL(value << " is written " << written(value));
}

// Holds: each character that JSON escapes is found wherever it is in a text of any length, and no
// other. Would catch: one that is stepped over where the pieces that are looked at at once meet.
TEST_CASE("an escape is found in every place of a text", "[json_text]") {
  for (std::size_t size = 1; size <= 70; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        if (at % 3 == 0) text.back() = '"';  // a second one
        const char* found = text.data();
        const bool ascii = detail::skip_plain(found, text.data() + size);
        std::size_t expected = 0;
        const auto plain = [](char c) {
          return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
        };
        while (expected < size && plain(text[expected])) ++expected;
        const bool passed_other = byte >= 0x80 && at < expected;
        if (found != text.data() + expected || (ascii && passed_other))
          FAIL("size " << size << ", byte " << byte << " at " << at);
      }
}

// Holds: a copy has the bytes and no more. Would catch: a size between those that are moved in one
// way and those in another.
TEST_CASE("texts of all lengths are copied", "[json_text]") {
  const std::string from = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t size = 0; size <= from.size(); ++size) {
    std::string to(from.size() + 8, '.');
    CHECK(detail::copy_short(to.data(), from.data(), size) == to.data() + size);
    CHECK(to.substr(0, size) == from.substr(0, size));
    CHECK(to.find_first_not_of('.', size) == std::string::npos);
  }
}

}  // namespace
}  // namespace decimal_test
