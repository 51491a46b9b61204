#include <sessionize/json/discovery.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/schema.hpp>
#include <sessionize/json/sql_name.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace json_discovery_test {
namespace {

using namespace sessionize;
using namespace std::string_literals;
using json::Discovery;
using json::Schema;
using json::TimeFormat;
using Member = std::optional<std::string>;

Schema schema_of(const std::vector<std::string>& lines) {
  Discovery discovery;
  for (const auto& line : lines) discovery.add(line);
  return discovery.schema();
}

/// What the simulator of the recipe sends: three users, five event names, a time as a string.
std::vector<std::string> recipe(int count) {
  const char* const names[] = {"checkout", "search", "category", "detail", "navigate"};
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back(R"({ "user_id": "user)" + std::to_string(i * 7 % 3 + 1) +
                    R"(", "event_timestamp": ")" + std::to_string(1656633600000 + i * 2000LL) +
                    R"(", "event_name": ")" + names[i % 5] +
                    R"(", "event_type": "click", "device_type": "desktop" })");
  return lines;
}

// Promise: the recipe's stream is understood without a word, and the mapping reads it. Catches: a
// default that is not the recipe's, and a numeric string taken for a text.
TEST_CASE("the recipe's schema is discovered", "[json][discovery]") {
  const auto lines = recipe(30);
  const Schema schema = schema_of(lines);
  REQUIRE(schema.columns.size() == 5);
  const std::pair<std::string, std::string> expected[] = {{"user_id", "VARCHAR(8)"},
                                                          {"event_timestamp", "BIGINT"},
                                                          {"event_name", "VARCHAR(8)"},
                                                          {"event_type", "VARCHAR(8)"},
                                                          {"device_type", "VARCHAR(8)"}};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(schema.columns[i].name == expected[i].first);
    CHECK(schema.columns[i].mapping == "$." + expected[i].first);
    CHECK(schema.columns[i].sql_type == expected[i].second);
    CHECK(!schema.columns[i].reason.empty());
  }
  CHECK(schema.columns[1].reason.find("as strings") != std::string::npos);
  CHECK(schema.columns[1].reason.find("ms") != std::string::npos);
  CHECK(schema.key.member == "user_id");
  CHECK(schema.time.member == "event_timestamp");
  CHECK(schema.device.member == "device_type");
  CHECK(schema.time_format == TimeFormat::milliseconds);
  CHECK(schema.time_format_reason.find("2022-07-01") != std::string::npos);
  CHECK(schema.lines == 30);

  json::EventReader reader(schema.mapping());
  const auto event = reader.read(lines.front());
  REQUIRE(event);
  CHECK(event->key == "user1");
  CHECK(event->device == "desktop");
  CHECK(event->time.time_since_epoch().count() == 1656633600000);
}

// Promise: the output is the vendor's shape, and beside it the guesses with their reasons. Catches:
// a renamed or missing member, columns out of order.
TEST_CASE("a schema is printed in the vendor's shape", "[json][discovery]") {
  const std::string text = schema_of(recipe(10)).to_json();
  const auto printed = nlohmann::ordered_json::parse(text);
  const auto& input = printed.at("InputSchema");
  CHECK(input.at("RecordFormat").dump() == R"({"RecordFormatType":"JSON","MappingParameters":)"
                                           R"({"JSONMappingParameters":{"RecordRowPath":"$"}}})");
  CHECK(input.at("RecordEncoding") == "UTF-8");
  REQUIRE(input.at("RecordColumns").size() == 5);
  CHECK(input.at("RecordColumns")[0].at("Name") == "user_id");
  CHECK(input.at("RecordColumns")[0].at("Mapping") == "$.user_id");
  CHECK(input.at("RecordColumns")[0].at("SqlType") == "VARCHAR(8)");
  CHECK(input.at("RecordColumns")[0].size() == 3);
  const auto& guess = printed.at("Guess");
  CHECK(guess.at("Key").at("Member") == "user_id");
  CHECK(guess.at("Time").at("Member") == "event_timestamp");
  CHECK(guess.at("TimeUnit").at("Unit") == "ms");
  CHECK(guess.at("Device").at("Member") == "device_type");
  for (const char* role : {"Key", "Time", "TimeUnit", "Device"})
    CHECK(!guess.at(role).at("Reason").get<std::string>().empty());
  CHECK(guess.at("Columns").size() == 5);
  CHECK(text.find("\n  \"InputSchema\"") != std::string::npos);

  const auto empty = nlohmann::ordered_json::parse(Schema{}.to_json());
  CHECK(empty.at("InputSchema").at("RecordColumns").is_array());
  CHECK(empty.at("Guess").at("Key").at("Member").is_null());
  CHECK(empty.at("Guess").at("Key").at("Candidates").is_array());
}

