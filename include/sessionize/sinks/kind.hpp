#ifndef SESSIONIZE_SINKS_KIND_HPP
#define SESSIONIZE_SINKS_KIND_HPP

#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>

#include <tuple>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// A sink for records alone. Any callable with one argument will do, also a generic lambda.
template <class Sink>
struct OnRecord {
  Sink sink;

  template <record R>
  requires takes<Sink, R> Delivery emit(const R& value) { return deliver(sink, value); }
  Delivery flush() { return end_stream(sink); }
};

/// A sink for summaries alone.
template <class Sink>
struct OnSummary {
  Sink sink;

  template <summary S>
  requires takes<Sink, S> Delivery emit(const S& value) { return deliver(sink, value); }
  Delivery flush() { return end_stream(sink); }
};

namespace detail {
template <class Sink>
struct SinksWithin<OnRecord<Sink>> {
  using type = std::tuple<Sink>;
};
template <class Sink>
struct SinksWithin<OnSummary<Sink>> {
  using type = std::tuple<Sink>;
};
}  // namespace detail

/// Gives `sink` the records and keeps the summaries from it:
/// `on_record([](const auto& record) { ... })`. An lvalue is referred to, a temporary is kept.
template <class Sink>
[[nodiscard]] constexpr OnRecord<Sink> on_record(Sink&& sink) {
  return {std::forward<Sink>(sink)};
}

/// Gives `sink` the summaries and keeps the records from it.
template <class Sink>
[[nodiscard]] constexpr OnSummary<Sink> on_summary(Sink&& sink) {
  return {std::forward<Sink>(sink)};
}

}  // namespace v0
}  // namespace sessionize

#endif
