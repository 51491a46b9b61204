#include "harness.hpp"

#include <regex>

// The command line: what is refused, and how that is said.

namespace command_options_test {
namespace {

using namespace command_test;

/// One line on standard error that has `hints`, exit code 2, and nothing else done.
void check_refused(const Args& args, const std::vector<std::string>& hints) {
  const auto outcome = run(args, event("u", 0));
  CAPTURE(args, outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(split_lines(outcome.err).size() == 1);
  for (const auto& hint : hints) CHECK(contains(outcome.err, hint));
}

// Promise: bad usage is exit code 2 and one helpful line that names what is wrong. Catches: a value
// that is taken for something else (a bare number for milliseconds, a word by its prefix), an
// option that is accepted and ignored, a complaint of several lines or on standard output.
TEST_CASE("wrong options are refused with one line", "[command][options]") {
  const std::pair<Args, std::vector<std::string>> cases[] = {
      {{"--bogus"}, {"--bogus"}},
      {{"-x"}, {"-x"}},
      {{"--ga", "1s"}, {"--ga"}},  // no abbreviations to grow out of
      {{"--gap"}, {"--gap"}},
      {{"--gap", ""}, {}},
      {{"--gap", "10"}, {"10", "500ms"}},
      {{"--gap", "s"}, {"'s'"}},
      {{"--gap", "10 s"}, {"10 s"}},
      {{"--gap", "10S"}, {"10S"}},
      {{"--gap", "1w"}, {"1w"}},
      {{"--gap", "1h30m"}, {"1h30m"}},
      {{"--gap", "1.5s"}, {"1.5s"}},
      {{"--gap=-1s"}, {"-1s"}},
      {{"--gap", "9223372036854775808ms"}, {"9223372036854775808ms"}},
      {{"--gap", "9223372036854776s"}, {"9223372036854776s"}},
      {{"--gap", "106751991168d"}, {"106751991168d"}},
      {{"--at-gap", "splits"}, {"splits", "continue", "split"}},
      {{"--at-gap", "Split"}, {"Split"}},
      {{"--carry", "always"}, {"always"}},
      {{"--carry", "24"}, {"24"}},
      {{"--max-duration", "long"}, {"long"}},
      {{"--split-on"}, {"--split-on"}},
      {{"--split-at-midnight=2"}, {"'2'", "+02:00"}},
      {{"--split-at-midnight=02:00"}, {"02:00"}},
      {{"--split-at-midnight=+2:00"}, {"+2:00"}},
      {{"--split-at-midnight=+24:00"}, {"+24:00"}},
      {{"--split-at-midnight=+00:60"}, {"+00:60"}},
      {{"--split-at-midnight=+0200"}, {"+0200"}},
      {{"--split-at-midnight=Europe/Paris"}, {"Europe/Paris"}},
      {{"--end-when", "page"}, {"page", "FIELD=VALUE"}},
      {{"--end-when", "=x"}, {"=x"}},
      {{"--emit", "session"}, {"session", "records", "starts", "sessions"}},
      {{"--key", ""}, {}},
      {{"--key", "a,"}, {"a,"}},
      {{"--key", ",a"}, {",a"}},
      {{"--key", "a,,b"}, {"a,,b"}},
      {{"--time-unit", "minutes"}, {"minutes", "ms", "iso8601", "auto"}},
      {{"--time-unit", "MS"}, {"MS"}},
      {{"--id", "uuid"}, {"uuid", "time-of-day", "unique"}},
      {{"--where", "user_id"}, {"user_id", "FIELD=VALUE"}},
      {{"--where", "=u"}, {"=u"}},
      {{"--where"}, {"--where"}},
      {{"--keep"}, {"--keep"}},
      {{"--format", "json"}, {"json", "jsonl", "csv"}},
      {{"--output"}, {"--output"}},
      {{"--into"}, {"--into"}},
      {{"--errors"}, {"--errors"}},
      {{"-", "-"}, {"standard input"}},
  };
  for (const auto& [args, hints] : cases) check_refused(args, hints);
}

// Promise: the complaint about a value says which option it was given to. Catches: "'10' is no
// duration" on a line with three durations.
TEST_CASE("a complaint about a value names the option", "[command][options]") {
  for (const char* option :
       {"--gap", "--carry", "--max-duration", "--at-gap", "--emit", "--id", "--split-at-midnight",
        "--end-when", "--where", "--key", "--format", "--time-unit"})
    check_refused({std::string(option) + "=,"}, {option});
  for (const char* option : {"--events", "--users", "--start", "--interval", "--pause",
                             "--pause-every", "--speed", "--seed", "--zipf"})
    check_refused({"generate", std::string(option) + "=,"}, {option});
}

// Promise: a complaint is one line, whatever it quotes. Catches: a line end of the argument's.
TEST_CASE("a complaint is one line", "[command][options]") {
  for (const char* option : {"--gap", "--at-gap", "--where", "--bogus", "--time-unit"})
    check_refused({std::string(option) + "=a\nb\r\nc"}, {});
  check_refused({"--keep", "a\nb", "--keep", "a\nb"}, {});
}

// Promise: what may be given once may not be given twice; --where and --keep may. Catches: the
// last or the first --gap winning silently.
TEST_CASE("an option that is given twice is refused", "[command][options]") {
  const std::pair<const char*, const char*> once[] = {
      {"--gap", "1s"},          {"--at-gap", "split"},    {"--carry", "split"},
      {"--max-duration", "1s"}, {"--split-on", "a"},      {"--split-at-midnight", "Z"},
      {"--end-when", "a=b"},    {"--emit", "starts"},     {"--key", "a"},
      {"--time", "a"},          {"--device", "a"},        {"--time-unit", "ms"},
      {"--id", "unique"},       {"--format", "csv"},      {"--output", "/dev/null"},
      {"--into", "/dev/null"},  {"--errors", "/dev/null"}};
  for (const auto& [option, value] : once) check_refused({option, value, option, value}, {option});

  const auto input = event("u", 0, R"("a":"1","b":"2")") + event("u", 1, R"("a":"1","b":"3")");
  const auto rows =
      objects(results({"--where", "a=1", "--keep", "a", "--where", "b=3", "--keep", "b"}, input));
  CHECK(column(rows, "a") == Json{"1"});
  CHECK(column(rows, "b") == Json{"3"});
}

// Promise: a value takes one word; a file behind it is a file, also for the repeatable options and
// with `=`. Catches: --where or --keep swallowing the files that follow, whose events are lost.
TEST_CASE("an option does not swallow the files behind it", "[command][options]") {
  const Folder folder;
  const auto one = folder.write("one=1.jsonl", event("one", 0, R"("a":"x")"));
  const auto two = folder.write("two.jsonl", event("two", 0, R"("a":"x")"));
  for (const Args& args : {Args{"--where", "a=x", one, two},
                           {"--keep", "a", one, two},
                           {"--where=a=x", one, "--keep=a", two},
                           {one, "--where", "a=x", two},
                           {one, two, "--keep", "a"},
                           {"--split-on", "a", one, two},
                           {"--strict", one, "--stats", two},
                           {"--", one, two}}) {
    CAPTURE(args);
    const auto outcome = run(args);
    CHECK(outcome.code == 0);
    CHECK(column(objects(outcome.out), "user_id") == Json{"one", "two"});
  }
}

// Promise: --keep of a name that the output has is bad usage, of a name kept twice too, and of a
// session, which has no one event. Catches: JSON with a member twice.
TEST_CASE("--keep takes no name that the output has", "[command][options]") {
  for (const char* name : {"user_id", "session_id", "session_time", "latest_time", "session_start",
                           "event_timestamp", "reason"})
    for (const char* emit : {"records", "starts"})
      check_refused({"--keep", name, "--emit", emit}, {"--keep", name});
  check_refused({"--keep", "a", "--keep", "a"}, {"--keep", "'a'"});
  check_refused({"--emit", "sessions", "--keep", "a"}, {"--keep"});
}

// Promise: the generator refuses what is none of its numbers, durations and times, and what is an
// option of a run. Catches: zero users divided by, a negative number that wraps around, an option
// that is accepted and has no effect.
TEST_CASE("wrong options of generate are refused with one line", "[command][options][generate]") {
  const std::pair<Args, std::vector<std::string>> cases[] = {
      {{"--events=-1"}, {"-1"}},
      {{"--events", "1.5"}, {"1.5"}},
      {{"--events", "18446744073709551616"}, {"18446744073709551616"}},
      {{"--users", "0"}, {"'0'"}},
      {{"--users", "many"}, {"many"}},
      {{"--seed", "x"}, {"'x'"}},
      {{"--start", "yesterday"}, {"yesterday", "2022-07-01T00:00:00Z"}},
      {{"--start", "2022-02-30T00:00:00Z"}, {"2022-02-30"}},
      {{"--interval", "2"}, {"'2'"}},
      {{"--pause", "-1s"}, {}},
      {{"--pause-every", "0"}, {"'0'"}},
      {{"--speed", "0"}, {"'0'"}},
      {{"--speed=-1"}, {"-1"}},
      {{"--speed", "fast"}, {"fast"}},
      {{"--speed", "nan"}, {"nan"}},
      {{"--zipf=-1"}, {"-1"}},
      {{"--zipf", "inf"}, {"inf"}},
      {{"--bogus"}, {"--bogus"}},
      {{"file.jsonl"}, {"file.jsonl"}},
      {{"--gap", "1s"}, {"--gap"}},
      {{"--events", "1", "--events", "2"}, {"--events"}},
      {{"--events", "1000000000000", "--interval", "365d"}, {"--events"}},
  };
  for (const auto& [args, hints] : cases) check_refused(Args{"generate"} + args, hints);
}

// Promise: an option of a run in front of `generate` is bad usage. Catches: one that is taken and
// has no effect, as in `sessionize --output clicks.jsonl generate`.
TEST_CASE("options of a run are refused in front of generate", "[command][options][generate]") {
  const Folder folder;
  check_refused({"--gap", "1s", "generate", "--events", "1"}, {});
  check_refused({"--output", folder / "out", "generate", "--events", "1"}, {});
  check_refused({"--strict", "generate", "--events", "1"}, {});
}

// Promise: --help lists every option of the contract, --version says name and version, both on
// standard output with exit code 0, whatever else is asked for. Catches: an undocumented option; a
// help that is an error to a script.
TEST_CASE("help and version", "[command][options]") {
  const auto help = results({"--help"});
  for (const char* option : {"--gap D",
                             "--at-gap continue|split",
                             "--carry D|forever|split",
                             "--max-duration D",
                             "--split-on FIELD",
                             "--split-at-midnight",
                             "--end-when FIELD=VALUE",
                             "--emit records|starts|sessions",
                             "--key FIELD[,FIELD]",
                             "--time FIELD",
                             "--device FIELD",
                             "--time-unit ms|s|us|ns|iso8601|auto",
                             "--id time-of-day|unique",
                             "--where FIELD=VALUE",
                             "--keep FIELD",
                             "--format jsonl|csv",
                             "--output FILE",
                             "--into FILE.db",
                             "--errors FILE",
                             "--strict",
                             "--discover",
                             "--stats",
                             "--progress",
                             "--version",
                             "--help",
                             "generate",
                             "10s",
                             "24h",
                             "user_id",
                             "event_timestamp",
                             "device_type"})
    CHECK(contains(help, option));
  CHECK(results({"--gap", "1s", "--help", "nowhere.jsonl"}) == help);

  const auto generate_help = results({"generate", "--help"});
  for (const char* option : {"--events N", "--users N", "--seed N", "--start TIME", "--interval D",
                             "--pause D", "--pause-every N", "--speed max|N", "--zipf S", "3000",
                             "2022-07-01T00:00:00Z", "2s", "15s", "60"})
    CHECK(contains(generate_help, option));

  CHECK(std::regex_match(results({"--version"}),
                         std::regex(R"(sessionize [0-9]+\.[0-9]+\.[0-9]+\n)")));
}

// Promise: no output is written over an input. Catches: a log that is gone before it is read.
TEST_CASE("an output that is an input is refused", "[command][options]") {
  const Folder folder;
  const auto log = folder.write("log.jsonl", event("u", 0));
  for (const char* option : {"--output", "--errors"}) {
    check_refused({option, log, log}, {option, log});
    check_refused({log, option, folder / "./log.jsonl"}, {option});
    CHECK(read_file(log) == event("u", 0));
  }
}

#ifndef SESSIONIZE_WITH_SQLITE
// Promise: without SQLite, --into is bad usage. Catches: results that were to be stored and are
// not.
TEST_CASE("--into is refused where there is no SQLite", "[command][options]") {
  check_refused({"--into", "sessions.db"}, {"--into", "SQLite"});
}
#endif

}  // namespace
}  // namespace command_options_test
