#include "dead_letters.hpp"
#include "session_output.hpp"
#include "session_row.hpp"
#include "shard_source.hpp"

#include <duration_option.hpp>
#include <stop_signal.hpp>

#include <sessionize/content_id.hpp>
#include <sessionize/json/event_reader.hpp>
#include <sessionize/session_id.hpp>
#include <sessionize/sinks/filter.hpp>
#include <sessionize/sinks/kind.hpp>
#include <sessionize/utc.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>

// The program `kinesis_worker`: the records of a stream are events, and their sessions go to a
// table.
//
//   shard_source -> EventReader -> DuplicateFilter -> Sessionizer -> session_output

namespace {

namespace s = sessionize;
using kinesis::EventClock;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Event = s::json::Event<EventClock>;

enum class Emit { sessions, starts };

struct Options {
  std::string stream{};
  aws::ClientOptions client{};
  kinesis::SourceOptions source{};
  std::string into{};
  kinesis::DynamoOptions dynamo{};
  s::Options<EventClock> session{};
  s::DuplicateOptions<EventClock> duplicates{.horizon = std::chrono::minutes(10)};
  s::json::Mapping mapping{};
  bool has_event_id = false;  // it is mapping.fields[0]
  Emit emit = Emit::sessions;
  std::optional<milliseconds> close_idle{};
  milliseconds save_every{1'000};
  std::string dead_letters{};
  bool once = false;
};

aws::Position parse_from(const std::string& text) {
  if (text == "trim-horizon") return aws::TrimHorizon{};
  if (text == "latest") return aws::Latest{};
  const auto time = s::parse_utc<EventClock>(text);
  if (!time)
    throw CLI::ValidationError(
        "--from", "'" + text + "' is none of trim-horizon, latest, 2022-07-01T00:00:00Z");
  return aws::AtTimestamp{*time};
}

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app("Reads the events of a Kinesis stream and stores their sessions in a table.");
  std::string table_endpoint;
  app.add_option("--stream", options.stream, "the stream's name")->required();
  app.add_option("--region", options.client.region, "[AWS_REGION]");
  app.add_option("--endpoint", options.client.endpoint,
                 "http://host:port of Kinesis [AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, or the "
                 "region's]");
  app.add_option_function<std::string>(
      "--from", [&](const auto& text) { options.source.from = parse_from(text); },
      "where the first run begins: trim-horizon, latest, or a time in RFC 3339 [trim-horizon]");
  auto* const into = app.add_option("--into", options.into,
                                    "store sessions, state and position in this SQLite database");
  auto* const table =
      app.add_option("--table", options.dynamo.table, "store sessions in this DynamoDB table")
          ->excludes(into);
  app.add_option("--state", options.dynamo.state_file, "keep state and position in this file")
      ->needs(table);
  app.add_option("--table-endpoint", table_endpoint, "the same as --endpoint, of DynamoDB")
      ->needs(table);
  command::add_duration(
      app, "--gap", [&](milliseconds gap) { options.session.gap = gap; },
      "a longer time between two events of a key starts a session [10s]");
  app.add_option("--id", options.dynamo.ids, "the form of session_id: unique or time-of-day")
      ->transform(CLI::CheckedTransformer(std::map<std::string, aws::SessionIds>{
          {"unique", aws::SessionIds::unique}, {"time-of-day", aws::SessionIds::time_of_day}}));
  app.add_option("--emit", options.emit, "sessions when they close, or starts as they come")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Emit>{{"sessions", Emit::sessions}, {"starts", Emit::starts}}));
  app.add_option("--key", options.mapping.key, "the members that make a key [user_id]")
      ->delimiter(',');
  app.add_option("--time", options.mapping.time, "the member with the time [event_timestamp]");
  app.add_option("--device", options.mapping.device, "the member with the device [device_type]");
  app.add_option_function<std::string>(
      "--event-id",
      [&](const auto& field) {
        options.mapping.fields = {field};
        options.has_event_id = true;
      },
      "the member that tells one event from all others [key, time and all of the record]");
  command::add_duration(
      app, "--duplicates", [&](milliseconds horizon) { options.duplicates.horizon = horizon; },
      "an event that comes again within this time of arrival is dropped [10m]");
  command::add_duration(
      app, "--close-idle", [&](milliseconds idle) { options.close_idle = idle; },
      "close sessions whose last event is so old by the wall clock, the gap at least [never]");
  command::add_duration(
      app, "--save-every", [&](milliseconds span) { options.save_every = span; },
      "how often state and position are saved [1s]");
  command::add_duration(
      app, "--read-interval", [&](milliseconds span) { options.source.read_interval = span; },
      "between two requests for a shard; under 200ms is for servers that have no limits [250ms]");
  app.add_option("--batch", options.source.max_records, "records in an answer at most [10000]")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--dead-letters", options.dead_letters,
                 "where to write what cannot be processed [standard error]");
  app.add_flag("--once", options.once, "read what is there, close all sessions, store them, end");
  try {
    app.parse(argc, argv);
    if (options.into.empty() == options.dynamo.table.empty())
      throw CLI::ValidationError("give --into FILE.db, or --table NAME and --state FILE");
    if (!options.dynamo.table.empty() && options.dynamo.state_file.empty())
      throw CLI::ValidationError("--table", "needs --state FILE");
    if (options.emit == Emit::sessions && options.dynamo.ids == aws::SessionIds::time_of_day)
      throw CLI::ValidationError("--id", "time-of-day is of the device of a start: --emit starts");
    if (options.close_idle && *options.close_idle < options.session.gap)
      throw CLI::ValidationError("--close-idle", "is not shorter than --gap");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.dynamo.client.region = options.client.region;
  options.dynamo.client.endpoint = table_endpoint;
  return std::nullopt;
}

