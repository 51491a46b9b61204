#ifndef SESSIONIZE_DETAIL_LEDGER_HPP
#define SESSIONIZE_DETAIL_LEDGER_HPP

#include <sessionize/counters.hpp>
#include <sessionize/detail/processor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What Counters are made of: as few numbers as change with an event, so that keeping them costs an
/// event next to nothing. What they leave out is the difference of two that they have.
struct Ledger {
  std::uint64_t accepted = 0;
  std::uint64_t records_pending = 0;
  std::uint64_t events_emitted = 0;
  std::uint64_t events_pending = 0;
  std::uint64_t sessions_started = 0;
  RejectCounts rejected{};
  std::array<std::uint64_t, close_reason_count> sessions_closed_by_reason{};
  /// What count() has counted and the others do not have yet: events in the lower half, splits in
  /// the upper one.
  std::uint64_t recent = 0;

  /// Counts an event that was accepted, and whether the gap has split its key's session there. Both
  /// are in one number: each that changes with an answer holds the next event up.
  SESSIONIZE_INLINE constexpr void count(bool splits) noexcept {
    recent += 1 + (std::uint64_t{splits} << 32);
    if ((recent & 0x8000'0000) != 0) [[unlikely]]
      *this = settled();
  }
  /// The same ledger with nothing in `recent`.
  [[nodiscard]] constexpr Ledger settled() const noexcept {
    Ledger all = *this;
    const std::uint64_t splits = std::exchange(all.recent, 0) >> 32;
    all.accepted += recent & 0xffff'ffff;
    all.sessions_started += splits;
    all.sessions_closed_by_reason[static_cast<std::size_t>(CloseReason::idle)] += splits;
    return all;
  }

  [[nodiscard]] constexpr Counters counters(bool events_are_counted) const noexcept {
    if (recent != 0) return settled().counters(events_are_counted);
    Counters all;
    all.offered = accepted + rejected.total();
    all.accepted = accepted;
    all.rejected = rejected;
    all.records_emitted = accepted - records_pending;
    all.records_pending = records_pending;
    all.events_emitted = events_emitted;
    all.events_open = events_are_counted ? accepted - events_emitted - events_pending : 0;
    all.events_pending = events_pending;
    all.sessions_started = sessions_started;
    all.sessions_closed_by_reason = sessions_closed_by_reason;
    return all;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
