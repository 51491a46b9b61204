#ifndef SESSIONIZE_BENCH_FLOORS_HPP
#define SESSIONIZE_BENCH_FLOORS_HPP

#include "engines.hpp"
#include "workload.hpp"

#include <sessionize/detail/pages.hpp>
#include <sessionize/key.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// What no engine can do without: loops that do one part of the work, and get no sessions right for
// it (but for DenseId). Each reads the columns and writes starts, as the engines do.

namespace bench {

/// Users are numbers that say where their states are: nothing is looked up.
template <class Clock>
class DenseId {
 public:
  DenseId(std::size_t users, ByGap<Clock> splits) : splits_(splits), states_(users) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    for (std::size_t i = 0; i < starts.size(); ++i) {
      State<Clock>& state = states_[columns.users[i]];
      const Time time = columns.times[i];
      state.start = choose(splits_(state, time), time, state.start);
      state.previous = time;
      starts[i] = state.start;
    }
  }

 private:
  ByGap<Clock> splits_;
  std::vector<State<Clock>> states_;
};

/// Which line an event changes: its key's, or one at random, whoever comes often.
enum class Lines { of_keys, at_random };

/// Each event changes one cache line, in as many of them as the library has for so many users.
/// Lines are asked for so far ahead that they come as fast as they can.
template <class Clock>
class LineUpdate {
 public:
  LineUpdate(std::size_t users, ByGap<Clock> splits, Lines lines = Lines::of_keys)
      : splits_(splits),
        step_(lines == Lines::at_random ? 0x9e37'79b9'7f4a'7c15 : 0),
        lines_((users * 36 + 63) / 64) {}

  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    constexpr std::size_t ahead = 96, ring = 128;
    Line* lines[ring];
    for (std::size_t i = 0; i < starts.size() + ahead; ++i) {
      if (i < starts.size()) {
        const std::uint64_t hash = hasher_(columns.keys[i] + step_ * i);
        Line& line = lines_[sessionize::detail::multiply(hash, lines_.size()).high];
        __builtin_prefetch(&line, 1);
        lines[i % ring] = &line;
      }
      if (i < ahead) continue;
      const std::size_t now = i - ahead;
      State<Clock>& state = lines[now % ring]->state;
      const Time time = columns.times[now];
      state.start = choose(splits_(state, time), time, state.start);
      state.previous = time;
      starts[now] = state.start;
    }
  }

 private:
  struct alignas(64) Line {
    State<Clock> state;
  };
  ByGap<Clock> splits_;
  std::uint64_t step_;  // from one event's random number to the next one's
  sessionize::KeyHasher hasher_{1};
  std::vector<Line, sessionize::detail::PageAllocator<Line>> lines_;
};

/// The bytes of each key are hashed, by the library's hash, and that is all.
class HashBytes {
 public:
  template <class Columns, class Time>
  void run(const Columns& columns, std::span<Time> starts) {
    for (std::size_t i = 0; i < starts.size(); ++i)
      starts[i] = columns.times[i] + typename Time::duration{
                                         static_cast<std::int64_t>(hasher_(columns.keys[i]) >> 32)};
  }

 private:
  sessionize::KeyHasher hasher_{1};
};

}  // namespace bench

#endif
