#include "options.hpp"

#include "run.hpp"

#include <sessionize/utc.hpp>
#include <sessionize/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <string_view>

namespace command {
namespace {

using Parse = std::function<void(const std::string&)>;

/// What is wrong with an option's value, before it is known which option it is.
struct BadValue {
  std::string what;
};
[[noreturn]] void refuse(std::string what) { throw BadValue{std::move(what)}; }

/// `parse`, with complaints that name the option.
Parse naming(const std::string& name, Parse parse) {
  return [name, parse = std::move(parse)](const std::string& text) {
    try {
      parse(text);
    } catch (const BadValue& bad) {
      throw CLI::ValidationError(name, bad.what);
    }
  };
}

/// 500ms, 10s, 30m, 24h, 7d.
milliseconds parse_duration(const std::string& text) {
  std::int64_t count = 0;
  const auto [unit_at, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(unit_at,
                              static_cast<std::size_t>(text.data() + text.size() - unit_at));
  constexpr std::pair<std::string_view, std::int64_t> units[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  const auto* const found = std::find_if(std::begin(units), std::end(units),
                                         [&](const auto& u) { return u.first == unit; });
  if (error == std::errc::result_out_of_range ||
      (found != std::end(units) &&
       count > std::numeric_limits<std::int64_t>::max() / found->second))
    refuse("'" + text + "' is longer than 64 bits of milliseconds");
  if (error != std::errc{} || count < 0 || found == std::end(units))
    refuse("'" + text +
           "' is no duration: write a number and ms, s, m, h or d, as in 500ms or 30m");
  return milliseconds{count * found->second};
}

Condition parse_condition(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    refuse("'" + text + "' is no condition: write FIELD=VALUE, as in user_id=user1");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma == from) refuse("'" + text + "' names an empty field: write FIELD or FIELD,FIELD");
    parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

std::uint64_t parse_count(const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < least || count > most)
    refuse("'" + text + "' is not a whole number from " + std::to_string(least) + " to " +
           std::to_string(most));
  return count;
}

double parse_number(const std::string& text, double above, double most) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number >= above) ||
      number > most)
    refuse("'" + text + "' is not a number from " + CLI::detail::to_string(above) + " to " +
           CLI::detail::to_string(most));
  return number;
}

/// An option that is read by `parse`, given at most once.
CLI::Option* add(CLI::App& app, const std::string& name, const std::string& value, Parse parse,
                 const std::string& help) {
  auto* option = app.add_option_function<std::string>(name, naming(name, std::move(parse)), help);
  return option->type_name(value)->group(app.get_name() == "generate" ? "Options" : "");
}

/// One of a few words.
template <class Enum>
Parse one_of(Enum& target, std::vector<std::pair<std::string, Enum>> words) {
  return [&target, words = std::move(words)](const std::string& text) {
    std::string known;
    for (const auto& [word, value] : words) {
      if (word == text) {
        target = value;
        return;
      }
      known += (known.empty() ? "" : ", ") + word;
    }
    refuse("'" + text + "' is none of " + known);
  };
}

