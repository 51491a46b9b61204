#ifndef SESSIONIZE_WINDOWS_RESULT_QUEUE_HPP
#define SESSIONIZE_WINDOWS_RESULT_QUEUE_HPP

#include <sessionize/sink.hpp>
#include <sessionize/windows/session_result.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The results that a sink has yet to take, in order. They are put here when the state has moved,
/// so that a sink that refuses or throws finds them again at the next call.
template <session_clock Clock, session_key Key, class State>
class ResultQueue {
 public:
  using Result = SessionResult<Clock, Key, State>;
  using View = SessionResult<Clock, key_view_t<Key>, const State&>;

  /// Makes room for one more result, so that push() asks for none.
  void make_room() {
    if (step_.size() == step_.capacity()) step_.reserve(std::max<std::size_t>(8, 2 * step_.size()));
  }
  /// Adds a result of the present step, which has its place by `order`, a start. A change of a
  /// session that is closed in the same step is told by its final result.
  void push(Result&& result, typename Clock::time_point order) {
    for (std::size_t i = 0; result.op == Op::final && i < of_event_; ++i) {
      Result& change = step_[i].result;
      if (change.op == Op::retract || change.id_time != result.id_time ||
          !(key_view_t<Key>(change.key) == key_view_t<Key>(result.key)))
        continue;
      result.replaces = std::move(change.replaces);
      step_.erase(step_.begin() + static_cast<std::ptrdiff_t>(i));
      --of_event_;
      break;
    }
    step_.push_back({std::move(result), order});
  }
  /// What is added from now on in this step is due to the watermark.
  void end_event() noexcept { of_event_ = step_.size(); }
  /// Ends the step: its results go by (order, key), and else as they came.
  void finish() {
    of_event_ = 0;
    if (!step_.empty()) put_in_order();
  }
  /// Gives a sink what is there, until it refuses.
  template <class Sink>
  Delivery drain(Sink& sink, WindowCounters& counters) {
    return waiting_.empty() ? Delivery::ok : drain_waiting(sink, counters);
  }
  /// Whether nothing is to be delivered, now or at the end of a step that something has thrown in.
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty() && step_.empty(); }

 private:
  struct Ordered {
    Result result;
    typename Clock::time_point order;
  };

  template <class Sink>
  Delivery drain_waiting(Sink& sink, WindowCounters& counters) {
    while (!waiting_.empty()) {
      const Result& next = waiting_.front();
      if constexpr (takes<Sink, View>) {
        const View view{{key_view_t<Key>(next.key), next.start, next.last, next.events, next.reason,
                         next.ordinal},
                        next.op,
                        next.id_time,
                        next.replaces,
                        next.aggregate};
        if (deliver(sink, view) == Delivery::refused) return Delivery::refused;
      }
      if (next.op == Op::final) {
        counters.events_pending -= *next.events;
        counters.events_emitted += *next.events;
      }
      waiting_.pop_front();
    }
    return Delivery::ok;
  }
  void put_in_order() {
    if (step_.size() > 1)
      std::stable_sort(step_.begin(), step_.end(), [](const Ordered& a, const Ordered& b) {
        if (a.order != b.order) return a.order < b.order;
        return key_view_t<Key>(a.result.key) < key_view_t<Key>(b.result.key);
      });
    {
      // Where one throws (memory), it and those behind it stay for the next step.
      struct EraseMoved {
        std::vector<Ordered>& step;
        std::ptrdiff_t moved = 0;
        ~EraseMoved() { step.erase(step.begin(), step.begin() + moved); }
      } erase{step_};
      for (Ordered& each : step_) {
        waiting_.push_back(std::move(each.result));
        ++erase.moved;
      }
    }
    constexpr std::size_t kept = 1024;
    if (step_.capacity() > kept) std::vector<Ordered>().swap(step_);
  }

  std::vector<Ordered> step_;
  std::size_t of_event_ = 0;  // the first so many are an event's own
  std::deque<Result> waiting_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
