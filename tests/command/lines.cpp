#include "harness.hpp"

#include <set>

// Lines: what is accepted around an event, what is rejected, and how that is reported.

namespace command_lines_test {
namespace {

using namespace command_test;

struct Read {
  Outcome outcome;
  std::vector<Json> rows, errors;
};

Read read(std::string_view input, const Args& args = {}) {
  const Folder folder;
  const auto errors = folder / "errors.jsonl";
  Read read;
  read.outcome = run(args + Args{"--errors", errors}, input);
  CHECK(read.outcome.err.empty());
  read.rows = objects(read.outcome.out);
  read.errors = objects(read_file(errors));
  return read;
}

/// The reasons for which lines of the input are rejected.
std::vector<std::string> reasons(std::string_view input) {
  std::vector<std::string> reasons;
  for (const auto& error : read(input).errors) reasons.push_back(error.at("reason"));
  return reasons;
}

const std::string bom = "\xEF\xBB\xBF";
const std::string replacement = "\xEF\xBF\xBD";

// Promise: LF and CRLF end a line, so does the end of the file; blank lines are skipped but counted
// as lines; a BOM is accepted at the start of each file, and only there. Catches: a last event that
// is lost, a CR in a value, line numbers that drift, a first event rejected for its BOM.
TEST_CASE("line ends, blank lines and byte order marks", "[command][lines]") {
  const std::string one = R"({"user_id":"u","event_timestamp":1})";
  const std::pair<std::string, std::size_t> cases[] = {
      {"", 0},
      {"\n", 0},
      {"\r\n \t \n\n", 0},
      {one, 1},
      {one + "\n", 1},
      {one + "\r\n", 1},
      {one + "\r", 1},
      {one + "\r\n" + one + "\n\n  \r\n" + one, 3},
      {"  " + one + "\t\r\n", 1},
      {bom + one + "\n" + one, 2},
      {bom + "\r\n" + one, 1},
      {bom, 0},
  };
  for (const auto& [input, count] : cases) {
    CAPTURE(input);
    const auto got = read(input);
    CHECK(got.rows.size() == count);
    CHECK(got.errors.empty());
    for (const auto& row : got.rows) CHECK(row.at("user_id") == "u");
  }
  CHECK(read("\n\r\n" + one + "\n\nx\n").errors.at(0).at("line") == 5);
  CHECK(read(one + "\n" + bom + one + "\n" + one).errors.at(0).at("line") == 2);
  CHECK(read(bom + bom + one).errors.size() == 1);

  const Folder folder;
  const auto first = folder.write("1", bom + one + "\r\n"), second = folder.write("2", bom + one);
  CHECK(objects(results({first, second})).size() == 2);
  // The end of a file ends its line.
  CHECK(objects(results({folder.write("3", one), folder.write("4", one)})).size() == 2);
}

// Promise: each kind of bad line is rejected under its own reason, alone: the lines around it and
// the key's state do not notice. Catches: a parser that loses its place, a session that starts
// because of a line that is none.
TEST_CASE("a bad line is rejected alone", "[command][lines]") {
  const std::pair<const char*, std::string> cases[] = {
      {"invalid_json", "x"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":5)"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":5}})"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":5}{"user_id":"u"})"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":05})"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":5,})"},
      {"invalid_json", R"({'user_id':"u","event_timestamp":5})"},
      {"invalid_json", R"({"user_id":"u","event_timestamp":NaN})"},
      {"invalid_json", "{\"user_id\":\"a\tb\",\"event_timestamp\":5}"},
      {"invalid_json", "{\"user_id\":\"u\",\"event_timestamp\":5}\v"},
      {"not_an_object", "[]"},
      {"not_an_object", R"("user_id")"},
      {"not_an_object", "5"},
      {"not_an_object", "null"},
      {"missing_key", R"({"event_timestamp":5})"},
      {"missing_key", "{}"},
      {"key_type", R"({"user_id":null,"event_timestamp":5})"},
      {"missing_time", R"({"user_id":"u"})"},
      {"time_type", R"({"user_id":"u","event_timestamp":null})"},
      {"time_type", R"({"user_id":"u","event_timestamp":5.5})"},
      {"time_format", R"({"user_id":"u","event_timestamp":"soon"})"},
      {"time_range", R"({"user_id":"u","event_timestamp":9223372036854775808})"},
      {"invalid_utf8", "{\"user_id\":\"\xFF\",\"event_timestamp\":5}"},
  };
  for (const auto& [reason, line] : cases) {
    CAPTURE(line);
    const auto got = read(event("u", 0) + line + '\n' + event("u", 10'000));
    CHECK(column(got.rows, "reason") == Json{"first_event", "none"});
    REQUIRE(got.errors.size() == 1);
    CHECK(got.errors[0].at("reason") == reason);
  }
  // A NUL is a byte as any other that JSON does not have there.
  const std::string nul = event("u", 0) + std::string("{\"a\":\0}\n", 8) + event("u", 1);
  CHECK(read(nul).rows.size() == 2);
  CHECK(reasons(nul) == std::vector<std::string>{"invalid_json"});
}

// Promise: an error is file, line, reason, message, data, in this order; the file is as it was
// named, `-` for standard input; the message says what is wrong and with what. Catches: a line
// counted from 0 or over all files, a message without the member's name.
TEST_CASE("what an error says", "[command][lines][errors]") {
  const Folder folder;
  const auto file = folder.write("clicks.jsonl", event("u", 0) + "\r\nno\r\n");
  const auto errors = folder / "errors.jsonl";
  const auto outcome =
      run({"--errors", errors, file, "-"}, R"({"user_id":true,"event_timestamp":1})");
  CHECK(outcome.code == 0);
  const auto rows = objects(read_file(errors));
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    CHECK(names(row) == std::vector<std::string>{"file", "line", "reason", "message", "data"});
    CHECK(row.at("line").is_number_unsigned());
    CHECK(row.at("message").is_string());
  }
  CHECK(column(rows, "file") == Json{file, "-"});
  CHECK(column(rows, "line") == Json{3, 1});
  CHECK(column(rows, "data") == Json{"no", R"({"user_id":true,"event_timestamp":1})"});
  CHECK(contains(rows[1].at("message").get<std::string>(), R"("user_id")"));
  CHECK(contains(rows[1].at("message").get<std::string>(), "true"));

  // The file is written anew, and is there though nothing was rejected.
  CHECK(run({"--errors", errors}, event("u", 0)).code == 0);
  CHECK(read_file(errors).empty());
}

// Promise: `data` has at most 256 bytes, invalid ones as U+FFFD, and is UTF-8 always. Catches: a
// replacement that makes the text longer than the limit, a character cut in two.
TEST_CASE("the data of an error is short and valid", "[command][lines][errors]") {
  const std::pair<std::string, std::string> cases[] = {
      {repeated("x", 256), repeated("x", 256)},
      {repeated("x", 257), repeated("x", 256)},
      {"a\xFFz", "a" + replacement + "z"},
      {repeated("\xFF", 300), repeated(replacement, 85)},
      {repeated("x", 255) + "\xC3\xA9", repeated("x", 255)},
      {repeated("x", 254) + "\xC3\xA9", repeated("x", 254) + "\xC3\xA9"},
      {repeated("x", 253) + "\xF0\x9F\x98\x80", repeated("x", 253)},
  };
  for (const auto& [line, data] : cases) {
    CAPTURE(line);
    const auto got = read(line + "\n");
    REQUIRE(got.errors.size() == 1);
    const auto text = got.errors[0].at("data").get<std::string>();
    CHECK(text.size() <= 256);
    // A character that the limit cuts is left out, or shown as what is invalid.
    if (text != data) CHECK(text == data + replacement);
  }
}

// Promise: without --errors a summary by reason goes to standard error, one line; with it none.
// Catches: rejects that nobody hears of.
TEST_CASE("a summary of what was rejected", "[command][lines][errors]") {
  const auto outcome = run({}, event("u", 0) + "x\n[]\n{\"user_id\":true}\ny\n");
  CHECK(outcome.code == 0);
  CHECK(objects(outcome.out).size() == 1);
  CHECK(split_lines(outcome.err).size() == 1);
  for (const char* part : {"4", "2 invalid_json", "1 not_an_object", "1 key_type"})
    CHECK(contains(outcome.err, part));
  CHECK(run({}, event("u", 0)).err.empty());
}

// Promise: with --strict a reject makes the exit code 1, and changes nothing else; without, it is
// 0. Catches: --strict that stops at the first bad line, or counts what --where left out.
TEST_CASE("--strict", "[command][lines]") {
  const std::string input = event("u", 0) + "x\n" + event("u", 1);
  const auto strict = run({"--strict"}, input), lax = run({}, input);
  CHECK(lax.code == 0);
  CHECK(strict.code == 1);
  CHECK(strict.out == lax.out);
  CHECK(strict.err == lax.err);
  CHECK(run({"--strict"}, event("u", 0)).code == 0);
  CHECK(run({"--strict", "--where", "user_id=v"}, event("u", 0)).code == 0);
  CHECK(read(input, {}).outcome.code == 0);
  CHECK(read(input, {"--strict"}).outcome.code == 1);
  CHECK(run({"--strict", "--emit", "sessions"}, input).code == 1);
}

/// An event of `bytes` bytes, without its line end.
std::string line_of(std::size_t bytes) {
  const std::string start = R"({"user_id":"u","event_timestamp":1,"pad":")", end = "\"}";
  return start + repeated("x", bytes - start.size() - end.size()) + end;
}

// Promise: a line may have 1 MiB, its end not counted; a longer one is an error for itself alone.
// Catches: a limit that is off by one or counts the CR, a long line that is reported twice or takes
// the next one with it, memory that grows with it.
TEST_CASE("lines of 1 MiB", "[command][lines][limits]") {
  constexpr std::size_t limit = 1'048'576;
  for (const char* end : {"\n", "\r\n", ""}) {
    const auto got = read(event("a", 0) + line_of(limit) + end);
    CHECK(column(got.rows, "user_id") == Json{"a", "u"});
    CHECK(got.errors.empty());
  }
  CHECK(read(bom + line_of(limit) + "\r\n").rows.size() == 1);
  for (const auto bytes : {limit + 1, limit + 2, 3 * limit, 20 * limit})
    for (const char* end : {"\n", "\r\n"}) {
      CAPTURE(bytes);
      const auto got = read(event("a", 0) + line_of(bytes) + end + event("b", 0));
      CHECK(column(got.rows, "user_id") == Json{"a", "b"});
      REQUIRE(got.errors.size() == 1);
      CHECK(got.errors[0].at("reason") == "line_too_long");
      CHECK(got.errors[0].at("line") == 2);
      CHECK(got.errors[0].at("data") == line_of(bytes).substr(0, 256));
    }
  // The last line without an end, and one that is blank but for its length.
  CHECK(reasons(line_of(limit + 1)) == std::vector<std::string>{"line_too_long"});
  const auto got = read("x\n" + line_of(2 * limit) + "\n\ny\n" + event("b", 0));
  CHECK(column(got.errors, "line") == Json{1, 2, 4});
}

// Promise: a key may have 64 KiB, a composite one in all. Catches: a limit off by one, or of the
// text with its escapes in JSON.
TEST_CASE("keys of 64 KiB", "[command][lines][limits]") {
  const std::string most = repeated("k", 65'536);
  const auto got = read(event(most, 0) + event(most + "k", 0) + event(most, 5));
  CHECK(column(got.rows, "user_id") == Json{most, most});
  CHECK(column(got.rows, "reason") == Json{"first_event", "none"});
  CHECK(column(got.rows, "session_id")[0] == most + "_web_00:00:00");
  REQUIRE(got.errors.size() == 1);
  CHECK(got.errors[0].at("reason") == "key_too_long");

  const std::string line =
      R"({"user_id":")" + repeated("\\u006b", 65'536) + R"(","event_timestamp":1})" + "\n";
  CHECK(read(line).rows.size() == 1);
  const auto two = [](std::size_t bytes) {
    return R"({"a":")" + repeated("k", bytes) + R"(","b":"x","event_timestamp":1})" + "\n";
  };
  CHECK(read(two(65'534), {"--key", "a,b"}).rows.size() == 1);
  CHECK(read(two(65'535), {"--key", "a,b"}).errors.size() == 1);
}

// Promise: nesting of 512 is read, in a member that nobody reads as in one that is kept; much more
// is an error for that line, and no crash. Catches: a parser that recurses off its stack.
TEST_CASE("nesting", "[command][lines][limits]") {
  const auto nested = [](std::size_t levels, std::string_view open, std::string_view shut) {
    return event("u", 0, "\"deep\":" + repeated(open, levels) + "1" + repeated(shut, levels));
  };
  // The object of the line is a level itself.
  for (const Args& args : {Args{}, {"--keep", "deep"}, {"--split-on", "deep"}}) {
    CHECK(read(nested(511, "[", "]"), args).rows.size() == 1);
    CHECK(read(nested(511, R"({"a":)", "}"), args).rows.size() == 1);
    for (const std::size_t levels : {5'000U, 100'000U, 500'000U}) {
      const auto got = read(nested(levels, "[", "]") + event("u", 1), args);
      CHECK(got.rows.size() == 1);
      CHECK(column(got.errors, "reason") == Json{"nesting_too_deep"});
    }
  }
  CHECK(reasons(repeated("[", 1'000'000)) == std::vector<std::string>{"nesting_too_deep"});
  CHECK(reasons(repeated(R"({"a":)", 200'000)) == std::vector<std::string>{"nesting_too_deep"});
}

// Promise: UTF-8 is checked, also where nobody looks, and a lone surrogate is rejected, raw or
// escaped; what is valid passes unchanged. Catches: output that is no UTF-8, a check of the key
// alone.
TEST_CASE("UTF-8", "[command][lines]") {
  const std::pair<const char*, const char*> invalid[] = {{"\\ud800", "lone high"},
                                                         {"\\udc00", "lone low"},
                                                         {"\\ud800\\ud800", "two high"},
                                                         {"\\ud83dx", "high and a letter"},
                                                         {"\\udc00\\ud800", "turned round"},
                                                         {"\xED\xA0\x80", "raw surrogate"},
                                                         {"\x80", "stray continuation"},
                                                         {"\xC0\xAF", "overlong"},
                                                         {"\xE0\x80\xAF", "overlong of 3"},
                                                         {"\xF4\x90\x80\x80", "past U+10FFFF"},
                                                         {"\xF5\x80\x80\x80", "no lead"},
                                                         {"\xC3", "cut off"},
                                                         {"\xFE", "never a byte"}};
  for (const auto& [bytes, what] : invalid)
    for (const char* member : {"user_id", "device_type", "other", "k"}) {
      CAPTURE(what, member);
      const auto got = read(event("u", 0) + R"({"user_id":"v","event_timestamp":1,")" + member +
                                R"(":")" + bytes + "\"}\n" + event("u", 1),
                            {"--keep", "k"});
      CHECK(got.rows.size() == 2);
      REQUIRE(got.errors.size() == 1);
      const auto reason = got.errors[0].at("reason").get<std::string>();
      CHECK((reason == "invalid_utf8" || reason == "invalid_json"));
    }
  // As a member's name as well.
  CHECK(reasons("{\"user_id\":\"v\",\"event_timestamp\":1,\"\xFF\":1}\n").size() == 1);

  const std::string good = "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF \x7F";
  const auto got = read(event(good, 0, R"("k":"\ud83d\ude00\u20ac")"), {"--keep", "k"});
  CHECK(column(got.rows, "user_id") == Json{good});
  CHECK(column(got.rows, "k") == Json{"\xF0\x9F\x98\x80\xE2\x82\xAC"});
}

// Promise: blocks in which input comes make no difference. Catches: a line, a CRLF or a character
// that is cut where one read ends and the next begins.
TEST_CASE("input that comes in pieces", "[command][lines]") {
  std::string input = bom;
  for (int i = 0; i < 40; ++i)
    input += R"({"user_id":")" + repeated("\xC3\xA9", static_cast<std::size_t>(i)) +
             R"(","event_timestamp":)" + std::to_string(i) + "}\r\n";
  const auto whole = results({}, input);
  for (const std::size_t size : {1U, 7U, 100U}) {
    Running command({});
    for (std::size_t from = 0; from < input.size(); from += size)
      command.write(std::string_view(input).substr(from, size));
    const auto outcome = command.finish();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == whole);
  }
}

}  // namespace
}  // namespace command_lines_test
