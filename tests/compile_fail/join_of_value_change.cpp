// expect: a join cannot honour value_change: a session does not say which value it had
#include <sessionize/record.hpp>
#include <sessionize/windows/join.hpp>

#include <chrono>
#include <string>

namespace sz = sessionize;
using Summary = sz::Summary<sz::EventClock, std::string>;

struct Click {
  std::string page;
};

int main() {
  const auto join = sz::SessionJoin<Summary, decltype(sz::value_change(&Click::page))>(
      {}, sz::value_change(&Click::page));
  return join.sessions().empty() ? 0 : 1;
}
