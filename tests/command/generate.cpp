#include "harness.hpp"

#include <map>

// sessionize generate: the click simulator.

namespace command_generate_test {
namespace {

using namespace command_test;

constexpr std::int64_t july = 1'656'633'600'000;  // 2022-07-01T00:00:00Z

Outcome generate(const Args& args) { return run(Args{"generate"} + args); }

std::vector<std::int64_t> times(const Args& args) {
  std::vector<std::int64_t> times;
  for (const auto& click : objects(results(Args{"generate"} + args)))
    times.push_back(std::stoll(click.at("event_timestamp").get<std::string>()));
  return times;
}

// Promise: the output is reproducible, to the byte. Catches: a generator that depends on the
// platform, the clock or another seed; a changed default.
TEST_CASE("the first clicks", "[command][generate]") {
  const std::string first =
      R"({"user_id":"user2","event_timestamp":"1656633600000","event_name":"detail",)"
      R"("event_type":"click","device_type":"desktop"})"
      "\n"
      R"({"user_id":"user3","event_timestamp":"1656633602000","event_name":"category",)"
      R"("event_type":"click","device_type":"desktop"})"
      "\n"
      R"({"user_id":"user2","event_timestamp":"1656633604000","event_name":"detail",)"
      R"("event_type":"click","device_type":"desktop"})"
      "\n";
  CHECK(results({"generate", "--events", "3"}) == first);
  const auto all = results({"generate"});
  CHECK(all.substr(0, first.size()) == first);
  CHECK(split_lines(all).size() == 3'000);
  CHECK(results({"generate"}) == all);
  CHECK(results({"generate", "--events", "3000", "--users", "3", "--seed", "1", "--start",
                 "2022-07-01T00:00:00Z", "--interval", "2s", "--pause", "15s", "--pause-every",
                 "60", "--speed", "max", "--zipf", "0"}) == all);
  CHECK(results({"generate", "--seed", "2"}) != all);
  CHECK(results({"generate", "--events", "0"}).empty());
}

// Promise: a click each interval, and the pause after every --pause-every clicks. Catches: a pause
// one click off, or on top of the interval.
TEST_CASE("the times of clicks", "[command][generate]") {
  const auto all = times({"--events", "200"});
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i] - all[i - 1] != (i % 60 == 0 ? 15'000 : 2'000)) FAIL("click " << i);
  CHECK(all[0] == july);
  CHECK(times({"--events", "5", "--start", "1969-12-31T23:59:59.5-01:00", "--interval", "500ms",
               "--pause", "1m", "--pause-every", "2"}) ==
        std::vector<std::int64_t>{3'599'500, 3'600'000, 3'660'000, 3'660'500, 3'720'500});
  CHECK(times({"--events", "3", "--interval", "0s", "--pause", "1ms", "--pause-every", "1"}) ==
        std::vector<std::int64_t>{july, july + 1, july + 2});
}

// Promise: --users users click, alike, or with --zipf the first most. Catches: a user 0, one who
// never clicks, an exponent without effect.
TEST_CASE("the users of clicks", "[command][generate]") {
  const auto clicks = [](const Args& args) {
    std::map<std::string, int> counts;
    for (const auto& click : objects(results(Args{"generate", "--events", "4000"} + args))) {
      ++counts[click.at("user_id").get<std::string>()];
      if (names(click) != std::vector<std::string>{"user_id", "event_timestamp", "event_name",
                                                   "event_type", "device_type"})
        FAIL(click.dump());
    }
    return counts;
  };
  CHECK(clicks({"--users", "1"}) == std::map<std::string, int>{{"user1", 4'000}});
  for (const auto& [user, count] : clicks({"--users", "4"})) {
    CAPTURE(user);
    CHECK(contains("user1 user2 user3 user4", user));
    CHECK((count > 800 && count < 1'200));
  }
  auto zipf = clicks({"--users", "4", "--zipf", "2"});
  CHECK(zipf["user1"] > 2 * zipf["user2"]);
  CHECK(zipf["user2"] > zipf["user3"]);
  CHECK(zipf["user3"] > zipf["user4"]);
  CHECK(zipf["user4"] > 0);
}

// Promise: the output is input: a run reads it without options. Catches: names or a unit that the
// command does not expect.
TEST_CASE("what is generated can be sessionized", "[command][generate]") {
  const auto rows = objects(results({"--strict"}, results({"generate", "--events", "500"})));
  CHECK(rows.size() == 500);
  for (const auto& row : rows)
    if (row.at("session_id").is_null()) FAIL(row.dump());
}

// Promise: --speed N plays the stream at N times real time: not sooner, and each click as it is
// due. Catches: a speed that divides where it multiplies, clicks that wait in a buffer.
TEST_CASE("--speed", "[command][generate]") {
  const auto began = steady_clock::now();
  CHECK(
      objects(results({"generate", "--events", "5", "--interval", "2s", "--speed", "20"})).size() ==
      5);
  CHECK(steady_clock::now() - began >= std::chrono::milliseconds(395));
  // A minute from click to click: the first one comes at once.
  Running command({"generate", "--events", "3", "--interval", "1h", "--speed", "0.5"});
  CHECK(contains(command.line().value_or("nothing"), R"("event_timestamp":"1656633600000")"));
}

// Promise: a broken pipe ends the generator quietly, a full disk with 3. Catches: a generator that
// runs on for hours, or dies of a signal.
TEST_CASE("the generator's output", "[command][generate]") {
  Running command({"generate", "--events", "100000000000"});
  CHECK(command.line());
  command.close_output();
  const auto outcome = command.finish();
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());

  const auto full = run_to("/dev/full", {"generate"}, "");
  CHECK(full.code == 3);
  CHECK(split_lines(full.err).size() == 1);
  CHECK(generate({}).code == 0);
}

}  // namespace
}  // namespace command_generate_test
