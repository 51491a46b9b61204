#ifndef SESSIONIZE_DETAIL_EXACT_SUM_HPP
#define SESSIONIZE_DETAIL_EXACT_SUM_HPP

#include <sessionize/detail/snapshot_access.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

// Sums that are exact until they are asked for, so that the order of adding has no say.

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The sum of 64-bit integers in 128 bits; its value is the nearest one that 64 bits can say.
template <class Integer>
class IntegerSum {
 public:
  using value_type = std::conditional_t<std::is_signed_v<Integer>, std::int64_t, std::uint64_t>;

  constexpr void add(value_type value) noexcept {
    add(static_cast<std::uint64_t>(value), value < 0 ? ~std::uint64_t{0} : 0);
  }
  constexpr void add(const IntegerSum& more) noexcept { add(more.low_, more.high_); }

  [[nodiscard]] constexpr value_type value() const noexcept {
    using Limits = std::numeric_limits<value_type>;
    const auto value = static_cast<value_type>(low_);
    if (high_ == (value < 0 ? ~std::uint64_t{0} : 0)) return value;
    return std::is_signed_v<value_type> && high_ >> 63 != 0 ? Limits::min() : Limits::max();
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  constexpr void add(std::uint64_t low, std::uint64_t high) noexcept {
    low_ += low;
    high_ += high + (low_ < low ? 1 : 0);
  }

  std::uint64_t low_ = 0;
  std::uint64_t high_ = 0;  // two's complement
};

/// The sum of doubles as a few doubles that do not overlap; its value is rounded once. Holds while
/// no sum on the way is beyond the range of double. An infinity or a NaN decides for itself.
/// Method: J. R. Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric
/// predicates" (1997), grow-expansion; the rounding is that of Python's math.fsum.
class DoubleSum {
 public:
  using value_type = double;

  void add(double value) {
    if (!std::isfinite(value)) {
      special_ += value;
      return;
    }
    std::size_t kept = 0;
    for (double part : parts_) {
      if (std::abs(value) < std::abs(part)) std::swap(value, part);
      const double sum = value + part;
      const double lost = part - (sum - value);
      if (lost != 0) parts_[kept++] = lost;
      value = sum;
    }
    parts_.resize(kept);
    if (!std::isfinite(value))
      special_ += value;
    else if (value != 0)
      parts_.push_back(value);
  }
  void add(const DoubleSum& more) {
    const std::vector<double> parts = more.parts_;  // `more` may be this sum
    for (const double part : parts) add(part);
    special_ += more.special_;
  }

  [[nodiscard]] double value() const noexcept {
    if (special_ != 0) return special_;
    std::size_t i = parts_.size();
    if (i == 0) return 0;
    double sum = parts_[--i];
    while (i != 0) {
      const double before = sum;
      const double part = parts_[--i];
      sum = before + part;
      const double lost = part - (sum - before);
      if (lost == 0) continue;
      // Exactly half a unit was lost, and smaller parts on the same side: it rounds the other way.
      const double next = sum + 2 * lost;
      if (i != 0 && (lost < 0) == (parts_[i - 1] < 0) && next - sum == 2 * lost) return next;
      break;
    }
    return sum;
  }

 private:
  template <class Object>
  friend struct SnapshotAccess;

  std::vector<double> parts_;  // none is zero, from the least magnitude to the greatest
  double special_ = 0;         // the sum of those that are not finite
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