void add_session_options(CLI::App& app, RunOptions& run) {
  using sessionize::AtGap;
  const std::string group = "Sessions";
  add(
      app, "--gap", "D", [&](const auto& text) { run.session.gap = parse_duration(text); },
      "a longer time between two events of a key starts a session [10s]; D is 500ms, 10s, 30m, "
      "24h, 7d")
      ->group(group);
  add(app, "--at-gap", "continue|split",
      one_of<AtGap>(run.session.at_gap, {{"continue", AtGap::continues}, {"split", AtGap::splits}}),
      "what happens at exactly the gap [continue]")
      ->group(group);
  add(
      app, "--carry", "D|forever|split",
      [&](const std::string& text) {
        if (text == "forever") {
          run.session.carry = sessionize::forever;
        } else if (text == "split") {
          run.session.past_carry = sessionize::PastCarry::splits;
        } else {
          run.session.carry = parse_duration(text);
        }
      },
      "how far a session's start is carried [24h]; past it session_id is null, or with 'split' a "
      "session starts past 24h")
      ->group(group);
  add(
      app, "--max-duration", "D",
      [&](const auto& text) { run.max_duration = parse_duration(text); },
      "no session lasts longer than this [off]")
      ->group(group);
  add(
      app, "--split-on", "FIELD", [&](const auto& text) { run.split_on = text; },
      "a session ends where this field changes [off]; null changes nothing")
      ->group(group);
  add(
      app, "--split-at-midnight", "OFFSET",
      [&](const auto& text) {
        const auto offset = sessionize::parse_utc_offset(text);
        if (!offset) refuse("'" + text + "' is no offset from UTC: write +02:00, -05:00 or Z");
        run.midnight_offset = *offset;
      },
      "a session ends at midnight, at an offset from UTC [off]: =+02:00, =-05:00, =Z")
      ->group(group);
  add(
      app, "--end-when", "FIELD=VALUE",
      [&](const auto& text) { run.end_when = parse_condition(text); },
      "an event with this value is the last of its session [off]")
      ->group(group);
}

void add_event_time_options(CLI::App& app, RunOptions& run) {
  using sessionize::AfterClose;
  using sessionize::ClosePolicy;
  const std::string group = "Event time";
  auto& windows = run.windows;
  add(app, "--order", "arrival|event",
      one_of<Order>(run.order, {{"arrival", Order::arrival}, {"event", Order::event}}),
      "sessions by order of arrival, or by the events' own times, whatever their order [arrival]; "
      "the options below are for event")
      ->group(group);
  add(
      app, "--out-of-order", "D|none",
      [&](const std::string& text) {
        windows.out_of_order.reset();
        if (text != "none") windows.out_of_order = parse_duration(text);
      },
      "how far behind the latest event one may be and still be on time [0s]; with none only lines "
      "with a watermark move it")
      ->group(group);
  add(
      app, "--lateness", "D", [&](const auto& text) { windows.lateness = parse_duration(text); },
      "how long a session that is due waits for events that are not on time [0s]")
      ->group(group);
  app.add_option("--late", run.late, "write late events there, a line of JSON each")
      ->type_name("FILE")
      ->group(group);
  add(app, "--close", "exact|flink|kafka",
      one_of<ClosePolicy>(windows.close, {{"exact", ClosePolicy::exact},
                                          {"flink", ClosePolicy::flink},
                                          {"kafka", ClosePolicy::kafka}}),
      "when a session is closed: as soon as no event on time can join it, or as another engine "
      "does [exact]")
      ->group(group);
  app.add_flag_callback(
         "--per-key-watermark", [&] { windows.watermark_of = sessionize::WatermarkOf::key; },
         "each key is late by its own events only")
      ->disable_flag_override()
      ->group(group);
  add(app, "--after-close", "new|late",
      one_of<AfterClose>(windows.after_close,
                         {{"new", AfterClose::opens_new}, {"late", AfterClose::is_late}}),
      "what becomes of an event on time that is within the gap of a closed session [new]")
      ->group(group);
  add(
      app, "--max-advance", "D",
      [&](const auto& text) { windows.max_advance = parse_duration(text); },
      "one event that is further ahead makes no other one late [off]")
      ->group(group);
  add(
      app, "--gap-field", "FIELD", [&](const auto& text) { run.gap_field = text; },
      "an event's own gap in milliseconds, where it has this field")
      ->group(group);
  add(
      app, "--keep-alive-unless", "FIELD=VALUE",
      [&](const auto& text) { run.keep_alive_unless = parse_condition(text); },
      "an event with this value joins a session, but does not make it longer")
      ->group(group);
}

