#include <sessionize/key_text.hpp>

#include "catch.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

namespace key_text_test {

enum class Tenant : short { first = 7 };

struct Device {
  std::string maker;
  int model;
};
template <class Put>
void put_key_text(const Device& device, Put&& put) {
  put(std::string_view(device.maker));
  sessionize::write_key(device.model, put);
}

namespace {

template <class Key>
std::string text(const Key& key) {
  std::string out;
  sessionize::write_key(key, [&](std::string_view piece) { out += piece; });
  return out;
}

// Promise: each kind of key has a text, and different keys of one type have different texts.
// Catches lost signs, cut 64-bit numbers and parts that run together.
TEST_CASE("keys have texts") {
  CHECK(text(std::string("ann")) == "ann");
  CHECK(text("ann") == "ann");
  CHECK(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(text(UINT64_MAX) == "18446744073709551615");
  CHECK(text(static_cast<std::int8_t>(-128)) == "-128");
  CHECK(text(Tenant::first) == "7");
  CHECK(text(std::pair<std::string, int>{"a%|", 2}) == "a%25%7C|2");
  CHECK(text(Device{"acme", 9}) == "acme9");
}

}  // namespace
}  // namespace key_text_test
