#include "harness.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

// The command's records are, row for row, what DuckDB answers when it runs the SQL recipe; see
// tests/oracle/README.md. Catches any drift of the defaults from the recipe's semantics.

namespace oracle {
namespace {

using command_test::shared_folder;

const std::string folder = SESSIONIZE_ORACLE;

std::string read(const std::string& path) {
  std::ifstream in(path);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<nlohmann::json> run(const std::string& options, const std::string& input) {
  FILE* pipe = popen(("'" SESSIONIZE_COMMAND "' " + options + " '" + input + "'").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  char buffer[65'536];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    out.append(buffer, got);
  REQUIRE(pclose(pipe) == 0);
  std::vector<nlohmann::json> lines;
  std::istringstream in(out);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

/// session_id, session_start, session_time and latest_time of each record, tabs between them.
std::string rows(const std::vector<nlohmann::json>& records) {
  std::string text;
  for (const auto& record : records)
    for (const char* name : {"session_id", "session_start", "session_time", "latest_time"}) {
      const auto& value = record.at(name);
      text += value.is_string() ? value.get<std::string>() : value.dump();
      text += *name == 'l' ? '\n' : '\t';
    }
  return text;
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
  return hash;
}

TEST_CASE("records equal the recipe's rows on the small stream") {
  const std::pair<const char*, const char*> cases[] = {
      {"gap_10s", ""},
      {"gap_30m", "--gap 30m"},
      {"carry_10m", "--carry 10m"},
      {"gap_30m_carry_10m", "--gap 30m --carry 10m"}};
  for (const auto& [name, options] : cases) {
    INFO(name);
    CHECK(rows(run(options, folder + "/clicks.jsonl")) == read(folder + "/" + name + ".tsv"));
  }
}

TEST_CASE("records equal the recipe's rows on the public logs", "[.public_logs]") {
  const std::string shared = shared_folder();
  if (shared.empty()) return;
  std::istringstream digests(read(folder + "/digests.txt"));
  int compared = 0;
  for (std::string line; std::getline(digests, line); ++compared) {
    INFO(line);
    std::istringstream fields(line);
    std::string log, options, count, digest;
    std::getline(fields, log, '\t');
    std::getline(fields, options, '\t');
    std::getline(fields, count, '\t');
    std::getline(fields, digest, '\t');
    const auto records = run(options, shared + "/data/" + log + "/events.jsonl");
    CHECK(records.size() == std::stoul(count));
    CHECK(fnv1a(rows(records)) == std::stoull(digest, nullptr, 16));
  }
  CHECK(compared == 8);
}

TEST_CASE("sessions equal those that the MADlib manual prints", "[.public_logs]") {
  // The manual's rows come out of order; its sessions are those of the events sorted by time.
  const std::string shared = shared_folder();
  if (shared.empty()) return;
  std::multiset<std::string> expected, actual;
  std::istringstream lines(read(shared + "/data/madlib_manual/expected_sessions.jsonl"));
  for (std::string line; std::getline(lines, line);)
    expected.insert(nlohmann::json::parse(line).dump());
  for (const auto& session :
       run("--emit sessions --gap 30m", shared + "/data/madlib_manual/events.jsonl"))
    actual.insert(nlohmann::json{{"user_id", session.at("user_id")},
                                 {"start", session.at("session_start")},
                                 {"last", session.at("session_end")},
                                 {"count", session.at("events")}}
                      .dump());
  CHECK(expected.size() == 7);
  CHECK(actual == expected);
}

}  // namespace
}  // namespace oracle