/// Sleeps until a signal ends it.
void sleep_until_stopped(milliseconds delay) {
  constexpr milliseconds piece{100};
  for (const auto end = steady_clock::now() + delay;
       !command::StopSignal::came() && steady_clock::now() < end;)
    static_cast<void>(::poll(
        nullptr, 0,
        static_cast<int>(
            std::min(piece, std::chrono::ceil<milliseconds>(end - steady_clock::now())).count())));
}

class Worker {
 public:
  explicit Worker(Options options)
      : options_(std::move(options)),
        dead_letters_(options_.dead_letters),
        client_(options_.client),
        source_(kinesis::reader_of(client_, options_.stream), options_.source),
        reader_(options_.mapping),
        state_{s::DuplicateFilter<EventClock, s::ContentId>(options_.duplicates),
               s::Sessionizer<EventClock, std::string>(options_.session)} {
    if (!dead_letters_.ok())
      throw std::runtime_error("cannot write --dead-letters " + options_.dead_letters);
    if (options_.into.empty())
      output_ = std::make_unique<kinesis::DynamoOutput>(options_.dynamo, dead_letters_);
    else
      output_ = std::make_unique<kinesis::SqliteOutput>(options_.into, options_.stream);
  }

  void run() {
    // Saved before the first record, so that --from latest is the same moment after a restart.
    if (!go_on()) output_->finish(state_, position());
    auto saved_at = steady_clock::now();
    while (!command::StopSignal::came()) {
      const auto batch = source_.read(options_.save_every);
      if (!batch)
        throw std::runtime_error("the stream " + options_.stream + ": " + batch.error().text());
      for (const auto& record : batch->records) take(batch->shard, record);
      output_->poll();
      if (options_.once && source_.caught_up()) {
        static_cast<void>(state_.sessions.flush(sink()));
        break;
      }
      if (steady_clock::now() >= saved_at + options_.save_every) {
        close_idle();
        output_->save(state_, position());
        saved_at = steady_clock::now();
      }
    }
    output_->finish(state_, position());
  }

  [[nodiscard]] aws::Json counters() const {
    const auto& read = source_.counters();
    const auto events = state_.sessions.counters();
    const auto duplicates = state_.duplicates.counters();
    return {{"read",
             {{"records", read.records},
              {"throttled", read.throttled},
              {"failures", read.failures},
              {"expired_iterators", read.expired_iterators},
              {"ended_shards", read.ended_shards},
              {"lost_shards", read.lost_shards}}},
            {"malformed", malformed_},
            {"duplicates", duplicates.duplicates},
            {"forgotten_early", duplicates.forgotten_early},
            {"events", events.accepted},
            {"sessions_started", events.sessions_started},
            {"sessions_open", state_.sessions.size()},
            {"output", output_->counters()}};
  }

