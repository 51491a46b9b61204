#include "harness.hpp"

// How the command behaves among others: live streams, broken pipes, full disks, missing files.

namespace command_manners_test {
namespace {

using namespace command_test;

// Promise: output is flushed while the input pauses, in every form that does not need its end.
// Catches: `tail -f log | sessionize` that says nothing until 64 KiB are full; a header or an error
// that waits.
TEST_CASE("a live stream is answered while its input pauses", "[command][manners][live]") {
  for (const Args& args : {Args{}, {"--emit", "starts"}, {"-"}, {"--where", "user_id=u"}}) {
    CAPTURE(args);
    Running command(args);
    for (const std::int64_t time : {0, 20'000, 40'000}) {
      REQUIRE(command.write(event("u", time)));
      const auto line = command.line();
      REQUIRE(line);
      CHECK(Json::parse(*line).at("event_timestamp") == time);
    }
    CHECK(command.finish().code == 0);
  }
  Running csv({"--format", "csv"});
  REQUIRE(csv.write(event("u", 7)));
  CHECK(contains(csv.line().value_or("none"), "user_id,session_id"));
  CHECK(contains(csv.line().value_or("none"), ",7,first_event"));
}

// Promise: also where the pause is within a line. Catches: a flush that only an empty input brings.
TEST_CASE("a pause within a line is a pause", "[command][manners][live]") {
  Running command({});
  const auto second = event("u", 1);
  REQUIRE(command.write(event("u", 0) + second.substr(0, 20)));
  CHECK(command.line());
  REQUIRE(command.write(second.substr(20)));
  CHECK(command.line());
}

// Promise: the file of --output and that of --errors are live too. Catches: a bad line that is seen
// when the command ends.
TEST_CASE("files are written while the input pauses", "[command][manners][live]") {
  const Folder folder;
  const auto out = folder / "out", errors = folder / "errors";
  Running command({"--output", out, "--errors", errors});
  REQUIRE(command.write(event("u", 0) + "bad\n"));
  for (const auto& path : {out, errors}) {
    const auto deadline = steady_clock::now() + patience;
    while ((!exists(path) || read_file(path).empty()) && steady_clock::now() < deadline) continue;
    CHECK(split_lines(read_file(path)).size() == 1);
  }
  CHECK(command.finish().code == 0);
}

// Promise: output waits 100 ms at most, though the input never pauses that long. Catches: a flush
// that waits for a silence.
TEST_CASE("a trickle is answered", "[command][manners][live]") {
  Running command({});
  std::optional<std::string> line;
  int written = 0;
  // Far fewer lines than a block holds.
  for (; written < 100 && !line; ++written) {
    REQUIRE(command.write(event("u", written)));
    line = command.line(std::chrono::milliseconds(20));
  }
  CAPTURE(written);
  CHECK(line);
}

// Promise: output is in blocks where input does not pause. Catches: a system call a line.
TEST_CASE("output is written in blocks", "[command][manners]") {
  const Folder folder;
  std::vector<std::int64_t> times(5'000, 7);
  const auto file = folder.write("clicks.jsonl", events(times));
  Running command({file}, Running::Stream::packets);
  std::size_t packets = 0;
  std::string all;
  for (std::string packet = command.packet(); !packet.empty(); packet = command.packet()) {
    ++packets;
    all += packet;
  }
  CHECK(command.finish().code == 0);
  CHECK(split_lines(all).size() == times.size());
  CHECK(packets < times.size() / 10);
}

// Promise: a reader that leaves ends the command quietly, with 0, though its input goes on.
// Catches: death by SIGPIPE, a complaint behind `| head`, a command that reads an endless log for
// nobody.
TEST_CASE("a broken pipe ends quietly", "[command][manners]") {
  for (const Args& args : {Args{}, {"--format", "csv"}, {"--emit", "starts", "--gap", "0s"}}) {
    CAPTURE(args);
    Running command(args);
    std::int64_t time = 0;
    REQUIRE(command.write(event("u", ++time)));
    REQUIRE(command.line());
    command.close_output();
    const auto deadline = steady_clock::now() + patience;
    while (command.write(event("u", ++time)) && steady_clock::now() < deadline) continue;
    CHECK(steady_clock::now() < deadline);
    const auto outcome = command.finish();
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
  }
  for (const Args& args : {Args{"--emit", "sessions"}, {"--discover"}, {"--strict"}}) {
    CAPTURE(args);
    Running command(args);
    command.close_output();
    command.write(event("u", 1));
    const auto outcome = command.finish();
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
  }
}

// Promise: a full disk is exit code 3 and one line that names the output. Catches: results that are
// lost with exit code 0, which the last flush or close alone can tell.
TEST_CASE("a full disk is an error", "[command][manners]") {
  const auto check = [](const Outcome& outcome, std::string_view name) {
    CAPTURE(outcome.err);
    CHECK(outcome.code == 3);
    CHECK(split_lines(outcome.err).size() == 1);
    CHECK(contains(outcome.err, name));
  };
  const std::string small = event("u", 0), large = repeated(small, 3'000);
  for (const auto& input : {small, large}) {
    for (const char* emit : {"records", "starts", "sessions"}) {
      check(run_to("/dev/full", {"--emit", emit, "--gap", "0s", "--at-gap", "split"}, input),
            "standard output");
      check(run({"--emit", emit, "--output", "/dev/full"}, input), "/dev/full");
    }
    check(run_to("/dev/full", {"--discover"}, input), "standard output");
    check(run({"--errors", "/dev/full"}, repeated("bad\n", input.size() / small.size())),
          "/dev/full");
  }
  check(run_to("/dev/full", {"--format", "csv"}, ""), "standard output");
  CHECK(run_to("/dev/full", {"--help"}, "").code == 3);
  CHECK(run_to("/dev/full", {"--version"}, "").code == 3);
  // The results are written though the errors are not.
  CHECK(objects(run({"--errors", "/dev/full"}, "bad\n" + small).out).size() == 1);
  // It outranks --strict.
  check(run({"--strict", "--errors", "/dev/full"}, "bad\n"), "/dev/full");
}

// Promise: results that have nowhere to go are an output error. Catches: a file that the command
// opens in the place of the closed standard output, and that gets the results.
TEST_CASE("standard output that is closed", "[command][manners]") {
  const Folder folder;
  const auto errors = folder / "errors";
  const auto outcome = run_to("", {"--errors", errors}, event("u", 0) + "bad\n");
  CHECK(outcome.code == 3);
  CHECK(split_lines(outcome.err).size() == 1);
  CHECK(column(objects(read_file(errors)), "reason") == Json{"invalid_json"});
  const auto copy = folder.write("clicks.jsonl", event("u", 0));
  CHECK(run_to("", {copy}, "").code == 3);
  CHECK(read_file(copy) == event("u", 0));
  // With another place for them all is well.
  CHECK(run_to("", {"--output", folder / "out", copy}, "").code == 0);
  CHECK(objects(read_file(folder / "out")).size() == 1);
}

// Promise: what cannot be opened for writing is exit code 3, before input is read. Catches: an hour
// of work for a name that was mistyped.
TEST_CASE("a file that cannot be opened for writing", "[command][manners]") {
  const Folder folder;
  for (const char* option : {"--output", "--errors"}) {
    Running command({option, folder / "missing/file"});  // whose input does not end
    const auto deadline = steady_clock::now() + patience;
    while (command.write("\n") && steady_clock::now() < deadline) continue;
    const auto outcome = command.finish();
    CAPTURE(outcome.err);
    CHECK(steady_clock::now() < deadline);
    CHECK(outcome.code == 3);
    CHECK(contains(outcome.err, folder / "missing/file"));
    CHECK(split_lines(outcome.err).size() == 1);
  }
  CHECK(run({"--output", folder / "."}, event("u", 0)).code == 3);
}

// Promise: a file that cannot be read is named on standard error and makes the exit code 3; the
// others are read, and their results are written. Catches: a run that stops at the first one, or
// that ends with 0.
TEST_CASE("an unreadable file does not stop the others", "[command][manners]") {
  const Folder folder;
  const auto one = folder.write("1", event("one", 0)), two = folder.write("2", event("two", 0));
  const auto missing = folder / "missing", directory = folder / ".";
  for (const Args& args :
       {Args{missing, one, two}, {one, missing, two}, {one, two, missing}, {one, directory, two}}) {
    for (const char* emit : {"records", "sessions"}) {
      const auto outcome = run(Args{"--emit", emit} + args);
      CAPTURE(args, outcome.err);
      CHECK(outcome.code == 3);
      CHECK(column(objects(outcome.out), "user_id") == Json{"one", "two"});
      CHECK(split_lines(outcome.err).size() == 1);
      CHECK((contains(outcome.err, missing) || contains(outcome.err, directory)));
    }
  }
  const auto none = run({missing, directory});
  CHECK(none.code == 3);
  CHECK(none.out.empty());
  CHECK(split_lines(none.err).size() == 2);
  CHECK(run({"--strict", missing, "-"}, "bad\n").code == 3);
}

// Promise: --progress writes to standard error where that is a terminal, and nowhere else. Catches:
// carriage returns in a log file.
TEST_CASE("--progress is for terminals", "[command][manners]") {
  const Folder folder;
  const auto file = folder.write("clicks.jsonl", repeated(event("u", 0, ""), 70'000));
  const Args args{"--emit", "starts", "--progress", file};
  const auto logged = results(args);  // and nothing on standard error
  CHECK(split_lines(logged).size() == 1);
  for (const auto& [options, shown] :
       {std::pair{args, true}, {Args{"--emit", "starts", file}, false}}) {
    Running command(options, Running::Stream::pipe, Running::Stream::terminal);
    const auto outcome = command.finish();
    CHECK(outcome.code == 0);
    CHECK(outcome.out == logged);
    CHECK(contains(outcome.err, "lines") == shown);
  }
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

// Holds: memory grows with the users alone: eight times the events of the same users take no more,
// plain lines and others. Would catch: a buffer that is filled and never written, a batch that only
// grows, an event that is kept.
TEST_CASE("memory does not grow with the input", "[command][manners]") {
  if (sanitized) {
    WARN("SKIPPED: a sanitizer keeps what is freed");
    return;
  }
  const Folder folder;
  std::string clicks;
  for (std::int64_t i = 0; i < 40'000; ++i)
    clicks += event("user" + std::to_string(i % 1'000), i * 100,
                    i % 8 == 0 ? R"("device_type":"w\"","more":[{"x":1.5}])"
                               : R"("device_type":"web","event_name":"checkout")");
  const auto file = folder.write("clicks", clicks);
  const auto peak = [&](std::size_t times) {
    const auto errors = folder / ("errors" + std::to_string(times));
    Args args{"--output", "/dev/null", "--errors", errors};
    for (std::size_t i = 0; i < times; ++i) args.push_back(file);
    args.push_back("-");
    Running command(args);
    REQUIRE(command.write("all is read by now\n"));
    const auto deadline = steady_clock::now() + patience;
    while ((!exists(errors) || read_file(errors).empty()) && steady_clock::now() < deadline)
      continue;
    CHECK(split_lines(read_file(errors)).size() == 1);
    const auto memory = command.peak_memory();
    CHECK(command.finish().code == 0);
    return memory;
  };
  const auto once = peak(1), often = peak(8);
  if (!once || !often) {
    WARN("SKIPPED: the system does not tell how much memory a program has");
    return;
  }
  CHECK(*often < *once + 2'048);
  CHECK(*often < 65'536);
}

}  // namespace
}  // namespace command_manners_test
