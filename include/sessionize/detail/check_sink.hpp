#ifndef SESSIONIZE_DETAIL_CHECK_SINK_HPP
#define SESSIONIZE_DETAIL_CHECK_SINK_HPP

#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>

#include <concepts>
#include <tuple>
#include <type_traits>

// What a call asks of the sinks that it is given, at compile time: each is refused in a sentence
// where it is none, or would get nothing.

namespace sessionize {
inline namespace v0 {
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
                "or sink.emit(value), by const reference (a RecordView or SummaryView of the "
                "sessionizer's clock and key); an error sink with a Rejection");
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

/// The parameter of a call that is no template and has no overloads.
template <class Call>
struct ParameterOf {};
template <class R, class Sink, class T>
struct ParameterOf<R (Sink::*)(T)> : std::type_identity<T> {};
template <class R, class Sink, class T>
struct ParameterOf<R (Sink::*)(T) noexcept> : std::type_identity<T> {};
template <class R, class Sink, class T>
struct ParameterOf<R (Sink::*)(T) const> : std::type_identity<T> {};
template <class R, class Sink, class T>
struct ParameterOf<R (Sink::*)(T) const noexcept> : std::type_identity<T> {};

/// The one type of value that a class takes; void where that is not known.
template <class Sink>
consteval auto only_value() {
  if constexpr (names_no_emit<Sink> &&
                requires { typename ParameterOf<decltype(&Sink::operator())>::type; })
    return std::type_identity<typename ParameterOf<decltype(&Sink::operator())>::type>{};
  else if constexpr (names_no_call<Sink> &&
                     requires { typename ParameterOf<decltype(&Sink::emit)>::type; })
    return std::type_identity<typename ParameterOf<decltype(&Sink::emit)>::type>{};
  else
    return std::type_identity<void>{};
}

/// Whether `T` is a record of the same clock and key as `AnyRecord`, of whatever event.
template <class T, class AnyRecord>
concept record_beside =
    record<T> && record<AnyRecord> && std::same_as<decltype(T::key), decltype(AnyRecord::key)> &&
    std::same_as<typename T::clock, typename AnyRecord::clock>;

/// Refuses a sink that is known to take nothing of what a call and its like may give it: summaries
/// and, unless `AnyRecord` is void, records. (One that takes rejections may be a part of one that
/// is an error sink, too.)
template <class Sink, class SummaryView, class AnyRecord = void>
consteval bool check_gets_something() {
  if constexpr (std::is_class_v<Sink> && !std::is_final_v<Sink>) {
    using Value = std::remove_cvref_t<typename decltype(only_value<Sink>())::type>;
    // A generic call is not looked into: what it does with a value may be an error.
    if constexpr (!std::is_void_v<Value> && !std::same_as<Value, Rejection>)
      static_assert(takes<Sink, SummaryView> || record_beside<Value, AnyRecord>,
                    "this sink would get nothing: its parameter is neither a summary nor a record "
                    "as they are given to sinks, const SummaryView<Clock, Key>& and const "
                    "RecordView<Clock, Key, Event>& (their owned() makes copies)");
  }
  return true;
}
/// The same where some calls give records, too, and for those that a sink gives its values to.
template <class Sink, class SummaryView, class AnyRecord>
consteval bool check_all_get_something() {
  return []<class... Within>(std::type_identity<std::tuple<Within...>>) {
    return (check_all_get_something<std::remove_reference_t<Within>, SummaryView, AnyRecord>() &&
            ... && check_gets_something<Sink, SummaryView, AnyRecord>());
  }(std::type_identity<typename SinksWithin<Sink>::type>{});
}

/// check_sink() for a call that may give `sink` summaries, or records of events of a type that it
/// does not know.
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
