#ifndef SESSIONIZE_WINDOWS_SESSION_RESULT_HPP
#define SESSIONIZE_WINDOWS_SESSION_RESULT_HPP

#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// What a result says of its session.
enum class Op : unsigned char {
  open,     ///< the session's first result
  update,   ///< it has changed since its last result
  retract,  ///< a result that was emitted is no longer true; another one follows
  final,    ///< it is closed and will not change
};

[[nodiscard]] constexpr std::string_view to_string(Op op) noexcept {
  switch (op) {
    case Op::open: return "open";
    case Op::update: return "update";
    case Op::retract: return "retract";
    case Op::final: return "final";
  }
  return "unknown";
}

/// A session in event time, as sinks get it: a Summary, so that each sink for summaries takes it,
/// and what event time adds. `Key` is a view of the key, and `State` a reference to the aggregate's
/// state, while it is emitted; owned() copies both.
template <session_clock Clock, class Key, class State>
struct SessionResult : Summary<Clock, Key> {
  using time_point = typename Clock::time_point;

  Op op = Op::final;
  /// What the session's unique id is made of: in final_only its start, else the time of the event
  /// that opened it, or that opened the part of it that was opened first. It does not change.
  time_point id_time{};
  /// The id_time of each session with a result that this one has swallowed since its own last
  /// result.
  std::vector<time_point> replaces{};
  /// What its events come to: `aggregate.result()`.
  [[no_unique_address]] State aggregate;

  [[nodiscard]] SessionResult<Clock, owned_key_t<Key>, std::remove_cvref_t<State>> owned() const {
    return {Summary<Clock, Key>::owned(), op, id_time, replaces, aggregate};
  }
};

/// Why an event was told to the late sink.
enum class LateReason : unsigned char {
  closed,            ///< the session that it would form is closed already
  after_close,       ///< it is within the gap of a closed session (AfterClose::is_late)
  final_cut,         ///< a maximum duration has closed the session that it is in
  behind_watermark,  ///< it is before the watermark (ClosePolicy::drops_behind)
  unattached,        ///< it keeps no session alive, and there was none that it is in
  far_future,        ///< it is accepted, but did not move the watermark: see max_advance
};
inline constexpr std::size_t late_reason_count =
    static_cast<std::size_t>(LateReason::far_future) + 1;

[[nodiscard]] constexpr std::string_view to_string(LateReason reason) noexcept {
  switch (reason) {
    case LateReason::closed: return "closed";
    case LateReason::after_close: return "after_close";
    case LateReason::final_cut: return "final_cut";
    case LateReason::behind_watermark: return "behind_watermark";
    case LateReason::unattached: return "unattached";
    case LateReason::far_future: return "far_future";
  }
  return "unknown";
}

/// What a late sink gets. It has no say in how far a call goes: an answer of `refused` is ignored.
template <session_clock Clock, class Key, class Event>
struct LateEvent {
  Key key;
  typename Clock::time_point time;
  typename Clock::time_point watermark;  ///< as it was when the event was decided on
  LateReason reason;
  std::string_view data;  ///< the raw event, its first max_rejected_data bytes
  /// The event; null where it came with an earlier call, as `unattached` ones do. Then `Event` is
  /// NoEvent: a generic sink that reads the event does so behind
  /// `if constexpr (requires { late.event->its_member; })`.
  const Event* event;
};

/// What became of every event that was offered to SessionWindows. After every call, also one that
/// failed,
///
///     offered  = accepted + rejected.total()
///     accepted = events_emitted + events_open + events_pending + lost()
struct WindowCounters {
  std::uint64_t offered = 0;
  std::uint64_t accepted = 0;
  RejectCounts rejected{};

  std::uint64_t events_emitted = 0;  ///< in closed sessions that a sink has
  std::uint64_t events_open = 0;     ///< in open sessions, or waiting for one
  std::uint64_t events_pending = 0;  ///< in closed sessions that a sink has refused
  /// Told to the late sink, by reason; `far_future` ones are in sessions all the same.
  std::array<std::uint64_t, late_reason_count> late_by_reason{};

  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_merged = 0;  ///< swallowed by another one
  std::array<std::uint64_t, close_reason_count> sessions_closed_by_reason{};

  [[nodiscard]] constexpr std::uint64_t late(LateReason reason) const noexcept {
    return late_by_reason[static_cast<std::size_t>(reason)];
  }
  /// The events that are in no session.
  [[nodiscard]] constexpr std::uint64_t lost() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : late_by_reason) sum += count;
    return sum - late(LateReason::far_future);
  }
  [[nodiscard]] constexpr std::uint64_t sessions_closed() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : sessions_closed_by_reason) sum += count;
    return sum;
  }
  [[nodiscard]] constexpr std::uint64_t sessions_closed(CloseReason reason) const noexcept {
    return sessions_closed_by_reason[static_cast<std::size_t>(reason)];
  }
  friend constexpr bool operator==(const WindowCounters&, const WindowCounters&) = default;
};

}  // namespace v0
}  // namespace sessionize

#endif