void add_input_options(CLI::App& app, RunOptions& run) {
  using sessionize::json::TimeFormat;
  const std::string group = "Input";
  app.add_option("FILES", run.files, "files of JSON Lines; - is standard input, also the default");
  add(
      app, "--key", "FIELD[,FIELD]",
      [&](const auto& text) { run.mapping.key = split_at_commas(text); },
      "the fields that make a key [user_id]")
      ->group(group);
  add(
      app, "--time", "FIELD", [&](const auto& text) { run.mapping.time = text; },
      "the field that holds the time [event_timestamp]")
      ->group(group);
  add(
      app, "--device", "FIELD", [&](const auto& text) { run.mapping.device = text; },
      "the field that holds the device [device_type]")
      ->group(group);
  add(
      app, "--time-unit", "ms|s|us|ns|iso8601|auto",
      [&](const std::string& text) {
        run.guess_time_format = text == "auto";
        if (!run.guess_time_format)
          one_of<TimeFormat>(run.mapping.time_format, {{"ms", TimeFormat::milliseconds},
                                                       {"s", TimeFormat::seconds},
                                                       {"us", TimeFormat::microseconds},
                                                       {"ns", TimeFormat::nanoseconds},
                                                       {"iso8601", TimeFormat::iso8601},
                                                       {"auto", {}}})(text);
      },
      "how times are written [ms]; auto decides from the first 100 lines")
      ->group(group);
  app.add_option_function<std::vector<std::string>>(
         "--where",
         [&](const auto& texts) {
           const auto add_condition = naming("--where", [&](const std::string& text) {
             run.where.push_back(parse_condition(text));
           });
           for (const auto& text : texts) add_condition(text);
         },
         "only events with this value; repeatable, all must hold")
      ->type_name("FIELD=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  app.add_flag("--discover", run.discover, "print the schema of the input and stop")
      ->disable_flag_override()
      ->group(group);
}

void add_output_options(CLI::App& app, RunOptions& run) {
  const std::string group = "Output";
  add(app, "--emit", "records|starts|sessions|updates",
      one_of<Emit>(run.emit, {{"records", Emit::records},
                              {"starts", Emit::starts},
                              {"sessions", Emit::sessions},
                              {"updates", Emit::updates}}),
      "a line an event, a line a session's first event, a line a session of the whole input, "
      "sorted by time, or with --order event a line each change of a session [records]")
      ->group(group);
  add(app, "--id", "time-of-day|unique",
      one_of<IdForm>(run.id, {{"time-of-day", IdForm::time_of_day}, {"unique", IdForm::unique}}),
      "the form of session_id: user_device_HH:mm:ss, or one that does not repeat [time-of-day]")
      ->group(group);
  app.add_option("--keep", run.keep, "copy this field of the event to its record; repeatable")
      ->type_name("FIELD")
      ->allow_extra_args(false)
      ->group(group);
  add(app, "--format", "jsonl|csv",
      one_of<Format>(run.format, {{"jsonl", Format::jsonl}, {"csv", Format::csv}}), "[jsonl]")
      ->group(group);
  app.add_option("--output", run.output, "write results there [standard output]")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--into", run.into,
                 "also store sessions (and with --emit records the records) in a SQLite database")
      ->type_name("FILE.db")
      ->group(group);
  app.add_option("--state", run.state,
                 "go on where the last run with this file ended, and save the state there at the "
                 "end, on SIGTERM and on SIGINT")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--errors", run.errors, "write what was rejected there, a line of JSON each")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--strict", run.strict, "exit with 1 if anything was rejected")
      ->disable_flag_override()
      ->group(group);
  app.add_flag("--stats", run.stats, "print counts and times at the end, to standard error")
      ->disable_flag_override()
      ->group(group);
  app.add_flag("--progress", run.progress, "print progress to standard error, if it is a terminal")
      ->disable_flag_override()
      ->group(group);
}

