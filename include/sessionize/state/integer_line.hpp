#ifndef SESSIONIZE_STATE_INTEGER_LINE_HPP
#define SESSIONIZE_STATE_INTEGER_LINE_HPP

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
  [[nodiscard]] PackedPlace<IntegerLine> place(unsigned lane) noexcept {
    return {reinterpret_cast<std::byte*>(this) + lane * sizeof(Offset)};
  }
  /// A bit for each lane that is free, without a branch.
  [[nodiscard]] unsigned free_lanes() noexcept {
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

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
