#include "harness.hpp"

#include "../seeds.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// --state with --order event: what is held and what is open is gone on with by another process.

namespace command_event_state_test {
namespace {

using namespace command_test;

/// Lines of a few users, many out of order and some late; with watermarks, and the last watermark
/// lets everything out: an input that is gone on with has no end.
std::vector<std::string> clicks() {
  std::vector<std::string> lines;
  for (int i = 0; i < 26; ++i) {
    const auto user = "user" + std::to_string(i * i % 3);
    const std::int64_t time =
        1'000 * (i * 3 + i * 11 % 9 - (i % 8 == 7 ? 25 : 0) + (i / 13) * 20 + 40) + i;
    lines.push_back(event(user, time,
                          "\"device_type\":\"dev" + std::to_string(i % 2) + "\",\"page\":\"" +
                              std::to_string(i / 5) +
                              "\",\"last\":" + (i % 5 == 2 ? "true" : "false") +
                              (i % 6 == 0 ? ",\"own\":15000" : "")));
    if (i % 9 == 4) lines.emplace_back("bad\n");
    if (i % 9 == 8) lines.push_back("{\"watermark\":" + std::to_string(time - 6'000) + "}\n");
  }
  lines.emplace_back("{\"watermark\":1000000000000}\n");
  return lines;
}

const std::vector<Args> forms = {
    {"--emit", "records", "--out-of-order", "8s", "--keep", "page"},
    {"--emit", "records", "--out-of-order", "6s", "--split-on", "page", "--end-when", "last=true",
     "--max-duration", "12s", "--format", "csv"},
    {"--emit", "starts", "--out-of-order", "none", "--id", "unique"},
    {"--emit", "sessions", "--out-of-order", "4s", "--lateness", "3s", "--format", "csv"},
    {"--emit", "sessions", "--out-of-order", "6s", "--max-duration", "12s", "--per-key-watermark"},
    {"--emit", "updates", "--out-of-order", "2s", "--lateness", "20s", "--gap", "5s"},
    {"--emit", "updates", "--out-of-order", "3s", "--lateness", "9s", "--keep-alive-unless",
     "last=true", "--gap-field", "own", "--max-advance", "1m"},
};

// Promise: an input that is cut behind any line and gone on with by another process gives the lines
// of one run: results, late events, errors, the CSV header once. Catches: events that were held and
// are lost, sessions that close early, a late event that is not late any more.
TEST_CASE("a run in event time that is cut at any line", "[command][state][event_state]") {
  const Folder folder;
  const auto lines = clicks();
  const auto all = joined(lines, 0, lines.size());
  const auto state = folder / "state", errors = folder / "errors", late = folder / "late";
  for (const Args& form : forms) {
    const Args event_form = Args{"--order", "event"} + form;
    const auto expected = run(
        event_form + Args{"--errors", folder / "all_errors", "--late", folder / "all_late"}, all);
    REQUIRE(expected.code == 0);
    REQUIRE(split_lines(expected.out).size() > 5);
    CHECK_FALSE(read_file(folder / "all_late").empty());
    const Args args = event_form + Args{"--state", state, "--errors", errors, "--late", late};
    for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
      CAPTURE(form, cut);
      std::filesystem::remove(state);
      std::string out = results(args, joined(lines, 0, cut));
      out += results(args, joined(lines, cut, lines.size()));
      REQUIRE(out == expected.out);
      CHECK(read_file(errors) == read_file(folder / "all_errors"));
      CHECK(read_file(late) == read_file(folder / "all_late"));
    }
  }
}

// Promise: so where each line is a run of its own. Catches: a state that loses a little each time.
TEST_CASE("a run in event time of one line at a time", "[command][state][event_state]") {
  const Folder folder;
  const auto lines = clicks();
  for (const Args& form : {forms[1], forms[6]}) {
    const Args args =
        Args{"--order", "event", "--errors", "/dev/null", "--late", "/dev/null"} + form;
    const auto expected = results(args, joined(lines, 0, lines.size()));
    const auto state = folder / "state";
    std::filesystem::remove(state);
    std::string out;
    for (const auto& line : lines) out += results(args + Args{"--state", state}, line);
    CAPTURE(form);
    CHECK(out == expected);
  }
}

// Promise: SIGTERM and SIGINT save what is held and what is open, and write none of it; so does the
// end of the input. Catches: a flush, after which the next run has the rest of a session.
TEST_CASE("a signal saves the state in event time", "[command][state][event_state]") {
  const Folder folder;
  const auto lines = clicks();
  const std::size_t half = 15;
  for (const Args& form : {forms[0], forms[3]}) {
    const Args args =
        Args{"--order", "event", "--errors", "/dev/null", "--late", "/dev/null"} + form;
    const auto expected = results(args, joined(lines, 0, lines.size()));
    std::filesystem::remove(folder / "begun");
    const auto begun = results(args + Args{"--state", folder / "begun"}, joined(lines, 0, half));
    REQUIRE_FALSE(begun.empty());
    for (const int number : {SIGTERM, SIGINT}) {
      CAPTURE(form, number);
      const auto state = folder / "state";
      std::filesystem::remove(state);
      Running first(args + Args{"--state", state});
      REQUIRE(first.write(joined(lines, 0, half)));
      std::string out;
      // Results come while the input pauses: by then all of it is read.
      for (std::size_t i = 0; i < split_lines(begun).size(); ++i) {
        const auto line = first.line();
        REQUIRE(line);
        out += *line + '\n';
      }
      first.signal(number);
      const auto outcome = first.finish();
      CHECK(outcome.code == 0);
      CHECK(outcome.out.empty());
      CHECK(read_file(state) == read_file(folder / "begun"));
      out += results(args + Args{"--state", state}, joined(lines, half, lines.size()));
      CHECK(out == expected);
    }
  }
}

// Promise: a state of other options is exit code 2 and one line that names what differs, also where
// the option says what an event that is held has of its line. Catches: a field of another name.
TEST_CASE("a state in event time of other options", "[command][state][event_state]") {
  const Folder folder;
  const auto state = folder / "state";
  const auto check = [&](const Args& saved, const Args& args, std::string_view word) {
    std::filesystem::remove(state);
    REQUIRE(run(saved + Args{"--state", state}, event("u", 0)).code == 0);
    const auto before = read_file(state);
    const auto outcome = run(args + Args{"--state", state}, event("u", 1));
    CAPTURE(saved, args, outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, word));
    CHECK(read_file(state) == before);
  };
  const Args records{"--order", "event"}, sessions = records + Args{"--emit", "sessions"};
  check(records, records + Args{"--out-of-order", "1s"}, "out_of_order");
  check(records, records + Args{"--gap", "1s"}, "gap");
  check(records, records + Args{"--keep", "page"}, "--keep page");
  check(records, records + Args{"--device", "d"}, "--device d");
  check(records, {}, "kind \"Reorder\"");
  check({}, records, "kind \"Sessionizer\"");
  check(sessions, records, "kind \"SessionWindows\"");
  check(sessions, sessions + Args{"--lateness", "1s"}, "lateness");
  check(sessions, sessions + Args{"--max-duration", "1h"}, "max_duration");
  check(sessions, sessions + Args{"--gap-field", "g"}, "--gap-field g");
  check(sessions, sessions + Args{"--keep-alive-unless", "a=b"}, "--keep-alive-unless a=b");
  check(sessions, records + Args{"--emit", "updates"}, "emit");
  // What may change from run to run.
  std::filesystem::remove(state);
  CHECK(run(records + Args{"--state", state}, event("u", 0)).code == 0);
  CHECK(run(records + Args{"--state", state, "--emit", "starts"}, event("u", 1)).code == 0);
}

// Promise: public logs that are cut at random places give what one run gives. Catches: what the
// small streams do not have.
TEST_CASE("public logs in event time, cut at random", "[.public_logs]") {
  const char* const named = std::getenv("SESSIONIZE_SHARED");
  const std::string shared = named != nullptr ? named : SESSIONIZE_SOURCE "/../shared";
  if (!exists(shared + "/data")) {
    WARN("SKIPPED: the public logs are not in " << shared
                                                << " (SESSIONIZE_SHARED names the folder)");
    return;
  }
  const auto seed = seeds::one(20'263);
  std::mt19937_64 random(seed);
  const Folder folder;
  int logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(shared + "/data")) {
    const auto log = entry.path() / "events.jsonl";
    if (!std::filesystem::exists(log)) continue;
    ++logs;
    const auto all = read_file(log.string()) + "{\"watermark\":1000000000000000}\n";
    for (const Args& form :
         {Args{"--emit", "records", "--out-of-order", "10m", "--gap", "30m"},
          {"--emit", "updates", "--out-of-order", "1m", "--lateness", "1h"},
          {"--emit", "sessions", "--out-of-order", "1h", "--max-duration", "2h"}}) {
      CAPTURE(log.string(), form, seed);
      const Args args =
          Args{"--order", "event", "--errors", "/dev/null", "--late", "/dev/null"} + form;
      const auto expected = results(args, all);
      const auto state = folder / "state";
      std::filesystem::remove(state);
      std::string out;
      for (std::size_t from = 0; from < all.size();) {
        std::size_t to = std::min(all.size(), from + random() % (all.size() / 3) + 1);
        to = std::min(all.size(), all.find('\n', to - 1)) + 1;
        out += results(args + Args{"--state", state}, all.substr(from, to - from));
        from = to;
      }
      CHECK(out == expected);
    }
  }
  CHECK(logs > 1);
}

}  // namespace
}  // namespace command_event_state_test
