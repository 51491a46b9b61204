#ifndef SESSIONIZE_UTC_HPP
#define SESSIONIZE_UTC_HPP

#include <sessionize/clock.hpp>
#include <sessionize/result.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

// UTC arithmetic that is exact for every int64 time: <chrono>'s calendar ends at the year 32767
// and overflows on the way there.

namespace sessionize {
inline namespace v0 {

/// The unit of an integer time since 1970-01-01T00:00:00Z.
enum class TimeUnit : unsigned char { seconds, milliseconds, microseconds, nanoseconds };

/// Why a text or a number is not a time.
enum class TimeError : unsigned char {
  malformed,     ///< not of the form asked for
  out_of_range,  ///< a time that the clock cannot represent
};

namespace detail {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept {
  return a / b - (a % b < 0 ? 1 : 0);
}
constexpr std::int64_t floor_mod(std::int64_t a, std::int64_t b) noexcept {
  return a % b + (a % b < 0 ? b : 0);
}

constexpr bool multiply_overflows(std::int64_t a, std::int64_t positive) noexcept {
  return a > std::numeric_limits<std::int64_t>::max() / positive ||
         a < std::numeric_limits<std::int64_t>::min() / positive;
}

/// seconds * per_second + part, for a part of a second; false where int64 cannot hold it. Before
/// 1970 it counts back from the next second: the first one of all is not whole.
constexpr bool add_seconds(std::int64_t seconds, std::int64_t per_second, std::int64_t part,
                           std::int64_t& ticks) noexcept {
  if (seconds < 0 && part > 0) {
    ++seconds;
    part -= per_second;
  }
  if (multiply_overflows(seconds, per_second)) return false;
  ticks = seconds * per_second;
  if (part > 0 && ticks > std::numeric_limits<std::int64_t>::max() - part) return false;
  if (part < 0 && ticks < std::numeric_limits<std::int64_t>::min() - part) return false;
  ticks += part;
  return true;
}

/// Ticks of the clock in a second, and in a day.
template <utc_time_point TimePoint>
inline constexpr std::int64_t ticks_per_second = [] {
  static_assert(TimePoint::period::den % TimePoint::period::num == 0,
                "a second is a whole number of the clock's ticks");
  return static_cast<std::int64_t>(TimePoint::period::den / TimePoint::period::num);
}();
template <utc_time_point TimePoint>
inline constexpr std::int64_t ticks_per_day = 86'400 * ticks_per_second<TimePoint>;

}  // namespace detail

/// The day of `time` at a fixed offset from UTC, counted from 1970-01-01 at that offset; floored,
/// so that 1969-12-31 is -1. Precondition: -24 h < offset < 24 h.
template <utc_time_point TimePoint>
[[nodiscard]] constexpr std::int64_t day_number(
    TimePoint time, std::chrono::seconds offset = std::chrono::seconds::zero()) noexcept {
  constexpr auto per_day = detail::ticks_per_day<TimePoint>;
  const std::int64_t ticks = time.time_since_epoch().count();
  const std::int64_t day = detail::floor_div(ticks, per_day);
  const std::int64_t in_day =
      detail::floor_mod(ticks, per_day) + offset.count() * detail::ticks_per_second<TimePoint>;
  return in_day < 0 ? day - 1 : in_day >= per_day ? day + 1 : day;
}

/// A UTC date and time of day, split into the fields that are written.
struct UtcFields {
  std::int64_t year;
  unsigned month, day, hour, minute, second;
  std::int64_t subsecond_ticks;  ///< ticks of the clock since the second began
};

/// The UTC fields of `time`, proleptic Gregorian, floored, for every int64 time.
/// Formula: Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
template <utc_time_point TimePoint>
[[nodiscard]] constexpr UtcFields utc_fields(TimePoint time) noexcept {
  const std::int64_t in_day =
      detail::floor_mod(time.time_since_epoch().count(), detail::ticks_per_day<TimePoint>);
  const std::int64_t second_of_day = in_day / detail::ticks_per_second<TimePoint>;
  const std::int64_t z = day_number(time) + 719'468;
  const std::int64_t era = detail::floor_div(z, 146'097);
  const auto doe = static_cast<unsigned>(z - era * 146'097);
  const unsigned yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {.year = static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = doy - (153 * mp + 2) / 5 + 1,
          .hour = static_cast<unsigned>(second_of_day / 3'600),
          .minute = static_cast<unsigned>(second_of_day / 60 % 60),
          .second = static_cast<unsigned>(second_of_day % 60),
          .subsecond_ticks = in_day % detail::ticks_per_second<TimePoint>};
}

/// The time point of an integer time: `value` units since 1970-01-01T00:00:00Z, floored to the
/// clock's ticks. Fails with out_of_range where the clock cannot hold it.
template <session_clock Clock>
requires utc_time_point<typename Clock::time_point>
[[nodiscard]] constexpr Result<typename Clock::time_point, TimeError> from_epoch(
    std::int64_t value, TimeUnit unit) noexcept {
  using TimePoint = typename Clock::time_point;
  using Rep = typename TimePoint::rep;
  constexpr std::int64_t per_second[] = {1, 1'000, 1'000'000, 1'000'000'000};
  const std::int64_t from = per_second[static_cast<unsigned>(unit)];
  constexpr std::int64_t to = detail::ticks_per_second<TimePoint>;
  std::int64_t ticks = 0;
  if (from == to) {
    ticks = value;
  } else if (to % from == 0) {
    if (detail::multiply_overflows(value, to / from)) return Failure{TimeError::out_of_range};
    ticks = value * (to / from);
  } else {
    // Whole seconds first, so that no product leaves int64 for a clock whose second is no
    // multiple or fraction of the unit's.
    const std::int64_t rest = detail::floor_mod(value, from);
    const std::int64_t part = from % to == 0 ? rest / (from / to) : rest * to / from;
    if (!detail::add_seconds(detail::floor_div(value, from), to, part, ticks))
      return Failure{TimeError::out_of_range};
  }
  if (ticks > std::numeric_limits<Rep>::max() || ticks < std::numeric_limits<Rep>::min())
    return Failure{TimeError::out_of_range};
  return TimePoint{typename TimePoint::duration{static_cast<Rep>(ticks)}};
}

namespace detail {

/// Reads fixed-width decimal fields off the front of a text.
struct FieldReader {
  std::string_view rest;
  bool ok = true;

  constexpr unsigned digits(unsigned count) noexcept {
    unsigned value = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (rest.empty() || rest.front() < '0' || rest.front() > '9') {
        ok = false;
        return 0;
      }
      value = value * 10 + static_cast<unsigned>(rest.front() - '0');
      rest.remove_prefix(1);
    }
    return value;
  }
  constexpr bool take(std::string_view any_of) noexcept {
    if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  constexpr void expect(std::string_view any_of) noexcept { ok = take(any_of) && ok; }
};

/// Days since 1970-01-01. Formula: Howard Hinnant, days_from_civil.
constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = floor_div(year, 400);
  const auto yoe = static_cast<unsigned>(year - era * 400);
  const unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146'097 + static_cast<std::int64_t>(doe) - 719'468;
}

}  // namespace detail

/// The offset from UTC that a text gives: "Z", "+02:00", "-05:00". Malformed otherwise.
[[nodiscard]] constexpr Result<std::chrono::seconds, TimeError> parse_utc_offset(
    std::string_view text) noexcept {
  detail::FieldReader in{text};
  if (in.take("Zz")) {
    if (!in.rest.empty()) return Failure{TimeError::malformed};
    return std::chrono::seconds{0};
  }
  const bool behind = !text.empty() && text.front() == '-';
  in.expect("+-");
  const unsigned hours = in.digits(2);
  in.expect(":");
  const unsigned minutes = in.digits(2);
  if (!in.ok || !in.rest.empty() || hours > 23 || minutes > 59)
    return Failure{TimeError::malformed};
  const std::chrono::seconds offset{hours * 3'600 + minutes * 60};
  return behind ? -offset : offset;
}

/// The time point of an RFC 3339 date-time ("2022-07-01T00:00:02.5Z", "2022-07-01 02:00:02+02:00"),
/// floored to the clock's ticks, of a nanosecond at the finest; UTC where it has no offset. A leap
/// second (":60" at the end of an hour) is the second after it. Fails with malformed, or
/// out_of_range where the clock cannot hold the time. Linear in the text's length; allocates
/// nothing.
template <session_clock Clock>
requires utc_time_point<typename Clock::time_point>
[[nodiscard]] constexpr Result<typename Clock::time_point, TimeError> parse_utc(
    std::string_view text) noexcept {
  detail::FieldReader in{text};
  const unsigned year = in.digits(4);
  in.expect("-");
  const unsigned month = in.digits(2);
  in.expect("-");
  const unsigned day = in.digits(2);
  in.expect("Tt ");
  const unsigned hour = in.digits(2);
  in.expect(":");
  const unsigned minute = in.digits(2);
  in.expect(":");
  const unsigned second = in.digits(2);
  std::int64_t nanoseconds = 0;
  if (in.take(".")) {
    std::int64_t weight = 100'000'000;
    nanoseconds = weight * in.digits(1);
    while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
      weight /= 10;
      nanoseconds += weight * in.digits(1);
    }
  }
  std::chrono::seconds offset{0};
  if (!in.rest.empty()) {
    const auto parsed = parse_utc_offset(in.rest);
    if (!parsed) return Failure{TimeError::malformed};
    offset = *parsed;
  }
  // A leap second ends an hour of UTC.
  const bool last_minute_of_hour =
      (minute + 60 - static_cast<unsigned>((offset.count() / 60 % 60 + 60) % 60)) % 60 == 59;
  constexpr unsigned month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (!in.ok || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
      day > month_days[month - 1] + (month == 2 && leap_year ? 1 : 0) ||
      second > (last_minute_of_hour ? 60U : 59U))
    return Failure{TimeError::malformed};
  const std::int64_t seconds = detail::days_from_civil(year, month, day) * 86'400 +
                               std::int64_t{hour} * 3'600 + std::int64_t{minute} * 60 + second -
                               offset.count();
  using TimePoint = typename Clock::time_point;
  using Rep = typename TimePoint::rep;
  constexpr std::int64_t to = detail::ticks_per_second<TimePoint>;
  const std::int64_t part =
      to <= 1'000'000'000 ? nanoseconds * to / 1'000'000'000 : nanoseconds * (to / 1'000'000'000);
  std::int64_t ticks = 0;
  if (!detail::add_seconds(seconds, to, part, ticks) || ticks > std::numeric_limits<Rep>::max() ||
      ticks < std::numeric_limits<Rep>::min())
    return Failure{TimeError::out_of_range};
  return TimePoint{typename TimePoint::duration{static_cast<Rep>(ticks)}};
}

}  // namespace v0
}  // namespace sessionize

#endif
