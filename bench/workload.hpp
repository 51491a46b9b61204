#ifndef SESSIONIZE_BENCH_WORKLOAD_HPP
#define SESSIONIZE_BENCH_WORKLOAD_HPP

#include <sessionize/clock.hpp>
#include <sessionize/key.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// The streams that every engine decides on: columns of keys and times, of fixed seeds. An event
// comes every millisecond, of a user drawn at random, and about every tenth starts a session.

namespace bench {

using Milliseconds = sessionize::EventClock;
using Nanoseconds = sessionize::BasicEventClock<std::chrono::nanoseconds>;
using Integer = std::uint64_t;
using Text = std::string_view;

/// What kind of key a user has: a number that is spread over 64 bits, a UUID of 36 characters, or a
/// text of 8 to 36 characters.
enum class Keys { integers, uuids, mixed };

template <class Clock, class Key>
struct Event {
  Key key;
  typename Clock::time_point time;
};

/// Events in order of arrival, a column for each thing that is known of them.
template <class Clock, class Key>
struct Columns {
  std::vector<Key> keys;
  std::vector<typename Clock::time_point> times;
  std::vector<std::uint32_t> users;  ///< numbered from 0
  /// The same as rows, for process(); integer keys only.
  std::vector<Event<Clock, Key>> rows;
  /// What texts look at: in order of arrival, as if they had just been read.
  std::string bytes;

  Columns() = default;
  Columns(Columns&&) = default;
  Columns& operator=(Columns&&) = default;
};

/// One stream: an event of each user to fill the tables with, and the events of each round.
template <class Clock, class Key>
struct Workload {
  Columns<Clock, Key> first;
  std::vector<Columns<Clock, Key>> rounds;
  typename Clock::duration gap{};
};

/// A number below `bound`, and the next state of the sequence that it is from.
inline std::uint64_t below(std::uint64_t bound, std::uint64_t& state) {
  return sessionize::detail::multiply(sessionize::detail::splitmix64(state), bound).high;
}
/// A number from above 0 to 1.
inline double fraction(std::uint64_t& state) {
  return (static_cast<double>(sessionize::detail::splitmix64(state) >> 11) + 1) * 0x1p-53;
}

/// Draws users: all alike, or user k as often as k to the power of -zipf.
class Users {
 public:
  Users(std::uint32_t count, double zipf, std::uint64_t seed) : count_(count), state_(seed) {
    if (zipf == 0) return;
    double sum = 0;
    sums_.reserve(count);
    for (std::uint32_t k = 1; k <= count; ++k) sums_.push_back(sum += std::pow(k, -zipf));
  }

  [[nodiscard]] std::uint32_t count() const { return count_; }
  std::uint32_t next() {
    if (sums_.empty()) return static_cast<std::uint32_t>(below(count_, state_));
    const double drawn = fraction(state_) * sums_.back();
    return static_cast<std::uint32_t>(std::lower_bound(sums_.begin(), sums_.end(), drawn) -
                                      sums_.begin());
  }
  /// Which part of all events is of this user.
  [[nodiscard]] double share(std::uint32_t user) const {
    if (sums_.empty()) return 1.0 / count_;
    return (sums_[user] - (user == 0 ? 0 : sums_[user - 1])) / sums_.back();
  }
  /// How many events come within the gap that one of ten events is beyond.
  [[nodiscard]] double gap() const {
    // Of each event's user, whose next event comes after an exponential time.
    Users drawn = *this;
    std::vector<double> shares;
    for (int i = 0; i < 100'000; ++i) shares.push_back(drawn.share(drawn.next()));
    double low = 0, high = 1e12;
    for (int step = 0; step < 60; ++step) {
      const double middle = (low + high) / 2;
      double beyond = 0;
      for (const double share : shares) beyond += std::exp(-share * middle);
      (beyond > 0.1 * static_cast<double>(shares.size()) ? low : high) = middle;
    }
    return high;
  }

 private:
  std::uint32_t count_;
  std::uint64_t state_;
  std::vector<double> sums_;
};

/// Writes one stream's events into columns.
template <class Clock, class Key>
class Writer {
 public:
  using Time = typename Clock::time_point;

