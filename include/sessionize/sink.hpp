#ifndef SESSIONIZE_SINK_HPP
#define SESSIONIZE_SINK_HPP

#include <concepts>
#include <type_traits>

// What a sink is: anything that is called with a value, as `sink(value)` or `sink.emit(value)`, and
// returns void or a Delivery. The value is a Record, a Summary, or (for an error sink) a Rejection;
// a sink gets the kinds that it can be called with. The end of the stream is `sink.flush()`, where
// it has one. Sinks are passed by reference and may be temporaries.

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

namespace detail {

template <class Sink, class T>
concept answers_wrongly = (emits<Sink, T> || called_with<Sink, T>)&&!takes<Sink, T>;

/// True where a sink takes one of `Values`, and answers rightly to each that it can be called with;
/// refuses it in a sentence otherwise.
template <class Sink, class... Values>
consteval bool check_sink() {
  constexpr bool wrong_answer = (answers_wrongly<Sink, Values> || ...);
  constexpr bool right = !wrong_answer && (takes<Sink, Values> || ...);
  static_assert(!wrong_answer,
                "this sink returns something else than void or sessionize::Delivery: return "
                "nothing, or Delivery::ok or Delivery::refused");
  static_assert(right || wrong_answer,
                "this is not a sink: a sink is called with a record or a summary, as sink(value) "
                "or sink.emit(value), by const reference; an error sink with a Rejection");
  return right;
}

// A class that has a member of this name, whatever it is called with, makes the name ambiguous.
struct CallName {
  void operator()();
};
struct EmitName {
  void emit();
};
template <class Sink, class Name>
struct WithName : Sink, Name {};
template <class Sink>
concept names_no_call = requires {
  &WithName<Sink, CallName>::operator();
};
template <class Sink>
concept names_no_emit = requires {
  &WithName<Sink, EmitName>::emit;
};

/// The same for a call that may give `sink` summaries, or records of a type that it does not know.
template <class Sink, class SummaryView>
consteval bool check_closing_sink() {
  if constexpr (std::is_class_v<Sink> && !std::is_final_v<Sink>) {
    if constexpr (names_no_call<Sink> && names_no_emit<Sink>)
      return check_sink<Sink, SummaryView>();
    if constexpr (answers_wrongly<Sink, SummaryView>) return check_sink<Sink, SummaryView>();
    return true;
  } else if constexpr (std::is_class_v<Sink>) {
    return true;
  } else {
    return check_sink<Sink, SummaryView>();
  }
}

}  // namespace detail

}  // namespace v0
}  // namespace sessionize

#endif
