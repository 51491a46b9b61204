#ifndef SESSIONIZE_BENCH_WORKLOAD_HPP
#define SESSIONIZE_BENCH_WORKLOAD_HPP

#include <sessionize/clock.hpp>
#include <sessionize/key.hpp>
#include <sessionize/testing/click_generator.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

// The streams that every engine decides on: fixed seeds, about every tenth event starts a session.

namespace bench {

using Time = sessionize::EventClock::time_point;

template <class Key>
struct Event {
  Key key;
  Time time;
};

enum class Keys { integers, uuids, mixed };

/// One stream, in two parts: an event of each user, to fill the tables with, and a block of events
/// that is decided on again and again, each time `period` later.
template <class Key>
struct Workload {
  std::vector<Event<Key>> first;
  std::vector<Event<Key>> block;
  std::chrono::milliseconds gap{};
  std::chrono::milliseconds period{};
};

/// The key of a user: a number that is spread over 64 bits, a UUID of 36 characters, or a text of 8
/// to 36 characters.
template <class Key>
Key key_of(std::uint64_t user, Keys keys) {
  std::uint64_t state = user;
  const std::uint64_t high = sessionize::detail::splitmix64(state);
  if constexpr (std::is_same_v<Key, std::uint64_t>) {
    return high;
  } else {
    constexpr char hex[] = "0123456789abcdef";
    const std::uint64_t low = sessionize::detail::splitmix64(state);
    std::string text;
    for (int digit = 0; digit < 32; ++digit) {
      if (digit == 8 || digit == 12 || digit == 16 || digit == 20) text += '-';
      text += hex[((digit < 16 ? high : low) >> (4 * (digit % 16))) & 15U];
    }
    // A prefix of 8 characters has 32 bits of `high`: the number makes it the user's alone.
    if (keys == Keys::mixed) text = std::to_string(user) + '.' + text.substr(0, 1 + high % 28);
    return text;
  }
}

/// `events` events of `users` users; `zipf` is how unequal they are.
template <class Key>
Workload<Key> make_workload(std::uint64_t users, std::size_t events, double zipf, Keys keys) {
  constexpr std::chrono::milliseconds step{1};
  sessionize::testing::ClickGenerator clicks({.users = users,
                                              .seed = 2026,
                                              .start = Time{},
                                              .interval = step,
                                              .pause = step,
                                              .zipf = zipf});
  Workload<Key> made;
  std::vector<Key> key;
  for (std::uint64_t user = 1; user <= users; ++user) {
    key.push_back(key_of<Key>(user, keys));
    made.first.push_back({key.back(), Time{}});
  }
  // In another order than that of the keys, which would be kind to some tables.
  std::uint64_t state = 1;
  for (std::size_t i = made.first.size(); i > 1; --i)
    std::swap(
        made.first[i - 1],
        made.first[sessionize::detail::multiply(sessionize::detail::splitmix64(state), i).high]);

  made.period = step * static_cast<std::int64_t>(events);
  std::vector<std::int64_t> previous(users, -1), between;
  for (const auto& click : clicks.take(events)) {
    const std::size_t user = std::stoull(click.user_id.substr(4)) - 1;
    made.block.push_back({key[user], click.time});
    const std::int64_t time = click.time.time_since_epoch().count();
    if (previous[user] >= 0) between.push_back(time - previous[user]);
    previous[user] = time;
  }
  // The gap that nine of ten events are within. Few users come back within a block where there are
  // many: theirs is the mean time between two events of a user, times the 2.3 of a random stream.
  std::sort(between.begin(), between.end());
  made.gap = users * 4 > events ? step * static_cast<std::int64_t>(users * 23 / 10)
                                : std::chrono::milliseconds{between[between.size() * 9 / 10]};
  return made;
}

}  // namespace bench

#endif
