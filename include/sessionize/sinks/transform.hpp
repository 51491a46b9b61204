#ifndef SESSIONIZE_SINKS_TRANSFORM_HPP
#define SESSIONIZE_SINKS_TRANSFORM_HPP

#include <sessionize/sink.hpp>

#include <concepts>
#include <functional>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// Passes on what a function makes of each value. It takes the kinds that the function takes.
template <class Function, class Sink>
struct Transform {
  Function function;
  Sink sink;

  template <class T>
  requires(std::invocable<Function&, const T&>) Delivery emit(const T& value) {
    const auto& made = std::invoke(function, value);
    return deliver(sink, made);
  }
  Delivery flush() { return end_stream(sink); }
};

/// `transform(to_row, sink)`: calls `sink` with `to_row(value)`. An lvalue sink is referred to, a
/// temporary is kept.
template <class Function, class Sink>
[[nodiscard]] constexpr Transform<Function, Sink> transform(Function function, Sink&& sink) {
  return {std::move(function), std::forward<Sink>(sink)};
}

}  // namespace v0
}  // namespace sessionize

#endif
