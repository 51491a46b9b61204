#ifndef SESSIONIZE_JSON_TIME_FORMAT_HPP
#define SESSIONIZE_JSON_TIME_FORMAT_HPP

#include <sessionize/clock.hpp>
#include <sessionize/detail/decimal.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/result.hpp>
#include <sessionize/utc.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace sessionize {
inline namespace v0 {
namespace json {

/// How events spell their times: an integer since 1970-01-01T00:00:00Z in a unit, or an RFC 3339
/// date and time.
enum class TimeFormat : unsigned char { seconds, milliseconds, microseconds, nanoseconds, iso8601 };
inline constexpr std::size_t time_format_count = 5;

/// The format's short name: s, ms, us, ns, iso8601.
[[nodiscard]] constexpr std::string_view to_string(TimeFormat format) noexcept {
  switch (format) {
    case TimeFormat::seconds: return "s";
    case TimeFormat::milliseconds: return "ms";
    case TimeFormat::microseconds: return "us";
    case TimeFormat::nanoseconds: return "ns";
    case TimeFormat::iso8601: return "iso8601";
  }
  return "unknown";
}

namespace detail {

static_assert(static_cast<int>(TimeFormat::seconds) == static_cast<int>(TimeUnit::seconds) &&
                  static_cast<int>(TimeFormat::nanoseconds) ==
                      static_cast<int>(TimeUnit::nanoseconds),
              "the formats of integers are the units, in their order");

/// The integer that a text holds: digits behind an optional sign, with ASCII spaces around.
inline Result<std::int64_t, TimeError> parse_any_integer(std::string_view text) noexcept {
  constexpr std::string_view spaces = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return Failure{TimeError::malformed};
  text = text.substr(first, text.find_last_not_of(spaces) - first + 1);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return Failure{TimeError::malformed};
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return Failure{TimeError::malformed};
  if (error != std::errc{}) return Failure{TimeError::out_of_range};
  return value;
}

inline Result<std::int64_t, TimeError> parse_integer(std::string_view text) noexcept {
  if (std::int64_t digits = 0; sessionize::detail::read_digits(text, digits)) return digits;
  return parse_any_integer(text);
}

}  // namespace detail

/// The time point that a member holds. An integer format takes an integer or a string that holds
/// one; iso8601 takes a string. Floored to the clock's ticks. Fails with missing_time, time_type,
/// time_format or time_range. Linear in the text; allocates nothing.
template <session_clock Clock>
requires utc_time_point<typename Clock::time_point>
[[nodiscard]] Result<typename Clock::time_point, RejectReason> parse_time(
    const ValueView& value, TimeFormat format) noexcept {
  if (value.kind == Kind::absent) return Failure{RejectReason::missing_time};
  const auto reason = [](TimeError error) {
    return Failure{error == TimeError::malformed ? RejectReason::time_format
                                                 : RejectReason::time_range};
  };
  if (format == TimeFormat::iso8601) {
    if (value.kind != Kind::string) return Failure{RejectReason::time_type};
    const auto time = parse_utc<Clock>(value.text);
    if (!time) return reason(time.error());
    return *time;
  }
  if (value.kind != Kind::integer && value.kind != Kind::string)
    return Failure{RejectReason::time_type};
  const auto integer = detail::parse_integer(value.text);
  if (!integer) return reason(integer.error());
  const auto time = from_epoch<Clock>(*integer, static_cast<TimeUnit>(format));
  if (!time) return reason(time.error());
  return *time;
}

/// Tells from samples how times are spelled: an integer speaks for the unit in which it is a time
/// of the years 1990 to 2099 (no integer is one in two units), a date for iso8601. Constant memory.
class TimeFormatVotes {
 public:
  /// Counts one sample. What is no time in any format is counted as such.
  void add(const Value& value) noexcept {
    ++samples_;
    if (const auto format = format_of(value)) ++votes_[static_cast<std::size_t>(*format)];
  }

  /// The format that more than half of the samples speak for; null where there is none.
  [[nodiscard]] std::optional<TimeFormat> winner() const noexcept {
    const auto* const most = std::max_element(votes_.begin(), votes_.end());
    if (*most * 2 <= samples_) return std::nullopt;
    return static_cast<TimeFormat>(most - votes_.begin());
  }

  [[nodiscard]] std::uint64_t votes(TimeFormat format) const noexcept {
    return votes_[static_cast<std::size_t>(format)];
  }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }

  /// The format that one value speaks for; null where it is no plausible time.
  [[nodiscard]] static std::optional<TimeFormat> format_of(const Value& value) noexcept {
    if (value.kind != Kind::integer && value.kind != Kind::string) return std::nullopt;
    if (const auto integer = detail::parse_integer(value.text)) {
      constexpr std::int64_t year_1990 = 631'152'000;
      constexpr std::int64_t year_2100 = 4'102'444'800;
      std::int64_t per_second = 1;
      for (int unit = 0; unit < 4; ++unit, per_second *= 1'000)
        if (*integer >= year_1990 * per_second && *integer < year_2100 * per_second)
          return static_cast<TimeFormat>(unit);
      return std::nullopt;
    }
    if (value.kind == Kind::string && parse_utc<EventClock>(value.text)) return TimeFormat::iso8601;
    return std::nullopt;
  }

 private:
  std::array<std::uint64_t, time_format_count> votes_{};
  std::uint64_t samples_ = 0;
};

/// The format of most of `samples` (see TimeFormatVotes); null where no format has more than half.
/// Absent and null members have no say.
[[nodiscard]] inline std::optional<TimeFormat> guess_time_format(
    std::span<const Value> samples) noexcept {
  TimeFormatVotes votes;
  for (const auto& value : samples)
    if (value.nullable()) votes.add(value);
  return votes.winner();
}

}  // namespace json
}  // namespace v0
}  // namespace sessionize

#endif
