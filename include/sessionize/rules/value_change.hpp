#ifndef SESSIONIZE_RULES_VALUE_CHANGE_HPP
#define SESSIONIZE_RULES_VALUE_CHANGE_HPP

#include <sessionize/detail/nullable.hpp>
#include <sessionize/rules/split_rule.hpp>

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sessionize {
inline namespace v0 {

namespace detail {

template <class T>
struct StoredValue {
  using type = T;
};
template <>
struct StoredValue<std::string_view> {
  using type = std::string;
};

template <class T>
struct MemberOf;
template <class Class, class Member>
struct MemberOf<Member Class::*> {
  using type = Member;
};

}  // namespace detail

/// Splits where a value of the event differs from the key's last one that was not null. A null
/// value (an empty std::optional, a null const char*) never splits, and keeps the last value. The
/// last value is the key's, also across a gap.
template <class Projection, class Value>
struct ValueChange {
  using State = std::optional<Value>;
  [[no_unique_address]] Projection projection;

  template <class TimePoint, class Event>
  requires std::invocable<const Projection&, const Event&>
  [[nodiscard]] constexpr SplitReason operator()(const Step<TimePoint>&, const Event& event,
                                                 const State& last) const {
    const auto& projected = std::invoke(projection, event);
    const auto value = detail::nullable_view(projected);
    return value && last && !(*value == *last) ? SplitReason::value_change : SplitReason::none;
  }

  template <class Event>
  requires std::invocable<const Projection&, const Event&>
  constexpr void remember(const Event& event, State& last) const {
    const auto& projected = std::invoke(projection, event);
    const auto value = detail::nullable_view(projected);
    if (value && !(last && *value == *last)) last = *value;
  }

  template <class Event>
  requires std::invocable<const Projection&, const Event&>
  [[nodiscard]] constexpr bool changes(const Event& event, const State& last) const {
    const auto& projected = std::invoke(projection, event);
    const auto value = detail::nullable_view(projected);
    return value && !(last && *value == *last);
  }
};

/// The rule that a session ends where a data member of the event changes: campaign, device, ...
template <class Class, class Member>
requires std::is_member_object_pointer_v<Member Class::*>
[[nodiscard]] constexpr auto value_change(Member Class::*member) {
  using View = typename decltype(detail::nullable_view(std::declval<const Member&>()))::value_type;
  return ValueChange<Member Class::*, typename detail::StoredValue<View>::type>{member};
}

/// The same for a value that a callable gives; `Value` is the type kept for each key:
/// `value_change<std::string>([](const Click& c) { return c.campaign(); })`.
template <class Value, class Projection>
[[nodiscard]] constexpr auto value_change(Projection projection) {
  return ValueChange<Projection, Value>{std::move(projection)};
}

}  // namespace v0
}  // namespace sessionize

#endif
