#include <sessionize/sessionizer.hpp>
#include <sessionize/sinks/csv.hpp>
#include <sessionize/sinks/json_lines.hpp>
#include <sessionize/sinks/layout.hpp>
#include <sessionize/testing/manual_clock.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lines_test {
namespace {

using namespace std::chrono_literals;
using namespace sessionize;
using sessionize::testing::at;

struct Click {
  std::string user;
  EventClock::time_point time;
  std::optional<std::string> device;
  std::optional<int> page{};
  bool last = false;
};
constexpr auto by_click = by(&Click::user, &Click::time);
const std::vector<Click> clicks = {{"a\"n\nn", at(1s), "desk,top", 7, true},
                                   {"a\"n\nn", at(3s), std::nullopt, std::nullopt, false}};

template <class Sink>
void run(Sink&& sink) {
  Sessionizer<EventClock, std::string> sessions;
  CHECK(sessions.process(clicks, by_click, sink).delivery == Delivery::ok);
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
}

// Promise: a line of JSON has the columns of the layout in their order, texts escaped and nulls as
// null. Catches unescaped keys and a null that became a text.
TEST_CASE("records as JSON Lines") {
  std::ostringstream out;
  run(json_lines(out, records(time_of_day_id(&Click::device), column("page", &Click::page),
                              column("last", &Click::last),
                              column("n", [](const Click& c) { return c.user.size(); }))));
  CHECK(
      out.str() ==
      R"({"user_id":"a\"n\nn","session_id":"a\"n\nn_desk,top_00:00:01","session_time":"00:00:01",)"
      R"("latest_time":"00:00:01","session_start":1000,"event_timestamp":1000,)"
      R"("reason":"first_event","page":7,"last":true,"n":5})"
      "\n"
      R"({"user_id":"a\"n\nn","session_id":null,"session_time":null,"latest_time":"00:00:03",)"
      R"("session_start":1000,"event_timestamp":3000,"reason":"none","page":null,"last":false,)"
      R"("n":5})"
      "\n");
}

// Promise: CSV is RFC 4180: a header, CRLF, quotes where they are needed, doubled within; null is
// empty and an empty text is "". Catches a field that breaks its line.
TEST_CASE("records and summaries as CSV") {
  std::ostringstream out;
  run(csv(out, records(time_of_day_id(&Click::device), column("page", &Click::page))));
  CHECK(
      out.str() ==
      "user_id,session_id,session_time,latest_time,session_start,event_timestamp,reason,page\r\n"
      "\"a\"\"n\nn\",\"a\"\"n\nn_desk,top_00:00:01\",00:00:01,00:00:01,1000,1000,first_event,7\r\n"
      "\"a\"\"n\nn\",,,00:00:03,1000,3000,none,\r\n");
  out.str("");
  run(csv(out, summaries(unique_id)));
  CHECK(out.str() ==
        "user_id,session_id,session_start,session_end,events,duration_ms,reason\r\n"
        "\"a\"\"n\nn\",\"a\"\"n\nn_1970-01-01T00:00:01.000Z_1\",1000,3000,2,2000,flush\r\n");
  std::string empty;
  CsvRow row(empty);
  row.text("", std::string_view(""));
  row.text("", std::nullopt);
  row.end();
  CHECK(empty == "\"\",\r\n");
}

// Promise: a stream without a value has a header all the same. Catches an empty file that no
// reader of CSV takes.
TEST_CASE("CSV of nothing is a header") {
  std::ostringstream out;
  auto sink = csv(out, summaries());
  Sessionizer<EventClock, std::string> sessions;
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(out.str() == "user_id,session_id,session_start,session_end,events,duration_ms,reason\r\n");
}

// Promise: CSV that goes on behind other lines has no second header, also at its end. Catches one
// in the midst of a file.
TEST_CASE("CSV behind other lines") {
  std::ostringstream out;
  auto sink = csv(out, summaries());
  sink.skip_header();
  Sessionizer<EventClock, std::string> sessions;
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(out.str().empty());
  sessions.observe("u", EventClock::time_point{});
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(out.str() == "u,u_1970-01-01T00:00:00.000Z_1,0,0,1,0,flush\r\n");
}

