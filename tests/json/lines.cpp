#include <sessionize/json/lines.hpp>
#include <sessionize/sessionizer.hpp>

#include "catch.hpp"

#include <cstdint>
#include <istream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace json_lines_test {
namespace {

using namespace sessionize;
using namespace std::string_literals;
using json::LineReader;

struct Seen {
  std::string text;
  std::uint64_t number;
  bool too_long = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// The lines of a file that comes in pieces of `size` bytes.
std::vector<Seen> lines_of(std::string_view file, std::size_t size, LineReader& reader) {
  std::vector<Seen> seen;
  const auto take = [&](const json::Line& line) {
    seen.push_back({std::string(line.text), line.number, line.too_long});
  };
  for (std::size_t at = 0; at < file.size(); at += size) reader.feed(file.substr(at, size), take);
  reader.finish(take);
  return seen;
}

void check(std::string_view file, const std::vector<Seen>& expected, std::size_t limit = 10) {
  CAPTURE(file);
  LineReader reused(limit);
  for (std::size_t size = 1; size <= file.size() + 1; ++size) {
    CAPTURE(size);
    LineReader reader(limit);
    CHECK(lines_of(file, size, reader) == expected);
    CHECK(lines_of(file, size, reused) == expected);
  }
}

// Promise: the lines do not depend on how the bytes arrive, and numbers are those of an editor.
// Catches: a line end, a CR, a byte order mark or the limit mishandled where a piece ends; blank
// lines that are reported, or not counted; state that survives into the next file.
TEST_CASE("a file in pieces is cut into its lines", "[json][lines]") {
  check("", {});
  check("\n", {});
  check("a", {{"a", 1}});
  check("a\n", {{"a", 1}});
  check("a\nb", {{"a", 1}, {"b", 2}});
  check("a\r\nb\r\n", {{"a", 1}, {"b", 2}});
  check("a\r", {{"a", 1}});
  check("a\rb\n", {{"a\rb", 1}});
  check("\n\n a \n\t\n\r\n \r\t \nb", {{" a ", 3}, {"b", 7}});
  check("a\0b\n\0"s, {{"a\0b"s, 1}, {"\0"s, 2}});
  check("\x0C\n", {{"\x0C", 1}});
  check(
      "\xEF\xBB\xBF"
      "a\nb",
      {{"a", 1}, {"b", 2}});
  check(
      "\xEF\xBB\xBF\n\xEF\xBB\xBF"
      "b",
      {{"\xEF\xBB\xBF"
        "b",
        2}});
  check("\xEF\xBB\xBF", {});
  check("\xEF\xBB\xBF\xEF\xBB\xBF", {{"\xEF\xBB\xBF", 1}});
  check("\xEF\xBB\n", {{"\xEF\xBB", 1}});
}

// Promise: a file that is gone on with has the line numbers that follow, and no byte order mark in
// its midst. Catches: an error that names line 1 of a log of a thousand.
TEST_CASE("line numbers go on behind lines that were read before", "[json][lines]") {
  LineReader lines;
  lines.skip(41);
  std::vector<Seen> got;
  const auto keep = [&](const json::Line& line) {
    got.push_back({std::string(line.text), line.number, line.too_long});
  };
  lines.feed("\xEF\xBB\xBF\n\nb", keep);
  CHECK(lines.finish(keep) == 44);
  CHECK(got == std::vector<Seen>{{"\xEF\xBB\xBF", 42}, {"b", 44}});
}

// Promise: a line of the limit's length is a line, one byte more is an error for that line alone,
// line ends and byte order mark not counted. Catches: an error by one, by the CR or by the mark; a
// second report for the rest of a long line; a number that is off behind it.
TEST_CASE("a line that is too long is reported once", "[json][lines]") {
  check("0123456789\nb\n", {{"0123456789", 1}, {"b", 2}});
  check("0123456789\r\nb", {{"0123456789", 1}, {"b", 2}});
  check(
      "\xEF\xBB\xBF"
      "0123456789\r\nb",
      {{"0123456789", 1}, {"b", 2}});
  check("0123456789", {{"0123456789", 1}});
  check("0123456789A\nb", {{"0123456789A", 1, true}, {"b", 2}});
  check("0123456789A\r\nb", {{"0123456789A", 1, true}, {"b", 2}});
  check(
      "\xEF\xBB\xBF"
      "0123456789A\nb",
      {{"0123456789A", 1, true}, {"b", 2}});
  check("a\n0123456789\r\r\nb", {{"a", 1}, {"0123456789\r", 2, true}, {"b", 3}});
  check(
      "\xEF\xBB\xBF"
      "0123456789\rX\nb",
      {{"0123456789\rX", 1, true}, {"b", 2}});
  check("", {}, 0);
  check("\n\na", {{"a", 3, true}}, 0);
}

// Promise: of a long line the first 256 bytes are reported, as soon as it is too long, and memory
// stays bounded. Catches: a report that waits for a line end that never comes.
TEST_CASE("a line without end is reported and skipped", "[json][lines]") {
  LineReader reader;
  std::vector<Seen> seen;
  const auto take = [&](const json::Line& line) {
    seen.push_back({std::string(line.text), line.number, line.too_long});
  };
  const std::string piece(65'536, 'x');
  for (int i = 0; i < 16; ++i) reader.feed(piece, take);  // the limit
  CHECK(seen.empty());
  reader.feed("12345", take);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0] == Seen{std::string(256, 'x'), 1, true});
  for (int i = 0; i < 100; ++i) reader.feed(piece, take);
  reader.feed("\nb\n", take);
  REQUIRE(seen.size() == 2);
  CHECK(seen[1] == Seen{"b", 2});
  CHECK(reader.finish(take) == 2);