 private:
  /// Reads the state of an earlier run.
  bool go_on() {
    const auto saved = output_->restore(state_);
    if (!saved) return false;
    const auto position = aws::Json::parse(*saved, nullptr, false);
    if (!position.is_object() || position.value("stream", "") != options_.stream ||
        !source_.restore(position.value("source", aws::Json())))
      throw std::runtime_error("cannot go on: the state is of another stream or program");
    malformed_ = position.value("malformed", std::uint64_t{0});
    return true;
  }
  [[nodiscard]] std::string position() const {
    return aws::Json{
        {"stream", options_.stream}, {"source", source_.position()}, {"malformed", malformed_}}
        .dump();
  }

  void take(const std::string& shard, const aws::KinesisRecord& record) {
    const auto event = reader_.read(record.data);
    if (!event) {
      ++malformed_;
      if (!dead_letters_.put(shard, record, event.error()))
        throw std::runtime_error("cannot write --dead-letters " + options_.dead_letters);
      return;
    }
    // Goes by the time of arrival: an event's own can be wrong.
    if (!state_.duplicates.is_new(id_of(*event), record.arrival)) return;
    const std::span<const Event> one(&*event, 1);
    static_cast<void>(state_.sessions.process(one, s::by(&Event::key, &Event::time), sink()));
  }
  [[nodiscard]] s::ContentId id_of(const Event& event) const {
    if (options_.has_event_id)
      if (const auto id = event.fields[0].nullable())
        return s::content_id(*id, EventClock::time_point{});
    return s::content_id(event.key, event.time, event.line);
  }

  /// Where the sessionizer's answers go; an output waits, and refuses nothing.
  struct Sink {
    Worker& worker;
    void operator()(const s::SummaryView<EventClock, std::string>& session) {
      if (worker.options_.emit == Emit::sessions) worker.output_->put(kinesis::row_of(session));
    }
    void operator()(const s::RecordView<EventClock, std::string, Event>& record) {
      if (worker.options_.emit == Emit::starts && record.starts_session()) worker.put_start(record);
    }
  };
  [[nodiscard]] Sink sink() { return {*this}; }

  void put_start(const s::RecordView<EventClock, std::string, Event>& start) {
    output_->put({.session_id = options_.dynamo.ids == aws::SessionIds::unique
                                    ? kinesis::id_text(s::unique_id, start)
                                    : kinesis::id_text(s::time_of_day_id(&Event::device), start),
                  .session_time = kinesis::time_of_day(start.time),
                  .user_id = std::string(start.key),
                  .session_start = start.time.time_since_epoch().count(),
                  .reason = std::string(to_string(start.reason))});
  }
  /// Closes what has been silent for long by the wall clock, once everything that has arrived until
  /// then is read.
  void close_idle() {
    const auto now = source_.caught_up();
    if (!options_.close_idle || !now) return;
    const auto closed =
        state_.sessions.expire(*now - *options_.close_idle + options_.session.gap, sink());
    // A run that goes on from an earlier state may decide otherwise: nothing may follow from this
    // decision before it is saved.
    if (closed.sessions != 0) output_->finish(state_, position());
  }

  Options options_;
  kinesis::DeadLetters dead_letters_;
  aws::Kinesis client_;
  kinesis::ShardSource source_;
  s::json::EventReader<EventClock> reader_;
  kinesis::State state_;
  std::unique_ptr<kinesis::SessionOutput> output_;
  std::uint64_t malformed_ = 0;
};

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  const command::StopSignal stop;
  options.source.sleep = sleep_until_stopped;
  try {
    Worker worker(std::move(options));
    worker.run();
    std::cerr << worker.counters().dump() << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "kinesis_worker: " << problem.what() << '\n';
    return 3;
  }
}
