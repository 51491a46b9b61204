#ifndef SESSIONIZE_TESTING_CLICK_GENERATOR_HPP
#define SESSIONIZE_TESTING_CLICK_GENERATOR_HPP

#include <sessionize/clock.hpp>
#include <sessionize/key.hpp>

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace testing {

/// One event of the click stream.
struct Click {
  std::string user_id{};
  EventClock::time_point time{};
  std::string_view event_name{};
  std::string_view event_type{};
  std::string_view device_type{};

  friend bool operator==(const Click&, const Click&) = default;
};

/// What a ClickGenerator generates; the defaults are the SQL recipe's simulator's.
struct ClickOptions {
  /// How many users there are, named user1, user2, ...; at least 1, below 2^32.
  std::uint64_t users = 3;
  /// Equal options and seeds give equal clicks, on every platform.
  std::uint64_t seed = 1;
  /// When the first click is, by default at 2022-07-01T00:00:00Z.
  EventClock::time_point start{std::chrono::seconds{1'656'633'600}};
  /// The time from one click to the next, whoever clicks.
  EventClock::duration interval = std::chrono::seconds{2};
  /// The time that takes the interval's place after every `clicks_between_pauses` clicks (at
  /// least 1).
  EventClock::duration pause = std::chrono::seconds{15};
  std::uint64_t clicks_between_pauses = 60;
  /// How unevenly users click: user k as often as k to the power of -zipf, from 0 (all alike) to 8.
  double zipf = 0;
};

template <class Generator>
class ClickRange;

/// The recipe's click simulator: a user and an event name at random, every two seconds. It neither
/// sleeps nor writes, and computes with integers alone.
///
///     for (const Click& click : ClickGenerator({.users = 3, .seed = 1}).take(3000)) ...
class ClickGenerator {
 public:
  static constexpr std::string_view event_names[] = {"checkout", "search", "category", "detail",
                                                     "navigate"};

  /// Linear in the users where zipf is not 0, with 8 bytes for each; constant otherwise.
  explicit ClickGenerator(ClickOptions options = {})
      : options_(options), state_(options.seed), time_(options.start) {
    assert(options.users >= 1 && options.users < (std::uint64_t{1} << 32));
    assert(options.clicks_between_pauses >= 1 && options.zipf >= 0 && options.zipf <= 8);
    if (options.zipf == 0) return;
    // Exact: a power of two changes the exponent alone.
    const auto zipf = static_cast<std::uint64_t>(options.zipf * 65'536);
    std::uint64_t sum = 0;
    shares_.reserve(static_cast<std::size_t>(options.users));
    for (std::uint64_t rank = 1; rank <= options.users; ++rank)
      shares_.push_back(sum += share(rank, zipf));
  }

  /// The next click. Constant time, or logarithmic in the users where zipf is not 0.
  [[nodiscard]] Click next() {
    Click click{"user" + std::to_string(user()), time_, event_names[below(std::size(event_names))],
                "click", "desktop"};
    ++clicks_;
    time_ += clicks_ % options_.clicks_between_pauses == 0 ? options_.pause : options_.interval;
    return click;
  }

  /// The next `count` clicks as an input range. That of a temporary owns the generator; that of a
  /// named generator moves it on.
  [[nodiscard]] ClickRange<ClickGenerator&> take(std::uint64_t count) &;
  [[nodiscard]] ClickRange<ClickGenerator> take(std::uint64_t count) &&;

 private:
  /// A number below `bound` (positive), each as probable as the other: the few draws that would
  /// favour some numbers are drawn again (Lemire, "Fast random integer generation in an interval").
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept {
    for (;;) {
      const auto product =
          sessionize::detail::multiply(sessionize::detail::splitmix64(state_), bound);
      if (product.low >= bound || product.low >= (0 - bound) % bound) return product.high;
    }
  }

  [[nodiscard]] std::uint64_t user() noexcept {
    if (shares_.empty()) return below(options_.users) + 1;
    const auto chosen = std::upper_bound(shares_.begin(), shares_.end(), below(shares_.back()));
    return static_cast<std::uint64_t>(chosen - shares_.begin()) + 1;
  }

  /// rank^-zipf as a share of 2^63 over all users, at least 1. `zipf` is in units of 2^-16.
  [[nodiscard]] std::uint64_t share(std::uint64_t rank, std::uint64_t zipf) const noexcept {
    const std::uint64_t exponent = (log2(rank) * zipf) >> 16;
    const std::uint64_t whole = exponent >> 32;
    const std::uint64_t scaled = exp2_minus(exponent << 32) >> (1 + std::bit_width(options_.users));
    return whole < 64 ? std::max<std::uint64_t>(scaled >> whole, 1) : 1;
  }

  /// log2(x) in units of 2^-32; x is at least 1. The digits come from squaring the mantissa.
  [[nodiscard]] static constexpr std::uint64_t log2(std::uint64_t x) noexcept {
    const auto whole = static_cast<unsigned>(std::bit_width(x)) - 1;
    std::uint64_t mantissa = x << (63 - whole);
    std::uint64_t digits = whole;
    for (int i = 0; i < 32; ++i) {
      mantissa = sessionize::detail::multiply(mantissa, mantissa).high;
      const bool digit = mantissa >> 63 != 0;
      if (!digit) mantissa <<= 1;
      digits = digits << 1 | (digit ? 1 : 0);
    }
    return digits;
  }

  /// 2^-x in units of 2^-64, for an x in the same units: the series of e^(-x ln 2), from its 14th
  /// term, which is below 2^-43, to its first.
  [[nodiscard]] static constexpr std::uint64_t exp2_minus(std::uint64_t x) noexcept {
    constexpr std::uint64_t ln2 = 0xb172'17f7'd1cf'79ab;
    const std::uint64_t power = sessionize::detail::multiply(x, ln2).high;
    std::uint64_t sum = UINT64_MAX;
    for (std::uint64_t n = 14; n >= 1; --n)
      sum = UINT64_MAX - sessionize::detail::multiply(power, sum).high / n;
    return sum;
  }

  ClickOptions options_;
  std::uint64_t state_;
  EventClock::time_point time_;
  std::uint64_t clicks_ = 0;
  std::vector<std::uint64_t> shares_;  // running sums; empty where all users are alike
};

/// The clicks that ClickGenerator::take() takes: an input range, to be gone through once.
template <class Generator>
class ClickRange {
 public:
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Click;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(ClickRange& range) noexcept : range_(&range) {}

    [[nodiscard]] const Click& operator*() const noexcept { return range_->click_; }
    Iterator& operator++() {
      --range_->left_;
      range_->read();
      return *this;
    }
    void operator++(int) { ++*this; }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept {
      return range_->left_ == 0;
    }

   private:
    ClickRange* range_ = nullptr;
  };

  ClickRange(Generator&& generator, std::uint64_t count)
      : generator_(std::forward<Generator>(generator)), left_(count) {}

  [[nodiscard]] Iterator begin() {
    read();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void read() {
    if (left_ != 0) click_ = generator_.next();
  }

  Generator generator_;
  std::uint64_t left_;  // the one that an iterator is at included
  Click click_{};
};

inline ClickRange<ClickGenerator&> ClickGenerator::take(std::uint64_t count) & {
  return {*this, count};
}
inline ClickRange<ClickGenerator> ClickGenerator::take(std::uint64_t count) && {
  return {std::move(*this), count};
}

}  // namespace testing
}  // namespace v0
}  // namespace sessionize

#endif
