#include <sessionize/snapshot/writer.hpp>

#include "bytes.hpp"

#include "../catch.hpp"

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace snapshot_writer_test {
namespace {

using snapshot_bytes::sealed;
constexpr std::size_t block = 65'536;

/// So many bytes, which tell where they are.
std::string some_bytes(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * 31 >> 3);
  return bytes;
}

// Holds: however bytes are handed over, the sink gets them in blocks of 64 KiB, whole, in order and
// with their checksum behind. Would catch: a block's last byte that is lost or written twice, a
// checksum of the last block alone.
TEST_CASE("a snapshot is written in blocks, with the checksum of all", "[snapshot]") {
  for (const std::size_t count :
       {std::size_t{0}, block - 5, block - 4, block - 1, block, 3 * block}) {
    for (const std::size_t piece : {std::size_t{7}, std::size_t{1'000}, count + 1}) {
      CAPTURE(count, piece);
      const std::string bytes = some_bytes(count);
      std::vector<std::string> blocks;
      auto sink = [&](std::string_view more) { blocks.emplace_back(more); };
      sessionize::SnapshotWriter out(sink);
      for (std::size_t at = 0; at < count; at += piece)
        out.bytes(std::string_view(bytes).substr(at, piece));
      CHECK(out.finish());

      std::string written;
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i + 1 < blocks.size()) CHECK(blocks[i].size() == block);
        written += blocks[i];
      }
      CHECK((written == sealed(bytes)));
      CHECK(out.size() == written.size());
    }
  }
}

// Holds: behind a block that the sink refuses, or throws at, it is asked for nothing, and the
// snapshot does not count as written. Would catch: a file with a hole, or with one block twice,
// that is taken for a snapshot.
TEST_CASE("a snapshot ends where its sink refuses or throws", "[snapshot]") {
  for (const bool throws : {false, true}) {
    CAPTURE(throws);
    int calls = 0;
    auto sink = [&](std::string_view) {
      if (++calls == 2 && throws) throw std::runtime_error("no space");
      return calls != 2;
    };
    sessionize::SnapshotWriter out(sink);
    out.bytes(some_bytes(block));
    CHECK(out.ok());
    if (throws)
      CHECK_THROWS_AS(out.bytes(some_bytes(block)), std::runtime_error);
    else
      out.bytes(some_bytes(block));
    CHECK_FALSE(out.ok());
    out.bytes(some_bytes(3 * block));
    CHECK_FALSE(out.finish());
    CHECK(calls == 2);
    CHECK(out.size() == block);
  }
}

}  // namespace
}  // namespace snapshot_writer_test
