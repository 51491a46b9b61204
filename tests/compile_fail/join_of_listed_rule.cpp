// expect: a join cannot honour end_marker: the last session of a shard does not say
#include <sessionize/record.hpp>
#include <sessionize/windows/join.hpp>

#include <chrono>
#include <string>

namespace sz = sessionize;
using Summary = sz::Summary<sz::EventClock, std::string>;

struct Click {
  bool logout = false;
};

int main() {
  const sz::SessionJoin join =
      sz::SessionJoin<Summary,
                      decltype(sz::any_of(sz::day_boundary(), sz::end_marker(&Click::logout)))>(
          {}, sz::any_of(sz::day_boundary(), sz::end_marker(&Click::logout)));
  return join.sessions().empty() ? 0 : 1;
}
