#ifndef SESSIONIZE_TESTING_SINKS_HPP
#define SESSIONIZE_TESTING_SINKS_HPP

#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/sink.hpp>

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace testing {

/// A Rejection that holds its own texts.
struct RecordedRejection {
  RejectReason reason{};
  std::string message{};
  std::string source{};
  std::uint64_t position = 0;
  std::string data{};
};

/// What a RecordingSink was given.
enum class Recorded : unsigned char { record, summary, rejection, flush };

/// Keeps a copy of everything it is given, as a sink and as an error sink:
///
///     RecordingSink<EventClock, std::string, Click> seen;
///     sessions.process(clicks, by(&Click::user_id, &Click::time), seen, seen);
///     CHECK(seen.records[0].reason == SplitReason::first_event);
template <session_clock Clock, session_key Key, class Event = NoEvent>
struct RecordingSink {
  std::vector<Record<Clock, Key, Event>> records{};
  std::vector<Summary<Clock, Key>> summaries{};
  std::vector<RecordedRejection> rejections{};
  std::vector<Recorded> order{};  ///< the kinds of all of these and of flush(), as they came

  void operator()(const RecordView<Clock, Key, Event>& record) {
    records.push_back(record.owned());
    order.push_back(Recorded::record);
  }
  void operator()(const SummaryView<Clock, Key>& summary) {
    summaries.push_back(summary.owned());
    order.push_back(Recorded::summary);
  }
  void operator()(const Rejection& rejection) {
    rejections.push_back({rejection.reason, std::string(rejection.message),
                          std::string(rejection.source), rejection.position,
                          std::string(rejection.data)});
    order.push_back(Recorded::rejection);
  }
  void flush() { order.push_back(Recorded::flush); }

  /// Forgets everything.
  void clear() { *this = {}; }
};

/// Which calls are refused, as a text: "ok ok refuse" refuses the third call and no other.
class DeliveryScript {
 public:
  /// Precondition: each word of `words` is "ok" or "refuse".
  explicit DeliveryScript(std::string_view words) {
    for (std::size_t at = words.find_first_not_of(' '); at != std::string_view::npos;
         at = words.find_first_not_of(' ', at)) {
      const std::string_view word = words.substr(at, words.find(' ', at) - at);
      assert((word == "ok" || word == "refuse") && "a delivery script says ok or refuse");
      refused_.push_back(word == "refuse");
      at += word.size();
    }
  }

  /// Whether the `call`-th call is refused, from 1; all are taken after the script's end.
  [[nodiscard]] bool operator()(std::uint64_t call) const {
    return call <= refused_.size() && refused_[static_cast<std::size_t>(call - 1)];
  }

 private:
  std::vector<bool> refused_;
};

/// Passes what it is given to a sink, except in the calls that it refuses; made by failing().
template <class Sink, std::predicate<std::uint64_t> Refuses>
class FailingSink {
 public:
  FailingSink(Sink& sink, Refuses refuses) : sink_(&sink), refuses_(std::move(refuses)) {}

  template <class T>
  requires takes<Sink, T> Delivery operator()(const T& value) {
    return refuses_(++calls_) ? Delivery::refused : deliver(*sink_, value);
  }
  Delivery flush() { return refuses_(++calls_) ? Delivery::refused : end_stream(*sink_); }

  /// How often it was called, refused calls and flush() included.
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

 private:
  Sink* sink_;
  Refuses refuses_;
  std::uint64_t calls_ = 0;
};

/// A sink that refuses on the calls for which `refuses(call)` holds, counted from 1, and else
/// passes on to `sink`, which outlives it: `failing(seen, [](auto call) { return call % 3 == 0;
/// })`. What was refused is offered again in a later call.
template <class Sink, std::predicate<std::uint64_t> Refuses>
[[nodiscard]] FailingSink<Sink, Refuses> failing(Sink& sink, Refuses refuses) {
  return {sink, std::move(refuses)};
}
/// The same with the calls given as a text: `failing(seen, "ok ok refuse")`.
template <class Sink>
[[nodiscard]] FailingSink<Sink, DeliveryScript> failing(Sink& sink, std::string_view words) {
  return {sink, DeliveryScript(words)};
}

}  // namespace testing
}  // namespace v0
}  // namespace sessionize

#endif
