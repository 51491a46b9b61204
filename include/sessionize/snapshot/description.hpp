#ifndef SESSIONIZE_SNAPSHOT_DESCRIPTION_HPP
#define SESSIONIZE_SNAPSHOT_DESCRIPTION_HPP

#include <sessionize/detail/nullable.hpp>
#include <sessionize/rules/rules.hpp>
#include <sessionize/snapshot/traits.hpp>
#include <sessionize/state/packed_state.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {

namespace detail {

/// A duration with its unit, exactly.
template <class Rep, class Period>
[[nodiscard]] std::string span_text(std::chrono::duration<Rep, Period> span) {
  const std::string count = std::to_string(span.count());
  if constexpr (std::ratio_equal_v<Period, std::nano>) return count + " ns";
  if constexpr (std::ratio_equal_v<Period, std::micro>) return count + " us";
  if constexpr (std::ratio_equal_v<Period, std::milli>) return count + " ms";
  if constexpr (std::ratio_equal_v<Period, std::ratio<1>>) return count + " s";
  return count + " times " + std::to_string(Period::num) + '/' + std::to_string(Period::den) + " s";
}

}  // namespace detail

/// What a snapshot says about the object that it is of, as texts with names: its kind, its types
/// and its options. It can be restored into an object of the same description alone.
class SnapshotDescription {
 public:
  struct Field {
    std::string name, value;
    SnapshotReason other;  ///< what it is where the value differs
  };

  void add(std::string name, std::string value,
           SnapshotReason other = SnapshotReason::other_options) {
    fields_.push_back({std::move(name), std::move(value), other});
  }
  void add(std::string name, std::uint64_t number) { add(std::move(name), std::to_string(number)); }
  template <class Rep, class Period>
  void add(std::string name, std::chrono::duration<Rep, Period> span) {
    add(std::move(name), detail::span_text(span));
  }
  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

  void save(SnapshotWriter& out) const {
    out.number(static_cast<std::uint32_t>(fields_.size()));
    for (const Field& field : fields_) {
      out.put(field.name);
      out.put(field.value);
    }
  }
  /// Reads a description; fails where it is not the same as this one.
  bool expect(SnapshotReader& in) const {
    std::uint32_t count = 0;
    if (!in.number(count)) return false;
    for (std::size_t i = 0; i < fields_.size() && i < count; ++i) {
      std::string name, value;
      if (!in.get(name) || !in.get(value)) return false;
      const Field& mine = fields_[i];
      if (name != mine.name)
        return in.refuse(SnapshotReason::other_options,
                         text({"the snapshot speaks of an option \"", name,
                               "\", where this object has \"", mine.name, "\""}));
      if (value != mine.value)
        return in.refuse(mine.other, text({"the snapshot has ", name, " \"", value,
                                           "\", and this object \"", mine.value, "\""}));
    }
    if (count == fields_.size()) return true;
    return in.refuse(SnapshotReason::other_options,
                     "the snapshot has another number of options than this object");
  }

 private:
  [[nodiscard]] static std::string text(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) text += part;
    return text;
  }

  std::vector<Field> fields_;
};

namespace detail {

template <class T>
inline constexpr bool is_value_change = false;
template <class Projection, class Value>
inline constexpr bool is_value_change<ValueChange<Projection, Value>> = true;
template <class T>
inline constexpr bool is_end_marker = false;
template <class Predicate>
inline constexpr bool is_end_marker<EndMarker<Predicate>> = true;
template <class T>
inline constexpr bool is_any_of = false;
template <class... Rules>
inline constexpr bool is_any_of<AnyOf<Rules...>> = true;

}  // namespace detail

/// What a snapshot knows a split rule by: for the built-in rules their name and what they are made
/// with, but for the projection of a value_change() and the predicate of an end_marker(), which
/// have none: that these are the same is the caller's to know. A rule of the caller's own says what
/// it is by a member `std::string snapshot_name() const`, if it has one.
template <class Rule>
[[nodiscard]] std::string rule_name(const Rule& rule) {
  if constexpr (detail::is_optional<Rule>) {
    return rule ? rule_name(*rule) : "off";
  } else if constexpr (detail::is_any_of<Rule>) {
    std::string names;
    const auto add = [&](const auto& each) {
      names += (names.empty() ? "" : ", ") + rule_name(each);
    };
    std::apply([&](const auto&... each) { (add(each), ...); }, rule.rules());
    return "any of (" + names + ')';
  } else if constexpr (detail::is_max_duration<Rule>) {
    return "max_duration " + detail::span_text(rule.limit);
  } else if constexpr (std::same_as<Rule, NoRule>) {
    return "none";
  } else if constexpr (std::same_as<Rule, DayBoundary>) {
    return "day_boundary " + detail::span_text(rule.offset);
  } else if constexpr (detail::is_value_change<Rule>) {
    return "value_change of " + SnapshotTraits<typename Rule::State::value_type>::name();
  } else if constexpr (detail::is_end_marker<Rule>) {
    return "end_marker";
  } else if constexpr (requires {
                         { rule.snapshot_name() } -> std::convertible_to<std::string>;
                       }) {
    return rule.snapshot_name();
  } else {
    return "rule of " + SnapshotTraits<rule_state_t<Rule>>::name();
  }
}

}  // namespace v0
}  // namespace sessionize

#endif
