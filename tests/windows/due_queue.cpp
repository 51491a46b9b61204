#include <sessionize/windows/due_queue.hpp>

#include "../property.hpp"
#include "../seeds.hpp"

#include "../catch.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

// Holds: keys go out in the order of the times that they are due at, each at its earliest one, none
// before its time and none twice, whatever was scheduled in between, also behind what has gone out;
// a number that is free is another key's. Would catch: a stretch that is sorted too soon, an entry
// that is out of date and goes out, a key that is lost where lists change.
TEST_CASE("due keys go out in order, at their earliest times", "[windows]") {
  seeds::for_each(200, [&](std::uint64_t seed) {
    property::Random random(seed);
    sessionize::detail::DueKeys keys(static_cast<std::int64_t>(1 + random.below(500)));
    std::map<std::uint32_t, std::int64_t> due;  // the plain model: each key's earliest time
    std::vector<std::uint32_t> numbers;
    std::int64_t now = -1'000;
    for (int step = 0; step < 300; ++step) {
      if (numbers.empty() || random.once_in(4)) numbers.push_back(keys.add(numbers.size()));
      const std::uint32_t number = numbers[random.below(numbers.size())];
      const auto at = now - 50 + static_cast<std::int64_t>(random.below(1'000));
      keys.schedule(number, at);
      if (!due.contains(number) || at < due[number]) due[number] = at;
      if (random.once_in(10)) {
        keys.unschedule(number);
        due.erase(number);
      }
      if (!random.once_in(3)) continue;
      now += static_cast<std::int64_t>(random.below(100));
      std::optional<std::int64_t> last;
      const auto is_due = [&](std::int64_t time) { return time < now; };
      while (const auto place = keys.pop(is_due, sessionize::detail::DueKeys::NoAsking{})) {
        const std::uint32_t gone = numbers.at(*place);
        REQUIRE(due.contains(gone));
        REQUIRE((!last || *last <= due[gone]));
        last = due[gone];
        REQUIRE(*last < now);
        due.erase(gone);
      }
      for (const auto& [left, time] : due) REQUIRE(time >= now);
    }
  });
}
