#include <sessionize/json/time_format.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace json_time_format_test {
namespace {

using namespace sessionize;
using json::Kind;
using json::TimeFormat;
using json::Value;

constexpr auto max = std::numeric_limits<std::int64_t>::max();

struct Row {
  Value value;
  TimeFormat format;
  std::optional<std::int64_t> milliseconds;
  RejectReason reason = RejectReason::missing_time;
};

// Promise: what the contract says of times, floored to milliseconds. Catches: a fraction cut in
// silence, a string taken by its first digits, a wrap around at the edge of 64 bits, truncation
// towards zero before 1970.
TEST_CASE("a time is an integer, a string that holds one, or a date", "[json][time]") {
  using enum TimeFormat;
  using enum RejectReason;
  const std::string zeros(1'000, '0');
  const std::string nines(1'000, '9');
  const Row rows[] = {
      {{Kind::integer, "1656633600000"}, milliseconds, 1656633600000},
      {{Kind::integer, "0"}, milliseconds, 0},
      {{Kind::integer, "-1"}, milliseconds, -1},
      {{Kind::string, "1656633600000"}, milliseconds, 1656633600000},
      {{Kind::string, "  42 "}, milliseconds, 42},
      {{Kind::string, "\t42\r\n"}, milliseconds, 42},
      {{Kind::string, "+42"}, milliseconds, 42},
      {{Kind::string, "-42"}, milliseconds, -42},
      {{Kind::string, "0042"}, milliseconds, 42},
      {{Kind::string, "-" + zeros + "7"}, milliseconds, -7},
      {{Kind::integer, "9223372036854775807"}, milliseconds, max},
      {{Kind::integer, "9223372036854775808"}, milliseconds, {}, time_range},
      {{Kind::integer, "18446744073709551615"}, milliseconds, {}, time_range},
      {{Kind::string, "-9223372036854775809"}, milliseconds, {}, time_range},
      {{Kind::string, nines}, milliseconds, {}, time_range},
      {{Kind::string, ""}, milliseconds, {}, time_format},
      {{Kind::string, "   "}, milliseconds, {}, time_format},
      {{Kind::string, "+"}, milliseconds, {}, time_format},
      {{Kind::string, "-"}, milliseconds, {}, time_format},
      {{Kind::string, "+-1"}, milliseconds, {}, time_format},
      {{Kind::string, "--1"}, milliseconds, {}, time_format},
      {{Kind::string, "- 1"}, milliseconds, {}, time_format},
      {{Kind::string, "1 2"}, milliseconds, {}, time_format},
      {{Kind::string, "1.0"}, milliseconds, {}, time_format},
      {{Kind::string, "1e3"}, milliseconds, {}, time_format},
      {{Kind::string, "0x10"}, milliseconds, {}, time_format},
      {{Kind::string, "12z"}, milliseconds, {}, time_format},
      {{Kind::string, std::string("1\0", 2)}, milliseconds, {}, time_format},
      {{Kind::string, "\u00a01"}, milliseconds, {}, time_format},
      {{Kind::string, "2022-07-01T00:00:00Z"}, milliseconds, {}, time_format},
      {{Kind::number, "1700000000000.9"}, milliseconds, {}, time_type},
      {{Kind::number, "1.0"}, milliseconds, {}, time_type},
      {{Kind::number, "1e3"}, milliseconds, {}, time_type},
      {{Kind::null, "null"}, milliseconds, {}, time_type},
      {{Kind::boolean, "true"}, milliseconds, {}, time_type},
      {{Kind::array, "[1]"}, milliseconds, {}, time_type},
      {{Kind::object, "{}"}, milliseconds, {}, time_type},
      {{Kind::absent, ""}, milliseconds, {}, missing_time},
      {{Kind::integer, "2"}, seconds, 2000},
      {{Kind::integer, "9223372036854775"}, seconds, 9223372036854775000},
      {{Kind::integer, "9223372036854776"}, seconds, {}, time_range},
      {{Kind::integer, "1999"}, microseconds, 1},
      {{Kind::integer, "-1"}, microseconds, -1},
      {{Kind::string, "1999999"}, nanoseconds, 1},
      {{Kind::integer, "-1"}, nanoseconds, -1},
      {{Kind::string, "2022-07-01T00:00:00Z"}, iso8601, 1656633600000},
      {{Kind::string, "2022-07-01 02:00:00.5+02:00"}, iso8601, 1656633600500},
      {{Kind::string, "2022-07-01T00:00:00"}, iso8601, 1656633600000},
      {{Kind::string, "2022-07-01"}, iso8601, {}, time_format},
      {{Kind::string, "1656633600000"}, iso8601, {}, time_format},
      {{Kind::integer, "1656633600000"}, iso8601, {}, time_type},
      {{Kind::null, "null"}, iso8601, {}, time_type},
      {{Kind::absent, ""}, iso8601, {}, missing_time},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value.text, to_string(row.format));
    const auto time = json::parse_time<EventClock>(row.value, row.format);
    REQUIRE(time.has_value() == row.milliseconds.has_value());
    if (time)
      CHECK(time->time_since_epoch().count() == *row.milliseconds);
    else
      CHECK(to_string(time.error()) == to_string(row.reason));
  }
}

// Promise: a clock of fewer bits or coarser ticks gets what it can hold. Catches: a narrowing cast
// in place of a check.
TEST_CASE("a time must fit the caller's clock", "[json][time]") {
  using Minutes = BasicEventClock<std::chrono::duration<std::int32_t>>;
  const auto read = [](std::string text) {
    return json::parse_time<Minutes>({Kind::integer, std::move(text)}, TimeFormat::seconds);
  };
  CHECK(read("2147483647")->time_since_epoch().count() == 2147483647);
  CHECK(read("2147483648").error() == RejectReason::time_range);
  CHECK(read("-2147483649").error() == RejectReason::time_range);
}

// Promise: the unit is told from the values' size alone, and only where most agree. Catches: a
// border between units that is off by a factor, and a guess from a tie.
TEST_CASE("the format of times is told from samples", "[json][time]") {
  using Samples = std::vector<Value>;
  const auto guess = [](const Samples& samples) { return json::guess_time_format(samples); };
  const Value s{Kind::integer, "1656633600"}, ms{Kind::string, "1656633600000"},
      us{Kind::integer, "1656633600000000"}, ns{Kind::string, " 1656633600000000000"},
      iso{Kind::string, "2022-07-01T00:00:00+02:00"}, small{Kind::integer, "17"},
      word{Kind::string, "noon"}, null{Kind::null, "null"}, absent{};
  CHECK(guess({s}) == TimeFormat::seconds);
  CHECK(guess({ms}) == TimeFormat::milliseconds);
  CHECK(guess({us}) == TimeFormat::microseconds);
  CHECK(guess({ns}) == TimeFormat::nanoseconds);
  CHECK(guess({iso}) == TimeFormat::iso8601);
  CHECK(guess({}) == std::nullopt);
  CHECK(guess({small}) == std::nullopt);
  CHECK(guess({null, absent}) == std::nullopt);
  CHECK(guess({null, absent, s}) == TimeFormat::seconds);
  CHECK(guess({s, ms}) == std::nullopt);
  CHECK(guess({s, ms, ms}) == TimeFormat::milliseconds);
  CHECK(guess({iso, word}) == std::nullopt);
  CHECK(guess({iso, word, iso}) == TimeFormat::iso8601);

  const auto one = [&](std::string text) { return guess({{Kind::integer, std::move(text)}}); };
  CHECK(one("631151999") == std::nullopt);
  CHECK(one("631152000") == TimeFormat::seconds);
  CHECK(one("4102444799") == TimeFormat::seconds);
  CHECK(one("4102444800") == std::nullopt);
  CHECK(one("631151999999") == std::nullopt);
  CHECK(one("631152000000") == TimeFormat::milliseconds);
  CHECK(one("4102444799999999999") == TimeFormat::nanoseconds);
  CHECK(one("4102444800000000000") == std::nullopt);
  CHECK(one("18446744073709551615") == std::nullopt);
  CHECK(guess({{Kind::number, "1656633600.5"}}) == std::nullopt);
}

}  // namespace
}  // namespace json_time_format_test
