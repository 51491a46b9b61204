#ifndef SESSIONIZE_TESTS_JSON_SAME_ANSWERS_HPP
#define SESSIONIZE_TESTS_JSON_SAME_ANSWERS_HPP

#include <sessionize/json/event_reader.hpp>
#include <sessionize/json/lines.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

// Holds a json::shortcut to the reader that has none, on lines that are meant to part them.

namespace same_answers {

namespace s = sessionize;

inline std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

/// All that a reader says of a line.
template <class Reader>
std::string answer(Reader& reader, std::string_view line) {
  std::ostringstream out;
  if (const auto event = reader.read(line)) {
    out << "event [" << event->key << "] " << event->time.time_since_epoch().count() << " ["
        << event->device.value_or("null") << (event->device ? "]" : "");
    for (const auto& field : event->fields)
      out << " field " << static_cast<int>(field.kind) << " [" << field.text << ']';
    out << (event->line == line ? "" : " of another line");
  } else {
    const s::Rejection& rejection = event.error();
    out << to_string(rejection.reason) << ": " << rejection.message << " [" << rejection.data
        << ']';
  }
  for (const auto& field : reader.fields())
    out << " field " << static_cast<int>(field.kind) << " [" << field.text << ']';
  const auto time = reader.time_value();
  out << " time " << static_cast<int>(time.kind) << " [" << time.text << ']';
  return out.str();
}

/// Readers with a shortcut beside readers without, in several mappings.
template <s::json::shortcut Shortcut>
class Pair {
 public:
  Pair() {
    for (const std::size_t nesting : {512U, 3U, 1U, 0U}) {
      add({}, nesting);
      add({.key = {"user_id", "n"},
           .time = "event_timestamp",
           .device = "d",
           .fields = {"v", "user_id", "v", ""}},
          nesting);
    }
  }

  /// Where the two say something different of a line, and what; null where they agree.
  std::optional<std::string> difference(std::string_view line) {
    for (std::size_t i = 0; i < plain_.size(); ++i) {
      const std::string wanted = answer(careful_[i], line);
      const std::string got = answer(plain_[i], line);
      if (got != wanted)
        return "of the line\n" + std::string(line) + "\nit says\n" + got + "\ninstead of\n" +
               wanted;
    }
    return std::nullopt;
  }

 private:
  void add(const s::json::Mapping& mapping, std::size_t nesting) {
    plain_.emplace_back(mapping, s::json::Limits{.nesting = nesting});
    careful_.emplace_back(mapping, s::json::Limits{.nesting = nesting});
  }