// Promise: lines go to any callable that takes bytes, and what it does not take is refused and
// kept. Catches output that a full disk swallows.
TEST_CASE("an output that does not take bytes refuses") {
  std::string text;
  bool full = true;
  auto output = [&](std::string_view bytes) {
    if (!full) text += bytes;
    return !full;
  };
  auto sink = json_lines(output, summaries());
  Sessionizer<EventClock, std::string> sessions;
  sessions.observe("ann", at(0s));
  CHECK(sessions.flush(sink).delivery == Delivery::refused);
  CHECK(sessions.counters().events_pending == 1);
  full = false;
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(text.starts_with(R"({"user_id":"ann","session_id":"ann_1970)"));
  std::ostringstream broken;
  broken.setstate(std::ios::badbit);
  auto to_broken = csv(broken, summaries());
  sessions.observe("ann", at(0s));
  CHECK(sessions.flush(to_broken).delivery == Delivery::refused);
}

// Promise: times are milliseconds whatever the clock, floored; what int64 cannot hold is null.
// Catches seconds written as milliseconds, and overflow.
TEST_CASE("layouts write milliseconds for every clock") {
  using Seconds = std::chrono::sys_time<std::chrono::seconds>;
  using Nanoseconds = std::chrono::sys_time<std::chrono::nanoseconds>;
  CHECK(detail::epoch_milliseconds(Seconds{-2s}) == -2000);
  CHECK(detail::epoch_milliseconds(Nanoseconds{-1ns}) == -1);
  CHECK(detail::epoch_milliseconds(Nanoseconds{1'999'999ns}) == 1);
  CHECK(detail::epoch_milliseconds(EventClock::time_point::min()) == INT64_MIN);
  CHECK_FALSE(detail::epoch_milliseconds(Seconds::max()));
}

// Promise: a key and an id longer than any fixed buffer come out whole. Catches a cut id.
TEST_CASE("long keys have whole ids") {
  const std::string key(5'000, '_');
  std::ostringstream out;
  auto sink = json_lines(out, summaries());
  Sessionizer<EventClock, std::string> sessions;
  sessions.observe(key, at(0s));
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  std::string escaped;
  for (std::size_t i = 0; i < key.size(); ++i) escaped += "%5F";
  CHECK(out.str().find('"' + escaped + "_1970-01-01T00:00:00.000Z_1\"") != std::string::npos);
}

// Promise: an output may be a temporary callable, and may answer with a Delivery. Catches an output
// that is referred to after it is gone.
TEST_CASE("an output of one's own can be a temporary and can refuse") {
  std::string text;
  bool full = true;
  auto sink = csv(
      [&](std::string_view bytes) {
        if (full) return Delivery::refused;
        text += bytes;
        return Delivery::ok;
      },
      summaries());
  Sessionizer<EventClock, std::string> sessions;
  CHECK(sessions.flush(sink).delivery == Delivery::refused);
  full = false;
  CHECK(sessions.flush(sink).delivery == Delivery::ok);
  CHECK(text.starts_with("user_id,"));
}

// Promise: a line has what was written to it, whatever its room had before and however small that
// is. Catches the rest of a longer line, and a line that is cut where its room has grown.
TEST_CASE("a row of JSON is written over the one before") {
  std::string room;
  for (const std::size_t size : {100U, 0U, 3U, 5'000U, 1U}) {
    const std::string text(size, 'x');
    JsonRow row(room);
    row.plain("plain", std::optional<std::string_view>(text));
    row.text("text", text);
    row.plain("none", std::nullopt);
    const std::string expected =
        R"({"plain":")" + text + R"(","text":")" + text + "\",\"none\":null}\n";
    CHECK(row.end() == expected);
  }
}

// Promise: what is no number in JSON is null. Catches `nan`, which no reader takes.
TEST_CASE("JSON has no NaN") {
  std::string room;
  JsonRow row(room);
  row.number("a", std::optional(std::nan("")));
  row.number("b", std::optional(0.5));
  CHECK(row.end() == "{\"a\":null,\"b\":0.5}\n");
}

}  // namespace
}  // namespace lines_test
