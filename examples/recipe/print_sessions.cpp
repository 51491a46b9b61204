#include <dynamodb.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

// The program `print_sessions`: the items of a session table, in the order of their times.
// usage: print_sessions TABLE   (region, endpoint and keys are the environment's)

namespace {

constexpr std::array columns = {"session_id", "session_time", "user_id"};
using Row = std::array<std::string, columns.size()>;

struct Session {
  std::int64_t start = 0;  // 0 for the items of a function that knew none
  Row row{};
};

Session read_session(const aws::Item& item) {
  const auto value = [&](const char* name, const char* type) -> std::string {
    const auto member = item.find(name);
    if (member == item.end() || !member->contains(type)) return "";
    return member->at(type).get<std::string>();
  };
  Session session;
  session.start = std::strtoll(value("session_start", "N").c_str(), nullptr, 10);
  for (std::size_t i = 0; i < columns.size(); ++i) session.row[i] = value(columns[i], "S");
  return session;
}

void print(const Row& row, const std::array<std::size_t, columns.size()>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    line += row[i];
    if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
  }
  std::cout << line << '\n';
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::cerr << "usage: print_sessions TABLE\n";
    return 2;
  }
  aws::ClientOptions options;
  options.retry.max_attempts = 10;
  aws::DynamoDb dynamodb(options);
  const auto items = dynamodb.scan(argv[1]);
  if (!items) {
    std::cerr << "print_sessions: cannot read the table " << argv[1] << ": " << items.error().text()
              << '\n';
    return 3;
  }
  std::vector<Session> sessions;
  sessions.reserve(items->size());
  for (const auto& item : *items) sessions.push_back(read_session(item));
  std::sort(sessions.begin(), sessions.end(), [](const Session& a, const Session& b) {
    return a.start != b.start ? a.start < b.start : a.row < b.row;
  });

  std::array<std::size_t, columns.size()> widths{};
  Row names, lines;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    names[i] = columns[i];
    widths[i] = names[i].size();
    for (const auto& session : sessions) widths[i] = std::max(widths[i], session.row[i].size());
    lines[i] = std::string(widths[i], '-');
  }
  print(names, widths);
  print(lines, widths);
  for (const auto& session : sessions) print(session.row, widths);
  return std::cout.flush() ? 0 : 3;
}
