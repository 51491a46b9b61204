#ifndef SESSIONIZE_RULES_REASON_HPP
#define SESSIONIZE_RULES_REASON_HPP

#include <cstddef>
#include <string_view>

namespace sessionize {
inline namespace v0 {

// A rule with a reason of its own needs it here: in SplitReason, at its place in the checking
// order, in CloseReason, in both to_string() and in close_reason(). A rule without is `rule`.

/// Why an event starts a session; `none` where it continues one. The order is the order in which
/// the conditions are checked: where several hold, the first is the reason.
enum class SplitReason : unsigned char {
  none,          ///< the event continues its key's session
  first_event,   ///< the key has no earlier event
  gap,           ///< the time since the key's previous event exceeds the gap
  end_marker,    ///< the previous event was marked as the last of its session
  max_duration,  ///< the session would last longer than it may
  carry,         ///< the session's start is past the carry horizon, which splits by choice
  day_boundary,  ///< the event falls on a later day than the previous one
  value_change,  ///< a watched value differs from the last one that was not null
  rule,          ///< the caller's own rule
};
inline constexpr std::size_t split_reason_count = static_cast<std::size_t>(SplitReason::rule) + 1;

/// Why a session was closed.
enum class CloseReason : unsigned char {
  idle,  ///< the gap passed: found by a next event, or by expire()
  end_marker,
  max_duration,
  carry,
  day_boundary,
  value_change,
  rule,
  flush,    ///< the end of the input
  evicted,  ///< its key made room for a new one
  erased,   ///< its key was erased by the caller
};
inline constexpr std::size_t close_reason_count = static_cast<std::size_t>(CloseReason::erased) + 1;

/// The reason's name as records carry it: "gap", "max_duration", ...
[[nodiscard]] constexpr std::string_view to_string(SplitReason reason) noexcept {
  switch (reason) {
    case SplitReason::none: return "none";
    case SplitReason::first_event: return "first_event";
    case SplitReason::gap: return "gap";
    case SplitReason::end_marker: return "end_marker";
    case SplitReason::max_duration: return "max_duration";
    case SplitReason::carry: return "carry";
    case SplitReason::day_boundary: return "day_boundary";
    case SplitReason::value_change: return "value_change";
    case SplitReason::rule: return "rule";
  }
  return "unknown";
}

/// The reason's name as summaries carry it: "idle", "flush", ...
[[nodiscard]] constexpr std::string_view to_string(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::idle: return "idle";
    case CloseReason::end_marker: return "end_marker";
    case CloseReason::max_duration: return "max_duration";
    case CloseReason::carry: return "carry";
    case CloseReason::day_boundary: return "day_boundary";
    case CloseReason::value_change: return "value_change";
    case CloseReason::rule: return "rule";
    case CloseReason::flush: return "flush";
    case CloseReason::evicted: return "evicted";
    case CloseReason::erased: return "erased";
  }
  return "unknown";
}

/// Why the session before an event with this reason was closed. Precondition: the event starts a
/// session and is not the key's first.
[[nodiscard]] constexpr CloseReason close_reason(SplitReason reason) noexcept {
  switch (reason) {
    case SplitReason::end_marker: return CloseReason::end_marker;
    case SplitReason::max_duration: return CloseReason::max_duration;
    case SplitReason::carry: return CloseReason::carry;
    case SplitReason::day_boundary: return CloseReason::day_boundary;
    case SplitReason::value_change: return CloseReason::value_change;
    case SplitReason::rule: return CloseReason::rule;
    case SplitReason::none:
    case SplitReason::first_event:
    case SplitReason::gap: break;
  }
  return CloseReason::idle;
}

/// Of two reasons for one event, the one that its record carries: the first in checking order.
[[nodiscard]] constexpr SplitReason first_reason(SplitReason a, SplitReason b) noexcept {
  if (a == SplitReason::none) return b;
  if (b == SplitReason::none) return a;
  return a < b ? a : b;
}

}  // namespace v0
}  // namespace sessionize

#endif
