#include "allocations.hpp"

#include "catch.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include <malloc.h>

namespace allocations {
namespace {

std::atomic<std::uint64_t> made_{0};
std::atomic<std::int64_t> live_{0};
std::atomic<std::int64_t> live_bytes_{0};
std::atomic<std::uint64_t> failing_{0};  // the number of the allocation that fails; 0: none

void* count(void* block) noexcept {
  if (block == nullptr) return block;
  ++live_;
  live_bytes_ += static_cast<std::int64_t>(::malloc_usable_size(block));
  return block;
}
void* allocate(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (++made_ == failing_) return nullptr;
  return count(std::malloc(bytes == 0 ? 1 : bytes));
}
void* allocate(std::size_t bytes) {
  void* const block = allocate(bytes, std::nothrow);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void* allocate(std::size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<std::size_t>(alignment);
  void* const block =
      ++made_ == failing_ ? nullptr : std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
  if (block == nullptr) throw std::bad_alloc();
  return count(block);
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  --live_;
  live_bytes_ -= static_cast<std::int64_t>(::malloc_usable_size(block));
  std::free(block);
}

}  // namespace

std::uint64_t made() noexcept { return made_; }
std::int64_t live() noexcept { return live_; }
std::int64_t live_bytes() noexcept { return live_bytes_; }
FailNth::FailNth(std::uint64_t k) noexcept { failing_ = made_ + k; }
FailNth::~FailNth() { failing_ = 0; }

}  // namespace allocations

void* operator new(std::size_t bytes) { return allocations::allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocations::allocate(bytes); }
// Not left to call the others: a sanitizer has its own.
void* operator new(std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return allocations::allocate(bytes, tag);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept {
  return allocations::allocate(bytes, tag);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocations::allocate(bytes, alignment);
}
void operator delete(void* block, std::align_val_t) noexcept { allocations::release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  allocations::release(block);
}
void operator delete(void* block) noexcept { allocations::release(block); }
void operator delete[](void* block) noexcept { allocations::release(block); }
void operator delete(void* block, std::size_t) noexcept { allocations::release(block); }
void operator delete[](void* block, std::size_t) noexcept { allocations::release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { allocations::release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { allocations::release(block); }

// Holds: the counts see this program's allocations, and the k-th fails. Would catch: a test of
// "allocates nothing" that passes because nothing is counted.
TEST_CASE("allocations are counted and fail when told to") {
  const auto made = allocations::made();
  const auto live = allocations::live();
  auto one = std::make_unique<int>(1);
  bool counted = allocations::made() == made + 1 && allocations::live() == live + 1;
  one.reset();
  counted = counted && allocations::live() == live;
  CHECK(counted);

  std::unique_ptr<int> first, third;
  bool failed = false;
  {
    const allocations::FailNth second(2);
    first = std::make_unique<int>(1);
    try {
      third = std::make_unique<int>(2);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    third = std::make_unique<int>(3);
  }
  CHECK(first != nullptr);
  CHECK(failed);
  CHECK(third != nullptr);
}
