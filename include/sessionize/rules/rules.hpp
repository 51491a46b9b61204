#ifndef SESSIONIZE_RULES_RULES_HPP
#define SESSIONIZE_RULES_RULES_HPP

// The session rules: pure constexpr functions of times, events and what a rule remembers.

#include <sessionize/rules/any_of.hpp>
#include <sessionize/rules/carry.hpp>
#include <sessionize/rules/day_boundary.hpp>
#include <sessionize/rules/elapsed.hpp>
#include <sessionize/rules/end_marker.hpp>
#include <sessionize/rules/gap.hpp>
#include <sessionize/rules/max_duration.hpp>
#include <sessionize/rules/reason.hpp>
#include <sessionize/rules/split_rule.hpp>
#include <sessionize/rules/value_change.hpp>

#endif
