#ifndef SESSIONIZE_STATE_INTEGER_LINE_HPP
#define SESSIONIZE_STATE_INTEGER_LINE_HPP

#include <sessionize/detail/processor.hpp>
#include <sessionize/state/packed_state.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// As many keys with their states as a cache line holds: four, or three where each has a tally; two
/// where times need 64 bits. In a free place all is zero, but for a mark in those that are not
/// clean, see LineTable; a key may be zero too.
template <std::unsigned_integral Offset_, bool tallies>
struct alignas(64) IntegerLine {
  using Offset = Offset_;
  static constexpr bool has_tally = tallies;
  static constexpr bool narrow = sizeof(Offset) < 8;
  static constexpr unsigned lanes = narrow ? (has_tally ? 3 : 4) : 2;
  static constexpr Offset mark = std::numeric_limits<Offset>::max();  // no state elsewhere has it

  std::uint64_t key[lanes]{};
  Offset previous[lanes]{};
  Offset start[lanes]{};
  struct Tallies {
    std::uint32_t tally[4]{};  // one for each lane, as far apart as offsets
  };
  struct NoTallies {};
  [[no_unique_address]] std::conditional_t<has_tally, Tallies, NoTallies> counts{};

  static constexpr std::size_t previous_at = lanes * sizeof(std::uint64_t);
  static constexpr std::size_t start_at = previous_at + lanes * sizeof(Offset);
  static constexpr std::size_t tally_at = start_at + lanes * sizeof(Offset);

  [[nodiscard]] PackedPlace<IntegerLine> place(std::size_t lane) noexcept {
    return {reinterpret_cast<std::byte*>(this) + lane * sizeof(Offset)};
  }
  /// A bit for each lane that is free, without a branch.
  [[nodiscard]] unsigned free_lanes() noexcept {
#ifdef __SSE2__
    if constexpr (narrow) {
      const __m128i none = _mm_setzero_si128(), starts = load(start_at);
      const __m128i marked = _mm_cmpeq_epi32(starts, _mm_set1_epi32(-1));
      return bits_of(_mm_and_si128(_mm_cmpeq_epi32(load(previous_at), none),
                                   _mm_or_si128(_mm_cmpeq_epi32(starts, none), marked)));
    }
#endif
    unsigned free = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      free |=
          static_cast<unsigned>(previous[lane] == 0 && (start[lane] == 0 || start[lane] == mark))
          << lane;
    return free;
  }
  /// Those of them that are clean.
  [[nodiscard]] unsigned clean_lanes() noexcept {
#ifdef __SSE2__
    if constexpr (narrow) {
      const __m128i either = _mm_or_si128(load(previous_at), load(start_at));
      return bits_of(_mm_cmpeq_epi32(either, _mm_setzero_si128()));
    }
#endif
    unsigned clean = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      clean |= static_cast<unsigned>((previous[lane] | start[lane]) == 0) << lane;
    return clean;
  }
  /// A bit for each lane with this key, without a branch; free ones have zero.
  [[nodiscard]] unsigned equal(std::uint64_t wanted) const noexcept {
#ifdef __SSE2__
    if constexpr (narrow) return bits_of(lanes_with(wanted));
#endif
    unsigned equal = 0;
    for (unsigned lane = 0; lane < lanes; ++lane)
      equal |= static_cast<unsigned>(key[lane] == wanted) << lane;
    return equal;
  }
#ifdef SESSIONIZE_AVX2
  [[nodiscard]] SESSIONIZE_AVX2 unsigned equal_by_avx2(std::uint64_t wanted) const noexcept {
    const __m256i all = _mm256_set1_epi64x(static_cast<long long>(wanted));
    const __m256i there = _mm256_load_si256(reinterpret_cast<const __m256i*>(this));
    const __m256d is_equal = _mm256_castsi256_pd(_mm256_cmpeq_epi64(all, there));
    const auto equal = static_cast<unsigned>(_mm256_movemask_pd(is_equal));
    return lanes == 4 ? equal : equal & ((1U << lanes) - 1);
  }
#endif
  void copy(unsigned lane, IntegerLine& to, unsigned at) const noexcept {
    to.key[at] = key[lane];
    const auto from = const_cast<IntegerLine&>(*this).place(lane);
    to.place(at).set(from.previous(), from.start(), from.tally());
  }
  /// Without a branch, as growth does it for every line.
  void move(unsigned moved, IntegerLine& to) noexcept {
#ifdef __SSE2__
    static constexpr auto ones_in = [] {
      std::array<IntegerLine, 1U << lanes> lines{};
      for (unsigned some = 0; some < lines.size(); ++some) lines[some].fill(some);
      return lines;
    }();
    const IntegerLine& moves = ones_in[moved];
    const auto part = [&](std::size_t at) {
      const __m128i all = load(at);
      to.store(at, _mm_and_si128(all, moves.load(at)));
      store(at, _mm_andnot_si128(moves.load(at), all));
    };
    part(0);
    part(16);
    part(32);
    part(48);
#else
    for (unsigned lane = 0; lane < lanes; ++lane) {
      const std::uint64_t moves = std::uint64_t{0} - (moved >> lane & 1);
      const auto times_move = static_cast<Offset>(moves);
      const auto tally_moves = static_cast<std::uint32_t>(moves);
      const auto from = place(lane);
      to.key[lane] = key[lane] & moves;
      key[lane] &= ~moves;
      to.place(lane).set(from.previous() & times_move, from.start() & times_move,
                         from.tally() & tally_moves);
      from.set(from.previous() & ~times_move, from.start() & ~times_move,
               from.tally() & ~tally_moves);
    }
#endif
  }
  void clear(unsigned lane) noexcept {
    key[lane] = 0;
    place(lane).set(0, 0, 0);
  }
  void soil(unsigned lane) noexcept {
    clear(lane);
    start[lane] = mark;
  }

#ifdef __SSE2__
  /// Makes all bits of some lanes ones.
  constexpr void fill(unsigned some) noexcept {
    for (unsigned lane = 0; lane < lanes; ++lane) {
      if ((some >> lane & 1) == 0) continue;
      key[lane] = std::numeric_limits<std::uint64_t>::max();
      previous[lane] = start[lane] = std::numeric_limits<Offset>::max();
      if constexpr (has_tally)
        counts.tally[lane * sizeof(Offset) / sizeof(std::uint32_t)] = UINT32_MAX;
    }
  }
  /// What is at so many bytes for each lane, for narrow lines. Where there are three lanes, the
  /// fourth one is the first of what follows.
  [[nodiscard]] __m128i load(std::size_t at) const noexcept {
    const auto* from =
        reinterpret_cast<const __m128i*>(reinterpret_cast<const std::byte*>(this) + at);
    return at % sizeof(__m128i) == 0 ? _mm_load_si128(from) : _mm_loadu_si128(from);
  }
  void store(std::size_t at, __m128i value) noexcept {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(reinterpret_cast<std::byte*>(this) + at), value);
  }
  [[nodiscard]] static unsigned bits_of(__m128i mask) noexcept {
    const auto bits = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(mask)));
    return lanes == 4 ? bits : bits & 7;
  }
  /// The lowest of some lanes, in a whole register: GCC would widen what std::countr_zero() gives.
  [[nodiscard]] static std::size_t lowest(unsigned some) noexcept {
#if defined(__GNUC__) && defined(__x86_64__)
    std::size_t lane;
    asm("rep bsf {%k1, %k0|%k0, %k1}" : "=r"(lane) : "r"(some) : "cc");
    return lane;
#else
    return static_cast<std::size_t>(std::countr_zero(some));
#endif
  }
  /// Ones for each lane with this key.
  [[nodiscard]] __m128i lanes_with(std::uint64_t wanted) const noexcept {
    const __m128i all = _mm_set1_epi64x(static_cast<long long>(wanted));
    // The halves of each key side by side, as 16 bits that are all the same.
    const __m128i halves =
        _mm_packs_epi32(_mm_cmpeq_epi32(load(0), all), _mm_cmpeq_epi32(load(16), all));
    const __m128i equal = _mm_cmpeq_epi32(halves, _mm_set1_epi32(-1));
    if constexpr (lanes == 4) return equal;
    return _mm_and_si128(equal, _mm_set_epi32(0, -1, -1, -1));
  }
