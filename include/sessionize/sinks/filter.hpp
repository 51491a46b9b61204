#ifndef SESSIONIZE_SINKS_FILTER_HPP
#define SESSIONIZE_SINKS_FILTER_HPP

#include <sessionize/record.hpp>
#include <sessionize/sink.hpp>

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// Passes on the values for which a predicate holds. It takes the kinds that both its sink and its
/// predicate take.
template <class Predicate, class Sink>
struct Filter {
  Predicate predicate;
  Sink sink;

  template <class T>
  requires(takes<Sink, T>&& std::predicate<Predicate&, const T&>) Delivery emit(const T& value) {
    return std::invoke(predicate, value) ? deliver(sink, value) : Delivery::ok;
  }
  Delivery flush() { return end_stream(sink); }
};

namespace detail {
template <class Predicate, class Sink>
struct SinksWithin<Filter<Predicate, Sink>> {
  using type = std::tuple<Sink>;
};
}  // namespace detail

/// `filter(starts_only, sink)`, `filter(key_is("user1"), sink)`, or a predicate of your own. An
/// lvalue sink is referred to, a temporary is kept. Where a predicate is a generic lambda that
/// speaks of records alone, say so: `on_record(filter(predicate, sink))`.
template <class Predicate, class Sink>
[[nodiscard]] constexpr Filter<Predicate, Sink> filter(Predicate predicate, Sink&& sink) {
  return {std::move(predicate), std::forward<Sink>(sink)};
}

/// The recipe's `WHERE "session_timestamp" IS NOT NULL`: the records that start a session.
struct StartsOnly {
  template <record R>
  [[nodiscard]] constexpr bool operator()(const R& value) const noexcept {
    return value.starts_session();
  }
};
inline constexpr StartsOnly starts_only{};

/// The records and summaries of one key.
template <class Key>
struct KeyIs {
  Key key;

  template <class T>
  requires(record<T> || summary<T>) [[nodiscard]] constexpr bool operator()(const T& value) const {
    using Whole = owned_key_t<std::remove_cvref_t<decltype(value.key)>>;
    if constexpr (requires { static_cast<bool>(Whole(value.key) == key); })
      return Whole(value.key) == key;
    else
      static_assert(detail::always_false<T>, "key_is() is given what no key of this kind equals");
  }
};

/// The recipe's `WHERE "user_id" = 'user1'`: `key_is("user1")`.
template <class Key>
[[nodiscard]] constexpr KeyIs<Key> key_is(Key key) {
  return {std::move(key)};
}

}  // namespace v0
}  // namespace sessionize

#endif
