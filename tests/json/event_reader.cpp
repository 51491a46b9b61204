#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/mapping.hpp>
#include <sessionize/json/members.hpp>
#include <sessionize/json/value.hpp>
#include <sessionize/sessionizer.hpp>

#include "catch.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace json_event_reader_test {
namespace {

using namespace sessionize;
using namespace std::string_literals;
using json::EventReader;
using json::Kind;
using json::Value;

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}
std::string nested(std::size_t levels) { return repeat("[", levels) + repeat("]", levels); }

/// A line with a good time and this key.
std::string with_key(const std::string& key) {
  return R"({"user_id":)" + key + R"(,"event_timestamp":1})";
}
/// A line with a good key and this time.
std::string with_time(const std::string& time) {
  return R"({"user_id":"u","event_timestamp":)" + time + "}";
}

void check_rejected(EventReader<>& reader, const std::string& line, RejectReason reason) {
  CAPTURE(line.substr(0, 80));
  const auto event = reader.read(line);
  REQUIRE_FALSE(event.has_value());
  const Rejection& rejection = event.error();
  CAPTURE(rejection.message);
  CHECK(to_string(rejection.reason) == to_string(reason));
  CHECK(rejection.data == std::string_view(line).substr(0, 256));
  CHECK(rejection.message.find(": ") != std::string_view::npos);  // what is wrong: what to do
  CHECK(rejection.message.size() <= 700);
  CHECK(detail::valid_utf8_prefix(rejection.message) == rejection.message.size());
  CHECK(rejection.source.empty());
}

// Promise: the recipe's event is read as it stands, time as a string and all. Catches: a default
// of the mapping that is not the recipe's.
TEST_CASE("the event of the recipe is read with no mapping", "[json][event_reader]") {
  const std::string line =
      R"({ "user_id": "user1", "event_timestamp": "1656633600000", "event_name": "checkout",)"
      R"( "event_type": "click", "device_type": "desktop" })";
  EventReader reader;
  const auto event = reader.read(line);
  REQUIRE(event);
  CHECK(event->key == "user1");
  CHECK(event->time.time_since_epoch().count() == 1656633600000);
  CHECK(event->device == "desktop");
  CHECK(event->fields.empty());
  CHECK(event->line.data() == line.data());

  Sessionizer<EventClock, std::string> sessions;
  CHECK(sessions.observe(event->key, event->time, *event).starts_session());
}

// Promise: a key is a string, or an integer's digits whatever its size. Catches: 2^64 - 1 read as
// -1, 30 digits read through a double, 400 digits refused because a double ends at 309.
TEST_CASE("a key is a string or an integer", "[json][event_reader]") {
  const std::string digits = "9" + repeat("0123456789", 40);
  const std::pair<std::string, std::string> rows[] = {
      {R"("ann")", "ann"},
      {R"("")", ""},
      {R"(" ")", " "},
      {R"("null")", "null"},
      {R"("a\u0000b")", "a\0b"s},
      {R"("\u00fc\ud83d\ude00\/\n")", "\u00fc\U0001F600/\n"},
      {"\"\u00fc\"", "\u00fc"},
      {"0", "0"},
      {"-0", "0"},
      {"-17", "-17"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9223372036854775808"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"-9223372036854775809", "-9223372036854775809"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709551616"},
      {digits, digits},
      {"-" + digits, "-" + digits},
  };
  EventReader reader;
  for (const auto& [json, text] : rows) {
    CAPTURE(json);
    const std::string line = with_key(json);
    const auto event = reader.read(line);
    REQUIRE(event);
    CHECK(event->key == text);
  }
  for (const char* json : {"null", "true", "false", "1.5", "1.0", "1e3", "1E400", "-0.0", "[]",
                           "[\"a\"]", "{}", R"({"user_id":"a"})"})
    check_rejected(reader, with_key(json), RejectReason::key_type);
  check_rejected(reader, "{}", RejectReason::missing_key);
  check_rejected(reader, R"({"event_timestamp":1})", RejectReason::missing_key);
  check_rejected(reader, R"({"USER_ID":"a","event_timestamp":1})", RejectReason::missing_key);
  check_rejected(reader, R"({"e":{"user_id":"a"},"event_timestamp":1})", RejectReason::missing_key);
}

