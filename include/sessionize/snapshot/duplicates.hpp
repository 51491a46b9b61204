#ifndef SESSIONIZE_SNAPSHOT_DUPLICATES_HPP
#define SESSIONIZE_SNAPSHOT_DUPLICATES_HPP

#include <sessionize/duplicates.hpp>
#include <sessionize/snapshot/save.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Ids are written in the order in which they came.
template <class Clock, class Id>
struct SnapshotAccess<DuplicateFilter<Clock, Id>> {
  using Object = DuplicateFilter<Clock, Id>;
  using Time = typename Clock::time_point;

  static void describe(const Object& object, SnapshotDescription& to) {
    to.add("kind", "DuplicateFilter", SnapshotReason::other_kind);
    to.add("clock", SnapshotTraits<Time>::name(), SnapshotReason::other_clock);
    to.add("id", SnapshotTraits<Id>::name(), SnapshotReason::other_key_type);
    to.add("horizon", object.options_.horizon);
    to.add("max_ids", object.options_.max_ids);
  }

  static std::string_view busy(const Object&) { return {}; }

  static void save(const Object& object, SnapshotWriter& out) {
    const DuplicateCounters& counters = object.counters_;
    out.number(counters.seen);
    out.number(counters.duplicates);
    out.number(counters.expired);
    out.number(counters.forgotten_early);
    out.number(counters.without_id);
    out.put(object.time_);
    out.number(std::uint64_t{object.ids_.size()});
    for (auto at = object.oldest_; at != Object::none;) {
      const auto& [id, place] = object.ids_.entries()[at];
      SnapshotTraits<Id>::save(out, id);
      out.put(place.since);
      at = place.newer;
    }
  }

  /// A filter without options.
  using Parts = Object;

  static bool load(const Object& object, SnapshotReader& in, Parts& parts) {
    DuplicateCounters& counters = parts.counters_;
    std::uint64_t size = 0;
    if (!in.number(counters.seen) || !in.number(counters.duplicates) ||
        !in.number(counters.expired) || !in.number(counters.forgotten_early) ||
        !in.number(counters.without_id) || !in.get(parts.time_) || !in.number(size) ||
        size > object.options_.max_ids)
      return false;
    for (Time before = Time::min(); size != 0; --size) {
      Id id{};
      Time since{};
      if (!in.get(id) || !in.get(since) || since < before || since > parts.time_ ||
          exceeds(since, parts.time_, object.options_.horizon, AtGap::continues) ||
          parts.ids_.find(key_view_t<Id>(id)) != nullptr)
        return false;
      parts.add(key_view_t<Id>(id), since);
      before = since;
    }
    return true;
  }

  static void adopt(Object& object, Parts&& parts) noexcept {
    object.ids_ = std::move(parts.ids_);
    object.oldest_ = parts.oldest_;
    object.newest_ = parts.newest_;
    object.time_ = parts.time_;
    object.counters_ = parts.counters_;
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
