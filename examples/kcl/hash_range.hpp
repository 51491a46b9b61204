#ifndef SESSIONIZE_KCL_HASH_RANGE_HPP
#define SESSIONIZE_KCL_HASH_RANGE_HPP

#include <array>
#include <optional>
#include <string_view>

namespace kcl {

/// A place among the partition keys of a stream, 128 bits, highest first; they compare as numbers.
using HashKey = std::array<unsigned char, 16>;

/// Where Kinesis puts a partition key: the MD5 of its bytes (RFC 1321). No more than a way to
/// spread keys: it hides nothing. Linear in the text.
[[nodiscard]] HashKey hash_key_of(std::string_view partition_key);

/// A decimal number of up to 128 bits; nothing where it is none.
[[nodiscard]] std::optional<HashKey> parse_hash_key(std::string_view decimal);

/// The partition keys of one shard: both ends belong to it.
struct HashRange {
  HashKey first{}, last{};

  [[nodiscard]] bool contains(std::string_view partition_key) const {
    const HashKey key = hash_key_of(partition_key);
    return first <= key && key <= last;
  }
};

}  // namespace kcl

#endif
