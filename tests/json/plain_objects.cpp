#include <sessionize/json/plain_objects.hpp>
#include <sessionize/json/shortcut.hpp>

#include <sessionize/detail/decimal.hpp>

#include "catch.hpp"
#include "json/same_answers.hpp"
#include "seeds.hpp"

#include <cstdint>
#include <string>

namespace json_plain_objects_test {
namespace {

using namespace sessionize;
using Careful = json::EventReader<EventClock, json::NoShortcut>;

// Holds: with the shortcut for plain lines a reader accepts what it accepts without, says the same
// of it, and rejects the rest for the same reasons with the same words. Would catch: a number, an
// escape, a byte or a second object that is let through; a value that a line before has left.
TEST_CASE("plain lines are read as all lines are", "[json][plain_objects]") {
  CHECK(same_answers::hostile_difference<json::PlainObjects>().value_or("") == "");
  seeds::for_each(20, [](std::uint64_t seed) {
    CHECK(same_answers::random_difference<json::PlainObjects>(seed, 2'000).value_or("") == "");
  });
}

// Holds: lines are numbered and handed on alike in a file. Would catch: a shortcut that takes a
// line's end for space within an object, or that swallows the line behind.
TEST_CASE("a file of mixed lines gives the same report", "[json][plain_objects]") {
  same_answers::Mutations lines(7);
  std::string file = "\xEF\xBB\xBF";
  for (int i = 0; i < 5'000; ++i) file += lines.next() + (i % 3 == 0 ? "\r\n" : "\n");
  CHECK(same_answers::report<json::EventReader<>>(file) == same_answers::report<Careful>(file));
}

// Holds: it takes the lines that it is for, whatever came before them. Would catch: a shortcut that
// is right because it gives up.
TEST_CASE("plain lines are taken", "[json][plain_objects]") {
  json::WantedMembers members;
  const std::size_t user = members.add("user_id");
  json::PlainObjects plain;
  for (const std::string line :
       {R"({"user_id":"a","t":1656633600000})", R"({"t":"1","user_id":"b"})",
        R"({ "user_id" : "c" , "f" : -1.5e3, "n" : null , "b" : true })",
        "{\"user_id\":\"\xC3\xA9\"}", R"({"user_id":123456789012345678})"}) {
    CAPTURE(line);
    members.clear();
    CHECK(plain.read(line, 0, members));
    CHECK(members[user].text.data() > line.data());  // a piece of the line
    CHECK(members[user].text.data() < line.data() + line.size());
  }
}

// Holds: the digits of times come out as std::stoll() has them, and nothing else is taken for
// digits. Would catch: a wrong digit at any of eight places, a character beside '0' to '9'.
TEST_CASE("eight to sixteen digits are read at once", "[json][plain_objects]") {
  std::int64_t value = 0;
  const std::string digits = "9182736450918273645";
  for (std::size_t size = 0; size <= digits.size(); ++size) {
    const std::string text = digits.substr(0, size);
    CAPTURE(text);
    const bool read = detail::read_digits(text, value);
    if (std::endian::native == std::endian::little) CHECK(read == (size >= 8 && size <= 16));
    if (read) CHECK(value == std::stoll(text));
    for (std::size_t at = 0; at < size; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        std::string changed = text;
        changed[at] = static_cast<char>(byte);
        const bool is_digits = changed.find_first_not_of("0123456789") == std::string::npos;
        const bool taken = detail::read_digits(changed, value);
        if (taken != (read && is_digits) || (taken && value != std::stoll(changed)))
          FAIL(changed << " gives " << value);
      }
  }
}

}  // namespace
}  // namespace json_plain_objects_test
