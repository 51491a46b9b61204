#ifndef SESSIONIZE_SNAPSHOT_REORDER_HPP
#define SESSIONIZE_SNAPSHOT_REORDER_HPP

#include <sessionize/snapshot/sessionizer.hpp>
#include <sessionize/windows/reorder.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Events that are held are written by their SnapshotTraits. What a sink has refused is held, and
/// goes out first.
template <class Clock, class Event>
struct SnapshotAccess<Reorder<Clock, Event>> {
  using Object = Reorder<Clock, Event>;
  using Held = typename Object::Held;
  using Time = typename Clock::time_point;

  static void describe(const Object& object, SnapshotDescription& to) {
    const auto& options = object.options_;
    to.add("kind", "Reorder", SnapshotReason::other_kind);
    to.add("clock", SnapshotTraits<Time>::name(), SnapshotReason::other_clock);
    to.add("event", SnapshotTraits<Event>::name());
    to.add("out_of_order", options.out_of_order ? span_text(*options.out_of_order) : "off");
    to.add("max_events", options.max_events);
  }

  static std::string_view busy(const Object&) { return {}; }

  static void save(const Object& object, SnapshotWriter& out) {
    out.number(object.counters_.offered);
    out.number(object.counters_.released);
    save_counts(out, object.counters_.unordered_by_reason);
    out.put(object.watermark_);
    out.put(object.released_to_);
    std::vector<const Held*> sorted;
    sorted.reserve(object.held_.size());
    for (const Held& held : object.held_) sorted.push_back(&held);
    std::sort(sorted.begin(), sorted.end(),
              [](const Held* a, const Held* b) { return typename Object::GoesLater{}(*b, *a); });
    out.number(std::uint64_t{sorted.size()});
    for (const Held* held : sorted) {
      out.put(held->time);
      out.number(held->arrival);
      SnapshotTraits<Event>::save(out, held->event);
    }
  }

  struct Parts {
    ReorderCounters counters{};
    Time watermark{}, released_to{};
    std::vector<Held> held{};
  };

  static bool load(const Object&, SnapshotReader& in, Parts& parts) {
    std::uint64_t size = 0;
    if (!in.number(parts.counters.offered) || !in.number(parts.counters.released) ||
        !load_counts(in, parts.counters.unordered_by_reason) || !in.get(parts.watermark) ||
        !in.get(parts.released_to) || !in.number(size))
      return false;
    for (; size != 0; --size) {
      Held held{};
      if (!in.get(held.time) || !in.number(held.arrival) || !in.get(held.event)) return false;
      // In the order in which they go out, which is a heap.
      if (!parts.held.empty() && !typename Object::GoesLater{}(held, parts.held.back()))
        return false;
      parts.held.push_back(std::move(held));
    }
    return true;
  }

  static void adopt(Object& object, Parts&& parts) noexcept {
    object.counters_ = parts.counters;
    object.watermark_ = parts.watermark;
    object.released_to_ = parts.released_to;
    object.held_ = std::move(parts.held);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
