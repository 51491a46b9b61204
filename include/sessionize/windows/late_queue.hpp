#ifndef SESSIONIZE_WINDOWS_LATE_QUEUE_HPP
#define SESSIONIZE_WINDOWS_LATE_QUEUE_HPP

#include <sessionize/clock.hpp>
#include <sessionize/key.hpp>
#include <sessionize/rules/split_rule.hpp>
#include <sessionize/sink.hpp>
#include <sessionize/windows/session_result.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// The late events that are known to be late only after their own call, and that a late sink has
/// yet to be told of. They are put here while the state moves and told once it has; those behind
/// one that the sink throws at, by the next call.
template <session_clock Clock, session_key Key>
class LateQueue {
 public:
  using time_point = typename Clock::time_point;
  using View = LateEvent<Clock, key_view_t<Key>, NoEvent>;

  void push(LateReason reason, Key key, time_point time, time_point watermark, std::string data) {
    waiting_.push_back({std::move(key), time, watermark, reason, std::move(data)});
  }
  /// Tells a sink of all, by (time, key) and else as they came.
  template <class Late>
  void drain(Late& late) {
    if (!waiting_.empty()) drain_waiting(late);
  }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  void clear() noexcept { waiting_.clear(); }

 private:
  struct Waiting {
    Key key;
    time_point time, watermark;
    LateReason reason;
    std::string data;
  };

  template <class Late>
  void drain_waiting(Late& late) {
    if (waiting_.size() > 1)
      std::stable_sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
        if (a.time != b.time) return a.time < b.time;
        return key_view_t<Key>(a.key) < key_view_t<Key>(b.key);
      });
    while (!waiting_.empty()) {
      const Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      static_cast<void>(deliver(late, View{key_view_t<Key>(next.key), next.time, next.watermark,
                                           next.reason, next.data, nullptr}));
    }
  }

  std::deque<Waiting> waiting_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
