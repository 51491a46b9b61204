# Plants plausible bugs into a copy of the headers, one at a time, and expects the property check to
# find each of them:
#
#   cmake -DCXX=g++ -DSOURCE=/path/to/repository -DWORK=/tmp/planted -P planted_bugs.cmake
#
# Compares what caught each bug with RESULT.md; -DUPDATE=ON writes that file.

foreach(name CXX SOURCE WORK)
  if(NOT DEFINED ${name})
    message(FATAL_ERROR "say -D${name}=...: see the top of planted_bugs.cmake")
  endif()
endforeach()

set(here ${CMAKE_CURRENT_LIST_DIR})
set(flags -std=c++20 -O0 -include ${WORK}/std.hpp -I${WORK}/include)

# Compiles the property check against the copy of the headers and runs it: its exit code and the
# first line that it prints.
function(run_check name code_variable line_variable)
  execute_process(
    COMMAND ${CXX} ${flags} ${SOURCE}/tests/planted_bugs/property_main.cpp -o ${WORK}/check
    RESULT_VARIABLE compiled
    ERROR_VARIABLE errors)
  if(NOT compiled EQUAL 0)
    message(FATAL_ERROR "'${name}' does not compile:\n${errors}")
  endif()
  execute_process(
    COMMAND ${WORK}/check
    RESULT_VARIABLE code
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
  string(REGEX REPLACE "\n.*" "" line "${output}")
  set(${code_variable} "${code}" PARENT_SCOPE)
  set(${line_variable} "${line}" PARENT_SCOPE)
endfunction()

set(table "# Planted bugs

Each bug is planted by itself into a copy of the headers (planted_bugs.cmake); the property check
(tests/property.hpp) catches it by the disagreement in the last column.

| Bug | File | Caught by |
|---|---|---|
")

# Plants one bug: `found`, which occurs once in `header`, becomes `replacement`.
function(plant name header found replacement)
  set(file ${WORK}/include/sessionize/${header})
  file(READ ${file} original)
  string(FIND "${original}" "${found}" first)
  string(FIND "${original}" "${found}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "'${name}' must be planted anew: ${header} has not exactly one\n${found}")
  endif()
  string(REPLACE "${found}" "${replacement}" planted "${original}")
  file(WRITE ${file} "${planted}")
  run_check("${name}" code line)
  file(WRITE ${file} "${original}")
  if(NOT code EQUAL 1)
    message(FATAL_ERROR "'${name}' is not caught: exit code ${code}\n${line}")
  endif()
  message(STATUS "${name} | ${header} | ${line}")
  set(table "${table}| ${name} | ${header} | ${line} |\n" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK}/include)
file(COPY ${SOURCE}/include DESTINATION ${WORK})

# The standard headers are compiled once, which takes a quarter off each compilation.
file(WRITE ${WORK}/std.hpp "
#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <ranges>
#include <string>
#include <tuple>
#include <variant>
#include <vector>
")
execute_process(
  COMMAND ${CXX} -std=c++20 -O0 -x c++-header ${WORK}/std.hpp -o ${WORK}/std.hpp.gch
  RESULT_VARIABLE compiled)
if(NOT compiled EQUAL 0)
  message(FATAL_ERROR "the standard headers do not compile")
endif()

run_check("no bug" code line)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "the property check fails without a bug: ${line}")
endif()

plant("the gap itself splits" rules/gap.hpp
  [[, at_gap);]]
  [[, AtGap::splits);]])
plant("a signed subtraction overflows" rules/elapsed.hpp
  [[const auto ticks = ticks_between<Rep>(from, to);]]
  [[using Unsigned = std::make_unsigned_t<Rep>;
  const auto wrapped = static_cast<Rep>(static_cast<Unsigned>(to) - static_cast<Unsigned>(from));
  const auto ticks = static_cast<Unsigned>(wrapped > 0 ? wrapped : 0);]])
plant("a time that goes far back splits" rules/elapsed.hpp
  [[const auto ticks = ticks_between<Rep>(from, to);]]
  [[const auto ticks = from < to ? ticks_between<Rep>(from, to) : ticks_between<Rep>(to, from);]])
plant("the gap is measured from the session's start" decide.hpp
  [[gap_splits(key->previous, time)]]
  [[gap_splits(key->session_start, time)]])
plant("the gap is measured from the latest time, not from the row before" decide.hpp
  [[options.gap_from == GapFrom::latest_time && reason != SplitReason::first_event]]
  [[reason != SplitReason::first_event]])
plant("the latest time begins at 1970" decide.hpp
  [[options.gap_from == GapFrom::latest_time && reason != SplitReason::first_event]]
  [[options.gap_from == GapFrom::latest_time]])
plant("an event that starts a session does not become the previous one" decide.hpp
  [[key.previous = keeps_later]]
  [[if (reason == SplitReason::none || reason == SplitReason::first_event)
      key.previous = keeps_later]])
plant("exactly the horizon is not carried" rules/carry.hpp
  [[AtGap::continues]]
  [[AtGap::splits]])
plant("the carry horizon is ignored" decide.hpp
  [[if (!options.carry.covers(session_start, time)) return std::nullopt;
    return]]
  [[static_cast<void>(time);
    return]])
plant("the start is not carried over another key's event" state/open_sessions.hpp
  [[place(placement, state, reason, time);
    states_]]
  [[place(placement, state, reason, time);
      static std::uint64_t last = 0;
      const std::uint64_t hash = KeyTraits<Key>::hash(KeyHasher(1), key, 0);
      if (std::exchange(last, hash) != hash) placement.session_start.reset();
      states_]])
plant("exactly the maximum duration splits" rules/max_duration.hpp
  [[AtGap::continues]]
  [[AtGap::splits]])
plant("days are truncated toward 1970" utc.hpp
  [[return a / b - (a % b < 0 ? 1 : 0);]]
  [[return a / b;]])
plant("a null value is a change" rules/value_change.hpp
  [[return value && last && !(*value == *last) ?]]
  [[return last && !(value && *value == *last) ?]])
plant("an end marker splits before its own event" rules/end_marker.hpp
  [[const Event&,
                                                 const State& ended) const noexcept {
    return ended ?]]
  [[const Event& event, const State&) const {
    return std::invoke(is_last, event) ?]])
plant("the last of several reasons is reported" rules/reason.hpp
  [[return a < b ? a : b;]]
  [[return a < b ? b : a;]])
plant("a session's last time is that of its last arrival" decide.hpp
  [[key.last = key.last > time ? key.last : time;]]
  [[key.last = time;]])
plant("expire() closes at exactly the gap" state/open_sessions.hpp
  [[return rules_.gap_splits(state.previous, now);]]
  [[return exceeds(state.previous, now, rules_.options.gap, AtGap::splits);]])
plant("a packed state takes one tick more than the gap" state/packed_state.hpp
  [[packed.gap.least - 1]]
  [[packed.gap.least]])
plant("a key's sessions are not counted" decide.hpp
  [[++key.ordinal;]]
  [[key.ordinal = 1;]])

if(UPDATE)
  file(WRITE ${here}/RESULT.md "${table}")
  return()
endif()
file(READ ${here}/RESULT.md committed)
if(NOT committed STREQUAL table)
  message(FATAL_ERROR "RESULT.md says otherwise: look at the lines above, then run with -DUPDATE=ON")
endif()
