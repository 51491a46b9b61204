#ifndef SESSIONIZE_SINK_HPP
#define SESSIONIZE_SINK_HPP

#include <concepts>
#include <tuple>
#include <type_traits>

// What a sink is: anything that is called with a value, as `sink(value)` or `sink.emit(value)`, and
// returns void or a Delivery. The value is a RecordView, a SummaryView, or (for an error sink) a
// Rejection; a sink gets the kinds that it can be called with. The end of the stream is
// `sink.flush()`, where it has one. Sinks are passed by reference and may be temporaries.

namespace sessionize {
inline namespace v0 {

/// What became of a value that a sink was given.
enum class Delivery : unsigned char {
  ok,       ///< the sink has it
  refused,  ///< the sink does not have it: keep it, stop, and offer it first next time
};

namespace detail {

template <class T>
concept delivery_answer = std::same_as<T, void> || std::same_as<T, Delivery>;

template <class Sink, class T>
concept emits = requires(Sink& sink, const T& value) {
  sink.emit(value);
};
template <class Sink, class T>
concept called_with = requires(Sink& sink, const T& value) {
  sink(value);
};

template <class Sink, class T>
concept emits_rightly = requires(Sink& sink, const T& value) {
  { sink.emit(value) } -> delivery_answer;
};
template <class Sink, class T>
concept called_rightly = requires(Sink& sink, const T& value) {
  { sink(value) } -> delivery_answer;
};

/// The sinks that a sink gives its own values to, as a tuple. Specialized beside each such sink.
template <class Sink>
struct SinksWithin {
  using type = std::tuple<>;
};

template <class F>
constexpr Delivery answer_of(F&& call) {
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    return Delivery::ok;
  } else {
    return call();
  }
}

}  // namespace detail

/// Whether a sink can be given a value of type `T`.
template <class Sink, class T>
concept takes = detail::emits_rightly<Sink, T> || detail::called_rightly<Sink, T>;

/// Gives `value` to `sink`; a sink that returns nothing has it.
template <class T, takes<T> Sink>
constexpr Delivery deliver(Sink& sink, const T& value) {
  return detail::answer_of([&]() -> decltype(auto) {
    if constexpr (detail::emits<Sink, T>)
      return sink.emit(value);
    else
      return sink(value);
  });
}

/// Tells `sink` that the stream has ended, where it wants to know.
template <class Sink>
constexpr Delivery end_stream(Sink& sink) {
  if constexpr (requires {
                  { sink.flush() } -> detail::delivery_answer;
                })
    return detail::answer_of([&]() -> decltype(auto) { return sink.flush(); });
  else
    static_assert(
        !requires { sink.flush(); },
        "this sink returns something else than void or sessionize::Delivery from flush()");
  return Delivery::ok;
}

}  // namespace v0
}  // namespace sessionize

#endif
