#ifndef SESSIONIZE_SNAPSHOT_ERROR_HPP
#define SESSIONIZE_SNAPSHOT_ERROR_HPP

#include <string>
#include <string_view>

namespace sessionize {
inline namespace v0 {

/// Why something was not saved or not restored.
enum class SnapshotReason : unsigned char {
  pending_deliveries,  ///< a sink has refused something that is still to be delivered
  cannot_write,        ///< the bytes could not be written
  no_file,             ///< there is no such file
  cannot_read,         ///< the bytes could not be read
  not_a_snapshot,      ///< the bytes are something else
  other_version,       ///< it was saved by another version of the format
  damaged,             ///< the bytes are not those that were saved: cut off, changed, or more
  other_kind,          ///< it is of another class of objects
  other_clock,         ///< its times are of another clock
  other_key_type,      ///< its keys are of another type
  other_rule,          ///< its split rule is another one
  other_options,       ///< another option differs
};

/// The reason's name.
[[nodiscard]] constexpr std::string_view to_string(SnapshotReason reason) noexcept {
  switch (reason) {
    case SnapshotReason::pending_deliveries: return "pending_deliveries";
    case SnapshotReason::cannot_write: return "cannot_write";
    case SnapshotReason::no_file: return "no_file";
    case SnapshotReason::cannot_read: return "cannot_read";
    case SnapshotReason::not_a_snapshot: return "not_a_snapshot";
    case SnapshotReason::other_version: return "other_version";
    case SnapshotReason::damaged: return "damaged";
    case SnapshotReason::other_kind: return "other_kind";
    case SnapshotReason::other_clock: return "other_clock";
    case SnapshotReason::other_key_type: return "other_key_type";
    case SnapshotReason::other_rule: return "other_rule";
    case SnapshotReason::other_options: return "other_options";
  }
  return "unknown";
}

/// Why there is no snapshot, or why an object is as it was before.
struct SnapshotError {
  SnapshotReason reason{};
  std::string message{};  ///< what is wrong, in a sentence: which option, which file
};

}  // namespace v0
}  // namespace sessionize

#endif
