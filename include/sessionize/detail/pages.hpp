#ifndef SESSIONIZE_DETAIL_PAGES_HPP
#define SESSIONIZE_DETAIL_PAGES_HPP

#include <cstddef>
#include <new>

#if defined(__linux__) && __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Allocates at cache lines, and large pieces at huge pages, which it asks the system for: a table
/// that is read at random then misses the address cache a good deal less.
template <class T>
struct PageAllocator {
  using value_type = T;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;

  PageAllocator() = default;
  template <class U>
  constexpr PageAllocator(const PageAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* const at = ::operator new(bytes, alignment(bytes));
#ifdef MADV_HUGEPAGE
    if (bytes >= huge_page) static_cast<void>(::madvise(at, bytes, MADV_HUGEPAGE));
#endif
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) noexcept {
    ::operator delete(at, alignment(count * sizeof(T)));
  }

  friend constexpr bool operator==(PageAllocator, PageAllocator) noexcept { return true; }

 private:
  [[nodiscard]] static constexpr std::align_val_t alignment(std::size_t bytes) noexcept {
    return std::align_val_t{bytes >= huge_page ? huge_page : 64};
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
