#ifndef SESSIONIZE_DETAIL_LEDGER_HPP
#define SESSIONIZE_DETAIL_LEDGER_HPP

#include <sessionize/counters.hpp>

#include <array>
#include <cstdint>

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
    all.sessions_started = sessions_started;
    all.sessions_closed_by_reason = sessions_closed_by_reason;
    return all;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
