#ifndef SESSIONIZE_TESTS_ALLOCATIONS_HPP
#define SESSIONIZE_TESTS_ALLOCATIONS_HPP

#include <cstdint>

// The test program's own operator new: it counts, and fails when told to.

namespace allocations {

/// How many allocations were made since the program began.
std::uint64_t made() noexcept;

/// How many blocks are allocated and not freed.
std::int64_t live() noexcept;

/// How many bytes they have.
std::int64_t live_bytes() noexcept;

/// While it lives, the `k`-th allocation from its construction (from 1) throws std::bad_alloc;
/// the others succeed.
class FailNth {
 public:
  explicit FailNth(std::uint64_t k) noexcept;
  FailNth(const FailNth&) = delete;
  FailNth& operator=(const FailNth&) = delete;
  ~FailNth();
};

}  // namespace allocations

#endif