// Promise: a column's type holds every value of the sample. Catches: an INTEGER that overflows, a
// zip code that loses its zero, a fraction cut by an integer type.
TEST_CASE("a column's type holds what was seen", "[json][discovery]") {
  const auto type = [](std::initializer_list<std::string> values) {
    std::vector<std::string> lines;
    for (const auto& value : values) lines.push_back(R"({"x":)" + value + "}");
    const Schema schema = schema_of(lines);
    REQUIRE(schema.columns.size() == 1);
    CHECK(!schema.columns[0].reason.empty());
    return schema.columns[0].sql_type;
  };
  CHECK(type({"1", "-5"}) == "INTEGER");
  CHECK(type({"2147483647", "-2147483648"}) == "INTEGER");
  CHECK(type({"2147483648"}) == "BIGINT");
  CHECK(type({"-2147483649"}) == "BIGINT");
  CHECK(type({"9223372036854775807"}) == "BIGINT");
  CHECK(type({"1", "9223372036854775808"}) == "VARCHAR(32)");
  CHECK(type({R"("17")", "4"}) == "INTEGER");
  CHECK(type({R"("017")", R"("018")"}) == "VARCHAR(4)");
  CHECK(type({R"("+17")"}) == "VARCHAR(4)");
  CHECK(type({R"("-0")"}) == "VARCHAR(4)");
  CHECK(type({"1", "1.5"}) == "DOUBLE");
  CHECK(type({"1e3"}) == "DOUBLE");
  CHECK(type({"true", "false", "null"}) == "BOOLEAN");
  CHECK(type({"true", "1"}) == "VARCHAR(4)");
  CHECK(type({"null"}) == "VARCHAR(16)");
  CHECK(type({R"("2022-07-01T00:00:00Z")", R"("2022-07-01 02:00:00+02:00")"}) == "TIMESTAMP");
  CHECK(type({R"("2022-07-01T00:00:00Z")", R"("soon")"}) == "VARCHAR(32)");
  CHECK(type({R"("")"}) == "VARCHAR(4)");
  CHECK(type({R"("abcd")"}) == "VARCHAR(4)");
  CHECK(type({R"("abcde")"}) == "VARCHAR(8)");
  CHECK(type({R"("äöüß")"}) == "VARCHAR(4)");
  CHECK(type({'"' + std::string(65'536, 'x') + '"'}) == "VARCHAR(65535)");
  CHECK(type({"[1,2]"}) == "VARCHAR(8)");
  CHECK(type({R"({"a":1})", "null"}) == "VARCHAR(8)");
}

// Promise: every name is fit for SQL and its own. Catches: a reserved word or an odd character let
// through, and two members that become one column.
TEST_CASE("names are made fit for SQL", "[json][discovery]") {
  const Schema schema = schema_of({R"({"ok_1":1,"Time":1,"user":1,"1st":1,"a-b":1,"a.b":1,"":1,)"
                                   R"("OK_1":1,"COL_user":1,"it's":1,"_x":1,"ü":1})"});
  const std::pair<std::string, std::string> expected[] = {
      {"ok_1", "$.ok_1"},          {"COL_Time", "$.Time"},  {"COL_user", "$.user"},
      {"COL_1st", "$['1st']"},     {"COL_a_b", "$['a-b']"}, {"COL_a_b_2", "$['a.b']"},
      {"COL_", "$['']"},           {"OK_1_2", "$.OK_1"},    {"COL_user_2", "$.COL_user"},
      {"COL_it_s", "$['it\\'s']"}, {"_x", "$._x"},          {"COL___", "$['ü']"},
  };
  REQUIRE(schema.columns.size() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    CHECK(schema.columns[i].name == expected[i].first);
    CHECK(schema.columns[i].mapping == expected[i].second);
  }
}

struct Sample {
  std::vector<std::string> lines;
  Member key, time, device;
  std::optional<TimeFormat> format;
};

std::vector<std::string> numbered(int count, std::string (*line)(int)) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) lines.push_back(line(i));
  return lines;
}

// Promise: roles are guessed by name and by values, and not at all where nothing speaks for one.
// Catches: an event's or a session's id taken for a user, a customer's number taken for a time in
// seconds, a time by name alone preferred to one by values.
TEST_CASE("roles are guessed from names and values", "[json][discovery]") {
  const Sample samples[] = {
      {numbered(20,
                [](int i) {
                  return R"({"event_id":")" + std::to_string(i) + R"(","session_id":"s)" +
                         std::to_string(i / 5) + R"(","customerId":"c)" + std::to_string(i % 4) +
                         R"(","ts":"2022-07-01T00:00:)" + std::to_string(10 + i) +
                         R"(Z","platform":"ios"})";
                }),
       "customerId", "ts", "platform", TimeFormat::iso8601},
      {numbered(20,
                [](int i) {
                  return R"({"uid":)" + std::to_string(1234567890 + i % 3) + R"(,"d":)" +
                         std::to_string(1656633600 + i) + "}";
                }),
       "uid",
       "d",
       {},
       TimeFormat::seconds},
      {numbered(20,
                [](int i) {
                  return R"({"created_at":)" + std::to_string(1656633600000000 + i) +
                         R"(,"client_ip":"10.0.0.)" + std::to_string(i % 6) +
                         R"(","timestamp":null,"device":7})";
                }),
       "client_ip", "created_at", "device", TimeFormat::microseconds},
      // No name helps: the member that repeats with the most values.
      {numbered(20,
                [](int i) {
                  return R"({"a":"k)" + std::to_string(i % 2) + R"(","b":"v)" +
                         std::to_string(i % 7) + R"(","c":"w)" + std::to_string(i) + R"(","d":)" +
                         std::to_string(1656633600000000000 + i) + "}";
                }),
       "b",
       "d",
       {},
       TimeFormat::nanoseconds},
      // A test's times start at zero.
      {numbered(20,
                [](int i) {
                  return R"({"user_id":"u","event_timestamp":)" + std::to_string(i * 1000) + "}";
                }),
       "user_id",
       "event_timestamp",
       {},
       {}},
      // Half in seconds, half in milliseconds.
      {numbered(20,
                [](int i) {
                  return R"({"user":"u","ts":)" +
                         std::to_string(i % 2 == 0 ? 1656633600 : 1656633600000) + "}";
                }),
       "user",
       "ts",
       {},
       {}},
      {{R"({"x":1.5,"y":true,"z":[1]})"}, {}, {}, {}, {}},
      {{}, {}, {}, {}, {}},
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.lines);
    const Schema schema = schema_of(sample.lines);
    CHECK(schema.key.member == sample.key);
    CHECK(schema.time.member == sample.time);
    CHECK(schema.device.member == sample.device);
    CHECK(schema.time_format == sample.format);
    CHECK(!schema.key.reason.empty());
    CHECK(!schema.time.reason.empty());
    CHECK(!schema.time_format_reason.empty());
    CHECK(!schema.device.reason.empty());
    if (schema.key.member) CHECK(schema.key.candidates.front() == *schema.key.member);
    // What was not guessed is the default.
    CHECK(schema.mapping().key.front() == sample.key.value_or("user_id"));
    CHECK(schema.mapping().time_format == sample.format.value_or(TimeFormat::milliseconds));
  }
}

