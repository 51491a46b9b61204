#ifndef SESSIONIZE_DETAIL_LEDGER_HPP
#define SESSIONIZE_DETAIL_LEDGER_HPP

#include <sessionize/counters.hpp>
#include <sessionize/rules/reason.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// What Counters are made of: as few numbers as change with an event, so that keeping them costs an
/// event next to nothing. What they leave out follows from what they have.
struct Ledger {
  std::uint64_t accepted = 0;
  std::uint64_t records_pending = 0;
  std::uint64_t events_emitted = 0;
  std::uint64_t events_pending = 0;
  RejectCounts rejected{};
  /// By why they started. Each but those of a key's first event closes the one before it, too.
  std::array<std::uint64_t, split_reason_count> sessions_started{};
  /// Those that are closed otherwise than by the next event of their key.
  std::array<std::uint64_t, close_reason_count> sessions_closed{};

  constexpr std::uint64_t& started(SplitReason reason) noexcept {
    return sessions_started[static_cast<std::size_t>(reason)];
  }
  constexpr std::uint64_t& closed(CloseReason reason) noexcept {
    return sessions_closed[static_cast<std::size_t>(reason)];
  }

  [[nodiscard]] constexpr Counters counters(bool events_are_counted) const noexcept {
    Counters all;
    all.offered = accepted + rejected.total();
    all.accepted = accepted;
    all.rejected = rejected;
    all.records_emitted = accepted - records_pending;
    all.records_pending = records_pending;
    all.events_emitted = events_emitted;
    all.events_open = events_are_counted ? accepted - events_emitted - events_pending : 0;
    all.events_pending = events_pending;
    all.sessions_closed_by_reason = sessions_closed;
    for (std::size_t i = 0; i < split_reason_count; ++i) {
      const auto reason = static_cast<SplitReason>(i);
      all.sessions_started += sessions_started[i];
      if (reason > SplitReason::first_event)
        all.sessions_closed_by_reason[static_cast<std::size_t>(close_reason(reason))] +=
            sessions_started[i];
    }
    return all;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
