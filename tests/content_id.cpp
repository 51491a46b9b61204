#include <sessionize/content_id.hpp>

#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace content_id_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::content_id;
using sessionize::ContentId;
using sessionize::testing::at;

// Holds: these events have these ids, whatever the version, compiler or machine; the numbers were
// computed by a program in another language. Would catch: any change of what is hashed or how,
// after which a saved filter knows nothing any more.
TEST_CASE("a content id never changes") {
  static_assert(content_id("ann", at(5s)) ==
                ContentId{0xb054'ebcd'f6e3'2ec1, 0x35ef'bc33'8513'3a96});
  static_assert(content_id("user1@example.org", at(1656633602s), R"({"page":"/shop"})") ==
                ContentId{0xb6b7'1ba2'45ea'765c, 0x6515'1a05'd6ad'd2aa});
  static_assert(content_id(7, at(-1ms), "x") ==
                ContentId{0x61f4'8aa9'e64b'f3cb, 0x9d55'3043'd811'ecb9});
  static_assert(content_id(-1, at(0s)) == ContentId{0x66cf'15cb'c31d'8dac, 0x9e85'8657'ffe0'3357});
  static_assert(content_id(std::pair("ann", 7), at(5s), "ab") ==
                ContentId{0x685f'b1c4'40f7'd95f, 0xf9b0'167e'2fe8'9e17});
  const std::string user = "user1@example.org", data = R"({"page":"/shop"})";
  CHECK(content_id(user, at(1656633602s), data) ==
        ContentId{0xb6b7'1ba2'45ea'765c, 0x6515'1a05'd6ad'd2aa});
}

// Holds: the same event has one id in whatever type its key comes, and events that differ in
// anything have different ones, also where their bytes in a row are the same. Would catch: parts
// that run into each other.
TEST_CASE("a content id tells events apart") {
  CHECK(content_id(std::string("ann"), at(5s)) == content_id(std::string_view("ann"), at(5s)));
  CHECK(content_id(std::int8_t{-1}, at(5s)) == content_id(std::int64_t{-1}, at(5s)));
  const std::string zeros(9, '\0');
  const std::set<ContentId> ids = {
      content_id("", at(0s)),
      content_id("a", at(0s)),
      content_id("a", at(1ms)),
      content_id("a", at(0s), "a"),
      content_id("aa", at(0s)),
      content_id("", at(0s), "a"),
      content_id(zeros, at(0s)),
      content_id(zeros.substr(1), at(0s)),
      content_id("", at(0s), zeros),
      content_id("", at(0s), zeros.substr(1)),
      content_id(std::pair("ab", "c"), at(0s)),
      content_id(std::pair("a", "bc"), at(0s)),
      content_id(std::tuple("a", "b", "c"), at(0s)),
  };
  CHECK(ids.size() == 13);
}

}  // namespace
}  // namespace content_id_tests
