#ifndef SESSIONIZE_SINKS_TEE_HPP
#define SESSIONIZE_SINKS_TEE_HPP

#include <sessionize/key.hpp>
#include <sessionize/record.hpp>
#include <sessionize/rejection.hpp>
#include <sessionize/sink.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

namespace detail {

/// What tells a record or a summary that is offered again from another one. Zero for other values,
/// of which one that was refused is taken to be the next that is offered.
template <class T>
[[nodiscard]] std::uint64_t identity_of(const T& value) {
  if constexpr (record<T> || summary<T>) {
    using Key = std::remove_cvref_t<decltype(value.key)>;
    const KeyHasher hasher(0);
    std::uint64_t hash = KeyTraits<owned_key_t<Key>>::hash(hasher, value.key, summary<T> ? 1 : 0);
    const auto mix = [&](auto time) {
      hash = hasher(static_cast<std::uint64_t>(time.time_since_epoch().count()), hash);
    };
    if constexpr (record<T>) {
      mix(value.time);
      mix(value.opened_at);
    } else {
      mix(value.start);
      mix(value.last);
    }
    return hasher(value.ordinal, hash) | 1;
  } else {
    return 0;
  }
}

}  // namespace detail

/// Gives each value to several sinks, to each the kinds that it takes. Where one of them refuses or
/// throws, so does the tee, and when the same record or summary is offered again only those that do
/// not have it get it: keep one tee for a stream and over its calls, and no sink misses a value or
/// gets one twice. (Shared by several streams, it may give one twice.)
template <class... Sinks>
class Tee {
 public:
  constexpr explicit Tee(Sinks... sinks) : sinks_(std::forward<Sinks>(sinks)...) {}

  template <class T>
  requires(takes<Sinks, T> || ...) Delivery emit(const T& value) {
    const auto give = [&](auto& sink) {
      if constexpr (takes<std::remove_reference_t<decltype(sink)>, T>)
        return deliver(sink, value);
      else
        return Delivery::ok;
    };
    // A rejection is offered once: there is nothing to remember.
    if constexpr (std::is_same_v<T, Rejection>) {
      Marks marks{};
      return to_each(marks, give);
    } else {
      const std::uint64_t identity = detail::identity_of(value);
      if (identity != identity_) value_marks_ = {};
      identity_ = identity;
      flush_marks_ = {};
      return to_each(value_marks_, give);
    }
  }

  Delivery flush() {
    return to_each(flush_marks_, [](auto& sink) { return end_stream(sink); });
  }

 private:
  using Marks = std::array<bool, sizeof...(Sinks)>;

  /// Gives something to each sink that has no mark; marks those that have it, and none when all do.
  template <class Give>
  Delivery to_each(Marks& marks, Give give) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto give_to = [&](auto& sink, bool& has_it) {
        if (!has_it) has_it = give(sink) == Delivery::ok;
        return has_it;
      };
      if (!(give_to(std::get<I>(sinks_), marks[I]) && ...)) return Delivery::refused;
      marks = {};
      return Delivery::ok;
    }
    (std::index_sequence_for<Sinks...>{});
  }

  std::tuple<Sinks...> sinks_;
  Marks value_marks_{};         // which sinks have the value that was refused or threw
  std::uint64_t identity_ = 0;  // of the last value
  Marks flush_marks_{};         // which sinks know of an end that another one refused
};

namespace detail {
template <class... Sinks>
struct SinksWithin<Tee<Sinks...>> {
  using type = std::tuple<Sinks...>;
};
}  // namespace detail

/// `tee(json_lines(std::cout), collect(table))`. Lvalue sinks are referred to, temporaries are
/// kept.
template <class... Sinks>
[[nodiscard]] constexpr Tee<Sinks...> tee(Sinks&&... sinks) {
  return Tee<Sinks...>(std::forward<Sinks>(sinks)...);
}

}  // namespace v0
}  // namespace sessionize

#endif
