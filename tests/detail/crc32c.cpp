#include <sessionize/detail/crc32c.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Would catch: another polynomial than the one that is documented, sums that hang on where the
// bytes were cut into pieces.

namespace crc32c_test {
namespace {

std::uint32_t sum_of(std::string_view bytes) {
  sessionize::detail::Crc32c sum;
  sum.add(bytes);
  return sum.value();
}

// Holds: the sums are those of CRC-32C: the check value of the catalogue, and RFC 3720's examples.
// Would catch: CRC-32 of zip files, a wrong bit order, a missing complement.
TEST_CASE("crc32c: the published values", "[crc32c]") {
  CHECK(sum_of("") == 0);
  CHECK(sum_of("123456789") == 0xe306'9283);
  CHECK(sum_of(std::string(32, '\0')) == 0x8a91'36aa);
  CHECK(sum_of(std::string(32, '\xff')) == 0x62a8'ab43);
  std::string rising;
  for (char c = 0; c < 32; ++c) rising += c;
  CHECK(sum_of(rising) == 0x46dd'794e);
}

// Holds: pieces give the sum of the whole. Would catch: an eight-byte step that begins anew.
TEST_CASE("crc32c: wherever it is cut", "[crc32c]") {
  std::string text;
  for (int i = 0; i < 45; ++i) text += static_cast<char>(i * 37);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    sessionize::detail::Crc32c sum;
    sum.add(std::string_view(text).substr(0, cut));
    sum.add(std::string_view(text).substr(cut));
    CHECK(sum.value() == sum_of(text));
  }
}

}  // namespace
}  // namespace crc32c_test
