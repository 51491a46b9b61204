#include "record_processor.hpp"
#include "state_store.hpp"

#include <dead_letters.hpp>
#include <duration_option.hpp>
#include <session_output.hpp>
#include <session_row.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

// The program `kcl_processor`: the MultiLangDaemon starts one for each shard, and speaks to it on
// standard input and output.

namespace {

using std::chrono::milliseconds;

struct Options {
  kcl::ProcessorOptions processor{};
  std::string application{};
  std::string folder{};
  std::string into{};
  kinesis::DynamoOptions dynamo{};
  aws::ClientOptions client{};
  std::string dead_letters{};
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app(
      "A record processor for the MultiLangDaemon of the Kinesis Client Library: stores the "
      "sessions of a shard's events in a table.");
  auto& processor = options.processor;
  std::string table_endpoint;
  app.add_option("--stream", processor.stream, "the stream's name, as in the properties")
      ->required();
  app.add_option("--application", options.application,
                 "the application's name, as in the properties")
      ->required();
  app.add_option("--states", options.folder,
                 "the folder of the states: all workers of the application share it, and no other "
                 "application or stream does")
      ->required();
  auto* const into = app.add_option("--into", options.into,
                                    "store sessions in this SQLite database, of one machine");
  auto* const table =
      app.add_option("--table", options.dynamo.table, "store sessions in this DynamoDB table")
          ->excludes(into);
  app.add_option("--region", options.client.region, "[AWS_REGION]");
  app.add_option("--endpoint", options.client.endpoint,
                 "http://host:port of Kinesis [AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, or the "
                 "region's]");
  app.add_option("--table-endpoint", table_endpoint, "the same of DynamoDB")->needs(table);
  command::add_duration(
      app, "--gap", [&](milliseconds gap) { processor.session.gap = gap; },
      "a longer time between two events of a key starts a session [10s]");
  app.add_option("--key", processor.mapping.key,
                 "the members that make a key, which is the partition key [user_id]")
      ->delimiter(',');
  app.add_option("--time", processor.mapping.time, "the member with the time [event_timestamp]");
  command::add_duration(
      app, "--close-idle", [&](milliseconds idle) { processor.close_idle = idle; },
      "close sessions, and forget their users, when records arrive so much later than their last "
      "event; the gap at least [never]");
  command::add_duration(
      app, "--checkpoint-every", [&](milliseconds span) { processor.checkpoint_every = span; },
      "a checkpoint comes so long after the last [10s]");
  app.add_option("--checkpoint-records", processor.checkpoint_records,
                 "or when so many records have come [100000]");
  app.add_option("--dead-letters", options.dead_letters,
                 "where to write what cannot be processed [standard error]");
  try {
    app.parse(argc, argv);
    if (options.into.empty() == options.dynamo.table.empty())
      throw CLI::ValidationError("give --into FILE.db, or --table NAME");
    if (processor.close_idle && *processor.close_idle < processor.session.gap)
      throw CLI::ValidationError("--close-idle", "is not shorter than --gap");
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cerr, std::cerr) == 0 ? 0 : 2;
  }
  options.client.retry = {.longest_delay = std::chrono::seconds(5), .max_attempts = 10};
  options.dynamo.client.region = options.client.region;
  options.dynamo.client.endpoint = table_endpoint;
  return std::nullopt;
}

/// Rows in SQLite, a transaction for each call: processes take turns.
class SqliteRows {
 public:
  explicit SqliteRows(const std::string& path) : table_(path) { commit(); }
  void operator()(std::span<const aws::SessionRow> rows) {
    if (rows.empty()) return;
    table_.begin();
    for (const auto& row : rows) table_.store(kinesis::to_table_row(row));
    commit();
  }

 private:
  void commit() {
    if (!table_.commit()) throw std::runtime_error(table_.complaint());
  }

  command::SessionTable table_;
};

class Program {
 public:
  explicit Program(Options options)
      : options_(std::move(options)),
        dead_letters_(options_.dead_letters),
        states_(options_.folder),
        processor_(options_.processor,
                   {states_,
                    [this] {
                      return aws::Kinesis(options_.client).list_shards(options_.processor.stream);
                    },
                    [this](std::span<const aws::SessionRow> rows) { store(rows); },
                    [this](const std::string& shard, const aws::KinesisRecord& record,
                           std::string_view reason, std::string_view message) {
                      if (!dead_letters_.put(shard, record, reason, message))
                        throw std::runtime_error("cannot write " + options_.dead_letters);
                    }}) {
    if (!dead_letters_.ok()) throw std::runtime_error("cannot write " + options_.dead_letters);
    states_.claim("stream " + options_.processor.stream + ", application " + options_.application);
    if (options_.into.empty())
      dynamo_.emplace(options_.dynamo, dead_letters_);
    else
      sqlite_.emplace(options_.into);
  }

  /// Until the daemon closes its end.
  void run() {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << processor_.take(line) << std::endl;
      if (!std::cout) throw std::runtime_error("the daemon does not read");
    }
  }

  [[nodiscard]] aws::Json counters() const {
    const auto& counts = processor_.counters();
    return {{"shard", processor_.shard()},
            {"records", counts.records},
            {"replayed", counts.replayed},
            {"malformed", counts.malformed},
            {"rows", counts.rows},
            {"checkpoints", counts.checkpoints},
            {"failed_checkpoints", counts.failed_checkpoints},
            {"events", processor_.sessions().counters().accepted},
            {"sessions_open", processor_.sessions().size()}};
  }

 private:
  void store(std::span<const aws::SessionRow> rows) {
    if (sqlite_) return (*sqlite_)(rows);
    for (const auto& row : rows) dynamo_->put(row);
    dynamo_->flush();
  }

  Options options_;
  kinesis::DeadLetters dead_letters_;
  kcl::StateFolder states_;
  std::optional<SqliteRows> sqlite_;
  std::optional<kinesis::DynamoRows> dynamo_;
  kcl::RecordProcessor processor_;
};

}  // namespace

int main(int argc, char* argv[]) {
  // A signal to all of the daemon's group is the daemon's to handle: it asks for a last checkpoint,
  // and closes standard input.
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) std::signal(signal, SIG_IGN);
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  try {
    Program program(std::move(options));
    program.run();
    std::cerr << program.counters().dump() << '\n';
    return 0;
  } catch (const kcl::ProtocolError& problem) {
    std::cerr << "kcl_processor: " << problem.what() << '\n';
    return 4;
  } catch (const std::exception& problem) {
    std::cerr << "kcl_processor: " << problem.what() << '\n';
    return 3;
  }
}