// Promise: different composite keys stay different, also where a part has the separator. Catches:
// ("a|b", "c") and ("a", "b|c") joined to one key, and escapes put into a key of one part.
TEST_CASE("the parts of a composite key are joined", "[json][event_reader]") {
  EventReader reader{{.key = {"a", "b"}}};
  const auto key = [&](const std::string& a, const std::string& b) {
    const auto event = reader.read(R"({"b":)" + b + R"(,"a":)" + a + R"(,"event_timestamp":1})");
    REQUIRE(event);
    return std::string(event->key);
  };
  CHECK(key(R"("x")", R"("y")") == "x|y");
  CHECK(key("1", "\"\"") == "1|");
  CHECK(key(R"("a|b")", R"("c")") == "a%7Cb|c");
  CHECK(key(R"("a")", R"("b|c")") == "a|b%7Cc");
  CHECK(key(R"("%7C")", R"("%")") == "%257C|%25");
  check_rejected(reader, R"({"a":"x","event_timestamp":1})", RejectReason::missing_key);
  check_rejected(reader, R"({"a":"x","b":null,"event_timestamp":1})", RejectReason::key_type);

  EventReader single;
  CHECK(single.read(with_key(R"("a|b%")"))->key == "a|b%");
}

// Promise: what is wrong with a time is told apart, with advice that fits. Catches: a fraction cut
// in silence, null taken for 1970, and the range error of the unit named as a format error.
TEST_CASE("a time that is none is rejected with its reason", "[json][event_reader]") {
  EventReader reader;
  const auto message = [&](const std::string& time) {
    const std::string line = with_time(time);
    const auto event = reader.read(line);
    REQUIRE_FALSE(event.has_value());
    return std::string(event.error().message);
  };
  for (const char* time : {"1.5", "1.0", "1e3", "1700000000000.9", "1e999", "null", "true", "false",
                           "[1]", R"({"ms":1})"})
    check_rejected(reader, with_time(time), RejectReason::time_type);
  for (const char* time : {R"("")", R"("now")", R"("1.5")", R"("2022-07-01T00:00:00Z")"})
    check_rejected(reader, with_time(time), RejectReason::time_format);
  for (const char* time : {"9223372036854775808", "18446744073709551615", "-9223372036854775809",
                           R"("99999999999999999999")"})
    check_rejected(reader, with_time(time), RejectReason::time_range);
  check_rejected(reader, with_time(repeat("9", 400)), RejectReason::time_range);
  check_rejected(reader, R"({"user_id":"u"})", RejectReason::missing_time);

  CHECK(message("1700000000000.9").find("1700000000000.9") != std::string::npos);
  CHECK(message("1700000000000.9").find("fraction") != std::string::npos);
  CHECK(message("null").find("\"event_timestamp\" is null") != std::string::npos);
  CHECK(message(R"("2022-07-01T00:00:00Z")").find("iso8601") != std::string::npos);

  EventReader seconds{{.time_format = json::TimeFormat::seconds}};
  CHECK(seconds.read(with_time("2"))->time.time_since_epoch().count() == 2000);
  check_rejected(seconds, with_time("9223372036854775807"), RejectReason::time_range);
}

// Promise: the unit may be found out late: samples come from lines that are no events yet. Catches:
// a time lost because its line was rejected, or one left over from the line before.
TEST_CASE("the time format can be guessed from the first lines", "[json][event_reader]") {
  EventReader reader;
  std::vector<Value> samples;
  for (const std::string& line :
       {R"({"event_timestamp":"2022-07-01T00:00:00Z"})"s, with_time(R"("2022-07-01T00:00:01Z")"),
        "{"s, "[]"s, R"({"event_timestamp":"2022-07-01T00:00:01Z")"s}) {
    CHECK_FALSE(reader.read(line).has_value());
    samples.push_back(reader.time_value());
  }
  CHECK(samples[1].text == "2022-07-01T00:00:01Z");
  CHECK(samples[2].kind == Kind::absent);
  CHECK(samples[3].kind == Kind::absent);
  CHECK(samples[4].kind == Kind::absent);
  const auto format = json::guess_time_format(samples);
  REQUIRE(format == json::TimeFormat::iso8601);
  reader.set_time_format(*format);
  CHECK(reader.read(with_time(R"("2022-07-01T00:00:01Z")"))->time.time_since_epoch().count() ==
        1656633601000);
  check_rejected(reader, with_time("1656633601000"), RejectReason::time_type);
}

