#ifndef SESSIONIZE_COUNTERS_HPP
#define SESSIONIZE_COUNTERS_HPP

#include <sessionize/rejection.hpp>
#include <sessionize/rules/reason.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace sessionize {
inline namespace v0 {

/// What became of every event that was offered. After every call, also one that failed,
///
///     offered  = accepted + rejected.total()
///     accepted = records_emitted + records_pending
///     accepted = events_emitted + events_open + events_pending    (where events are counted)
///
/// "Emitted" is what a sink has taken or does not take by its type, and what observe() and erase()
/// have returned. "Pending" is what a sink refused, or threw at, and will get first next time.
struct Counters {
  std::uint64_t offered = 0;
  std::uint64_t accepted = 0;
  RejectCounts rejected{};

  std::uint64_t records_emitted = 0;
  std::uint64_t records_pending = 0;

  std::uint64_t events_emitted = 0;  ///< in sessions whose summary is emitted
  std::uint64_t events_open = 0;     ///< in open sessions
  std::uint64_t events_pending = 0;  ///< in sessions whose summary is pending

  std::uint64_t sessions_started = 0;
  std::array<std::uint64_t, close_reason_count> sessions_closed_by_reason{};

  [[nodiscard]] constexpr std::uint64_t sessions_closed() const noexcept {
    std::uint64_t sum = 0;
    for (const auto count : sessions_closed_by_reason) sum += count;
    return sum;
  }
  [[nodiscard]] constexpr std::uint64_t sessions_closed(CloseReason reason) const noexcept {
    return sessions_closed_by_reason[static_cast<std::size_t>(reason)];
  }

  /// Adds what became of other events, those of another shard.
  constexpr Counters& operator+=(const Counters& more) noexcept {
    offered += more.offered;
    accepted += more.accepted;
    rejected += more.rejected;
    records_emitted += more.records_emitted;
    records_pending += more.records_pending;
    events_emitted += more.events_emitted;
    events_open += more.events_open;
    events_pending += more.events_pending;
    sessions_started += more.sessions_started;
    for (std::size_t i = 0; i < close_reason_count; ++i)
      sessions_closed_by_reason[i] += more.sessions_closed_by_reason[i];
    return *this;
  }
  friend constexpr bool operator==(const Counters&, const Counters&) = default;
};

}  // namespace v0
}  // namespace sessionize

#endif
