#include <sessionize/utc.hpp>

#include "catch.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace utc_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::BasicEventClock;
using sessionize::day_number;
using sessionize::EventClock;
using sessionize::from_epoch;
using sessionize::parse_utc;
using sessionize::parse_utc_offset;
using sessionize::TimeError;
using sessionize::TimeUnit;
using sessionize::utc_fields;
using sessionize::UtcFields;
using Milli = EventClock::time_point;
using SecondClock = BasicEventClock<std::chrono::seconds>;
using NanoClock = BasicEventClock<std::chrono::nanoseconds>;
using PicoClock = BasicEventClock<std::chrono::duration<std::int64_t, std::pico>>;
using SmallClock = BasicEventClock<std::chrono::duration<std::int32_t>>;
using FrameClock = BasicEventClock<std::chrono::duration<std::int64_t, std::ratio<1, 60>>>;

template <class Clock>
constexpr auto ticks(std::int64_t count) {
  using Rep = typename Clock::rep;
  return typename Clock::time_point{typename Clock::duration{static_cast<Rep>(count)}};
}
constexpr Milli milli(std::int64_t count) { return ticks<EventClock>(count); }
constexpr std::int64_t day_ms = 86'400'000;

// ---- Days.

// Holds: days are floored, so that the last millisecond of 1969 is day -1. Would catch: a division
// toward zero.
static_assert(day_number(milli(0)) == 0);
static_assert(day_number(milli(day_ms - 1)) == 0);
static_assert(day_number(milli(day_ms)) == 1);
static_assert(day_number(milli(-1)) == -1);
static_assert(day_number(milli(-day_ms)) == -1);
static_assert(day_number(milli(-day_ms - 1)) == -2);

