#include "harness.hpp"

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// --state: a run that ends and is gone on with by another process gives what one run gives.

namespace command_state_test {
namespace {

using namespace command_test;

/// Lines of a few users: in and out of order, with pauses, lines that are none, and values that
/// rules remember.
std::vector<std::string> clicks() {
  std::vector<std::string> lines;
  for (int i = 0; i < 24; ++i) {
    const auto user = "user" + std::to_string(i * i % 4);
    const std::int64_t time = 1'000 * (i * 7 % 20 + (i / 8) * 45);
    lines.push_back(event(user, time,
                          "\"device_type\":\"web\",\"page\":\"" + std::to_string(i % 3) +
                              "\",\"last\":" + (i % 7 == 0 ? "true" : "false")));
    if (i % 6 == 1) lines.emplace_back("bad\n");
    if (i % 6 == 2) lines.emplace_back("\r\n");
    if (i % 6 == 3) lines.emplace_back("{\"user_id\":\"no time\"}\r\n");
  }
  return lines;
}

const std::vector<Args> forms = {
    {},
    {"--emit", "starts", "--at-gap", "split", "--gap", "7s"},
    {"--max-duration", "12s", "--split-on", "page", "--end-when", "last=true"},
    {"--format", "csv", "--id", "unique", "--keep", "page", "--where", "device_type=web"},
};

// Promise: standard input that is cut behind any line and gone on with gives the lines of one run,
// the CSV header once. Catches: sessions that begin anew, rules that forget, a line number that
// begins at 1.
TEST_CASE("a run that is cut at any line", "[command][state]") {
  const Folder folder;
  const auto lines = clicks();
  const auto all = joined(lines, 0, lines.size());
  for (const Args& form : forms) {
    const auto expected = run(form + Args{"--errors", folder / "expected"}, all);
    REQUIRE(expected.code == 0);
    for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
      CAPTURE(form, cut);
      const auto state = folder / "state", errors = folder / "errors";
      std::filesystem::remove(state);
      const Args args = form + Args{"--state", state, "--errors", errors};
      std::string out = results(args, joined(lines, 0, cut));
      out += results(args, joined(lines, cut, lines.size()));
      CHECK(out == expected.out);
      CHECK(read_file(errors) == read_file(folder / "expected"));
    }
  }
}

// Promise: so with a file that grows, wherever it is when it is read: a line without its end waits
// for the next run, and standard error says so; --output goes on. Catches: half a line that is
// rejected, a file that is read again from its beginning.
TEST_CASE("a file that grows", "[command][state]") {
  const Folder folder;
  const auto lines = clicks();
  const auto all = joined(lines, 0, lines.size());
  const auto expected = run({"--errors", folder / "expected"}, all);
  const auto out = folder / "out", errors = folder / "errors", state = folder / "state";
  // Before, within and behind lines of each kind.
  std::vector<std::size_t> cuts{0};
  for (std::size_t line = 0; line < 8; ++line)
    for (const std::size_t of_it : {1UL, lines[line].size() / 2, lines[line].size() - 1})
      cuts.push_back(joined(lines, 0, line).size() + of_it);
  cuts.push_back(joined(lines, 0, 8).size());
  cuts.push_back(all.size());
  for (const std::size_t cut : cuts) {
    CAPTURE(cut);
    std::filesystem::remove(state);
    std::string growing;
    for (const std::size_t size : {cut, cut, all.size(), all.size()}) {
      growing = folder.write("clicks", all.substr(0, size));
      const auto outcome = run({"--state", state, "--output", out, "--errors", errors, growing});
      CHECK(outcome.code == 0);
      const bool has_line_end = size == 0 || all[size - 1] == '\n';
      CHECK(outcome.err.empty() == has_line_end);
      if (!has_line_end) CHECK(contains(outcome.err, "no line end yet"));
    }
    CHECK(read_file(out) == expected.out);
    const auto rejected = objects(read_file(errors));
    CHECK(column(rejected, "line") == column(objects(read_file(folder / "expected")), "line"));
  }
}

// Promise: each file has its own place; one that has become another file is read from its
// beginning. Catches: a place that is applied to a rotated log.
TEST_CASE("several files, and one that is another", "[command][state]") {
  const Folder folder;
  const auto state = folder / "state";
  const auto a = folder.write("a", event("a", 1) + event("a", 2));
  const auto b = folder.write("b", event("b", 1));
  const Args args{"--state", state, "--keep", "n"};
  CHECK(objects(results(args + Args{a, b})).size() == 3);
  CHECK(results(args + Args{b, a}).empty());
  folder.write("b", event("b", 1) + event("b", 2) + event("b", 3));
  CHECK(column(objects(results(args + Args{a, b})), "event_timestamp") == Json{2, 3});
  folder.write("a", event("a", 5));
  CHECK(column(objects(results(args + Args{a, b})), "event_timestamp") == Json{5});
  folder.write("b", std::string(1'000, ' ') + "\n" + event("b", 9));
  CHECK(column(objects(results(args + Args{b})), "event_timestamp") == Json{9});
}

// Promise: SIGTERM and SIGINT end a run with 0, its results written and its state saved, also what
// has come of a line; the next run goes on in the midst of it. Catches: a signal that is seen with
// the next input only, a state that is not saved.
TEST_CASE("a signal saves the state", "[command][state]") {
  const Folder folder;
  const auto lines = clicks();
  const auto all = joined(lines, 0, lines.size());
  const auto expected = objects(run({"--errors", folder / "expected"}, all).out);
  const auto half = joined(lines, 0, 15).size() + 20;
  for (const int number : {SIGTERM, SIGINT}) {
    const auto state = folder / ("state" + std::to_string(number));
    const Args args{"--state", state, "--errors", folder / "errors"};
    Running first(args);
    REQUIRE(first.write(all.substr(0, half)));
    std::string out;
    // Its results come while the input pauses: by then all of it is read.
    const auto records = objects(run(Args{"--errors", "/dev/null"}, joined(lines, 0, 15)).out);
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto line = first.line();
      REQUIRE(line);
      out += *line + '\n';
    }
    CHECK_FALSE(exists(state));
    first.signal(number);
    const auto outcome = first.finish();
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
    out += outcome.out;
    REQUIRE(exists(state));
    out += results(args, all.substr(half));
    CHECK(objects(out) == expected);
    CHECK(read_file(folder / "errors") == read_file(folder / "expected"));
  }
}

// Promise: a run that is killed leaves the state of the last one, from which the next run goes on.
// Catches: a state that is written while the run goes.
TEST_CASE("a run that is killed has not been", "[command][state]") {
  const Folder folder;
  const auto state = folder / "state";
  static_cast<void>(results({"--state", state}, event("u", 0)));
  const auto before = read_file(state);
  Running killed({"--state", state});
  REQUIRE(killed.write(event("u", 4'000)));
  REQUIRE(killed.line());
  killed.kill();
  CHECK(read_file(state) == before);
  CHECK(column(objects(results({"--state", state}, event("u", 9'000))), "reason") == Json{"none"});
}

// Promise: a state of other options is exit code 2 and one line that says which; what is no state
// is exit code 3; nothing is written over. Catches: sessions of two gaps in one table, an output
// that is emptied for nothing.
TEST_CASE("a state that cannot be gone on from", "[command][state]") {
  const Folder folder;
  const auto state = folder / "state", out = folder / "out";
  REQUIRE(run({"--state", state, "--output", out, "--gap", "10s"}, event("u", 0)).code == 0);
  const auto saved = read_file(state), written = read_file(out);
  const auto check = [&](const Args& args, int code, std::string_view word) {
    const auto outcome = run(Args{"--state", state, "--output", out} + args, event("u", 1));
    CAPTURE(args, outcome.err);
    CHECK(outcome.code == code);
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, word));
    CHECK(contains(outcome.err, state));
    CHECK(read_file(out) == written);
  };
  check({"--gap", "11s"}, 2, "gap \"10000 ms\"");
  check({"--max-duration", "1h"}, 2, "max_duration");
  check({"--key", "id"}, 2, "--key user_id");
  check({"--time-unit", "s"}, 2, "--time-unit ms");
  check({"--where", "a=b"}, 2, "--where a=b");
  CHECK(read_file(state) == saved);
  folder.write("state", saved.substr(0, saved.size() - 1));
  check({}, 3, "damaged");
  folder.write("state", event("u", 0));
  check({}, 3, "not a snapshot");
  CHECK(read_file(state) == event("u", 0));
  // What may change from run to run.
  folder.write("state", saved);
  CHECK(run({"--state", state, "--emit", "starts", "--id", "unique"}, event("u", 1)).code == 0);
}

// Promise: what cannot go on is refused. Catches: --emit sessions of half an input.
TEST_CASE("--state is for streams", "[command][state]") {
  const Folder folder;
  for (const Args& args : {Args{"--emit", "sessions"}, {"--into", folder / "db"}, {"--discover"}}) {
    const auto outcome = run(args + Args{"--state", folder / "state"}, event("u", 0));
    CHECK(outcome.code == 2);
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, "--state"));
  }
  const auto input = folder.write("input", event("u", 0));
  CHECK(run({"--state", input, input}).code == 2);
  CHECK(run({"--state", folder / "x", "--output", folder / "x"}, "").code == 2);
  CHECK(read_file(input) == event("u", 0));
}

// Promise: a state that cannot be saved is exit code 3, before input is read where that is known;
// a state is not saved past results that were not written. Catches: an hour of work for a name that
// was mistyped, events that no run has written.
TEST_CASE("a state that cannot be saved", "[command][state]") {
  const Folder folder;
  Running mistyped({"--state", folder / "missing/state"});  // whose input does not end
  const auto deadline = steady_clock::now() + patience;
  while (mistyped.write("\n") && steady_clock::now() < deadline) continue;
  const auto outcome = mistyped.finish();
  CHECK(outcome.code == 3);
  CHECK(contains(outcome.err, "missing/state"));

  const auto state = folder / "state";
  std::filesystem::create_directory(state + ".tmp");
  const auto unsaved = run({"--state", state}, event("u", 0));
  CHECK(unsaved.code == 3);
  CHECK(objects(unsaved.out).size() == 1);
  CHECK(split_lines(unsaved.err).size() == 1);
  CHECK_FALSE(exists(state));
  std::filesystem::remove(state + ".tmp");

  CHECK(run_to("/dev/full", {"--state", state}, event("u", 0)).code == 3);
  CHECK_FALSE(exists(state));
  static_cast<void>(results({"--state", state}, event("u", 0)));
  const auto before = read_file(state);
  CHECK(run_to("/dev/full", {"--state", state}, event("u", 1)).code == 3);
  CHECK(read_file(state) == before);
}

// Promise: --time-unit auto decides in the first run, for good. Catches: a unit that changes in the
// midst of a stream.
TEST_CASE("the time unit is decided once", "[command][state]") {
  const Folder folder;
  const auto state = folder / "state";
  const Args args{"--state", state, "--time-unit", "auto"};
  CHECK(run(args).code == 0);  // nothing to decide on
  const auto first = run(args, event("u", 1'656'633'600));
  CHECK(contains(first.err, "auto: s"));
  const auto next = results(args, event("u", 1'656'633'605));
  CHECK(column(objects(next), "event_timestamp") == Json{1'656'633'605'000});
  CHECK(column(objects(next), "reason") == Json{"none"});
}

}  // namespace
}  // namespace command_state_test
