#ifndef SESSIONIZE_PROJECTIONS_HPP
#define SESSIONIZE_PROJECTIONS_HPP

#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// The gap of events that have none of their own.
struct NoOwnGap {};
/// Says of every event that it keeps its session alive.
struct AlwaysAlive {
  template <class Event>
  constexpr bool operator()(const Event&) const noexcept {
    return true;
  }
};

/// How a caller's event type is read; made by by(). Each is a pointer to a member or a callable.
template <class KeyOf, class TimeOf, class RawOf, class GapOf = NoOwnGap,
          class AliveOf = AlwaysAlive>
struct Projections {
  KeyOf key;
  TimeOf time;
  RawOf raw_data;
  [[no_unique_address]] GapOf gap_of{};
  [[no_unique_address]] AliveOf alive{};

  /// The same, with the raw data that the error sink gets for a rejected event: a member or a
  /// callable that gives a text.
  template <class Raw>
  [[nodiscard]] constexpr Projections<KeyOf, TimeOf, Raw, GapOf, AliveOf> raw(Raw raw_of) const {
    return {key, time, std::move(raw_of), gap_of, alive};
  }
  /// The same, with the gap that each event has of its own, a duration or an empty std::optional
  /// for the option's; SessionWindows alone looks at it. A negative one is rejected.
  template <class Gap>
  [[nodiscard]] constexpr Projections<KeyOf, TimeOf, RawOf, Gap, AliveOf> gap(Gap own_gap) const {
    return {key, time, raw_data, std::move(own_gap), alive};
  }
  /// The same, with what says whether an event keeps its session alive, a bool; SessionWindows
  /// alone looks at it.
  template <class Alive>
  [[nodiscard]] constexpr Projections<KeyOf, TimeOf, RawOf, GapOf, Alive> keeps_alive(
      Alive is_alive) const {
    return {key, time, raw_data, gap_of, std::move(is_alive)};
  }
};

/// The raw data of events that have none.
struct NoRawData {
  template <class Event>
  constexpr std::string_view operator()(const Event&) const noexcept {
    return {};
  }
};

/// Says which member of an event is its key and which its time: `by(&Click::user, &Click::time)`.
/// Each is a pointer to a member or a callable. A std::optional of a key or a time may be empty:
/// that event is rejected as missing_key or missing_time.
template <class KeyOf, class TimeOf>
[[nodiscard]] constexpr Projections<KeyOf, TimeOf, NoRawData> by(KeyOf key, TimeOf time) {
  return {std::move(key), std::move(time), {}, {}, {}};
}

}  // namespace v0
}  // namespace sessionize

#endif