// Promise: a device is a text or null, and never a reason to reject. Catches: a device of the line
// before in a line that has none.
TEST_CASE("a device is a string, an integer or null", "[json][event_reader]") {
  using Device = std::optional<std::string_view>;
  EventReader reader;
  const auto check = [&](const std::string& member, const Device& device) {
    const std::string line = R"({"user_id":"u","event_timestamp":1)" + member + "}";
    CAPTURE(line);
    const auto event = reader.read(line);
    REQUIRE(event);
    CHECK(event->device == device);
  };
  check(R"(,"device_type":"phone")", "phone");
  check("", {});
  check(R"(,"device_type":"")", "");
  check(R"(,"device_type":7)", "7");
  for (const char* other : {"null", "true", "1.5", "[]", "{}"})
    check(R"(,"device_type":)"s + other, {});
}

// Promise: further members come as they are, whatever they are, in the mapping's order. Catches:
// numbers respelled, commas and escapes lost in nested values, a value of the line before.
TEST_CASE("further members are read and written back", "[json][event_reader]") {
  EventReader reader{{.fields = {"x", "device_type", "x", "user_id"}}};
  const auto check = [&](const std::string& json, Kind kind, const std::string& text) {
    const std::string line =
        R"({"x":)" + json + R"(,"user_id":"u","event_timestamp":1,"device_type":"d"})";
    CAPTURE(line);
    const auto event = reader.read(line);
    REQUIRE(event);
    REQUIRE(event->fields.size() == 4);
    CHECK(event->fields[0] == Value{kind, text});
    CHECK(event->fields[1] == Value{Kind::string, "d"});
    CHECK(event->fields[2] == event->fields[0]);
    CHECK(event->fields[3] == Value{Kind::string, "u"});
    CHECK(event->device == "d");
    std::string written;
    json::append_json(written, event->fields[0]);
    // Written and read again, it is the same.
    const std::string again = R"({"x":)" + written + R"(,"user_id":"u","event_timestamp":1})";
    const auto reread = reader.read(again);
    REQUIRE(reread);
    CHECK(reread->fields[0] == Value{kind, text});
    CHECK(reread->fields[1].kind == Kind::absent);
  };
  check("null", Kind::null, "null");
  check("true", Kind::boolean, "true");
  check("false", Kind::boolean, "false");
  check("17", Kind::integer, "17");
  check("18446744073709551616", Kind::integer, "18446744073709551616");
  check("1.50", Kind::number, "1.50");
  check("1E+05", Kind::number, "1E+05");
  check("-1e999", Kind::number, "-1e999");
  check(R"("a\"b\\c\n\u0001")", Kind::string, "a\"b\\c\n\x01");
  check("[]", Kind::array, "[]");
  check("{}", Kind::object, "{}");
  check(R"([ 1, [ ], {"a" : [true,false]}, null, "[", ",", 1.10 ])", Kind::array,
        R"([1,[],{"a":[true,false]},null,"[",",",1.10])");
  check(R"({"a":{"b":"\"{"},"a":1,"":[{}, {}]})", Kind::object,
        R"({"a":{"b":"\"{"},"a":1,"":[{},{}]})");

  std::string absent;
  json::append_json(absent, Value{});
  CHECK(absent == "null");
  CHECK(Value{}.nullable() == std::nullopt);
  CHECK(Value{Kind::null, "null"}.nullable() == std::nullopt);
  CHECK(Value{Kind::string, "null"}.nullable() == "null");
}

// Promise: filters can look at the members of an event without key or time. Catches: fields that
// are filled only for events.
TEST_CASE("further members are there also where the event is rejected", "[json][event_reader]") {
  EventReader reader{{.fields = {"watermark"}}};
  CHECK_FALSE(reader.read(R"({"watermark":5})").has_value());
  CHECK(reader.fields()[0] == Value{Kind::integer, "5"});
  CHECK_FALSE(reader.read(R"({"watermark":5)").has_value());
  CHECK(reader.fields()[0].kind == Kind::absent);
}