  std::vector<s::json::EventReader<s::EventClock, Shortcut>> plain_;
  std::vector<s::json::EventReader<s::EventClock, s::json::NoShortcut>> careful_;
};

/// What a member may hold, right or wrong.
inline std::vector<std::string> values() {
  std::vector<std::string> all{"0",
                               "-0",
                               "1",
                               "-1",
                               "01",
                               "-01",
                               "+1",
                               ".5",
                               "1.",
                               "-",
                               "--1",
                               "1.5",
                               "-0.0",
                               "1.50",
                               "0e1",
                               "1e5",
                               "1E+5",
                               "1e-5",
                               "1e",
                               "1e+",
                               "1.e5",
                               "1e400",
                               "-1e400",
                               "1e-400",
                               "0x10",
                               "1_0",
                               "1 2",
                               "9007199254740993",
                               "999999999999999999",
                               "1000000000000000000",
                               "9223372036854775807",
                               "9223372036854775808",
                               "-9223372036854775808",
                               "-9223372036854775809",
                               "18446744073709551615",
                               "18446744073709551616",
                               "0000",
                               "NaN",
                               "nan",
                               "Infinity",
                               "-Infinity",
                               "null",
                               "true",
                               "false",
                               "nul",
                               "True",
                               "truee",
                               "nulll",
                               "tru e",
                               "undefined",
                               "'a'",
                               "",
                               " ",
                               R"("")",
                               R"("a")",
                               R"("a)",
                               R"(a")",
                               R"("a""b")",
                               R"("a" "b")",
                               R"("a"b)",
                               R"("12345678")",
                               R"("1656633600000")",
                               R"(" 1656633600000 ")",
                               R"("+1656633600000")",
                               R"("-1656633600000")",
                               R"("165663360000x")",
                               R"("1656633600000.5")",
                               R"("00000000000000000012")",
                               R"("99999999999999999999")",
                               R"("\"")",
                               R"("\\")",
                               R"("\/\b\f\n\r\t")",
                               R"("\u0041")",
                               R"("\u00e9")",
                               R"("\ud83d\ude00")",
                               R"("\ud83d")",
                               R"("\ude00")",
                               R"("\ud83d\u0041")",
                               R"("\u12")",
                               R"("\u12G4")",
                               R"("\U0041")",
                               R"("\x41")",
                               R"("\a")",
                               R"("\0")",
                               R"("\ ")",
                               R"("\)",
                               "\"\xC3\xA9\"",
                               "\"\xF0\x9F\x98\x80\"",
                               "\"\xC3\"",
                               "\"\xC3(\"",
                               "\"\x80\"",
                               "\"\xC0\x80\"",
                               "\"\xED\xA0\x80\"",
                               "\"\xF4\x90\x80\x80\"",
                               "\"\xF5\"",
                               "\"\xFF\"",
                               "\"\xE2\x82\"",
                               "\xC3\xA9",
                               "\"\t\"",
                               "\"\n\"",
                               "\"\x01\"",
                               "\"\x1F\"",
                               "\"\x20\x7F\"",
                               std::string("\"a\0b\"", 5),
                               std::string("\0", 1),
                               "\x01",
                               "[]",
                               "{}",
                               "[1,2]",
                               "[1,]",
                               "[,1]",
                               "[1 2]",
                               "[",
                               "]",
                               "{",
                               "}",
                               R"({"a":1})",
                               R"({"a":1,})",
                               R"({"a"})",
                               R"({"a":})",
                               R"({1:2})",
                               R"({"a":1}{"b":2})",
                               R"({"user_id":"inner"})",
                               R"([{"user_id":"inner"}])",
                               R"([1}])",
                               R"({"a":[1,{"b":"\ud800"}]})",
                               R"([01])",
                               R"(["\x"])",
                               R"([1e400])",
                               "[\"\xFF\"]",
                               "[nul]",
                               R"(["a":1])",
                               "/*c*/1",
                               "1//c",
                               "1;"};
  for (const std::size_t depth :
       {1U, 2U, 3U, 4U, 5U, 511U, 512U, 513U, 514U, 1'023U, 1'024U, 1'025U, 3'000U}) {
    all.push_back(repeat("[", depth) + repeat("]", depth));
    all.push_back(repeat("[", depth) + repeat("]", depth - 1));
    all.push_back(repeat(R"({"a":)", depth) + "1" + repeat("}", depth));
  }
  // Every length of a string around those that are looked at in one go.
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string text = repeat("x", length);
    all.push_back('"' + text + '"');
    all.push_back('"' + text + R"(\n")");
    all.push_back('"' + text + "\x1F\"");
    all.push_back('"' + text + "\xC3\xA9\"");
    all.push_back('"' + text + "\xC3\"");
  }
  return all;
}

/// The line of a click.
inline std::string click_line(const s::testing::Click& click) {
  return R"({"user_id":")" + click.user_id + R"(","event_timestamp":")" +
         std::to_string(click.time.time_since_epoch().count()) + R"(","event_name":")" +
         std::string(click.event_name) + R"(","device_type":")" + std::string(click.device_type) +
         "\"}";
}

