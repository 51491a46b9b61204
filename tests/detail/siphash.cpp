#include <sessionize/detail/siphash.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace siphash_tests {
namespace {

using sessionize::detail::SipHash128;

// Holds: the hashes are those of the reference implementation's vectors: of the bytes 0, 1, 2, ...
// under the key 00 01 ... 0f. Would catch: a round or a constant of another hash, a wrong tail,
// bytes in the machine's own order.
TEST_CASE("siphash: the published values") {
  const auto hash_of = [](std::size_t size) {
    std::string message;
    for (std::size_t i = 0; i < size; ++i) message += static_cast<char>(i);
    SipHash128 hash(0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908);
    const auto [low, high] = hash.finish(message);
    std::string hex;
    for (const std::uint64_t half : {low, high})
      for (int i = 0; i < 8; ++i)
        for (const int shift : {4, 0}) hex += "0123456789abcdef"[half >> (8 * i + shift) & 15];
    return hex;
  };
  CHECK(hash_of(0) == "a3817f04ba25a8e66df67214c7550293");
  CHECK(hash_of(1) == "da87c1d86b99af44347659119b22fc45");
  CHECK(hash_of(7) == "a1f1ebbed8dbc153c0b84aa61ff08239");
  CHECK(hash_of(8) == "3b62a9ba6258f5610f83e264f31497b4");
  CHECK(hash_of(15) == "5493e99933b0a8117e08ec0f97cfc3d9");
  CHECK(hash_of(63) == "5150d1772f50834a503e069a973fbd7c");
}

// Holds: words before the last bytes are bytes of the message like these. Would catch: a length
// that leaves them out.
TEST_CASE("siphash: words and bytes are one message") {
  constexpr std::string_view message = "01234567abc";
  SipHash128 whole(1, 2), pieces(1, 2);
  pieces.add(SipHash128::word_of(message.substr(0, 8)));
  CHECK(pieces.finish(message.substr(8)) == whole.finish(message));
}

}  // namespace
}  // namespace siphash_tests
