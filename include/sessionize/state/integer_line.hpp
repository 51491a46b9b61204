#ifndef SESSIONIZE_STATE_INTEGER_LINE_HPP
#define SESSIONIZE_STATE_INTEGER_LINE_HPP

#include <sessionize/detail/processor.hpp>
#include <sessionize/state/packed_state.hpp>

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
  [[nodiscard]] PackedPlace<IntegerLine> place(unsigned lane) noexcept {
    return {reinterpret_cast<std::byte*>(this) + lane * sizeof(Offset)};
  }
  [[nodiscard]] bool is_free(unsigned lane) noexcept { return place(lane).is_free(); }
  /// A bit for each lane with this key, without a branch; free ones have zero.
  [[nodiscard]] unsigned equal(std::uint64_t wanted) const noexcept {
    unsigned equal = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      equal |= static_cast<unsigned>(key[lane] == wanted) << lane;
    return equal;
  }
  void move(unsigned lane, IntegerLine& to, unsigned at) noexcept {
    const auto from = place(lane);
    to.key[at] = key[lane];
    to.place(at).set(from.previous(), from.start(), from.tally());
    clear(lane);
  }
  void clear(unsigned lane) noexcept {
    key[lane] = 0;
    place(lane).set(0, 0, 0);
  }
};

#ifdef __SSE2__
/// All ones in each lane of a line that has this key; free ones have zero. The fourth is no lane.
[[nodiscard]] inline __m128i lanes_of(const IntegerLine<std::uint32_t>& line,
                                      std::uint64_t key) noexcept {
  const auto* const at = reinterpret_cast<const __m128i*>(&line);
  const __m128i wanted = _mm_set1_epi64x(static_cast<long long>(key));
  const __m128 two = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(at), wanted));
  const __m128 third = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(at + 1), wanted));
  const __m128 low = _mm_shuffle_ps(two, third, _MM_SHUFFLE(0, 0, 2, 0));
  const __m128 high = _mm_shuffle_ps(two, third, _MM_SHUFFLE(1, 1, 3, 1));
  return _mm_and_si128(_mm_castps_si128(_mm_and_ps(low, high)), _mm_setr_epi32(-1, -1, -1, 0));
}
/// The lane of a vector of which `mask` has all bits.
[[nodiscard]] inline std::uint32_t lane_of(__m128i vector, __m128i mask) noexcept {
  __m128i lane = _mm_and_si128(vector, mask);
  lane = _mm_or_si128(lane, _mm_shuffle_epi32(lane, _MM_SHUFFLE(1, 0, 3, 2)));
  lane = _mm_or_si128(lane, _mm_shuffle_epi32(lane, _MM_SHUFFLE(2, 3, 0, 1)));
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(lane));
}

/// Decides on an event of the key in one of `lanes`, by the gap alone; false where that cannot be
/// done. It writes all lanes of the line, of which at most one changes: so where it writes does not
/// hang on what it reads, and the processor need not wait for that before it reads the line of the
/// next event.
template <session_clock Clock, class Rule, Counting counting>
[[nodiscard]] SESSIONIZE_INLINE inline bool decide_in_vectors(
    IntegerLine<std::uint32_t>& line, __m128i lanes,
    const typename StatePacking<Clock, Rule, counting>::Window& window,
    const PackedRules<std::uint32_t>& rules, typename Clock::time_point time,
    PackedDecision<Clock, Rule, counting>& decision) noexcept {
  using Line = IntegerLine<std::uint32_t>;
  const auto at = [&line](std::size_t bytes) {
    return reinterpret_cast<__m128i*>(reinterpret_cast<std::byte*>(&line) + bytes);
  };
  const auto all = [](std::uint32_t value) { return _mm_set1_epi32(static_cast<int>(value)); };
  const auto replace = [](__m128i old, __m128i by, __m128i mask) {
    return _mm_xor_si128(old, _mm_and_si128(_mm_xor_si128(old, by), mask));
  };
  // The fourth lane of each is the first one of the next, and what passed: it does not change.
  const __m128i previous = _mm_loadu_si128(at(Line::previous_at));
  const __m128i start = _mm_loadu_si128(at(Line::start_at));
  const __m128i tally = _mm_loadu_si128(at(Line::tally_at));
  // Comparisons are signed: with the top bit turned over they are as if they were not.
  const __m128i top = all(0x8000'0000);
  const auto offset = static_cast<std::uint32_t>(window.distance(time));
  const __m128i times = all(offset);
  const __m128i goes_back =
      _mm_cmpgt_epi32(_mm_xor_si128(previous, top), _mm_xor_si128(times, top));
  const __m128i has_room = counting == Counting::on
                               ? _mm_cmpeq_epi32(_mm_and_si128(tally, all(0xc000'c000)), top)
                               : _mm_cmplt_epi32(tally, all(0xc000'0000));
  const __m128i here = _mm_andnot_si128(goes_back, _mm_and_si128(lanes, has_room));
  if (_mm_movemask_epi8(here) == 0 || !window.holds(time)) [[unlikely]]
    return false;

  const __m128i since = _mm_xor_si128(_mm_sub_epi32(times, previous), top);
  const __m128i starts =
      _mm_and_si128(here, _mm_cmpgt_epi32(since, all(rules.under_gap ^ 0x8000'0000)));
  const __m128i new_start = replace(start, times, starts);
  __m128i next = _mm_sub_epi32(tally, starts);
  if constexpr (counting == Counting::on) {
    const __m128i kept = _mm_andnot_si128(_mm_and_si128(starts, all(0xffff)), tally);
    next = _mm_add_epi32(_mm_sub_epi32(kept, here), _mm_and_si128(starts, all(0x1'0000)));
  }
  // In this order: each mends the last lane of the one before it.
  _mm_storeu_si128(at(Line::previous_at), replace(previous, times, here));
  _mm_storeu_si128(at(Line::start_at), new_start);
  _mm_storeu_si128(at(Line::tally_at), next);
  decision.base = window;
  decision.rules = &rules;
  decision.time = offset;
  decision.previous = lane_of(previous, here);
  decision.was = lane_of(start, here);
  decision.tally = lane_of(tally, here);
  decision.starts = _mm_movemask_epi8(starts) != 0;
  decision.start = lane_of(new_start, here);
  decision.next = lane_of(next, here);
  return true;
}
#endif

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
