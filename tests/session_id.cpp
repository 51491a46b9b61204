#include <sessionize/session_id.hpp>

#include "catch.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace session_id_test {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;

struct Click {
  std::optional<std::string> device;
};

template <class Clock = EventClock, class Key = std::string_view>
Record<Clock, Key, Click> record(Key key, typename Clock::time_point start,
                                 std::optional<std::string> device = "desktop") {
  Record<Clock, Key, Click> made{{}, key, {device}};
  made.session_start = start;
  made.opened_at = start;
  made.ordinal = 3;
  return made;
}

template <class Form, class Value>
std::string id(const Form& form, const Value& value) {
  std::array<char, 256> buffer{};
  const IdWriter written = write_id(form, buffer, value);
  return written.is_null() ? "null" : std::string(written.view());
}

constexpr auto recipe = time_of_day_id(&Click::device);
constexpr EventClock::time_point at(EventClock::duration since_1970) {
  return EventClock::time_point{since_1970};
}

// Promise (2.1, session_id): the default form is key_device_HH:mm:ss UTC of the carried start,
// floored also below 1970. Catches truncation towards zero, 12-hour clocks and local time.
TEST_CASE("the recipe's id is key, device and time of day of the carried start") {
  CHECK(id(recipe, record(std::string_view("user1"), at(1656633602000ms))) ==
        "user1_desktop_00:00:02");
  CHECK(id(recipe, record(std::string_view("user1"), at(13h + 5min + 59s + 999ms))) ==
        "user1_desktop_13:05:59");
  CHECK(id(recipe, record(std::string_view("user1"), at(-1ms))) == "user1_desktop_23:59:59");
  CHECK(id(recipe, record(std::string_view("user1"), at(-24h))) == "user1_desktop_00:00:00");
  CHECK(id(recipe, record(std::string_view("a_b%"), at(0ms), "")) == "a_b%__00:00:00");
}

// Promise: every second of a day has its time of day. Catches a digit that is divided by a
// multiplication which is right for most numbers.
TEST_CASE("the time of day of every second") {
  const auto two_digits = [](int number) { return std::to_string(100 + number).substr(1); };
  int wrong = 0;
  for (int hour = 0; hour < 24; ++hour)
    for (int minute = 0; minute < 60; ++minute)
      for (int second = 0; second < 60; ++second) {
        std::array<char, 8> text{};
        IdWriter(text).time_of_day(at(std::chrono::hours{hour} + std::chrono::minutes{minute} +
                                      std::chrono::seconds{second}));
        const auto expected =
            two_digits(hour) + ':' + two_digits(minute) + ':' + two_digits(second);
        wrong += std::string_view(text.data(), text.size()) == expected ? 0 : 1;
      }
  CHECK(wrong == 0);
}

// Promise: the recipe's id is null when the device or the carried start is, and only then. Catches
// "user1__00:00:00" for a missing device, and an id that outlives the carry horizon.
TEST_CASE("the recipe's id is null when device or start is null") {
  auto value = record(std::string_view("user1"), at(0ms), std::nullopt);
  CHECK(id(recipe, value) == "null");
  value = record(std::string_view("user1"), at(0ms));
  value.session_start.reset();
  CHECK(id(recipe, value) == "null");
}

// Promise: the unique form is KEY_START_N with '_' and '%' of the key escaped and START to the
// clock's precision, the same for a session's records and its summary, and past the carry horizon.
// Catches two keys with one id, and an id that changes within its session.
TEST_CASE("the unique id is the same for all records of a session and its summary") {
  auto value = record(std::string_view("a_b%c"), at(1656633602007ms));
  const std::string expected = "a%5Fb%25c_2022-07-01T00:00:02.007Z_3";
  CHECK(id(unique_id, value) == expected);
  value.session_start.reset();
  value.event.device.reset();
  CHECK(id(unique_id, value) == expected);
  const Summary<EventClock, std::string_view> summary{value.key, value.opened_at,   value.time,
                                                      9,         CloseReason::idle, 3};
  CHECK(id(unique_id, summary) == expected);

  using Seconds = BasicEventClock<std::chrono::seconds>;
  CHECK(id(unique_id, record<Seconds>(std::string_view("k"), Seconds::time_point{-1s})) ==
        "k_1969-12-31T23:59:59Z_3");
  using Nanoseconds = BasicEventClock<std::chrono::nanoseconds>;
  CHECK(id(unique_id, record<Nanoseconds>(std::string_view("k"), Nanoseconds::time_point{1ns})) ==
        "k_1970-01-01T00:00:00.000000001Z_3");
}

// Promise: where nothing counts a key's sessions, the unique id is KEY_START. Catches "_0".
TEST_CASE("the unique id has no number where sessions are not counted") {
  auto value = record(std::string_view("k"), at(0ms));
  value.ordinal = 0;
  CHECK(id(unique_id, value) == "k_1970-01-01T00:00:00.000Z");
}

// Promise: ids exist for every int64 time. Catches overflow on the way to a date.
TEST_CASE("ids exist at the ends of int64") {
  const auto last = id(unique_id, record(std::string_view("k"), EventClock::time_point::max()));
  CHECK(last == "k_+292278994-08-17T07:12:55.807Z_3");
  const auto first = id(unique_id, record(std::string_view("k"), EventClock::time_point::min()));
  CHECK(first == "k_-292275055-05-16T16:47:04.192Z_3");
  CHECK(id(recipe, record(std::string_view("k"), EventClock::time_point::min())) ==
        "k_desktop_16:47:04");
}

// Promise: different composite keys have different ids. Catches ("a|b", "c") and ("a", "b|c").
TEST_CASE("composite keys keep their parts apart") {
  using Key = std::pair<std::string_view, std::string_view>;
  const auto one = id(unique_id, record<EventClock, Key>({"a|b", "c"}, at(0ms)));
  const auto other = id(unique_id, record<EventClock, Key>({"a", "b|c"}, at(0ms)));
  CHECK(one == "a%257Cb|c_1970-01-01T00:00:00.000Z_3");
  CHECK(other == "a|b%257Cc_1970-01-01T00:00:00.000Z_3");
  using Triple = std::tuple<int, std::string_view, std::uint64_t>;
  CHECK(id(recipe, record<EventClock, Triple>({-1, "x", UINT64_MAX}, at(0ms))) ==
        "-1|x|18446744073709551615_desktop_00:00:00");
}

// Promise: a buffer that is too small is never overrun, and the writer says what would do. Catches
// a cut id that looks whole.
TEST_CASE("an id that does not fit is not written, and says how long it is") {
  const auto value = record(std::string_view("user1"), at(0ms));
  const std::size_t needed = std::string("user1_desktop_00:00:00").size();
  for (std::size_t room = 0; room < needed; ++room) {
    std::string buffer(room + 1, '#');
    const IdWriter written = write_id(recipe, std::span(buffer.data(), room), value);
    CHECK_FALSE(written.fits());
    CHECK(written.view().empty());
    CHECK(written.size() == needed);
    CHECK(buffer.back() == '#');
  }
}

// Promise: a caller's own form is a callable. Catches an interface that only the built-in forms
// fit.
TEST_CASE("a form of one's own is a lambda") {
  const auto form = [](IdWriter& out, const auto& value) {
    out.text("s-");
    out.number(value.ordinal, 4);
  };
  CHECK(id(form, record(std::string_view("k"), at(0ms))) == "s-0003");
}

}  // namespace
}  // namespace session_id_test
