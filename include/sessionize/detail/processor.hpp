#ifndef SESSIONIZE_DETAIL_PROCESSOR_HPP
#define SESSIONIZE_DETAIL_PROCESSOR_HPP

// What the processor can do is asked at run time, so that a program need not be built for it.

#include <cstddef>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define SESSIONIZE_AVX2 [[gnu::target("avx2,bmi,bmi2,popcnt")]]
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

// What a caller's loop is to be made of, wherever there is optimization: a call would cost as much
// as the rest.
#if defined(__OPTIMIZE__) && defined(__GNUC__)
#define SESSIONIZE_INLINE [[gnu::always_inline]]
#else
#define SESSIONIZE_INLINE
#endif

// For a function that does nothing but prefetch: GCC takes it for one without effect, and drops
// calls of it unless they are made part of the caller.
#ifdef __GNUC__
#define SESSIONIZE_PREFETCHES [[gnu::always_inline]]
#else
#define SESSIONIZE_PREFETCHES
#endif

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Tables up to so many bytes are not worth asking for ahead of time: the second-level cache of
/// nearly all processors since 2017 holds them.
inline constexpr std::size_t second_level_cache = std::size_t{768} << 10;

/// Whether functions marked SESSIONIZE_AVX2 can be called. Tests set it to false to hold the
/// portable path to the same answers.
inline bool& use_avx2() noexcept {
#ifdef SESSIONIZE_AVX2
  static bool use = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
#else
  static bool use = false;
#endif
  return use;
}

/// Runs `loop` as compiled for what the processor has. Its body is plain C++.
#ifdef SESSIONIZE_AVX2
template <class Loop>
SESSIONIZE_AVX2 [[gnu::flatten, gnu::noinline]] inline auto run_with_avx2(const Loop& loop) {
  return loop();
}
template <class Loop>
[[gnu::flatten, gnu::noinline]] inline auto run_without(const Loop& loop) {
  return loop();
}
template <class Loop>
inline auto run_fast(const Loop& loop) {
  return use_avx2() ? run_with_avx2(loop) : run_without(loop);
}
#else
template <class Loop>
inline auto run_fast(const Loop& loop) {
  return loop();
}
#endif

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
