# Compiles FILE with CXX, behind HEADER, which may be compiled already. This must fail and say the
# sentence of the file's first line, "// expect: <part of the sentence>", in a few errors.
#
#     cmake -DCXX=g++ -DFILE=x.cpp -DINCLUDE=include -DHEADER=y.hpp -P check.cmake

file(STRINGS ${FILE} first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${FILE} does not begin with \"// expect: ...\"")
endif()
string(REPLACE "\\;" ";" sentence "${CMAKE_MATCH_1}")

execute_process(
  COMMAND ${CXX} -std=c++20 -fsyntax-only -I${INCLUDE} -include ${HEADER} ${FILE}
  RESULT_VARIABLE result
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${FILE} compiles, and must not")
endif()
string(FIND "${output}" "${sentence}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "The compiler does not say \"${sentence}\":\n${output}")
endif()
string(REGEX MATCHALL "error:" errors "${output}")
list(LENGTH errors count)
message(STATUS "errors: ${count}")
if(count GREATER 4)
  message(FATAL_ERROR "The sentence is lost among ${count} errors:\n${output}")
endif()
