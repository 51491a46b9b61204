#include "dead_letters.hpp"
#include "handles.hpp"
#include "partition_sessions.hpp"
#include "partition_table.hpp"
#include "session_topic.hpp"

#include <duration_option.hpp>
#include <stop_signal.hpp>
#include <wall_time.hpp>

#include <sessionize/json/event_reader.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// The program `kafka_worker`: one of a consumer group. The messages of a topic are events, and
// their sessions go to a table, and from there to another topic.
//
//   consumer group -> EventReader -> PartitionSessions -> PartitionTable -> SessionTopic

namespace {

namespace s = sessionize;
using kafka::EventClock;
using kafka::PartitionSessions;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

enum class From { earliest, latest };

struct Options {
  std::string brokers{};
  std::string topic{};
  std::string group{};
  std::string into{};
  std::string sessions_topic{};
  kafka::Settings settings{};
  From from = From::earliest;
  s::Options<EventClock> session{};
  s::json::Mapping mapping{};
  std::optional<milliseconds> close_idle{};
  milliseconds save_every{1'000};
  std::uint64_t batch = 10'000;
  std::string dead_letters{};
  bool once = false;
};

/// What to do, or the exit code after the help or a complaint.
std::optional<int> parse(int argc, char* argv[], Options& options) {
  CLI::App app("Reads the events of a Kafka topic and stores their sessions in a table.");
  app.add_option("--brokers", options.brokers, "host:port of some brokers, with commas between")
      ->required();
  app.add_option("--topic", options.topic, "the topic with the events")->required();
  app.add_option("--group", options.group, "the consumer group that shares its partitions")
      ->required();
  app.add_option("--into", options.into,
                 "store sessions, state and offsets in this SQLite database, which all workers of "
                 "the group have")
      ->required();
  app.add_option("--sessions-topic", options.sessions_topic, "publish sessions to this topic too");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&](const auto& texts) {
           for (const std::string& text : texts) {
             const auto end = text.find('=');
             if (end == std::string::npos) throw CLI::ValidationError("--set", "takes NAME=VALUE");
             options.settings.emplace_back(text.substr(0, end), text.substr(end + 1));
           }
         },
         "a property of librdkafka for all connections, such as security.protocol=ssl; can be "
         "given again")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  app.add_option("--from", options.from,
                 "where a partition begins that the table has nothing of: earliest or latest "
                 "[earliest]")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, From>{{"earliest", From::earliest}, {"latest", From::latest}}));
  command::add_duration(
      app, "--gap", [&](milliseconds gap) { options.session.gap = gap; },
      "a longer time between two events of a key starts a session [10s]");
  app.add_option("--key", options.mapping.key, "the members that make a key [user_id]")
      ->delimiter(',');
  app.add_option("--time", options.mapping.time, "the member with the time [event_timestamp]");
  command::add_duration(
      app, "--close-idle", [&](milliseconds idle) { options.close_idle = idle; },
      "close sessions whose last event is so old by the wall clock, the gap at least [never]");
  command::add_duration(
      app, "--save-every", [&](milliseconds span) { options.save_every = span; },
      "how often sessions, state and offsets are saved [1s]");
  app.add_option("--batch", options.batch, "save after so many messages, if that is sooner [10000]")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--dead-letters", options.dead_letters,
                 "where to write messages that are no events [standard error]");
  app.add_flag("--once", options.once,
               "read what is there, close all sessions, store them, end; for the only worker of "
               "its group");
  try {
    app.parse(argc, argv);
    if (options.close_idle && *options.close_idle < options.session.gap)
      throw CLI::ValidationError("--close-idle", "is not shorter than --gap");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

/// Of both clients.
kafka::Settings common_settings(const Options& options) {
  kafka::Settings settings = {{"bootstrap.servers", options.brokers},
                              {"client.id", "kafka_worker"}};
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  return settings;
}

[[noreturn]] void fail(const std::string& what, rd_kafka_resp_err_t error) {
  throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
}

class Worker {
 public:
  explicit Worker(Options options)
      : options_(std::move(options)),
        dead_letters_(options_.dead_letters),
        table_(options_.into),
        reader_(options_.mapping) {
    auto settings = common_settings(options_);
    if (!options_.sessions_topic.empty())
      sessions_topic_ =
          std::make_unique<kafka::SessionTopic>(kafka::Settings(settings), options_.sessions_topic);
    settings.insert(settings.begin(), {"partition.assignment.strategy", "cooperative-sticky"});
    // The table has the offsets; the group is told of them for those who watch its lag.
    settings.insert(settings.end(), {{"group.id", options_.group},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     // An offset that is gone is to be seen, not jumped over.
                                     {"auto.offset.reset", "error"},
                                     {"enable.partition.eof", "true"}});
    auto config = kafka::make_config(settings);
    rd_kafka_conf_set_opaque(config.get(), this);
    rd_kafka_conf_set_rebalance_cb(
        config.get(),
        [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
           void* opaque) { static_cast<Worker*>(opaque)->rebalance(what, *partitions); });
    consumer_ = kafka::make_client(RD_KAFKA_CONSUMER, std::move(config));
    rd_kafka_poll_set_consumer(consumer_.get());
  }

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    // librdkafka before 2.3 aborts the program where it frees a consumer of the sticky assignor
    // that never had an assignment. It is closed, and the program ends.
    constexpr int repaired = 0x02030000;
    if (assigned_ == 0 && rd_kafka_version() < repaired) static_cast<void>(consumer_.release());
  }

  void run() {
    try {
      subscribe();
      read();
    } catch (...) {
      problem_ = std::current_exception();
    }
    // Gives the partitions back, each saved, and leaves the group.
    rd_kafka_consumer_close(consumer_.get());
    if (problem_) std::rethrow_exception(problem_);
  }

  [[nodiscard]] nlohmann::json counters() const {
    return {
        {"messages", messages_}, {"malformed", malformed_},
        {"stored", stored_},     {"published", sessions_topic_ ? sessions_topic_->published() : 0},
        {"saves", saves_},       {"refused_saves", refused_saves_},
        {"assigned", assigned_}, {"revoked", revoked_},
        {"lost", lost_}};
  }

 private:
  struct Owned {
    PartitionSessions sessions;
    std::optional<std::int64_t> end{};  // of the partition, where all before it is read
  };
  using Partitions = std::vector<PartitionSessions*>;

  void subscribe() {
    const kafka::PartitionList topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    if (const auto error = rd_kafka_subscribe(consumer_.get(), topics.get()))
      fail("cannot subscribe to " + options_.topic, error);
  }

  void read() {
    constexpr milliseconds piece{100};  // a signal is not waited over for longer
    auto save_at = steady_clock::now() + options_.save_every;
    for (std::uint64_t unsaved = 0; !command::StopSignal::came();) {
      const auto left = std::chrono::ceil<milliseconds>(save_at - steady_clock::now());
      const kafka::Message message(rd_kafka_consumer_poll(
          consumer_.get(), static_cast<int>(std::clamp(left, milliseconds(0), piece).count())));
      if (problem_) return;
      if (message) take(*message);
      if (message) ++unsaved;
      if (options_.once && is_at_end()) {
        for (auto& [partition, owned] : owned_) owned.sessions.flush();
        save();
        if (is_at_end()) return;
      }
      if (unsaved < options_.batch && steady_clock::now() < save_at) continue;
      close_idle();
      save();
      unsaved = 0;
      save_at = steady_clock::now() + options_.save_every;
    }
  }

  void take(const rd_kafka_message_t& message) {
    const auto found = owned_.find(message.partition);
    switch (message.err) {
      case RD_KAFKA_RESP_ERR_NO_ERROR: break;
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (found != owned_.end()) found->second.end = message.offset;
        return;
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        // The partitions are lost, which rebalance() is told; the next poll joins the group again.
        std::cerr << "kafka_worker: " << rd_kafka_message_errstr(&message) << '\n';
        return;
      default:
        throw std::runtime_error(
            "the topic " + options_.topic +
            (message.partition < 0 ? "" : " [" + std::to_string(message.partition) + "]") + ": " +
            rd_kafka_message_errstr(&message));
    }
    if (found == owned_.end()) return;
    auto& [sessions, end] = found->second;
    end.reset();
    const std::string_view data(static_cast<const char*>(message.payload), message.len);
    const auto event = reader_.read(data);
    if (event) {
      messages_ += sessions.take(message.offset, *event) ? 1 : 0;
      return;
    }
    dead_letters_.put(options_.topic, message.partition, message.offset, event.error(), data);
    if (!sessions.skip(message.offset)) return;
    ++messages_;
    ++malformed_;
  }

  /// Whether there is an assignment and all of its partitions are read to their ends.
  [[nodiscard]] bool is_at_end() const {
    return assigned_ != 0 && std::all_of(owned_.begin(), owned_.end(), [](const auto& each) {
             return each.second.end.has_value();
           });
  }

  /// Closes what has been silent for long by the wall clock, in partitions of which all is read
  /// that has come until then.
  void close_idle() {
    if (!options_.close_idle) return;
    constexpr int patience_ms = 1'000;
    const auto now = command::wall_time();
    for (auto& [partition, owned] : owned_) {
      if (!owned.end) continue;
      // Asked for: what the last fetch has said is old where the broker is out of reach.
      std::int64_t first = 0, end = 0;
      if (rd_kafka_query_watermark_offsets(consumer_.get(), options_.topic.c_str(), partition,
                                           &first, &end, patience_ms))
        return;
      if (end <= *owned.end)
        owned.sessions.expire(now - *options_.close_idle + options_.session.gap);
    }
  }

  /// Saves what has changed. What another worker has saved is not this one's any more, or that was
  /// late: its save counts either way, and this one goes on from there until it is told.
  void save() {
    Partitions all;
    for (auto& [partition, owned] : owned_) all.push_back(&owned.sessions);
    const auto refused = store(all);
    if (refused.empty()) return;
    const kafka::PartitionList again(
        rd_kafka_topic_partition_list_new(static_cast<int>(refused.size())));
    Partitions loaded;
    for (auto& [partition, owned] : owned_) {
      if (std::find(refused.begin(), refused.end(), &owned.sessions) == refused.end()) continue;
      owned = load(partition);
      loaded.push_back(&owned.sessions);
      rd_kafka_topic_partition_list_add(again.get(), options_.topic.c_str(), partition)->offset =
          owned.sessions.next_offset().value_or(RD_KAFKA_OFFSET_BEGINNING);
    }
    // The other one may have been killed before it could.
    publish(loaded);
    constexpr int patience_ms = 10'000;
    const kafka::Error error(rd_kafka_seek_partitions(consumer_.get(), again.get(), patience_ms));
    if (error) throw std::runtime_error(rd_kafka_error_string(error.get()));
    for (int i = 0; i < again->cnt; ++i)
      if (again->elems[i].err) fail("cannot go back in " + options_.topic, again->elems[i].err);
  }

  /// Stores what has changed of these, and then publishes it; returns what the table has refused.
  Partitions store(Partitions partitions) {
    std::erase_if(partitions, [](const auto* each) { return !each->has_changed(); });
    if (partitions.empty()) return {};
    std::uint64_t closed = 0, refused_closed = 0;
    for (const auto* const each : partitions) closed += each->closed().size();
    auto refused = table_.save(partitions, sessions_topic_ != nullptr);
    for (const auto* const each : refused) refused_closed += each->closed().size();
    stored_ += closed - refused_closed;
    refused_saves_ += refused.size();
    saves_ += partitions.size() - refused.size();
    std::erase_if(partitions, [&](const auto* each) {
      return std::find(refused.begin(), refused.end(), each) != refused.end();
    });
    publish(partitions);
    report(partitions);
    return refused;
  }

  void publish(const Partitions& partitions) {
    std::string lines;
    for (const auto* const each : partitions) lines += each->outbox();
    if (lines.empty()) return;
    if (!sessions_topic_)
      throw std::runtime_error(
          "the table has sessions that are to be published still: give --sessions-topic");
    // What a signal leaves in the table is the next owner's to publish.
    if (!sessions_topic_->publish(lines, command::StopSignal::came)) return;
    for (auto* const each : partitions) each->was_published();
  }

  /// Tells the group how far these are, for those who watch its lag; nothing goes by it.
  void report(const Partitions& partitions) {
    const kafka::PartitionList offsets(
        rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto& [partition, owned] : owned_)
      if (std::find(partitions.begin(), partitions.end(), &owned.sessions) != partitions.end() &&
          owned.sessions.next_offset())
        rd_kafka_topic_partition_list_add(offsets.get(), options_.topic.c_str(), partition)
            ->offset = *owned.sessions.next_offset();
    if (offsets->cnt != 0) rd_kafka_commit(consumer_.get(), offsets.get(), 1);
  }

  /// A partition as the table has it.
  [[nodiscard]] Owned load(std::int32_t partition) {
    Owned owned{
        PartitionSessions(options_.topic + "/" + std::to_string(partition), options_.session)};
    table_.load(owned.sessions);
    return owned;
  }

  /// Called by librdkafka from within a poll and from within the close, and must not throw.
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t& partitions) {
    const bool assigned = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    try {
      if (problem_) {
        // What is in memory may be halfway: the table's last save stands.
      } else if (assigned) {
        assign(partitions);
      } else {
        revoke(partitions);
      }
    } catch (...) {
      problem_ = std::current_exception();
    }
    try {
      agree(assigned, partitions);
    } catch (...) {
      if (!problem_) problem_ = std::current_exception();
    }
  }

  /// Has librdkafka read partitions, or read them no more.
  void agree(bool assigned, const rd_kafka_topic_partition_list_t& partitions) {
    rd_kafka_t* const client = consumer_.get();
    const char* const protocol = rd_kafka_rebalance_protocol(client);
    if (protocol == nullptr) return;  // the group is left already
    if (protocol == std::string_view("COOPERATIVE")) {
      const kafka::Error error(assigned ? rd_kafka_incremental_assign(client, &partitions)
                                        : rd_kafka_incremental_unassign(client, &partitions));
      if (error)
        throw std::runtime_error("the partitions of " + options_.topic + ": " +
                                 rd_kafka_error_string(error.get()));
    } else if (const auto error = rd_kafka_assign(client, assigned ? &partitions : nullptr)) {
      fail("the partitions of " + options_.topic, error);
    }
  }

  /// Loads partitions and sets where to begin to read them.
  void assign(rd_kafka_topic_partition_list_t& partitions) {
    constexpr int patience_ms = 10'000;
    Partitions opened;
    for (int i = 0; i < partitions.cnt; ++i) {
      auto& place = partitions.elems[i];
      auto& sessions =
          owned_.insert_or_assign(place.partition, load(place.partition)).first->second.sessions;
      std::int64_t first = 0, end = 0;
      if (!sessions.next_offset() && options_.from == From::latest) {
        if (const auto error = rd_kafka_query_watermark_offsets(
                consumer_.get(), place.topic, place.partition, &first, &end, patience_ms))
          fail("the end of " + options_.topic, error);
        sessions.begin_at(end);
      }
      place.offset = sessions.next_offset().value_or(RD_KAFKA_OFFSET_BEGINNING);
      opened.push_back(&sessions);
    }
    publish(opened);
    // --from latest is to be the same moment after a restart.
    static_cast<void>(store(opened));
    ++assigned_;
  }

  /// Saves partitions, so that their next owner goes on from here. Where they are lost, they have
  /// one already.
  void revoke(const rd_kafka_topic_partition_list_t& partitions) {
    const bool lost = rd_kafka_assignment_lost(consumer_.get()) != 0;
    Partitions saved;
    for (int i = 0; i < partitions.cnt && !lost; ++i)
      if (const auto found = owned_.find(partitions.elems[i].partition); found != owned_.end())
        saved.push_back(&found->second.sessions);
    // Twice: the outbox is empty when it is published, and that is saved, too.
    if (store(saved).empty()) static_cast<void>(store(saved));
    for (int i = 0; i < partitions.cnt; ++i) owned_.erase(partitions.elems[i].partition);
    ++(lost ? lost_ : revoked_);
  }

  Options options_;
  kafka::DeadLetters dead_letters_;
  kafka::PartitionTable table_;
  s::json::EventReader<EventClock> reader_;
  std::unique_ptr<kafka::SessionTopic> sessions_topic_;
  std::map<std::int32_t, Owned> owned_;
  std::exception_ptr problem_;  // what a callback has thrown
  std::uint64_t messages_ = 0, malformed_ = 0, stored_ = 0, saves_ = 0, refused_saves_ = 0;
  std::uint64_t assigned_ = 0, revoked_ = 0, lost_ = 0;
  kafka::Client consumer_;  // the last, as its end may call back
};

}  // namespace

int main(int argc, char* argv[]) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  const command::StopSignal stop;
  try {
    Worker worker(std::move(options));
    worker.run();
    std::cerr << worker.counters().dump() << '\n';
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "kafka_worker: " << problem.what() << '\n';
    return 3;
  }
}
