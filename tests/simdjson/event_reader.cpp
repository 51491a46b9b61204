#include <sessionize/simdjson/event_reader.hpp>

#include "catch.hpp"
#include "json/same_answers.hpp"
#include "seeds.hpp"

#include <cstdint>
#include <string>

namespace simdjson_event_reader_test {
namespace {

namespace s = sessionize;

// Holds: with simdjson a reader accepts what it accepts without, says the same of it, and rejects
// the rest for the same reasons with the same words. Would catch: anything that simdjson takes and
// the other parser does not, as lone surrogates or deep nesting, and a number spelled differently.
TEST_CASE("simdjson reads lines as all lines are read", "[simdjson]") {
  CHECK(same_answers::hostile_difference<s::simdjson::Objects>().value_or("") == "");
  seeds::for_each(20, [](std::uint64_t seed) {
    CHECK(same_answers::random_difference<s::simdjson::Objects>(seed, 2'000).value_or("") == "");
  });
}

// Holds: lines are numbered and handed on alike in a file. Would catch: text of a line that is
// looked at when simdjson has gone on to the next.
TEST_CASE("a file gives the same report with simdjson", "[simdjson]") {
  same_answers::Mutations lines(8);
  std::string file;
  for (int i = 0; i < 5'000; ++i) file += lines.next() + '\n';
  CHECK(same_answers::report<s::simdjson::EventReader<>>(file) ==
        same_answers::report<s::json::EventReader<s::EventClock, s::json::NoShortcut>>(file));
}

// Holds: it takes lines that are not plain. Would catch: a shortcut that is right because it gives
// up.
TEST_CASE("lines with escapes and nested values are taken", "[simdjson]") {
  s::json::WantedMembers members;
  const std::size_t user = members.add("user_id");
  s::simdjson::Objects objects;
  for (const std::string line :
       {R"({"user_id":"a\nb"})", R"({"tags":["x",{"y":[1.5]}],"user_id":"a\nb","z":{}})",
        R"({"user_id":1234567890123456789,"tags":[],"user_id":"a\nb"})"}) {
    CAPTURE(line);
    members.clear();
    CHECK(objects.read(line, 512, members));
    CHECK(members[user].text == "a\nb");
  }
}

}  // namespace
}  // namespace simdjson_event_reader_test