// Holds: at an offset the day begins at midnight there, east of UTC earlier. Would catch: an offset
// subtracted.
static_assert(day_number(milli(0), 2h) == 0);
static_assert(day_number(milli(day_ms - 2 * 3'600'000 - 1), 2h) == 0);
static_assert(day_number(milli(day_ms - 2 * 3'600'000), 2h) == 1);
static_assert(day_number(milli(0), -1s) == -1);
static_assert(day_number(milli(999), -1s) == -1);
static_assert(day_number(milli(1'000), -1s) == 0);
static_assert(day_number(milli(-1), 24h - 1s) == 0);
static_assert(day_number(milli(day_ms - 1), -(24h - 1s)) == -1 + 1);

// Holds: every int64 time has a day, at the ends too, at every offset. Would catch: an offset added
// to the ticks, which overflows.
static_assert(day_number(milli(INT64_MAX), 24h - 1s) == INT64_MAX / day_ms + 1);
static_assert(day_number(milli(INT64_MIN), -(24h - 1s)) == INT64_MIN / day_ms - 2);
static_assert(day_number(ticks<SecondClock>(INT64_MAX)) == INT64_MAX / 86'400);
static_assert(day_number(ticks<SecondClock>(INT64_MIN)) == INT64_MIN / 86'400 - 1);
static_assert(day_number(ticks<NanoClock>(INT64_MIN)) == -106'752);
static_assert(day_number(ticks<SmallClock>(INT32_MIN), -(24h - 1s)) == -24'857);

// ---- Fields.

constexpr bool is(UtcFields got, std::int64_t year, unsigned month, unsigned day, unsigned hour,
                  unsigned minute, unsigned second, std::int64_t subsecond) {
  return got.year == year && got.month == month && got.day == day && got.hour == hour &&
         got.minute == minute && got.second == second && got.subsecond_ticks == subsecond;
}

// Holds: the fields of known times, floored below 1970, with leap days where the calendar has them.
// Would catch: a leap day in 1900 or none in 2000, a negative time of day.
static_assert(is(utc_fields(milli(0)), 1970, 1, 1, 0, 0, 0, 0));
static_assert(is(utc_fields(milli(-1)), 1969, 12, 31, 23, 59, 59, 999));
static_assert(is(utc_fields(milli(1'656'633'602'500)), 2022, 7, 1, 0, 0, 2, 500));
static_assert(is(utc_fields(milli(951'782'400'000)), 2000, 2, 29, 0, 0, 0, 0));
static_assert(is(utc_fields(milli(951'868'800'000)), 2000, 3, 1, 0, 0, 0, 0));
static_assert(is(utc_fields(milli(-2'203'891'200'001)), 1900, 2, 28, 23, 59, 59, 999));
static_assert(is(utc_fields(milli(-2'203'891'200'000)), 1900, 3, 1, 0, 0, 0, 0));
static_assert(is(utc_fields(milli(-62'135'596'800'000)), 1, 1, 1, 0, 0, 0, 0));
static_assert(is(utc_fields(milli(-62'135'596'800'001)), 0, 12, 31, 23, 59, 59, 999));
static_assert(is(utc_fields(milli(-62'167'219'200'001)), -1, 12, 31, 23, 59, 59, 999));

// Holds: every int64 time has its fields: known ends of other software's calendars. Would catch:
// the year 32767 of <chrono>, days that overflow an int.
static_assert(is(utc_fields(milli(INT64_MAX)), 292'278'994, 8, 17, 7, 12, 55, 807));
static_assert(is(utc_fields(milli(INT64_MIN)), -292'275'055, 5, 16, 16, 47, 4, 192));
static_assert(is(utc_fields(ticks<NanoClock>(INT64_MAX)), 2262, 4, 11, 23, 47, 16, 854'775'807));
static_assert(is(utc_fields(ticks<NanoClock>(INT64_MIN)), 1677, 9, 21, 0, 12, 43, 145'224'192));
static_assert(is(utc_fields(ticks<SecondClock>(INT64_MAX)), 292'277'026'596, 12, 4, 15, 30, 7, 0));
static_assert(is(utc_fields(ticks<SecondClock>(INT64_MIN)), -292'277'022'657, 1, 27, 8, 29, 52, 0));
static_assert(is(utc_fields(ticks<SmallClock>(INT32_MAX)), 2038, 1, 19, 3, 14, 7, 0));
static_assert(is(utc_fields(ticks<SmallClock>(INT32_MIN)), 1901, 12, 13, 20, 45, 52, 0));
static_assert(is(utc_fields(ticks<FrameClock>(-1)), 1969, 12, 31, 23, 59, 59, 59));

// Holds: for random times, the first and last days of every month, and the whole of <chrono>'s
// range, the fields are those that <chrono> has. Would catch: a formula that is right on examples.
TEST_CASE("utc_fields agrees with chrono's calendar") {
  using namespace std::chrono;
  const auto agrees = [](Milli time) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    const auto f = utc_fields(time);
    return f.year == int{date.year()} && f.month == unsigned{date.month()} &&
           f.day == unsigned{date.day()} &&
           f.hour == static_cast<unsigned>(clock.hours().count()) &&
           f.minute == static_cast<unsigned>(clock.minutes().count()) &&
           f.second == static_cast<unsigned>(clock.seconds().count()) &&
           f.subsecond_ticks == clock.subseconds().count() &&
           day_number(time) == day.time_since_epoch().count();
  };
  const std::int64_t first = sys_days(year::min() / January / 1).time_since_epoch().count();
  const std::int64_t last = sys_days(year::max() / December / 31).time_since_epoch().count();
  const std::uint64_t seed = 20'220'701;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any(first * day_ms, (last + 1) * day_ms - 1);
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) wrong += agrees(milli(any(random))) ? 0 : 1;
  for (int y = -401; y <= 2'401; ++y)
    for (unsigned m = 1; m <= 12; ++m) {
      const auto begin = sys_days(year(y) / month(m) / 1).time_since_epoch().count() * day_ms;
      wrong += agrees(milli(begin)) && agrees(milli(begin - 1)) ? 0 : 1;
    }
  for (const auto edge : {first * day_ms, (last + 1) * day_ms - 1})
    wrong += agrees(milli(edge)) ? 0 : 1;
  CHECK(wrong == 0);
}

// ---- Integers.

template <class Clock>
constexpr std::optional<std::int64_t> epoch(std::int64_t value, TimeUnit unit) {
  const auto time = from_epoch<Clock>(value, unit);
  if (!time)
    return time.error() == TimeError::out_of_range ? std::nullopt : throw "not out_of_range";
  return time->time_since_epoch().count();
}

// Holds: an integer is a time in its unit, floored to the clock's ticks. Would catch: rounding to
// zero below 1970, a unit taken for another.
static_assert(epoch<EventClock>(3, TimeUnit::seconds) == 3'000);
static_assert(epoch<EventClock>(3, TimeUnit::milliseconds) == 3);
static_assert(epoch<EventClock>(3'999, TimeUnit::microseconds) == 3);
static_assert(epoch<EventClock>(-1, TimeUnit::microseconds) == -1);
static_assert(epoch<EventClock>(-1'000, TimeUnit::microseconds) == -1);
static_assert(epoch<EventClock>(-1'001, TimeUnit::microseconds) == -2);
static_assert(epoch<EventClock>(-1, TimeUnit::nanoseconds) == -1);
static_assert(epoch<SecondClock>(-1, TimeUnit::milliseconds) == -1);
static_assert(epoch<SecondClock>(1'999, TimeUnit::milliseconds) == 1);
static_assert(epoch<NanoClock>(-3, TimeUnit::seconds) == -3'000'000'000);
static_assert(epoch<NanoClock>(-3, TimeUnit::nanoseconds) == -3);
static_assert(epoch<PicoClock>(-3, TimeUnit::nanoseconds) == -3'000);

// Holds: a clock whose second is no power of ten floors too. Would catch: a unit's part that is
// rounded, or a product that leaves int64.
static_assert(epoch<FrameClock>(1, TimeUnit::seconds) == 60);
static_assert(epoch<FrameClock>(999, TimeUnit::milliseconds) == 59);
static_assert(epoch<FrameClock>(-1, TimeUnit::nanoseconds) == -1);
static_assert(epoch<FrameClock>(INT64_MAX, TimeUnit::nanoseconds) == 553'402'322'211);
static_assert(epoch<FrameClock>(INT64_MIN, TimeUnit::nanoseconds) == -553'402'322'212);
static_assert(epoch<FrameClock>(INT64_MAX, TimeUnit::seconds) == std::nullopt);

// Holds: what the clock cannot hold is out_of_range, and what it can just hold is a time. Would
// catch: a limit that is off by one, a product that wraps.
static_assert(epoch<EventClock>(INT64_MAX, TimeUnit::milliseconds) == INT64_MAX);
static_assert(epoch<EventClock>(INT64_MIN, TimeUnit::milliseconds) == INT64_MIN);
static_assert(epoch<EventClock>(INT64_MAX / 1'000, TimeUnit::seconds) == INT64_MAX / 1'000 * 1'000);
static_assert(epoch<EventClock>(INT64_MAX / 1'000 + 1, TimeUnit::seconds) == std::nullopt);
static_assert(epoch<EventClock>(INT64_MIN / 1'000, TimeUnit::seconds) == INT64_MIN / 1'000 * 1'000);
static_assert(epoch<EventClock>(INT64_MIN / 1'000 - 1, TimeUnit::seconds) == std::nullopt);
static_assert(epoch<EventClock>(INT64_MIN, TimeUnit::nanoseconds) == INT64_MIN / 1'000'000 - 1);
static_assert(epoch<EventClock>(INT64_MAX, TimeUnit::nanoseconds) == INT64_MAX / 1'000'000);
static_assert(epoch<NanoClock>(INT64_MAX, TimeUnit::microseconds) == std::nullopt);
static_assert(epoch<SmallClock>(INT32_MAX, TimeUnit::seconds) == INT32_MAX);
static_assert(epoch<SmallClock>(std::int64_t{INT32_MAX} + 1, TimeUnit::seconds) == std::nullopt);
static_assert(epoch<SmallClock>(INT32_MIN, TimeUnit::seconds) == INT32_MIN);
static_assert(epoch<SmallClock>(std::int64_t{INT32_MIN} - 1, TimeUnit::seconds) == std::nullopt);
static_assert(epoch<SmallClock>(INT64_MIN, TimeUnit::nanoseconds) == std::nullopt);

// ---- Texts.

template <class Clock = EventClock>
constexpr std::optional<std::int64_t> parsed(std::string_view text) {
  const auto time = parse_utc<Clock>(text);
  if (!time) return std::nullopt;
  return time->time_since_epoch().count();
}
template <class Clock = EventClock>
constexpr bool fails(std::string_view text, TimeError error) {
  const auto time = parse_utc<Clock>(text);
  return !time && time.error() == error;
}
constexpr bool malformed(std::string_view text) { return fails(text, TimeError::malformed); }

// Holds: an RFC 3339 date-time is a time, at an offset or in UTC; 't', 'z' and a space will do.
// Would catch: an offset added where it is to be taken off.
static_assert(parsed("1970-01-01T00:00:00Z") == 0);
static_assert(parsed("2022-07-01T00:00:02.5Z") == 1'656'633'602'500);
static_assert(parsed("2022-07-01 00:00:02.5") == 1'656'633'602'500);
static_assert(parsed("2022-07-01t00:00:02z") == 1'656'633'602'000);
static_assert(parsed("2022-07-01 02:00:02+02:00") == 1'656'633'602'000);
static_assert(parsed("2022-06-30T18:30:02-05:30") == 1'656'633'602'000);
static_assert(parsed("1970-01-01T00:00:00-00:00") == 0);
static_assert(parsed("1970-01-01T00:00:00+23:59") == -86'340'000);

// Holds: a fraction is floored to the clock's ticks, below 1970 too, however long it is. Would
// catch: rounding, digits counted from the wrong end, an overflow behind the ninth.
static_assert(parsed("1970-01-01T00:00:00.001Z") == 1);
static_assert(parsed("1970-01-01T00:00:00.0019Z") == 1);
static_assert(parsed("1970-01-01T00:00:00.9999999999999999999999999Z") == 999);
static_assert(parsed("1969-12-31T23:59:59.9999Z") == -1);
static_assert(parsed("1969-12-31T23:59:59.0009Z") == -1'000);
static_assert(parsed<NanoClock>("1970-01-01T00:00:00.000000001Z") == 1);
static_assert(parsed<NanoClock>("1969-12-31T23:59:59.9999999999Z") == -1);
static_assert(parsed<SecondClock>("1969-12-31T23:59:59.999Z") == -1);
static_assert(parsed<PicoClock>("1970-01-01T00:00:00.000000001Z") == 1'000);
static_assert(parsed<FrameClock>("1970-01-01T00:00:00.999999999Z") == 59);
static_assert(parsed<FrameClock>("1970-01-01T00:00:00.05Z") == 3);
static_assert(parsed<FrameClock>("1969-12-31T23:59:59.999999999Z") == -1);

// Holds: leap days are days, a leap second is the second after it, at any offset. Would catch: a
// leap year by four alone, a minute of 61 seconds at noon.
static_assert(parsed("2000-02-29T00:00:00Z") == 951'782'400'000);
static_assert(parsed("2024-02-29T00:00:00Z").has_value());
static_assert(malformed("1900-02-29T00:00:00Z"));
static_assert(malformed("2023-02-29T00:00:00Z"));
static_assert(parsed("2016-12-31T23:59:60Z") == 1'483'228'800'000);
static_assert(parsed("2016-12-31T23:59:60Z") == parsed("2017-01-01T00:00:00Z"));
static_assert(parsed("2016-12-31T15:59:60-08:00") == 1'483'228'800'000);
static_assert(parsed("2017-01-01T05:29:60+05:30") == 1'483'228'800'000);
static_assert(malformed("2016-12-31T23:58:60Z"));
static_assert(malformed("2016-12-31T23:59:61Z"));
static_assert(malformed("2017-01-01T05:59:60+05:30"));

// Holds: the first and the last time of a clock are times, those beyond are out_of_range. Would
// catch: a floor to whole seconds that leaves the clock before the fraction is added.
static_assert(parsed<NanoClock>("2262-04-11T23:47:16.854775807Z") == INT64_MAX);
static_assert(fails<NanoClock>("2262-04-11T23:47:16.854775808Z", TimeError::out_of_range));
static_assert(parsed<NanoClock>("1677-09-21T00:12:43.145224192Z") == INT64_MIN);
static_assert(fails<NanoClock>("1677-09-21T00:12:43.145224191Z", TimeError::out_of_range));
static_assert(fails<NanoClock>("9999-12-31T23:59:59Z", TimeError::out_of_range));
static_assert(parsed<SmallClock>("2038-01-19T03:14:07.9Z") == INT32_MAX);
static_assert(fails<SmallClock>("2038-01-19T03:14:08Z", TimeError::out_of_range));
static_assert(parsed<SmallClock>("1901-12-13T20:45:52Z") == INT32_MIN);
static_assert(fails<SmallClock>("1901-12-13T20:45:51.9Z", TimeError::out_of_range));
static_assert(parsed("0000-01-01T00:00:00Z") == -62'167'219'200'000);
static_assert(parsed("9999-12-31T23:59:59.999Z") == 253'402'300'799'999);
static_assert(parsed("0000-01-01T00:00:00+23:59") == -62'167'219'200'000 - 86'340'000);

// Holds: an offset is Z, or a sign, two digits of hours, a colon, two of minutes. Would catch:
// +0200 and other forms that would be read in part.
constexpr std::optional<std::chrono::seconds> offset(std::string_view text) {
  const auto read = parse_utc_offset(text);
  if (!read) return std::nullopt;
  return *read;
}
static_assert(offset("Z") == 0s);
static_assert(offset("z") == 0s);
static_assert(offset("+02:00") == 2h);
static_assert(offset("-05:30") == -(5h + 30min));
static_assert(offset("-00:30") == -30min);
static_assert(offset("+23:59") == 23h + 59min);
static_assert(!offset(""));
static_assert(!offset("Zulu"));
static_assert(!offset("+"));
static_assert(!offset("+2:00"));
static_assert(!offset("+0200"));
static_assert(!offset("+02"));
static_assert(!offset("+02:0"));
static_assert(!offset("+02:000"));
static_assert(!offset("+24:00"));
static_assert(!offset("+00:60"));
static_assert(!offset("02:00"));
static_assert(!offset(" 02:00"));

// Holds: any text that is no date-time is malformed, also one that only begins like one. Would
// catch: a parser that stops where it is content, digits that are not checked.
TEST_CASE("what is no date-time is malformed") {
  const std::string_view good = "2022-07-01T00:00:02.25+02:00";
  CHECK(parsed(good).has_value());
  for (std::size_t length = 0; length < good.size(); ++length) {
    // Without an offset and with a shorter fraction it is one still.
    const bool whole = length == 19 || length == 21 || length == 22;
    CHECK(parsed(good.substr(0, length)).has_value() == whole);
    if (!whole) CHECK(malformed(good.substr(0, length)));
  }
  for (std::size_t at = 0; at < good.size(); ++at)
    for (const char wrong : {'x', '\0', ' ', '/', '\xb2', '-'}) {
      std::string text(good);
      if (text[at] == wrong) continue;
      text[at] = wrong;
      const bool separator = at == 10 && wrong == ' ';
      const bool sign = at == 22 && wrong == '-';
      INFO(at << " is " << static_cast<int>(wrong));
      CHECK(malformed(text) == !(separator || sign));
    }
  for (const std::string_view text : {"2022-00-01T00:00:00Z",
                                      "2022-13-01T00:00:00Z",
                                      "2022-01-00T00:00:00Z",
                                      "2022-01-32T00:00:00Z",
                                      "2022-04-31T00:00:00Z",
                                      "2022-01-01T24:00:00Z",
                                      "2022-01-01T00:60:00Z",
                                      "2022-01-01T00:00:00.Z",
                                      "2022-01-01T00:00:00,5Z",
                                      "2022-01-01T00:00Z",
                                      "2022-01-01",
                                      "20220101T000000Z",
                                      "+2022-01-01T00:00:00Z",
                                      "12022-01-01T00:00:00Z",
                                      "2022-01-01T00:00:00Z ",
                                      " 2022-01-01T00:00:00Z",
                                      "2022-01-01T00:00:00ZZ",
                                      "2022-01-01T00:00:00 Z",
                                      "2022-01-01T00:00:00+24:00",
                                      "2022-1-1T0:0:0Z",
                                      "1656633602",
                                      "now",
                                      "-001-01-01T00:00:00Z"}) {
    INFO(text);
    CHECK(malformed(text));
  }
}

// Holds: fields and texts are inverse to each other. Would catch: days_from_civil and
// civil_from_days that differ on some day.
TEST_CASE("a time that is written from its fields is read as itself") {
  const std::uint64_t seed = 424'242;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any(-62'167'219'200'000, 253'402'300'799'999);
  int wrong = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::int64_t ms = any(random);
    const auto f = utc_fields(milli(ms));
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04lld-%02u-%02uT%02u:%02u:%02u.%03lldZ",
                      static_cast<long long>(f.year), f.month, f.day, f.hour, f.minute, f.second,
                      static_cast<long long>(f.subsecond_ticks));
    wrong += parsed({text.data(), static_cast<std::size_t>(length)}) == ms ? 0 : 1;
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace utc_tests