inline std::vector<std::string> hostile_lines() {
  const std::string good = R"({"user_id":"u","event_timestamp":1656633600000,"device_type":"web"})";
  std::vector<std::string> all{good,
                               " " + good,
                               good + " ",
                               good + "\r",
                               "\t" + good + "\t\r\n",
                               "\n" + good,
                               good + good,
                               good + " " + good,
                               good + ",",
                               good + "]",
                               good + "}",
                               good + "x",
                               "[" + good + "]",
                               "\xEF\xBB\xBF" + good,
                               good + "\xEF\xBB\xBF",
                               "\xEF\xBB",
                               "",
                               " ",
                               "\t\r",
                               "{}",
                               "{ }",
                               "{,}",
                               "[]",
                               "1",
                               "\"a\"",
                               "null",
                               "true",
                               "-",
                               "\"",
                               std::string("\0", 1),
                               good + std::string("\0", 1),
                               std::string("\0", 1) + good,
                               "\v" + good,
                               good + "\f",
                               "\xC2\xA0" + good,
                               "'" + good + "'"};
  for (const std::string& value : values()) {
    for (const char* name : {"user_id", "event_timestamp", "device_type", "v", "skipped", "n", "d"})
      all.push_back(R"({"user_id":"u","event_timestamp":1,")" + std::string(name) + "\":" + value +
                    R"(,"device_type":"web"})");
    all.push_back(R"({"n":1,"user_id":"u","event_timestamp":1,"v":)" + value + "}");
    all.push_back(R"({"v" : )" + value +
                  R"( , "n" : "x|%" , "user_id":"a|b","event_timestamp":"1"})");
    all.push_back(value);
    // A name: what needs no quotes here has none.
    all.push_back(R"({"user_id":"u","event_timestamp":1,)" + value + ":1}");
    all.push_back(R"({"user_id":"u",)" + value + R"(:"x","event_timestamp":1})");
  }
  for (const std::string_view line :
       {R"({"user_id":"a","event_timestamp":1,"user_id":"b"})",
        R"({"user_id":"a","event_timestamp":1,"user_id":null})",
        R"({"user_id":null,"event_timestamp":1,"user_id":"b\n"})",
        R"({"user_id":"a","event_timestamp":1,"event_timestamp":2})",
        R"({"user_id":"a","event_timestamp":1,"v":[1],"v":2})",
        R"({"user_id":"a","event_timestamp":1,"v":2,"v":[1]})",
        R"({"user_id":"a","event_timestamp":1,"v":"x\ny","v":{"a":[1,2.50]},"w":"\/"})",
        R"({"user\u005fid":"a","event_timestamp":1})", R"({"user_id":"a" "event_timestamp":1})",
        R"({"user_id":"a",,"event_timestamp":1})", R"({"user_id":"a";"event_timestamp":1})",
        R"({"user_id":"a","event_timestamp":1,})", R"({"user_id":"a","event_timestamp"=1})",
        R"({"user_id":"a","event_timestamp"::1})", R"({,"user_id":"a","event_timestamp":1})",
        R"({"user_id":"a","event_timestamp":1,"":2})", R"({user_id:"a","event_timestamp":1})"})
    all.emplace_back(line);
  // Cut at every byte.
  for (const std::string& line :
       {good,
        std::string(R"({"user_id":"\u00e9\n","event_timestamp":-1.5e3,"v":[null,{"a":true}]})"),
        std::string("{\"user_id\":\"\xF0\x9F\x98\x80\",\"event_timestamp\":\"1\"}")})
    for (std::size_t size = 0; size < line.size(); ++size) all.push_back(line.substr(0, size));
  return all;
}

/// Lines as they come, and changed in a few places: bytes replaced, put in, taken out, pieces
/// moved.
class Mutations {
 public:
  explicit Mutations(std::uint64_t seed) : state_(seed) {
    s::testing::ClickGenerator clicks({.users = 9, .seed = seed});
    for (const auto& click : clicks.take(40)) lines_.push_back(click_line(click));
    for (const auto& line : hostile_lines())
      if (line.size() < 300) lines_.push_back(line);
  }

  std::string next() {
    constexpr std::string_view likely =
        "\"\\{}[]:,.-+eE01289 \t\r\nutfx\0/\x7F\x80\xC3\xA9\xED\xFF";
    std::string line = lines_[below(lines_.size())];
    for (std::size_t changes = below(4); changes > 0; --changes) {
      const std::size_t at = below(line.size() + 1);
      const char byte =
          below(4) == 0 ? static_cast<char>(below(256)) : likely[below(likely.size())];
      switch (below(5)) {
        case 0: line.insert(at, 1, byte); break;
        case 1: line.erase(at, 1 + below(3)); break;
        case 2: line.insert(at, line.substr(below(line.size() + 1), below(20))); break;
        case 3: line.insert(at, lines_[below(lines_.size())].substr(0, below(60))); break;
        default:
          if (at < line.size()) line[at] = byte;
      }
    }
    return line;
  }

 private:
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(s::detail::multiply(s::detail::splitmix64(state_), bound).high);
  }

  std::uint64_t state_;
  std::vector<std::string> lines_;
};

/// The first difference on the hostile lines; null where there is none.
template <s::json::shortcut Shortcut>
std::optional<std::string> hostile_difference() {
  Pair<Shortcut> readers;
  for (const std::string& line : hostile_lines())
    if (auto found = readers.difference(line)) return found;
  return std::nullopt;
}

/// The first difference on so many changed lines.
template <s::json::shortcut Shortcut>
std::optional<std::string> random_difference(std::uint64_t seed, std::size_t count) {
  Pair<Shortcut> readers;
  Mutations lines(seed);
  for (std::size_t i = 0; i < count; ++i)
    if (auto found = readers.difference(lines.next())) return found;
  return std::nullopt;
}

/// What read_lines() reports of a file, line by line.
template <class Reader>
std::string report(const std::string& file) {
  Reader reader;
  std::istringstream in(file);
  std::ostringstream out;
  const auto counts = s::json::read_lines(
      in, reader, [&](const s::json::Event<>& e) { out << e.key << '@' << e.line << '\n'; },
      [&](const s::Rejection& r) {
        out << r.source << ':' << r.position << ' ' << to_string(r.reason) << ' ' << r.message
            << '\n';
      },
      "file");
  out << counts.lines << ' ' << counts.events << ' ' << counts.rejected.total();
  return out.str();
}

}  // namespace same_answers

#endif