void add_generate_options(CLI::App& app, GenerateOptions& generate) {
  auto& clicks = generate.clicks;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  add(
      app, "--events", "N", [&](const auto& text) { generate.events = parse_count(text, 0, most); },
      "how many clicks [3000]");
  add(
      app, "--users", "N",
      [&](const auto& text) { clicks.users = parse_count(text, 1, 100'000'000); },
      "how many users click [3]");
  add(
      app, "--seed", "N", [&](const auto& text) { clicks.seed = parse_count(text, 0, most); },
      "another seed, other clicks [1]");
  add(
      app, "--start", "TIME",
      [&](const std::string& text) {
        const auto time = sessionize::parse_utc<EventClock>(text);
        if (!time) refuse("'" + text + "' is no time: write it as 2022-07-01T00:00:00Z");
        clicks.start = *time;
      },
      "the time of the first click [2022-07-01T00:00:00Z]");
  add(
      app, "--interval", "D", [&](const auto& text) { clicks.interval = parse_duration(text); },
      "the time between two clicks [2s]");
  add(
      app, "--pause", "D", [&](const auto& text) { clicks.pause = parse_duration(text); },
      "the time between them where the stream pauses [15s]");
  add(
      app, "--pause-every", "N",
      [&](const auto& text) { clicks.clicks_between_pauses = parse_count(text, 1, most); },
      "after how many clicks it pauses [60]");
  add(
      app, "--speed", "max|N",
      [&](const std::string& text) {
        if (text != "max") generate.speed = parse_number(text, 0.001, 1e9);
      },
      "as fast as possible, or N times real time [max]");
  add(
      app, "--zipf", "S", [&](const auto& text) { clicks.zipf = parse_number(text, 0, 8); },
      "how unequal the users are: the exponent of Zipf's law; 0 is all alike [0]");
}

[[nodiscard]] bool may_repeat(const CLI::Option& option) {
  return option.get_positional() || option.get_name() == "--where" || option.get_name() == "--keep";
}

/// The parser's own complaint about an option that is given twice says nothing that helps.
void refuse_repetition_ourselves(CLI::App& app) {
  for (auto* option : app.get_options())
    if (!may_repeat(*option)) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
void refuse_repeated(const CLI::App& app) {
  for (const auto* option : app.get_options())
    if (!may_repeat(*option) && option->count() > 1)
      refuse(option->get_name() + " is given more than once");
}

int usage_error(const std::string& what) {
  std::fprintf(stderr, "sessionize: %s (sessionize --help lists the options)\n",
               one_line(what).c_str());
  return exit_usage;
}

/// Refuses to write over what is read, and to write two things into one file.
void check_files(const RunOptions& run) {
  const auto same = [](const std::string& a, const std::string& b) {
    std::error_code none;
    return std::filesystem::is_regular_file(a, none) ? std::filesystem::equivalent(a, b, none)
                                                     : a == b && !std::filesystem::exists(a, none);
  };
  const std::pair<const char*, const std::string&> written[] = {{"--output", run.output},
                                                                {"--errors", run.errors},
                                                                {"--into", run.into},
                                                                {"--late", run.late},
                                                                {"--state", run.state}};
  for (const auto& [option, path] : written) {
    if (path.empty()) continue;
    for (const auto& file : run.files)
      if (same(path, file)) refuse(std::string(option) + " would write over the input " + file);
    for (const auto& [other, other_path] : written)
      if (option != other && same(path, other_path))
        refuse(std::string(option) + " and " + other + " are the same file, " + path);
  }
}

void check(const GenerateOptions& generate) {
  const auto& clicks = generate.clicks;
  const std::int64_t step = std::max({clicks.interval, clicks.pause, milliseconds{1}}).count();
  const auto room = sessionize::ticks_between(clicks.start.time_since_epoch().count(),
                                              std::numeric_limits<std::int64_t>::max());
  if (generate.events > room / static_cast<std::uint64_t>(step))
    refuse(
        "the last click would be later than 64 bits of milliseconds can say: fewer --events, or "
        "a shorter --interval or --pause");
}

/// Options that say nothing in the order, or of the results, that were asked for.
void check_order(const CLI::App& app, const RunOptions& run) {
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  if (run.order == Order::arrival) {
    if (run.emit == Emit::updates)
      refuse("--emit updates is of sessions in event time: add --order event");
    for (const char* name :
         {"--out-of-order", "--lateness", "--late", "--close", "--per-key-watermark",
          "--after-close", "--max-advance", "--gap-field", "--keep-alive-unless"})
      if (given(name)) refuse(std::string(name) + " is for event time: add --order event");
    return;
  }
  if (run.has_windows()) {
    for (const char* name : {"--split-on", "--end-when"})
      if (given(name))
        refuse(std::string(name) +
               " needs events in order: use it with --emit records, or without --order event");
  } else {
    for (const char* name : {"--lateness", "--close", "--per-key-watermark", "--after-close",
                             "--max-advance", "--gap-field", "--keep-alive-unless"})
      if (given(name))
        refuse(std::string(name) + " is for sessions: use it with --emit sessions or updates");
  }
  if (run.session.at_gap == sessionize::AtGap::splits && run.session.gap == milliseconds::zero() &&
      run.has_windows())
    refuse("--gap 0s with --at-gap split leaves no two events together: choose a longer gap");
}

/// What a run asks for that cannot be.
void check(RunOptions& run) {
  std::vector<std::string> names = {"user_id",     "session_id",    "session_time",
                                    "latest_time", "session_start", "event_timestamp",
                                    "reason"};
  if (!run.keep.empty() && (run.emit == Emit::sessions || run.emit == Emit::updates))
    refuse(
        "--keep copies from an event, and a session has many: use it with --emit records or "
        "starts");
  if (!run.state.empty()) {
    if (run.discover) refuse("--state does nothing for --discover: leave it away");
    if (run.is_whole_input())
      refuse(
          "--state goes on with a stream, and --emit sessions needs the whole input: use it with "
          "--emit records or starts, or with --order event");
    if (!run.into.empty())
      refuse("--state goes on with a stream, and --into stores a whole one: leave one away");
  }
  for (const auto& field : run.keep) {
    if (std::find(names.begin(), names.end(), field) != names.end())
      refuse("--keep: the output has a field '" + field + "' already");
    names.push_back(field);
  }
  if (run.files.empty()) run.files.emplace_back("-");
  if (std::count(run.files.begin(), run.files.end(), "-") > 1)
    refuse("standard input can be read once: name '-' once");
  check_files(run);
#ifndef SESSIONIZE_WITH_SQLITE
  if (!run.into.empty()) refuse("--into: this sessionize was built without SQLite");
#endif
}

}  // namespace

