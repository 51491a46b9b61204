#include <sessionize/testing/click_generator.hpp>

#include <sessionize/sessionizer.hpp>
#include <sessionize/testing/sinks.hpp>

#include "catch.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <ranges>
#include <string>
#include <vector>

namespace click_generator_tests {
namespace {

using namespace std::chrono_literals;
using sessionize::EventClock;
using sessionize::testing::Click;
using sessionize::testing::ClickGenerator;
using sessionize::testing::ClickOptions;

std::vector<Click> clicks(const ClickOptions& options, std::uint64_t count) {
  std::vector<Click> all;
  for (const Click& click : ClickGenerator(options).take(count)) all.push_back(click);
  return all;
}

/// How many of `count` clicks each user made, from user1 on.
std::vector<double> clicks_by_user(const ClickOptions& options, std::uint64_t count) {
  std::vector<double> made(static_cast<std::size_t>(options.users));
  for (const Click& click : ClickGenerator(options).take(count))
    made[std::stoul(click.user_id.substr(4)) - 1] += 1;
  return made;
}

// Holds: the clicks of a seed are the same everywhere and for ever. Would catch: a distribution of
// the standard library, or floating point, that another platform computes otherwise.
TEST_CASE("the generator's clicks are known") {
  std::string users, names;
  for (const Click& click : clicks({.users = 1'000, .seed = 42}, 6)) {
    users += click.user_id + " ";
    names += std::string(click.event_name) + " ";
  }
  CHECK(users == "user742 user279 user39 user219 user340 user205 ");
  CHECK(names == "checkout search navigate navigate detail category ");
  users.clear();
  for (const Click& click : clicks({.users = 1'000, .seed = 42, .zipf = 1.07}, 6))
    users += click.user_id + " ";
  CHECK(users == "user97 user3 user1 user2 user5 user2 ");
}

// Holds: times are the recipe's: 2 s apart, and 15 s instead after every 60th. Would catch: a pause
// on top of the interval, or before the 60th.
TEST_CASE("the generator's times are the recipe's") {
  const auto all = clicks({}, 121);
  REQUIRE(all.size() == 121);
  CHECK(all[0].time == EventClock::time_point(1'656'633'600'000ms));
  for (std::size_t i = 1; i < all.size(); ++i)
    CHECK(all[i].time - all[i - 1].time == (i % 60 == 0 ? 15s : 2s));

  const auto own = clicks({.start = EventClock::time_point(5ms),
                           .interval = 1ms,
                           .pause = 1h,
                           .clicks_between_pauses = 2},
                          4);
  CHECK(own[0].time.time_since_epoch() == 5ms);
  CHECK(own[1].time.time_since_epoch() == 6ms);
  CHECK(own[2].time.time_since_epoch() == 1h + 6ms);
  CHECK(own[3].time.time_since_epoch() == 1h + 7ms);
}

// Holds: users and event names are those of the recipe, each as frequent as the other. Would catch:
// a user0, a name that never comes, a choice by the remainder of a short random number.
TEST_CASE("the generator chooses evenly") {
  std::map<std::string, int> users, names;
  int types = 0;
  for (const Click& click : ClickGenerator({.users = 3, .seed = 1}).take(30'000)) {
    ++users[click.user_id];
    ++names[std::string(click.event_name)];
    types += click.event_type == "click" && click.device_type == "desktop" ? 1 : 0;
  }
  CHECK(types == 30'000);
  REQUIRE(users.size() == 3);
  for (const char* const user : {"user1", "user2", "user3"})
    CHECK(std::abs(users[user] - 10'000) < 400);
  REQUIRE(names.size() == 5);
  for (const auto name : ClickGenerator::event_names)
    CHECK(std::abs(names[std::string(name)] - 6'000) < 350);
}

// Holds: with an exponent, user k clicks as often as k^-zipf. Would catch: a logarithm or a power
// that is off in the integer arithmetic.
TEST_CASE("the generator follows Zipf's law") {
  for (const double zipf : {0.5, 1.0, 2.0}) {
    CAPTURE(zipf);
    const auto made = clicks_by_user({.users = 50, .seed = 3, .zipf = zipf}, 100'000);
    double total = 0;
    for (int user = 1; user <= 50; ++user) total += std::pow(user, -zipf);
    for (int user = 1; user <= 50; ++user) {
      const double expected = 100'000 * std::pow(user, -zipf) / total;
      CAPTURE(user);
      CHECK(std::abs(made[static_cast<std::size_t>(user) - 1] - expected) <
            5 * std::sqrt(expected) + 1);
    }
  }
}

// Holds: seeds differ, equal ones do not, and one user is enough. Would catch: a seed that is not
// used, or a choice that never ends.
TEST_CASE("the generator follows its seed") {
  CHECK(clicks({.seed = 7}, 100) == clicks({.seed = 7}, 100));
  CHECK(clicks({.seed = 7}, 100) != clicks({.seed = 8}, 100));
  CHECK(clicks({.users = 1}, 1)[0].user_id == "user1");
  CHECK(clicks({.users = 1, .zipf = 8}, 1)[0].user_id == "user1");
  CHECK(clicks({}, 0).empty());
}

// Holds: take() of a named generator goes on where the one before stopped. Would catch: a copy that
// is drawn from in its stead.
TEST_CASE("the generator goes on") {
  ClickGenerator generator;
  std::vector<Click> all;
  for (const Click& click : generator.take(2)) all.push_back(click);
  all.push_back(generator.next());
  for (const Click& click : generator.take(2)) all.push_back(click);
  CHECK(all == clicks({}, 5));
}

// Holds: the clicks are an input range, which process() takes as it is. Would catch: an iterator
// that only the range-for loop understands.
TEST_CASE("the generator feeds a sessionizer") {
  STATIC_REQUIRE(std::ranges::input_range<decltype(ClickGenerator().take(1))>);
  sessionize::Sessionizer<EventClock, std::string> sessions;
  sessionize::testing::RecordingSink<EventClock, std::string, Click> seen;
  const auto progress = sessions.process(ClickGenerator({.users = 3, .seed = 1}).take(3'000),
                                         sessionize::by(&Click::user_id, &Click::time), seen);
  CHECK(progress.events == 3'000);
  REQUIRE(seen.records.size() == 3'000);
  CHECK(seen.records[0].starts_session());
  CHECK(seen.summaries.size() + sessions.size() ==
        static_cast<std::size_t>(std::ranges::count_if(
            seen.records, [](const auto& record) { return record.starts_session(); })));
}

}  // namespace
}  // namespace click_generator_tests
