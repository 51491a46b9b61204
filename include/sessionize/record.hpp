#ifndef SESSIONIZE_RECORD_HPP
#define SESSIONIZE_RECORD_HPP

#include <sessionize/clock.hpp>
#include <sessionize/key.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/rules/reason.hpp>
#include <sessionize/rules/split_rule.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>

namespace sessionize {
inline namespace v0 {

/// Where one event stands among its key's sessions.
template <session_clock Clock>
struct Placement {
  using clock = Clock;
  using time_point = typename Clock::time_point;

  /// The event's own time (the recipe's latest_time).
  time_point time{};
  /// Why it starts a session; `none` where it continues one.
  SplitReason reason = SplitReason::none;
  /// The start of its session, carried forward; null past the carry horizon.
  std::optional<time_point> session_start{};
  /// The start of its session, whatever the horizon.
  time_point opened_at{};
  /// Which of the key's sessions it belongs to, from 1 since the key's state was created; 0 where
  /// these are not counted (Counting::nothing).
  std::uint64_t ordinal = 0;

  [[nodiscard]] constexpr bool starts_session() const noexcept {
    return reason != SplitReason::none;
  }
  /// The session's start on the event that starts it, null on all others (the recipe's
  /// session_time).
  [[nodiscard]] constexpr std::optional<time_point> session_time() const noexcept {
    if (!starts_session()) return std::nullopt;
    return time;
  }

  friend constexpr bool operator==(const Placement&, const Placement&) = default;
};

/// What a sink gets for each event. `Key` is a view of the key and `Event` a reference to the
/// caller's event while the record is emitted; owned() copies both.
template <session_clock Clock, class Key, class Event>
struct Record : Placement<Clock> {
  Key key;
  Event event;

  /// A copy that holds its own key and event.
  [[nodiscard]] Record<Clock, owned_key_t<Key>, std::remove_cvref_t<Event>> owned() const {
    return {static_cast<const Placement<Clock>&>(*this), owned_key_t<Key>(key), event};
  }

  friend bool operator==(const Record&, const Record&) = default;
};

/// What a sink gets for each closed session. `Key` is a view of the key while the summary is
/// emitted; owned() copies it.
template <session_clock Clock, class Key>
struct Summary {
  using clock = Clock;
  using time_point = typename Clock::time_point;

  Key key;
  time_point start{};  ///< the time of the event that opened it
  time_point last{};   ///< the largest time of its events
  /// How many events it has; null where they are not counted (Counting::off and ::nothing).
  std::optional<std::uint64_t> events{};
  CloseReason reason = CloseReason::flush;
  /// Which of the key's sessions, from 1 since its state was created; 0 where they are not counted.
  std::uint64_t ordinal = 0;

  /// last - start; the longest representable duration where the true one is longer.
  [[nodiscard]] constexpr typename Clock::duration duration() const noexcept {
    return saturating_elapsed(start, last);
  }
  /// A copy that holds its own key.
  [[nodiscard]] Summary<Clock, owned_key_t<Key>> owned() const {
    return {owned_key_t<Key>(key), start, last, events, reason, ordinal};
  }

  friend bool operator==(const Summary&, const Summary&) = default;
};

/// The record and the summary that sinks of a `Sessionizer<Clock, Key>` are called with.
template <session_clock Clock, session_key Key, class Event = NoEvent>
using RecordView = Record<Clock, key_view_t<Key>, const Event&>;
template <session_clock Clock, session_key Key>
using SummaryView = Summary<Clock, key_view_t<Key>>;

/// The answer to one event, by value.
template <session_clock Clock, session_key Key>
struct Decision : Placement<Clock> {
  /// The session that this event closed: the key's previous one, or that of an evicted key. Its
  /// key is a view that is good until the next call to the sessionizer.
  std::optional<SummaryView<Clock, Key>> closed{};
  /// Why the event was rejected; it then has touched no state, and starts no session.
  std::optional<RejectReason> rejected{};

  friend bool operator==(const Decision&, const Decision&) = default;
};

namespace detail {
template <class Clock, class Key, class Event>
void as_record(const Record<Clock, Key, Event>&);
template <class Clock, class Key>
void as_summary(const Summary<Clock, Key>&);
}  // namespace detail

/// A Record of any clock, key and event, or a type derived from one.
template <class T>
concept record = requires(const T& value) {
  detail::as_record(value);
};
/// A Summary of any clock and key, or a type derived from one.
template <class T>
concept summary = requires(const T& value) {
  detail::as_summary(value);
};

}  // namespace v0
}  // namespace sessionize

#endif
