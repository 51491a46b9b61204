#ifndef SESSIONIZE_REJECTION_HPP
#define SESSIONIZE_REJECTION_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sessionize {
inline namespace v0 {

/// Why an event was rejected.
enum class RejectReason : unsigned char {
  missing_key,        ///< the event has no key
  key_type,           ///< the key is neither a text nor an integer
  key_too_long,       ///< the key is longer than the limit
  missing_time,       ///< the event has no time
  time_type,          ///< the time is neither an integer nor a text
  time_format,        ///< the time is a text that is no time
  time_range,         ///< the clock cannot represent the time
  invalid_json,       ///< the line is no JSON
  invalid_utf8,       ///< the line is no UTF-8
  not_an_object,      ///< the line is JSON, but no object
  line_too_long,      ///< the line is longer than the limit
  nesting_too_deep,   ///< the line nests deeper than the limit
  too_many_keys,      ///< the key is new and max_keys keys have state
  too_many_sessions,  ///< it opens a session and max_sessions are open
  too_many_events,    ///< it would have to be kept and max_kept_events are
  gap_range,          ///< its own gap is less than nothing
};
inline constexpr std::size_t reject_reason_count =
    static_cast<std::size_t>(RejectReason::gap_range) + 1;

/// The reason's name as the error stream carries it.
[[nodiscard]] constexpr std::string_view to_string(RejectReason reason) noexcept {
  switch (reason) {
    case RejectReason::missing_key: return "missing_key";
    case RejectReason::key_type: return "key_type";
    case RejectReason::key_too_long: return "key_too_long";
    case RejectReason::missing_time: return "missing_time";
    case RejectReason::time_type: return "time_type";
    case RejectReason::time_format: return "time_format";
    case RejectReason::time_range: return "time_range";
    case RejectReason::invalid_json: return "invalid_json";
    case RejectReason::invalid_utf8: return "invalid_utf8";
    case RejectReason::not_an_object: return "not_an_object";
    case RejectReason::line_too_long: return "line_too_long";
    case RejectReason::nesting_too_deep: return "nesting_too_deep";
    case RejectReason::too_many_keys: return "too_many_keys";
    case RejectReason::too_many_sessions: return "too_many_sessions";
    case RejectReason::too_many_events: return "too_many_events";
    case RejectReason::gap_range: return "gap_range";
  }
  return "unknown";
}

/// How many bytes of a rejected event's raw data an error carries at most.
inline constexpr std::size_t max_rejected_data = 256;

/// What the error sink gets for each rejected event. The texts are good while it is emitted.
struct Rejection {
  RejectReason reason{};
  std::string_view message{};  ///< what is wrong, and what to do about it
  std::string_view source{};   ///< where the event came from: a file's name; empty if not known
  std::uint64_t position = 0;  ///< its line in that file, or its place in the stream; from 1
  std::string_view data{};     ///< the raw event, its first max_rejected_data bytes
};

/// How many events were rejected, by reason.
class RejectCounts {
 public:
  using ByReason = std::array<std::uint64_t, reject_reason_count>;

  constexpr RejectCounts() = default;
  constexpr explicit RejectCounts(const ByReason& counts) noexcept : counts_(counts) {}

  constexpr void add(RejectReason reason) noexcept { ++counts_[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] constexpr std::uint64_t operator[](RejectReason reason) const noexcept {
    return counts_[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] constexpr std::uint64_t total() const noexcept {
    std::uint64_t sum = 0;
    for (const auto count : counts_) sum += count;
    return sum;
  }
  constexpr RejectCounts& operator+=(const RejectCounts& more) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += more.counts_[i];
    return *this;
  }
  /// A count for each reason, in the order of RejectReason.
  [[nodiscard]] constexpr const ByReason& by_reason() const noexcept { return counts_; }
  friend constexpr bool operator==(const RejectCounts&, const RejectCounts&) = default;

 private:
  ByReason counts_{};
};

}  // namespace v0
}  // namespace sessionize

#endif
