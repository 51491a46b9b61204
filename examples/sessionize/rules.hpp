#ifndef SESSIONIZE_COMMAND_RULES_HPP
#define SESSIONIZE_COMMAND_RULES_HPP

#include "options.hpp"

#include <sessionize/rules/rules.hpp>

#include <optional>
#include <utility>

namespace command {

/// The split rules that the options ask for; the others are off. `value_of(event)` is what
/// --split-on watches, kept as `Value`; `ends(event)` is whether --end-when holds.
template <class Value, class ValueOf, class Ends>
auto make_rules(const RunOptions& run, ValueOf value_of, Ends ends) {
  namespace s = sessionize;
  std::optional<s::MaxDuration<milliseconds>> max_duration;
  if (run.max_duration) max_duration = s::max_duration(*run.max_duration);
  std::optional<s::DayBoundary> day_boundary;
  if (run.midnight_offset) day_boundary = s::day_boundary(*run.midnight_offset);
  std::optional<s::ValueChange<ValueOf, Value>> value_change;
  if (run.split_on) value_change.emplace(s::value_change<Value>(std::move(value_of)));
  std::optional<s::EndMarker<Ends>> end_marker;
  if (run.end_when) end_marker.emplace(s::end_marker(std::move(ends)));
  return s::any_of(max_duration, day_boundary, std::move(value_change), std::move(end_marker));
}

}  // namespace command

#endif
