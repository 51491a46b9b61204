# Where a loop calls observe(), the decision is part of the loop: with GCC and with Clang, at a plain
# -O2, whether assertions are on or off. A call would cost as much as the decision, and Clang then
# keeps it in memory: three times as long in all. Would catch: an attribute that one of them, or one
# of these builds, does not see.

set(program ${WORK}/loop.cpp)
file(WRITE ${program} "
#include <sessionize/sessionizer.hpp>
using Sessions = sessionize::Sessionizer<sessionize::EventClock, std::uint64_t>;
std::uint64_t starts(Sessions& sessions, const std::uint64_t* keys,
                     const Sessions::time_point* times, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += sessions.observe(keys[i], times[i]).starts_session();
  return sum;
}
")

# Whether the compiler has made functions of what decides on a key that is in its home line.
function(is_function compiler flags result)
  execute_process(COMMAND ${compiler} -std=c++20 ${flags} -I${SOURCE}/include -c ${program}
                          -o ${WORK}/loop.o COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${NM} ${WORK}/loop.o OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(FIND "${symbols}" "decide_at_home" at)
  if(at EQUAL -1)
    set(${result} FALSE PARENT_SCOPE)
  else()
    set(${result} TRUE PARENT_SCOPE)
  endif()
endfunction()

find_program(clang NAMES clang++-14 clang++)
if(NOT NM OR NOT clang)
  message("SKIPPED: nm or clang++ is not installed")
  return()
endif()
foreach(compiler ${CXX} ${clang})
  is_function(${compiler} -O0 is_there)
  if(NOT is_there)
    message(FATAL_ERROR "decide_at_home is no function without optimization: look for another name")
  endif()
  foreach(flags -O2 "-O2;-DNDEBUG")
    is_function(${compiler} "${flags}" is_there)
    if(is_there)
      message(FATAL_ERROR "${compiler} ${flags} has not made decide_at_home() a part of the loop")
    endif()
  endforeach()
endforeach()
