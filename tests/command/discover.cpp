#include "harness.hpp"

// --discover: the schema of the input.

namespace command_discover_test {
namespace {

using namespace command_test;

Json discover(const Args& args, const std::string& input) {
  const auto text = results(Args{"--discover"} + args, input);
  const auto schema = Json::parse(text, nullptr, false);
  CAPTURE(text);
  REQUIRE(schema.is_object());
  CHECK(text.back() == '\n');
  return schema;
}

// Promise: the schema is one JSON object: the input schema that the recipe's service took, with a
// column for each member in the order of the input, and the guesses with their reasons. Catches: a
// schema that the service's tools cannot read; records on standard output.
TEST_CASE("the schema of the generator's clicks", "[command][discover]") {
  const auto schema = discover({}, results({"generate", "--events", "200"}));
  CHECK(names(schema) == std::vector<std::string>{"InputSchema", "Guess"});
  const auto& input = schema.at("InputSchema");
  CHECK(input.at("RecordEncoding") == "UTF-8");
  CHECK(input.at("RecordFormat").at("RecordFormatType") == "JSON");
  CHECK(input.at("RecordFormat")
            .at("MappingParameters")
            .at("JSONMappingParameters")
            .at("RecordRowPath") == "$");
  const std::vector<std::string> members{"user_id", "event_timestamp", "event_name", "event_type",
                                         "device_type"};
  const auto& columns = input.at("RecordColumns");
  REQUIRE(columns.size() == members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    CHECK(names(columns[i]) == std::vector<std::string>{"Name", "Mapping", "SqlType"});
    CHECK(columns[i].at("Name") == members[i]);
    CHECK(columns[i].at("Mapping") == "$." + members[i]);
    CHECK_FALSE(columns[i].at("SqlType").get<std::string>().empty());
  }
  const auto& guess = schema.at("Guess");
  for (const auto& [role, member] :
       {std::pair{"Key", "user_id"}, {"Time", "event_timestamp"}, {"Device", "device_type"}}) {
    CHECK(guess.at(role).at("Member") == member);
    CHECK_FALSE(guess.at(role).at("Reason").get<std::string>().empty());
  }
  CHECK(guess.at("TimeUnit").at("Unit") == "ms");
  CHECK(guess.at("Lines") == 200);
  CHECK(guess.at("RejectedLines") == 0);
}

// Promise: what is guessed can be given to the options, for other names and units too. Catches: a
// unit or a member under a name that the options do not take.
TEST_CASE("a run takes what was discovered", "[command][discover]") {
  std::string input;
  for (int i = 0; i < 50; ++i)
    input += R"({"at":"2022-07-01T00:00:)" + std::to_string(10 + i) + R"(Z","userId":)" +
             std::to_string(i % 7) + R"(,"platform":"tv"})" + '\n';
  const auto guess = discover({}, input).at("Guess");
  const auto text = [&](const char* role, const char* member) {
    return guess.at(role).at(member).get<std::string>();
  };
  const auto rows = objects(
      results({"--strict", "--key", text("Key", "Member"), "--time", text("Time", "Member"),
               "--device", text("Device", "Member"), "--time-unit", text("TimeUnit", "Unit")},
              input));
  CHECK(rows.size() == 50);
  CHECK(rows.at(0).at("session_id") == "0_tv_00:00:10");
}

// Promise: all files count, bad lines are counted and do no harm, an empty input has an empty
// schema, and the command stops though the input does not. Catches: a schema of the first file
// alone, a crash on no columns, a wait for the end of a live stream.
TEST_CASE("samples of all kinds", "[command][discover]") {
  const Folder folder;
  const auto one = folder.write("1", "\xEF\xBB\xBF{\"a\":1}\r\n\r\nbad\n"),
             two = folder.write("2", "{\"b\":\"x\"}");
  const auto schema = discover({one, two}, "");
  CHECK(schema.at("InputSchema").at("RecordColumns").size() == 2);
  CHECK(schema.at("Guess").at("RejectedLines") == 1);
  CHECK(discover({}, "").at("InputSchema").at("RecordColumns").empty());
  CHECK(discover({}, "").at("Guess").at("Key").at("Member").is_null());

  CHECK(results({"--discover", "--output", folder / "schema", one}).empty());
  CHECK(Json::parse(read_file(folder / "schema")) == discover({one}, ""));
  const auto missing = run({"--discover", folder / "none", two});
  CHECK(missing.code == 3);
  CHECK(contains(missing.err, folder / "none"));
  CHECK(contains(missing.out, "$.b"));

  Running live({"--discover"});
  while (live.write(events({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}))) continue;
  const auto outcome = live.finish();
  CHECK(outcome.code == 0);
  CHECK(contains(outcome.out, "$.user_id"));
}

}  // namespace
}  // namespace command_discover_test
