#ifndef SESSIONIZE_PROJECTIONS_HPP
#define SESSIONIZE_PROJECTIONS_HPP

#include <string_view>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// How a caller's event type is read; made by by().
template <class KeyOf, class TimeOf, class RawOf>
struct Projections {
  KeyOf key;
  TimeOf time;
  RawOf raw_data;

  /// The same, with the raw data that the error sink gets for a rejected event: a member or a
  /// callable that gives a text.
  template <class Raw>
  [[nodiscard]] constexpr Projections<KeyOf, TimeOf, Raw> raw(Raw raw_of) const {
    return {key, time, std::move(raw_of)};
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
  return {std::move(key), std::move(time), {}};
}

}  // namespace v0
}  // namespace sessionize

#endif
