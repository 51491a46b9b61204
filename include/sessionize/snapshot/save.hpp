#ifndef SESSIONIZE_SNAPSHOT_SAVE_HPP
#define SESSIONIZE_SNAPSHOT_SAVE_HPP

#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/result.hpp>
#include <sessionize/snapshot/description.hpp>
#include <sessionize/snapshot/error.hpp>
#include <sessionize/snapshot/reader.hpp>
#include <sessionize/snapshot/traits.hpp>
#include <sessionize/snapshot/writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// A snapshot, in the words of SnapshotWriter:
//
//   8 bytes             "\x89SNAP\r\n\x1a": a transfer as text damages it
//   uint32              the version of all that follows
//   uint32, 2 texts each  the description: kind, types, options
//   text                the caller's position
//   ...                 the state, as detail::SnapshotAccess<Object> has it
//   uint32              the CRC-32C of all bytes before it
//
// SnapshotAccess<Object> is the whole of what a class needs that is to have snapshots:
//
//   void describe(const Object&, SnapshotDescription&)
//   std::string_view busy(const Object&)       why it cannot be saved now; empty where it can
//   void save(const Object&, SnapshotWriter&)
//   struct Parts                               what a snapshot is read into
//   bool load(const Object&, SnapshotReader&, Parts&)   false where there are no such parts
//   void adopt(Object&, Parts&&) noexcept      makes them the object's state

namespace sessionize {
inline namespace v0 {

namespace detail {

inline constexpr std::string_view snapshot_magic{"\x89SNAP\r\n\x1a", 8};
inline constexpr std::uint32_t snapshot_version = 1;

template <class Object>
consteval bool check_object() {
  constexpr bool has_snapshots = requires { sizeof(SnapshotAccess<Object>); };
  static_assert(has_snapshots,
                "this is no object that has snapshots: include sessionize/snapshot/snapshot.hpp, "
                "and save a Sessionizer, SessionWindows, Reorder or DuplicateFilter");
  return has_snapshots;
}

template <class Object>
[[nodiscard]] SnapshotDescription description_of(const Object& object) {
  SnapshotDescription description;
  SnapshotAccess<Object>::describe(object, description);
  return description;
}

template <class Object>
[[nodiscard]] Result<std::string, SnapshotError> restore_from(Object& object, SnapshotReader& in) {
  static_assert(check_object<Object>());
  using Access = SnapshotAccess<Object>;
  const auto refusal = [&] { return Failure<SnapshotError>{*in.error()}; };

  char magic[snapshot_magic.size()];
  if (!in.bytes(magic, sizeof magic) || std::string_view(magic, sizeof magic) != snapshot_magic) {
    if (in.error() && in.error()->reason == SnapshotReason::cannot_read) return refusal();
    return Failure{SnapshotError{SnapshotReason::not_a_snapshot, "this is not a snapshot"}};
  }
  std::uint32_t version = 0;
  if (!in.number(version)) return refusal();
  if (version != snapshot_version)
    return Failure{SnapshotError{SnapshotReason::other_version,
                                 "the snapshot is of version " + std::to_string(version) +
                                     " of the format, and this is " +
                                     std::to_string(snapshot_version)}};
  if (!description_of(object).expect(in)) return refusal();
  std::string position;
  typename Access::Parts parts;
  if (!in.get(position)) return refusal();
  if (!Access::load(object, in, parts)) in.damaged();
  if (!in.finish()) return refusal();
  Access::adopt(object, std::move(parts));
  return position;
}

}  // namespace detail

/// Writes the state of `object`, a Sessionizer, SessionWindows, Reorder or DuplicateFilter, with
/// its counters and a `position` of the caller's (any bytes: an offset in a log, a file's name),
/// into any byte sink. The same state gives the same bytes, in whatever order its keys have come
/// and however they are hashed; only where a full object evicts keys (AtMaxKeys::evicts_idle_key)
/// the order of their turns, on which its answers hang, is part of its state. What a sink has
/// refused is in no snapshot: while there is something, saving is refused with
/// `pending_deliveries`. Returns how many bytes were written. n log n in the keys; takes 16 to 32
/// bytes of memory for each.
template <class Object, class Sink>
requires byte_sink<std::remove_reference_t<Sink>>
[[nodiscard]] Result<std::uint64_t, SnapshotError> save(const Object& object, Sink&& sink,
                                                        std::string_view position = {}) {
  static_assert(detail::check_object<Object>());
  using Access = detail::SnapshotAccess<Object>;
  if (const std::string_view busy = Access::busy(object); !busy.empty())
    return Failure{SnapshotError{SnapshotReason::pending_deliveries, std::string(busy)}};
  SnapshotWriter out(sink);
  out.bytes(detail::snapshot_magic);
  out.number(detail::snapshot_version);
  detail::description_of(object).save(out);
  out.put(position);
  Access::save(object, out);
  if (!out.finish())
    return Failure{SnapshotError{SnapshotReason::cannot_write,
                                 "the snapshot cannot be written: its sink has refused it"}};
  return out.size();
}

/// Reads what save() has written, to the end of a byte source, and makes it the state of `object`:
/// it then goes on as the object that was saved would have, but that sweep() begins a new round.
/// Returns the position that was saved with it. A snapshot that is damaged, or of an object of
/// another type or with other options, is refused; then, and where something throws, `object` is
/// as it was. What was pending in it for a sink is gone where it is not. Linear in the snapshot.
template <class Object, class Source>
requires byte_source<std::remove_reference_t<Source>>
[[nodiscard]] Result<std::string, SnapshotError> restore(Object& object, Source&& source) {
  SnapshotReader in(source);
  return detail::restore_from(object, in);
}

}  // namespace v0
}  // namespace sessionize

#endif
