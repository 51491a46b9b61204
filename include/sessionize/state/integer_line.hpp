#ifndef SESSIONIZE_STATE_INTEGER_LINE_HPP
#define SESSIONIZE_STATE_INTEGER_LINE_HPP

#include <sessionize/detail/processor.hpp>
#include <sessionize/state/packed_state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Three keys with their states in a cache line; two where times need 64 bits. In a free place all
/// is zero, and a key may be zero too.
template <std::unsigned_integral Offset_>
struct alignas(64) IntegerLine {
  using Offset = Offset_;
  static constexpr unsigned lanes = sizeof(Offset) < 8 ? 3 : 2;

  std::uint64_t key[lanes]{};
  Offset previous[lanes]{};
  Offset start[lanes]{};
  std::uint32_t counts[4]{};  // a tally for each lane, as far apart as offsets; then what passed

  static constexpr std::size_t previous_at = lanes * sizeof(std::uint64_t);
  static constexpr std::size_t start_at = previous_at + lanes * sizeof(Offset);
  static constexpr std::size_t tally_at = start_at + lanes * sizeof(Offset);

  [[nodiscard]] std::uint32_t& passed() noexcept { return counts[3]; }
  [[nodiscard]] PackedPlace<IntegerLine> place(std::size_t lane) noexcept {
    return {reinterpret_cast<std::byte*>(this) + lane * sizeof(Offset)};
  }
  /// A bit for each lane that is free, without a branch.
  [[nodiscard]] unsigned free_lanes() noexcept {
#ifdef __SSE2__
    if constexpr (lanes == 3) {
      const __m128i tally = _mm_load_si128(reinterpret_cast<const __m128i*>(counts));
      const __m128i starts = _mm_loadu_si128(reinterpret_cast<const __m128i*>(start));
      const __m128i free = _mm_cmpeq_epi32(_mm_or_si128(tally, starts), _mm_setzero_si128());
      return static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(free))) & 7;
    }
#endif
    unsigned free = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      free |= static_cast<unsigned>(place(lane).is_free()) << lane;
    return free;
  }
  /// A bit for each lane with this key, without a branch; free ones have zero.
  [[nodiscard]] unsigned equal(std::uint64_t wanted) const noexcept {
    unsigned equal = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      equal |= static_cast<unsigned>(key[lane] == wanted) << lane;
    return equal;
  }
  /// The only lane that may have this key, without a branch. For zero it may be a free one.
  [[nodiscard]] unsigned likely_lane(std::uint64_t wanted) const noexcept {
    unsigned likely = 0;
    for (unsigned lane = 1; lane < lanes; ++lane)
      likely |= static_cast<unsigned>(key[lane] == wanted) * lane;
    return std::min(likely, lanes - 1);  // zero may be in two
  }
  void copy(unsigned lane, IntegerLine& to, unsigned at) const noexcept {
    to.key[at] = key[lane];
    const std::size_t tally = lane * sizeof(Offset) / sizeof(std::uint32_t);
    to.place(at).set(previous[lane], start[lane], counts[tally]);
  }
  void clear(unsigned lane) noexcept {
    key[lane] = 0;
    place(lane).set(0, 0, 0);
  }
};

#ifdef __SSE2__
/// Decides on an event of the key in a lane, by the gap alone; false where that cannot be
/// done. It writes all lanes of the line, of which at most one changes: so where it writes does not
/// hang on what it reads, and the processor need not wait for that before it reads the line of the
/// next event.
template <session_clock Clock, class Rule, Counting counting>
[[nodiscard]] SESSIONIZE_INLINE inline bool decide_in_vectors(
    IntegerLine<std::uint32_t>& line, unsigned lane,
    const typename StatePacking<Clock, Rule, counting>::Window& window,
    const PackedRules<std::uint32_t>& rules, typename Clock::time_point time,
    PackedDecision<Clock, Rule, counting>& decision) noexcept {
  using Line = IntegerLine<std::uint32_t>;
  if (!decision.template step<false>(window, rules, line.place(lane), time)) return false;
  alignas(16) static constexpr std::uint32_t masks[Line::lanes][4] = {
      {~0U, 0, 0, 0}, {0, ~0U, 0, 0}, {0, 0, ~0U, 0}};
  const __m128i changes = _mm_load_si128(reinterpret_cast<const __m128i*>(masks[lane]));
  const auto at = [&line](std::size_t bytes) {
    return reinterpret_cast<__m128i*>(reinterpret_cast<std::byte*>(&line) + bytes);
  };
  const auto replaced = [changes](__m128i old, std::uint32_t by) {
    const __m128i all = _mm_set1_epi32(static_cast<int>(by));
    return _mm_xor_si128(old, _mm_and_si128(_mm_xor_si128(old, all), changes));
  };
  // The fourth lane of each is the first one of the next, and what passed: it does not change, and
  // what is written later mends it.
  const __m128i previous = _mm_loadu_si128(at(Line::previous_at));
  const __m128i start = _mm_loadu_si128(at(Line::start_at));
  const __m128i tally = _mm_loadu_si128(at(Line::tally_at));
  _mm_storeu_si128(at(Line::previous_at), replaced(previous, decision.time));
  _mm_storeu_si128(at(Line::start_at), replaced(start, decision.start));
  _mm_storeu_si128(at(Line::tally_at), replaced(tally, decision.next));
  return true;
}
#endif

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