  const std::string exact(1'048'576, 'y');
  LineReader exactly;
  const auto lines = lines_of(exact + "\r\n" + exact + "z\nb", 7'919, exactly);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == Seen{exact, 1});
  CHECK(lines[1] == Seen{exact.substr(0, 256), 2, true});
  CHECK(lines[2] == Seen{"b", 3});

  LineReader unlimited(SIZE_MAX);
  CHECK(lines_of("ab\n" + exact, 65'536, unlimited).size() == 2);
}

// Promise: a callback that throws loses the rest of its piece and nothing else. Catches: a line
// that is reported again with the next one glued to it.
TEST_CASE("a callback that throws does not repeat a line", "[json][lines]") {
  LineReader reader;
  const auto thrower = [](const json::Line&) { throw std::runtime_error("full"); };
  reader.feed("a", thrower);
  CHECK_THROWS_AS(reader.feed("b\nlost", thrower), std::runtime_error);
  std::vector<Seen> seen;
  const auto take = [&](const json::Line& line) {
    seen.push_back({std::string(line.text), line.number, line.too_long});
  };
  reader.feed("c\n", take);
  CHECK(seen == std::vector<Seen>{{"c", 2}});
}

// Promise: ten lines take a stream into sessions, and each line that is no event reaches the error
// sink with where it stands. Catches: a rejection that is dropped or has no source, and counts that
// do not add up.
TEST_CASE("a stream of JSON Lines becomes sessions", "[json][lines]") {
  std::istringstream in(
      "\xEF\xBB\xBF"
      R"({"user_id":"ann","event_timestamp":0})"
      "\r\n\n"
      R"({"user_id":"ann","event_timestamp":"10000"})"
      "\n"
      R"({"user_id":"ann","event_timestamp":20001})"
      "\n"
      R"({"user_id":"ann","event_timestamp":1.5})"
      "\n[]\n" +
      std::string(1'048'577, ' ') + "\n" + R"({"user_id":7,"event_timestamp":1})");
  Sessionizer<EventClock, std::string> sessions;
  json::EventReader reader;
  std::uint64_t starts = 0;
  std::vector<std::string> errors;
  const json::LineCounts counts = json::read_lines(
      in, reader,
      [&](const json::Event<>& event) {
        starts += sessions.observe(event.key, event.time, event).starts_session() ? 1 : 0;
      },
      [&](const Rejection& rejection) {
        errors.push_back(std::string(rejection.source) + ':' + std::to_string(rejection.position) +
                         ' ' + std::string(to_string(rejection.reason)));
        CHECK(!rejection.message.empty());
        CHECK(rejection.data.size() <= max_rejected_data);
        CHECK(!rejection.data.empty());
      },
      "clicks.jsonl");
  CHECK(starts == 3);
  CHECK(sessions.size() == 2);
  CHECK(errors == std::vector<std::string>{"clicks.jsonl:5 time_type",
                                           "clicks.jsonl:6 not_an_object",
                                           "clicks.jsonl:7 line_too_long"});
  CHECK(counts.lines == 8);
  CHECK(counts.events == 4);
  CHECK(counts.rejected.total() == 3);
  CHECK(counts.rejected[RejectReason::line_too_long] == 1);
  CHECK(in.eof());
  CHECK_FALSE(in.bad());

  std::istringstream again("[]\n");
  CHECK(json::read_lines(again, reader, [](const json::Event<>&) {}).rejected.total() == 1);
}

/// A pipe: gives one piece at each read, and says when somebody waits for more than was sent.
class Pipe : public std::streambuf {
 public:
  explicit Pipe(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
  [[nodiscard]] std::size_t reads() const noexcept { return next_; }
  bool fails_at_end = false;

 protected:
  int_type underflow() override {
    if (next_ == pieces_.size()) {
      if (fails_at_end) throw std::runtime_error("the disk is gone");
      return traits_type::eof();
    }
    std::string& piece = pieces_[next_++];
    setg(piece.data(), piece.data(), piece.data() + piece.size());
    return traits_type::to_int_type(piece.front());
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

// Promise: an event is handed on before anybody waits for the next one. Catches: a buffer that is
// filled first, so that `tail -f` shows nothing.
TEST_CASE("lines are handed on as they come", "[json][lines]") {
  const auto event = [](int time) {
    return R"({"user_id":"u","event_timestamp":)" + std::to_string(time) + "}\n";
  };
  const std::string third = event(3);
  Pipe pipe({event(1), event(2) + third.substr(0, 10), third.substr(10)});
  std::istream in(&pipe);
  json::EventReader reader;
  std::vector<std::size_t> reads;
  const auto counts =
      json::read_lines(in, reader, [&](const json::Event<>&) { reads.push_back(pipe.reads()); });
  CHECK(reads == std::vector<std::size_t>{1, 2, 3});
  CHECK(counts.lines == 3);
}

// Promise: a read that fails is no end of file. Catches: an input that ends early and looks whole.
TEST_CASE("a read error is left in the stream", "[json][lines]") {
  Pipe pipe({"{\"user_id\":\"u\",\"event_timestamp\":1}\n{\"user"});
  pipe.fails_at_end = true;
  std::istream in(&pipe);
  json::EventReader reader;
  const auto counts = json::read_lines(in, reader, [](const json::Event<>&) {});
  CHECK(in.bad());
  CHECK(counts.events == 1);
}

// Holds: the next file begins with line 1 also where the callback threw at the last line of the one
// before. Would catch: numbers that go on, a byte order mark that stays.
TEST_CASE("a callback that throws at the end of a file", "[json][lines]") {
  LineReader reader(10);
  const auto nothing = [](const json::Line&) {};
  reader.feed("a\nb", nothing);
  CHECK_THROWS_AS(reader.finish([](const json::Line&) { throw std::runtime_error("stop"); }),
                  std::runtime_error);
  CHECK(lines_of("\xEF\xBB\xBF"
                 "c",
                 10, reader) == std::vector<Seen>{{"c", 1}});
}

}  // namespace
}  // namespace json_lines_test
