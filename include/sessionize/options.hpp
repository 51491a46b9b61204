#ifndef SESSIONIZE_OPTIONS_HPP
#define SESSIONIZE_OPTIONS_HPP

#include <sessionize/clock.hpp>
#include <sessionize/rules/carry.hpp>
#include <sessionize/rules/elapsed.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sessionize {
inline namespace v0 {

/// Which earlier event of the key the gap is measured from.
enum class GapFrom : unsigned char {
  previous_arrival,  ///< the one that arrived before it, as SQL's LAG has it (the default)
  latest_time,       ///< the one with the latest time so far
};

/// What happens to an event past the carry horizon of its session's start.
enum class PastCarry : unsigned char {
  is_null,  ///< its record has no session_start, and the recipe's id is null (the default)
  splits,   ///< it starts a new session, with reason `carry`
};

/// What happens to an event of a new key when `max_keys` keys have state already.
enum class AtMaxKeys : unsigned char {
  rejects_new_keys,  ///< the event is rejected, with reason `too_many_keys` (the default)
  /// The one that was silent for longest among sixteen keys, taken in turn, makes room, idle or
  /// not; its session is closed as `evicted`.
  evicts_idle_key,
};

/// What is counted of each key. What is not takes no memory and no time.
enum class Counting : unsigned char {
  on,  ///< the events of each session, and the key's sessions (the default)
  /// The key's sessions. Summaries have no count of events, and the ledger of events (Counters) has
  /// its form for records only.
  off,
  /// Not even these: ordinals are 0. unique_id is KEY_START then: not unique where two sessions of
  /// a key start at one time, which takes times that go back.
  nothing,
};

/// The options of a Sessionizer; the defaults are the SQL recipe's.
template <session_clock Clock>
struct Options {
  using duration = typename Clock::duration;
  static_assert(duration::max() >= std::chrono::hours{24},
                "this clock's durations do not hold a day: give it a wider integer");

  /// A longer time than this between two events of a key starts a session; not negative.
  duration gap = std::chrono::seconds{10};
  /// What happens at exactly the gap.
  AtGap at_gap = AtGap::continues;
  /// Which event the gap is measured from.
  GapFrom gap_from = GapFrom::previous_arrival;
  /// How far a session's start is carried: a duration, or `forever`.
  Horizon<duration> carry = std::chrono::hours{24};
  /// What happens past that.
  PastCarry past_carry = PastCarry::is_null;
  /// How many keys may have state at a time. At least 1; the default is the most a table can hold.
  std::size_t max_keys = UINT32_MAX - 1;
  /// What happens when one more comes.
  AtMaxKeys at_max_keys = AtMaxKeys::rejects_new_keys;
};

}  // namespace v0
}  // namespace sessionize

#endif
