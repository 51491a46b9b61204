#ifndef SESSIONIZE_RESULT_HPP
#define SESSIONIZE_RESULT_HPP

#include <cassert>
#include <utility>
#include <variant>

namespace sessionize {
inline namespace v0 {

/// What went wrong, on its way into a Result: `return Failure{TimeError::malformed};`
template <class E>
struct Failure {
  E error;
};
template <class E>
Failure(E) -> Failure<E>;

/// A value or the reason why there is none, spelled like std::expected<T, E>. It is a type of its
/// own in every language mode, so that translation units of different modes agree about it.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  /// A value made of nothing, in its place.
  constexpr explicit Result(std::in_place_t) : content_(std::in_place_index<0>) {}
  template <class F>
  constexpr Result(Failure<F> failure)
      : content_(std::in_place_index<1>, std::move(failure.error)) {}

  [[nodiscard]] constexpr bool has_value() const noexcept { return content_.index() == 0; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// The value. Precondition: has_value().
  [[nodiscard]] constexpr T& operator*() noexcept { return get<0>(content_); }
  [[nodiscard]] constexpr const T& operator*() const noexcept { return get<0>(content_); }
  [[nodiscard]] constexpr T* operator->() noexcept { return &get<0>(content_); }
  [[nodiscard]] constexpr const T* operator->() const noexcept { return &get<0>(content_); }
  /// The error. Precondition: !has_value().
  [[nodiscard]] constexpr const E& error() const noexcept { return get<1>(content_); }

  template <class U>
  [[nodiscard]] constexpr T value_or(U&& other) const {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  template <std::size_t Index, class Content>
  [[nodiscard]] static constexpr auto& get(Content& content) noexcept {
    assert(content.index() == Index && "ask has_value() before taking a Result apart");
    return std::get<Index>(content);
  }

  std::variant<T, E> content_;
};

}  // namespace v0
}  // namespace sessionize

#endif
