#ifndef SESSIONIZE_WINDOWS_REORDER_HPP
#define SESSIONIZE_WINDOWS_REORDER_HPP

#include <sessionize/clock.hpp>
#include <sessionize/detail/nullable.hpp>
#include <sessionize/detail/snapshot_access.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/sessionizer.hpp>
#include <sessionize/sink.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

/// How far out of order events may come, in time and in number.
template <session_clock Clock>
struct ReorderOptions {
  using duration = typename Clock::duration;

  /// The watermark is the largest time seen minus this (not negative), and what comes behind it is
  /// late. Null: only advance_watermark() moves it.
  std::optional<duration> out_of_order = duration{0};
  /// How many events are held at most, at least 1; of more, the earliest goes out early.
  std::size_t max_events = std::size_t{1} << 20;
};

/// Why an event cannot go out in order.
enum class UnorderedReason : unsigned char {
  behind_watermark,  ///< its time is before the watermark
  overtaken,         ///< one with a later time went out early, for want of room, or by flush()
  missing_time,      ///< it has no time
};
inline constexpr std::size_t unordered_reason_count =
    static_cast<std::size_t>(UnorderedReason::missing_time) + 1;

/// The reason's name: "behind_watermark", ...
[[nodiscard]] constexpr std::string_view to_string(UnorderedReason reason) noexcept {
  switch (reason) {
    case UnorderedReason::behind_watermark: return "behind_watermark";
    case UnorderedReason::overtaken: return "overtaken";
    case UnorderedReason::missing_time: return "missing_time";
  }
  return "unknown";
}

/// What the sink of late events gets.
template <session_clock Clock, class Event>
struct Unordered {
  using time_point = typename Clock::time_point;

  std::optional<time_point> time;
  time_point watermark;  ///< when it came
  UnorderedReason reason;
  const Event& event;
};

/// What became of every event that was offered. After every call, also one that threw,
/// offered = released + held + unordered.
struct ReorderCounters {
  std::uint64_t offered = 0;
  std::uint64_t released = 0;  ///< the sink has them
  std::uint64_t held = 0;      ///< are to come, also those that the sink refused
  std::array<std::uint64_t, unordered_reason_count> unordered_by_reason{};

  [[nodiscard]] constexpr std::uint64_t unordered() const noexcept {
    return std::accumulate(unordered_by_reason.begin(), unordered_by_reason.end(),
                           std::uint64_t{0});
  }
  [[nodiscard]] constexpr std::uint64_t unordered(UnorderedReason reason) const noexcept {
    return unordered_by_reason[static_cast<std::size_t>(reason)];
  }
  friend constexpr bool operator==(const ReorderCounters&, const ReorderCounters&) = default;
};

/// Puts events in the order of their times, ties in order of arrival, and passes each on when
/// nothing that is on time could still come before it: a front for a Sessionizer, for those who
/// want a record for each event in event-time order:
///
///     Reorder<EventClock, Click> front({.out_of_order = 1min, .max_events = 100'000});
///     const auto in_order = [&](const Click& click) {
///       const std::span one(&click, 1);
///       const bool is_taken = sessions.process(one, by(&Click::user, &Click::time), out).events;
///       return is_taken ? Delivery::ok : Delivery::refused;
///     };
///     front.process(clicks, &Click::time, in_order, [](const auto& late) { ... });
///     front.flush(in_order);
///
/// The watermark is taken before an event itself: one exactly at it is on time. A sink that refuses
/// or throws has not got its event, which goes out first on the next call, before any other is
/// taken. Not to be called from two threads at once, nor by its sinks. Logarithmic in the events
/// held, amortized.
template <session_clock Clock, std::movable Event>
class Reorder {
 public:
  using time_point = typename Clock::time_point;
  using unordered_type = Unordered<Clock, Event>;

  explicit Reorder(ReorderOptions<Clock> options = {}) : options_(options) {
    assert((!options.out_of_order || options.out_of_order->count() >= 0) &&
           "a bound of disorder is not negative");
    assert(options.max_events > 0 && "at least one event can be held");
  }

