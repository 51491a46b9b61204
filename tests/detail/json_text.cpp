#include <sessionize/detail/json_text.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace json_text_test {
namespace {

using namespace std::string_literals;
using sessionize::detail::append_json_string;
using sessionize::detail::sanitize_utf8;
using sessionize::detail::valid_utf8_prefix;

std::string as_json(std::string_view text) {
  std::string out = "before";
  append_json_string(out, text);
  return out.substr(6);
}

// Promise: the text comes back from any JSON parser, and nothing is escaped without need.
// Catches: a control character left as it is, a run between two escapes lost or doubled.
TEST_CASE("a text is written as a JSON string", "[json_text]") {
  CHECK(as_json("") == R"("")");
  CHECK(as_json("plain") == R"("plain")");
  CHECK(as_json("\"") == R"("\"")");
  CHECK(as_json("a\\b\"c") == R"("a\\b\"c")");
  CHECK(as_json("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  CHECK(as_json("x\0y\x1F"s) == R"("x\u0000y\u001f")");
  CHECK(as_json("\x7F/\u00fc\U0001F600") == "\"\x7F/\u00fc\U0001F600\"");
}

// Promise: UTF-8 is what RFC 3629 says. Catches: overlong forms, surrogates and numbers past
// U+10FFFF taken for characters, and a cut character at the end overlooked.
TEST_CASE("what is not UTF-8 is found where it begins", "[json_text]") {
  for (const std::string_view valid :
       {"", "abc", "\u007f\u0080\u07ff\u0800\uffff", "\xED\x9F\xBF\xEE\x80\x80",
        "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"}) {
    CAPTURE(valid);
    CHECK(valid_utf8_prefix(valid) == valid.size());
  }
  for (const std::string_view invalid :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
    CAPTURE(invalid);
    CHECK(valid_utf8_prefix(invalid) == 0);
    CHECK(valid_utf8_prefix("ab" + std::string(invalid)) == 2);
    CHECK(valid_utf8_prefix("\u00fc" + std::string(invalid) + "z") == 2);
  }
}

// Promise: an error's data is UTF-8 whatever the line was, and no longer than its bound. Catches:
// bytes copied unchecked, a character cut at the bound, a replacement that goes past it.
TEST_CASE("a damaged text is made UTF-8 within a bound", "[json_text]") {
  const std::string_view replacement = "\uFFFD";
  CHECK(sanitize_utf8("", 10).empty());
  CHECK(sanitize_utf8("abc", 3) == "abc");
  CHECK(sanitize_utf8("abcd", 3) == "abc");
  CHECK(sanitize_utf8("abc", 0).empty());
  CHECK(sanitize_utf8("a\xFFz", 10) == "a" + std::string(replacement) + "z");
  CHECK(sanitize_utf8("a\xFFz", 3) == "a");
  // One replacement for the part of a sequence that was right so far, as Unicode recommends.
  CHECK(sanitize_utf8("\xF0\x90\x80z", 10) == std::string(replacement) + "z");
  CHECK(sanitize_utf8("\xC0\x80", 10) == std::string(replacement) + std::string(replacement));

  const std::string text = "\u00fc\u20ac\U0001F600 and \xED\xA0\x80 and \xE2\x82";
  for (std::size_t bound = 0; bound < 40; ++bound) {
    CAPTURE(bound);
    const std::string clean = sanitize_utf8(text, bound);
    CHECK(clean.size() <= bound);
    CHECK(valid_utf8_prefix(clean) == clean.size());
  }
}

}  // namespace
}  // namespace json_text_test
