#include "../kinesis/stream.hpp"
#include "../seeds.hpp"
#include "scripted_daemon.hpp"

#include "catch.hpp"
#include "process.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// The program kcl_processor under the vendor's MultiLangDaemon, which reads a local server.

namespace kcl_test {
namespace {

using process_test::Process;
using std::chrono::steady_clock;

bool shell(const std::string& line) {
  return std::system(line.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// The folder of the daemon's jars; empty, and said why, where Java, Maven or the network is
/// missing. Whatever else Maven complains about fails.
std::string jars() {
  const std::string place = SESSIONIZE_KCL_JARS;
  if (!shell("command -v java >/dev/null")) {
    std::cout << "SKIPPED: java is not installed\n";
    return {};
  }
  if (std::filesystem::exists(place)) return place;
  if (!shell("command -v mvn >/dev/null")) {
    std::cout << "SKIPPED: mvn is not installed, and the daemon comes by it\n";
    return {};
  }
  // They come to their place complete, so that runs at the same time do not meet.
  std::filesystem::create_directories(std::filesystem::path(place).parent_path());
  std::string made = place + "-XXXXXX";
  REQUIRE(::mkdtemp(made.data()) != nullptr);
  const process_test::Folder folder;
  const std::string output = folder / "output";
  if (!shell(
          "mvn -q -B -Dstyle.color=never -f '" SESSIONIZE_SOURCE "/tests/kcl/daemon/pom.xml' "
          "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies -DoutputDirectory='" +
          made + "' > '" + output + "' 2>&1")) {
    std::filesystem::remove_all(made);
    const auto complaint = text_of(output);
    const std::regex network(
        "could not transfer|unknown host|name resolution|connect to|connection|unreachable|timed "
        "out",
        std::regex::icase);
    if (!std::regex_search(complaint, network)) FAIL(complaint);
    std::cout << "SKIPPED: mvn does not get the daemon: "
              << complaint.substr(0, complaint.find('\n')) << '\n';
    return {};
  }
  std::error_code is_there;
  std::filesystem::rename(made, place, is_there);
  if (is_there) std::filesystem::remove_all(made);
  return place;
}

struct Application {
  std::string jars, stream;
  process_test::Folder folder{};
  int started = 0;

  [[nodiscard]] std::string database() const { return folder / "sessions.db"; }

  /// Another worker.
  std::unique_ptr<Process> start() {
    const auto name = "worker" + std::to_string(++started), file = folder / (name + ".properties");
    std::filesystem::create_directories(folder / "states");
    std::ofstream(file) << "executableName = " SESSIONIZE_KCL_PROCESSOR " --stream " << stream
                        << " --application " << stream << " --states " << (folder / "states")
                        << " --into " << database() << " --checkpoint-every 200ms --dead-letters "
                        << (folder / "dead") << "\nstreamName = " << stream
                        << "\napplicationName = " << stream << "\nworkerId = " << name
                        << "\nAWSCredentialsProvider = DefaultAWSCredentialsProviderChain"
                           "\nregionName = us-west-2"
                           "\ninitialPositionInStream = TRIM_HORIZON"
                           "\nkinesisEndpoint = "
                        << aws::environment("LOCAL_KINESIS_URL").value()
                        << "\ndynamoDBEndpoint = " << aws::environment("LOCAL_DYNAMODB_URL").value()
                        << "\nretrievalMode = POLLING"
                           "\nmetricsLevel = NONE"
                           "\nbillingMode = PAY_PER_REQUEST"
                           "\nidleTimeBetweenReadsInMillis = 200"
                           "\ncallProcessRecordsEvenForEmptyRecordList = true"
                           "\nfailoverTimeMillis = 2000"
                           "\nshardSyncIntervalMillis = 1000"
                           "\nparentShardPollIntervalMillis = 500\n";
    return std::make_unique<Process>(
        std::vector<std::string>{
            "/bin/sh", "-c",
            "exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Daws.cborEnabled=false "
            "-cp '" +
                jars + "/*' software.amazon.kinesis.multilang.MultiLangDaemon --properties-file '" +
                file + "' > '" + log(name) + "'"},
        folder / (name + ".errors"));
  }
  [[nodiscard]] std::string log(const std::string& name) const { return folder / (name + ".log"); }

  /// How many lines of all workers' logs have this.
  [[nodiscard]] int logged(const std::string& what) const {
    int found = 0;
    for (int i = 1; i <= started; ++i) {
      std::ifstream in(log("worker" + std::to_string(i)));
      for (std::string line; std::getline(in, line);)
        found += line.find(what) != std::string::npos ? 1 : 0;
    }
    return found;
  }
  /// What the workers complained about, and said last.
  [[nodiscard]] std::string complaints() const {
    std::ostringstream text;
    for (int i = 1; i <= started; ++i) {
      std::ifstream in(log("worker" + std::to_string(i)));
      for (std::string line; std::getline(in, line);)
        if (line.find(" ERROR ") != std::string::npos || line.find("STDERR") != std::string::npos)
          text << "worker" << i << ": " << line << '\n';
    }
    return text.str();
  }
};

/// Something that is so within a minute.
void wait_for(const Application& application, const char* what,
              const std::function<bool()>& is_so) {
  const auto end = steady_clock::now() + std::chrono::seconds(60);
  while (!is_so()) {
    CAPTURE(what, application.complaints());
    REQUIRE(steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

// Promise: under the vendor's daemon, with a worker killed, one ended and one added, and a shard
// split, the table is LAG's. Bug: a protocol that only our own daemon speaks.
TEST_CASE("kcl_processor under the MultiLangDaemon") {
  const auto place = jars();
  if (place.empty()) return;
  const auto seed = seeds::one(20260101);
  CAPTURE(seed);
  const auto clicks = make_clicks(seed, 3'000, 40);
  std::vector<aws::PutRecord> records;
  for (const auto& click : clicks) {
    Json event = event_of(click);
    event["event_id"] = records.size();
    records.push_back({click.user, event.dump()});
  }
  const std::span<const aws::PutRecord> all(records);
  const auto begin = steady_clock::now();
  const auto tell = [&](const char* what) {
    std::cout << std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin)
                     .count()
              << " ms: " << what << '\n';
  };

  Application application{place, kinesis_test::make_stream(2, all.first(1'000))};
  const auto rows = [&] { return session_rows::sqlite_rows(application.database()); };
  auto first = application.start(), second = application.start();
  wait_for(application, "rows", [&] { return !rows().empty(); });
  tell("the first rows are stored");

  // One that has a lease; the others take over what it had.
  const bool first_has =
      text_of(application.log("worker1")).find("Writing ProcessRecordsMessage") !=
      std::string::npos;
  auto& killed = first_has ? first : second;
  auto& other = &killed == &first ? second : first;
  kinesis_test::put(application.stream, all.subspan(1'000, 1'000));
  killed->kill(SIGKILL);
  CHECK(killed->wait() == -SIGKILL);
  tell("one worker is killed");
  auto client = kinesis_test::kinesis();
  const auto shards = client.list_shards(application.stream);
  REQUIRE(shards);
  REQUIRE(client.split_shard(application.stream, shards->front().id,
                             "85070591730234615865843651857942052864"));
  REQUIRE(client.wait_until_active(application.stream));
  auto third = application.start();
  kinesis_test::put(application.stream, all.subspan(2'000));
  const auto expected = session_rows::closed_rows(kinesis_test::read_back(application.stream));
  CHECK(expected.size() > 400);
  wait_for(application, "the shard's end",
           [&] { return application.logged("Writing ShardEndedMessage") > 0; });
  tell("a shard has ended");
  other->kill(SIGTERM);
  wait_for(application, "all rows", [&] { return rows() == expected; });
  tell("all rows are there");
  session_rows::check_equal(rows(), expected);
  CHECK(std::filesystem::file_size(application.folder / "dead") == 0);
}

}  // namespace kcl_test