  Writer(Columns<Clock, Key>& columns, std::size_t events, Keys kind)
      : columns_(columns), kind_(kind) {
    columns.keys.reserve(events);
    columns.times.reserve(events);
    columns.users.reserve(events);
    if constexpr (std::same_as<Key, Text>) columns.bytes.reserve(events * 36);
  }
  void add(std::uint32_t user, Time time) {
    columns_.keys.push_back(key_of(user));
    columns_.times.push_back(time);
    columns_.users.push_back(user);
  }

 private:
  Key key_of(std::uint32_t user) {
    std::uint64_t state = user;
    const std::uint64_t high = sessionize::detail::splitmix64(state);
    if constexpr (std::same_as<Key, Integer>) {
      return high;
    } else {
      constexpr char hex[] = "0123456789abcdef";
      const std::uint64_t low = sessionize::detail::splitmix64(state);
      std::string& bytes = columns_.bytes;
      const std::size_t begin = bytes.size();
      // What is cut off a UUID may leave two users with one text: the number makes it the user's.
      if (kind_ == Keys::mixed) bytes.append(std::to_string(user)).push_back('.');
      for (unsigned digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) bytes += '-';
        bytes += hex[((digit < 16 ? high : low) >> (4 * (digit % 16))) & 15U];
      }
      if (kind_ == Keys::mixed) bytes.resize(begin + 8 + high % 29);
      return Text(bytes.data() + begin, bytes.size() - begin);
    }
  }

  Columns<Clock, Key>& columns_;
  Keys kind_;
};

template <class Clock>
typename Clock::duration events_apart(double events) {
  constexpr std::chrono::milliseconds step{1};
  return static_cast<std::int64_t>(events) * typename Clock::duration{step};
}
/// When streams begin: 2022-07-01T00:00:00Z.
template <class Clock>
inline constexpr typename Clock::time_point stream_begin{std::chrono::seconds{1'656'633'600}};

/// All users, in another order than that of their numbers, which would be kind to some tables.
inline std::vector<std::uint32_t> in_random_order(std::uint32_t users, std::uint64_t seed = 1) {
  std::vector<std::uint32_t> order(users);
  std::uint64_t state = seed;
  for (std::uint32_t i = 0; i < users; ++i) {
    const std::uint64_t at = below(i + 1, state);
    order[i] = order[at];
    order[at] = i;
  }
  return order;
}

/// `rounds` times `events` events, of users who have all been seen before.
template <class Clock, class Key>
Workload<Clock, Key> warm_workload(Users users, std::size_t events, int rounds, Keys kind) {
  Workload<Clock, Key> made;
  const double gap = users.gap();
  made.gap = events_apart<Clock>(gap);
  Writer<Clock, Key> first(made.first, users.count(), kind);
  std::uint64_t state = 2;
  for (const std::uint32_t user : in_random_order(users.count())) {
    // As long ago as if the stream had run forever; it is all the same beyond the gap.
    const double age = std::min(-std::log(fraction(state)) / users.share(user), 2 * gap);
    first.add(user, stream_begin<Clock> - events_apart<Clock>(age));
  }
  std::size_t number = 0;
  for (int round = 0; round < rounds; ++round) {
    auto& columns = made.rounds.emplace_back();
    Writer<Clock, Key> writer(columns, events, kind);
    for (std::size_t i = 0; i < events; ++i, ++number)
      writer.add(users.next(),
                 stream_begin<Clock> + events_apart<Clock>(static_cast<double>(number)));
    if constexpr (std::same_as<Key, Integer>)
      for (std::size_t i = 0; i < events; ++i)
        columns.rows.push_back({columns.keys[i], columns.times[i]});
  }
  return made;
}

/// Two events a user, for tables that are empty at first: every other event is the next one of all
/// users in random order, those between are of users drawn at random. Each round is the same.
template <class Clock, class Key>
Workload<Clock, Key> cold_workload(Users users, Keys kind) {
  Workload<Clock, Key> made;
  made.gap = events_apart<Clock>(users.gap());
  auto& columns = made.rounds.emplace_back();
  Writer<Clock, Key> writer(columns, std::size_t{users.count()} * 2, kind);
  auto time = stream_begin<Clock>;
  for (const std::uint32_t user : in_random_order(users.count()))
    for (const std::uint32_t next : {user, users.next()})
      writer.add(next, time += events_apart<Clock>(1));
  return made;
}

}  // namespace bench

#endif