  /// Takes events, and gives `sink` each that can go out, as `const Event&`. `time_of` is a pointer
  /// to a member or a callable; events are copied, or moved from a range of rvalues. What cannot go
  /// out in order goes to `late`, as an Unordered; where `late` refuses or throws, that event is
  /// not taken. The call ends at a refusal and says how many events it took; after a throw
  /// counters().offered says it.
  template <std::ranges::input_range Events, class TimeOf, class Sink, class Late>
  Progress process(Events&& events, TimeOf time_of, Sink&& sink, Late&& late) {
    static_assert(takes<std::remove_reference_t<Late>, unordered_type>,
                  "the sink of late events is called with a sessionize::Unordered, and returns "
                  "nothing or sessionize::Delivery");
    Progress progress{0, release(sink)};
    if (progress.delivery == Delivery::refused) return progress;
    for (auto&& item : events) {
      const Event& event = item;
      const auto time = time_in(std::invoke(time_of, event));
      if (const auto reason = disorder(time)) {
        progress.delivery = deliver(late, unordered_type{time, watermark_, *reason, event});
        if (progress.delivery == Delivery::refused) break;
        ++counters_.offered;
        ++counters_.unordered_by_reason[static_cast<std::size_t>(*reason)];
        ++progress.events;
        continue;
      }
      hold(*time, std::forward<decltype(item)>(item));
      ++progress.events;
      progress.delivery = release(sink);
      if (progress.delivery == Delivery::refused) break;
    }
    return progress;
  }
  /// The same where nobody wants to see what is late: it is counted.
  template <std::ranges::input_range Events, class TimeOf, class Sink>
  Progress process(Events&& events, TimeOf time_of, Sink&& sink) {
    return process(std::forward<Events>(events), std::move(time_of), sink,
                   [](const unordered_type&) {});
  }

  /// Says that no event before `watermark` will come, and gives `sink` what can go out. A watermark
  /// never goes back.
  template <class Sink>
  Delivery advance_watermark(time_point watermark, Sink&& sink) {
    watermark_ = std::max(watermark_, watermark);
    return release(sink);
  }

  /// Gives `sink` all events that are held, and tells it that the stream has ended. Events may come
  /// again, though none before the last that has gone out.
  template <class Sink>
  Delivery flush(Sink&& sink) {
    while (!held_.empty()) {
      // Where the sink refuses or throws, the event is due from then on: it goes out first.
      const auto watermark = std::exchange(watermark_, std::max(watermark_, held_.front().time));
      if (release_first(sink) == Delivery::refused) return Delivery::refused;
      watermark_ = watermark;
    }
    return end_stream(sink);
  }

  /// An event before it is late; the clock's least time until it is known.
  [[nodiscard]] time_point watermark() const noexcept { return watermark_; }
  /// How many events are held; one more than max_events at most, where the sink refused.
  [[nodiscard]] std::size_t size() const noexcept { return held_.size(); }
  [[nodiscard]] ReorderCounters counters() const noexcept {
    ReorderCounters counters = counters_;
    counters.held = held_.size();
    return counters;
  }

 private:
  template <class Object>
  friend struct detail::SnapshotAccess;

  struct Held {
    time_point time;
    std::uint64_t arrival;
    Event event;
  };
  struct GoesLater {
    [[nodiscard]] bool operator()(const Held& a, const Held& b) const noexcept {
      return a.time != b.time ? a.time > b.time : a.arrival > b.arrival;
    }
  };

  template <class Given>
  [[nodiscard]] static std::optional<time_point> time_in(const Given& given) {
    static_assert(std::same_as<std::remove_cvref_t<decltype(detail::value_of(given))>, time_point>,
                  "the time projection gives a time_point of the clock, or a std::optional of one");
    if (detail::is_null(given)) return std::nullopt;
    return detail::value_of(given);
  }
  [[nodiscard]] std::optional<UnorderedReason> disorder(
      const std::optional<time_point>& time) const noexcept {
    if (!time) return UnorderedReason::missing_time;
    if (*time < watermark_) return UnorderedReason::behind_watermark;
    if (*time < released_to_) return UnorderedReason::overtaken;
    return std::nullopt;
  }

  template <class Given>
  void hold(time_point time, Given&& event) {
    held_.push_back(Held{time, counters_.offered, Event(std::forward<Given>(event))});
    std::push_heap(held_.begin(), held_.end(), GoesLater{});
    ++counters_.offered;
    if (options_.out_of_order)
      watermark_ = std::max(watermark_, detail::minus(time, *options_.out_of_order));
  }

  /// Gives `sink` what can go out: those at the watermark too, as what comes later and is on time
  /// goes behind them.
  template <class Sink>
  Delivery release(Sink& sink) {
    while (!held_.empty() &&
           (held_.front().time <= watermark_ || held_.size() > options_.max_events))
      if (release_first(sink) == Delivery::refused) return Delivery::refused;
    return Delivery::ok;
  }
  template <class Sink>
  Delivery release_first(Sink& sink) {
    static_assert(takes<Sink, Event>,
                  "this is not a sink of these events: it is called with a const Event&, as "
                  "sink(event) or sink.emit(event), and returns nothing or sessionize::Delivery");
    const Held& first = held_.front();
    if (deliver(sink, first.event) == Delivery::refused) return Delivery::refused;
    released_to_ = first.time;
    ++counters_.released;
    std::pop_heap(held_.begin(), held_.end(), GoesLater{});
    held_.pop_back();
    return Delivery::ok;
  }

  ReorderOptions<Clock> options_;
  std::vector<Held> held_;  // a heap, the next to go out in front
  time_point watermark_ = time_point::min();
  time_point released_to_ = time_point::min();  // the time of the last that went out
  ReorderCounters counters_;
};

}  // namespace v0
}  // namespace sessionize

#endif
