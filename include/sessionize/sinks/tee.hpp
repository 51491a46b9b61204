#ifndef SESSIONIZE_SINKS_TEE_HPP
#define SESSIONIZE_SINKS_TEE_HPP

#include <sessionize/sink.hpp>

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

namespace sessionize {
inline namespace v0 {

/// Gives each value to several sinks, to each the kinds that it takes. Where one of them refuses or
/// throws, so does the tee, and when the value is offered again only those that do not have it
/// get it: keep one tee over the calls, and no sink gets a value twice.
template <class... Sinks>
class Tee {
 public:
  constexpr explicit Tee(Sinks... sinks) : sinks_(std::forward<Sinks>(sinks)...) {}

  template <class T>
  requires(takes<Sinks, T> || ...) Delivery emit(const T& value) {
    return to_each([&](auto& sink) {
      if constexpr (takes<std::remove_reference_t<decltype(sink)>, T>)
        return deliver(sink, value);
      else
        return Delivery::ok;
    });
  }

  Delivery flush() {
    return to_each([](auto& sink) { return end_stream(sink); });
  }

 private:
  template <class Give>
  Delivery to_each(Give give) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto give_to = [&](auto& sink, bool& has_it) {
        if (!has_it) has_it = give(sink) == Delivery::ok;
        return has_it;
      };
      if (!(give_to(std::get<I>(sinks_), has_it_[I]) && ...)) return Delivery::refused;
      has_it_ = {};
      return Delivery::ok;
    }
    (std::index_sequence_for<Sinks...>{});
  }

  std::tuple<Sinks...> sinks_;
  std::array<bool, sizeof...(Sinks)> has_it_{};  // of the value that was last refused
};

/// `tee(json_lines(std::cout), collect(table))`. Lvalue sinks are referred to, temporaries are
/// kept.
template <class... Sinks>
[[nodiscard]] constexpr Tee<Sinks...> tee(Sinks&&... sinks) {
  return Tee<Sinks...>(std::forward<Sinks>(sinks)...);
}

}  // namespace v0
}  // namespace sessionize

#endif