// Promise: a candidate that was not chosen is named. Catches: a guess that hides its alternatives.
TEST_CASE("candidates are named in order", "[json][discovery]") {
  const Schema schema = schema_of(numbered(20, [](int i) {
    return R"({"client_ip":"10.0.0.)" + std::to_string(i % 6) + R"(","user_id":"u)" +
           std::to_string(i % 3) + R"(","received_at":)" + std::to_string(1656633600000 + i) +
           R"(,"event_time":)" + std::to_string(1656633600000 + i) + "}";
  }));
  CHECK(schema.key.candidates == std::vector<std::string>{"user_id", "client_ip"});
  CHECK(schema.time.candidates == std::vector<std::string>{"event_time", "received_at"});
}

// Promise: a line that is no JSON object is counted and changes nothing. Catches: members taken
// from the good half of a broken line.
TEST_CASE("broken lines do not touch the schema", "[json][discovery]") {
  Discovery discovery;
  CHECK(discovery.add(R"({"user_id":"a","event_timestamp":1656633600000})") == std::nullopt);
  CHECK(discovery.add(R"({"broken":1,"user_id":5)") == RejectReason::invalid_json);
  CHECK(discovery.add("[]") == RejectReason::not_an_object);
  CHECK(discovery.add("{\"b\":\"\xFF\"}") == RejectReason::invalid_utf8);
  CHECK(discovery.add("{\"b\":" + std::string(600, '[')) == RejectReason::nesting_too_deep);
  CHECK(discovery.add(std::string(1'048'577, ' ')) == RejectReason::line_too_long);
  const Schema schema = discovery.schema();
  CHECK(schema.lines == 6);
  CHECK(schema.rejected == 5);
  CHECK(schema.columns.size() == 2);
  CHECK(schema.time_format == TimeFormat::milliseconds);
}

// Promise: a repeated member counts once, by its last value, as it does for the reader. Catches: a
// type that is mixed from both.
TEST_CASE("of a repeated member the last counts in the schema", "[json][discovery]") {
  const Schema schema = schema_of({R"({"x":"text","x":1})"});
  REQUIRE(schema.columns.size() == 1);
  CHECK(schema.columns[0].sql_type == "INTEGER");
}

// Promise: memory is bounded whatever the sample. Catches: a table of members or of values that
// grows with hostile lines, and a sample whose bounds were met in silence.
TEST_CASE("a hostile sample does not grow the schema", "[json][discovery]") {
  Discovery discovery;
  std::string line = "{";
  for (int i = 0; i < 1'000; ++i) line += "\"m" + std::to_string(i) + "\":1,";
  line += '"' + std::string(1'000, 'n') + "\":1}";
  discovery.add(line);
  discovery.add(R"({"one_more":1})");
  const Schema schema = discovery.schema();
  CHECK(schema.columns.size() == Discovery::max_members);
  CHECK(schema.omitted_members == 1'000 - Discovery::max_members + 2);

  Discovery values;
  for (int i = 0; i < 3'000; ++i) values.add(R"({"user_id":)" + std::to_string(i) + "}");
  CHECK(values.schema().key.reason.find("at least 1024") != std::string::npos);
  CHECK(values.schema().key.member == "user_id");
}

}  // namespace
}  // namespace json_discovery_test