// Promise: of duplicate members the last wins, and is the one that is judged. Catches: the first
// one kept, one rejected before the last is seen, a text left over from an earlier type.
TEST_CASE("of a repeated member the last counts", "[json][event_reader]") {
  EventReader reader{{.fields = {"x"}}};
  const auto event =
      reader.read(R"({"user_id":1.5,"user_id":"b","event_timestamp":null,"event_timestamp":7,)"
                  R"("x":[1],"x":"s","device_type":"d","device_type":null})");
  REQUIRE(event);
  CHECK(event->key == "b");
  CHECK(event->time.time_since_epoch().count() == 7);
  CHECK(event->fields[0] == Value{Kind::string, "s"});
  CHECK(event->device == std::nullopt);
  check_rejected(reader, R"({"user_id":"a","user_id":null,"event_timestamp":1})",
                 RejectReason::key_type);
  const auto array = reader.read(R"({"user_id":"a","event_timestamp":1,"x":"s","x":[2]})");
  CHECK(array->fields[0] == Value{Kind::array, "[2]"});
}

// Promise: a hostile line is rejected with its reason, and harms no other line. Catches: what a
// JSON parser with an eye to convenience lets through (a NUL as the end of input, a byte order
// mark, garbage behind the object), and damage that survives into the next line.
TEST_CASE("hostile lines are rejected one by one", "[json][event_reader]") {
  using enum RejectReason;
  const std::string good = with_key(R"("u")");
  const std::pair<std::string, RejectReason> rows[] = {
      {"", invalid_json},
      {" ", invalid_json},
      {"{", invalid_json},
      {"}", invalid_json},
      {"nul", invalid_json},
      {"NaN", invalid_json},
      {"{'user_id':'a'}", invalid_json},
      {"{user_id:1}", invalid_json},
      {R"({"a":1,})", invalid_json},
      {R"({"a":01})", invalid_json},
      {R"({"a":+1})", invalid_json},
      {R"({"a":.5})", invalid_json},
      {R"({"a":1.})", invalid_json},
      {R"({"a":1e})", invalid_json},
      {R"({"a":-})", invalid_json},
      {R"({"a":0x1})", invalid_json},
      {R"({"a":NaN})", invalid_json},
      {R"({"a":Infinity})", invalid_json},
      {R"({"a":tru})", invalid_json},
      {R"({"a" 1})", invalid_json},
      {R"({"a":1 "b":2})", invalid_json},
      {R"({"a":[1,2})", invalid_json},
      {R"({"a":"b)", invalid_json},
      {R"({"a":"\x41"})", invalid_json},
      {R"({"a":"\u12g4"})", invalid_json},
      {R"({"a":"\ud800"})", invalid_json},
      {R"({"a":"\udc00"})", invalid_json},
      {R"({"a":"\ud800\ud800"})", invalid_json},
      {R"({"a":"\ud800\u0041"})", invalid_json},
      {R"({"\udfff":1})", invalid_json},
      {"{\"a\":\"tab\there\"}", invalid_json},
      {"{\"a\":\"line\nbreak\"}", invalid_json},
      {"/* c */ {}", invalid_json},
      {"{} // c", invalid_json},
      {good + "x", invalid_json},
      {good + good, invalid_json},
      {good + ",", invalid_json},
      {good + "}", invalid_json},
      {good + "\0"s, invalid_json},
      {good + "\0garbage"s, invalid_json},
      {"\0"s + good, invalid_json},
      {"{\"user_id\":\"a\0b\",\"event_timestamp\":1}"s, invalid_json},
      {"\xEF\xBB\xBF" + good, invalid_json},
      {"\x1E" + good, invalid_json},
      {"\u00a0" + good, invalid_json},
      {"\xEF\xBB" + good, invalid_utf8},
      {"\xFF\xFE{", invalid_utf8},
      {"{\"a\":\"\xC0\x80\"}", invalid_utf8},
      {"{\"a\":\"\xE0\x80\xAF\"}", invalid_utf8},
      {"{\"a\":\"\xED\xA0\x80\"}", invalid_utf8},
      {"{\"a\":\"\xF4\x90\x80\x80\"}", invalid_utf8},
      {"{\"a\":\"\xFC\"}", invalid_utf8},
      {"{\"a\xE4\":1}", invalid_utf8},
      {"{\"a\":\"\xE2\x82\"}", invalid_utf8},
      {"null", not_an_object},
      {"true", not_an_object},
      {"1", not_an_object},
      {"1e999", not_an_object},
      {"\"user_id\"", not_an_object},
      {"[]", not_an_object},
      {"[" + good + "]", not_an_object},
      {repeat("[", 1'048'576), nesting_too_deep},
      {repeat("{\"a\":", 200'000), nesting_too_deep},
      {R"({"a":")" + std::string(1'000'000, 'x'), invalid_json},
      {"{\"a\":" + std::string(1'000'000, 'x'), invalid_json},
      {"{\"a\":-" + std::string(1'000'000, '1'), invalid_json},
  };
  EventReader reader;
  for (const auto& [line, reason] : rows) {
    check_rejected(reader, line, reason);
    const auto next = reader.read(good);
    REQUIRE(next);
    CHECK(next->key == "u");
  }
  for (const std::string& line : {" " + good + " \t\r\n", R"({"a":1e999,)" + good.substr(1),
                                  R"({"a":)" + repeat("7", 100'000) + "," + good.substr(1),
                                  R"({"a":0.)" + repeat("7", 100'000) + "," + good.substr(1)}) {
    CAPTURE(line.substr(0, 40));
    CHECK(reader.read(line).has_value());
  }
}

// Promise: a message says where. Catches: a column that counts from 0, or from another line.
TEST_CASE("a message names the column or the member", "[json][event_reader]") {
  EventReader reader{{.key = {std::string(300, 'k') + "\xFF"}}};
  const auto message = [&](const std::string& line) {
    return std::string(reader.read(line).error().message);
  };
  CHECK(message("{\"a\":tru}").find("column 9") != std::string::npos);
  CHECK(message("{} x").find("column 4") != std::string::npos);
  CHECK(message("{\"a\":\"\xFF\"}").find("column 7") != std::string::npos);
  CHECK(message("{}\0"s).find("column 3") != std::string::npos);
  CHECK(message("[1]").find("an array") != std::string::npos);
  // A name is the caller's, and may be anything.
  check_rejected(reader, "{}", RejectReason::missing_key);
}

// Promise: each limit holds exactly. Catches: an error by one, and a limit on the escaped text in
// place of the text.
TEST_CASE("limits hold exactly", "[json][event_reader]") {
  EventReader reader;
  const auto key = [](std::size_t bytes) { return with_key('"' + std::string(bytes, 'k') + '"'); };
  CHECK(reader.read(key(65'536))->key.size() == 65'536);
  check_rejected(reader, key(65'537), RejectReason::key_too_long);
  CHECK(reader.read(with_key('"' + repeat("\\u0041", 65'536) + '"'))->key.size() == 65'536);

  const auto deep = [](std::size_t levels) {
    return R"({"x":)" + nested(levels) + "," + with_key("1").substr(1);
  };
  CHECK(reader.read(deep(512)).has_value());
  check_rejected(reader, deep(513), RejectReason::nesting_too_deep);
  const std::string object = R"({"x":)" + repeat(R"({"a":)", 512) + "1" + repeat("}", 512);
  CHECK(reader.read(object + "," + with_key("1").substr(1)).has_value());

  EventReader composite{{.key = {"a", "b"}}, {.key = 5, .nesting = 0}};
  CHECK(composite.read(R"({"a":"1","b":"%","event_timestamp":1})")->key == "1|%25");
  check_rejected(composite, R"({"a":"1","b":"%2","event_timestamp":1})",
                 RejectReason::key_too_long);
  check_rejected(composite, R"({"a":"1","b":"2","event_timestamp":1,"x":[]})",
                 RejectReason::nesting_too_deep);
}

}  // namespace
}  // namespace json_event_reader_test