#endif
};

#ifdef __SSE2__
/// Decides on an event of a key that a line may have; false where that cannot be done. It writes
/// all lanes of the line, of which at most one changes: so where it writes does not hang on what it
/// reads, and the processor need not wait for that before it reads the line of the next event.
template <bool limited, session_clock Clock, class Rule, Counting counting, class Line>
[[nodiscard]] SESSIONIZE_INLINE inline bool decide_in_vectors(
    Line& line, std::uint64_t key,
    const typename StatePacking<Clock, Rule, counting>::Window& window, const PackedRules& rules,
    typename Clock::time_point time, PackedDecision<Clock, Rule, counting>& decision) noexcept {
  if (key == 0) [[unlikely]]
    return false;  // free places have it, too
  const __m128i changes = line.lanes_with(key);
  const unsigned lanes = Line::bits_of(changes);
  if (lanes == 0) [[unlikely]]
    return false;
  const auto place = line.place(Line::lowest(lanes));
  if (!decision.template step<limited>(window, rules, place, time)) return false;
  const auto where_it_changes = [changes](std::uint64_t value) {
    return _mm_and_si128(_mm_set1_epi32(static_cast<int>(value)), changes);
  };
  // Of three lanes, the fourth one is the first one of the next part, which is written later and
  // mends it.
  const __m128i previous = line.load(Line::previous_at), start = line.load(Line::start_at);
  const __m128i tally = Line::has_tally ? line.load(Line::tally_at) : start;
  line.store(Line::previous_at,
             _mm_sub_epi32(previous, where_it_changes(decision.previous - decision.time)));
  line.store(Line::start_at, _mm_add_epi32(start, where_it_changes(decision.start - decision.was)));
  if constexpr (Line::has_tally)
    line.store(Line::tally_at,
               _mm_add_epi32(tally, where_it_changes(decision.next - decision.tally)));
  return true;
}
#endif

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