std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return text;
}

CommandLine parse_command_line(int argc, char* argv[]) {
  CommandLine line;
  GenerateOptions generate;
  CLI::App app("Cuts a stream of clicks, one JSON object a line, into sessions.", "sessionize");
  app.set_version_flag("--version", "sessionize " SESSIONIZE_VERSION, "print the version");
  app.set_help_flag("--help,-h", "print this help");
  app.get_formatter()->column_width(34);
  app.footer(
      "Exit codes: 0; 1 with --strict, if anything was rejected; 2 for a wrong command line; "
      "3 if something could not be read or written.");
  add_session_options(app, line.run);
  add_event_time_options(app, line.run);
  add_input_options(app, line.run);
  add_output_options(app, line.run);
  auto* generator = app.add_subcommand("generate", "print the clicks of simulated users");
  add_generate_options(*generator, generate);
  refuse_repetition_ourselves(app);
  refuse_repetition_ourselves(*generator);
  try {
    app.parse(argc, argv);
    refuse_repeated(app);
    refuse_repeated(*generator);
    if (generator->parsed()) {
      for (const auto* option : app.get_options())
        if (option->count() > 0)
          refuse(option->get_name() + " does nothing for generate: leave it away");
      check(generate);
      line.generate = generate;
    } else {
      check_order(app, line.run);
      check(line.run);
    }
  } catch (const BadValue& bad) {
    line.exit = usage_error(bad.what);
  } catch (const CLI::Success& success) {
    app.exit(success);  // prints the help or the version
    line.exit = std::cout.flush() ? 0 : exit_io_error;
    if (line.exit != 0) std::fprintf(stderr, "sessionize: cannot write standard output\n");
  } catch (const CLI::ParseError& error) {
    line.exit = usage_error(error.what());
  }
  return line;
}

}  // namespace command
