# Tests that compile, build or read the project again. Each prints a line that begins with SKIPPED
# where its tool is missing, which CTest reports as skipped.

function(sessionize_add_check name)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} ${ARGN})
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: ")
endfunction()

set(checks ${CMAKE_CURRENT_SOURCE_DIR})
set(source -DSOURCE=${PROJECT_SOURCE_DIR})

# Clang compiles them in two thirds of the time.
find_program(SESSIONIZE_PLANTED_BUGS_CXX NAMES clang++-14 clang++ ${CMAKE_CXX_COMPILER})
mark_as_advanced(SESSIONIZE_PLANTED_BUGS_CXX)
sessionize_add_check(planted_bugs -DCXX=${SESSIONIZE_PLANTED_BUGS_CXX} ${source}
                     -DWORK=${CMAKE_CURRENT_BINARY_DIR}/planted_bugs -P
                     ${checks}/planted_bugs/planted_bugs.cmake)

# All tests again: the other compiler, with its warnings, and the sanitizers.
sessionize_add_check(clang_sanitizers ${source} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/clang -P
                     ${checks}/clang_sanitizers.cmake)
sessionize_add_check(clang_sanitizers_event_time ${source} -DEVENT_TIME=ON
                     -DWORK=${CMAKE_CURRENT_BINARY_DIR}/clang_event_time -P
                     ${checks}/clang_sanitizers.cmake)

if(TARGET sessionize_parallel)
  sessionize_add_check(thread_sanitizer ${source} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/threads -P
                       ${checks}/thread_sanitizer.cmake)
endif()

sessionize_add_check(package -DCXX=${CMAKE_CXX_COMPILER} ${source}
                     -DBUILD=${PROJECT_BINARY_DIR} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/package -P
                     ${checks}/package/check.cmake)

sessionize_add_check(inlined -DCXX=${CMAKE_CXX_COMPILER} -DNM=${CMAKE_NM} ${source}
                     -DWORK=${CMAKE_CURRENT_BINARY_DIR}/inlined -P ${checks}/inlined.cmake)

sessionize_add_check(demo -DCXX=${CMAKE_CXX_COMPILER} ${source}
                     -DWORK=${CMAKE_CURRENT_BINARY_DIR}/demo -P ${checks}/demo.cmake)

sessionize_add_check(bench -DCXX=${CMAKE_CXX_COMPILER} ${source} -P ${checks}/bench.cmake)

sessionize_add_check(clang_format ${source} -P ${checks}/clang_format.cmake)
set(services OFF)
if(TARGET sessionize_kinesis AND TARGET sessionize_lambda AND TARGET sessionize_ingest
   AND TARGET sessionize_kafka AND TARGET sessionize_kcl)
  set(services ON)
endif()
sessionize_add_check(clang_tidy ${source} -DSERVICES=${services}
                     -DWORK=${CMAKE_CURRENT_BINARY_DIR}/tidy -P ${checks}/clang_tidy.cmake)
set_tests_properties(clang_sanitizers PROPERTIES COST 2000)
set_tests_properties(clang_sanitizers_event_time planted_bugs clang_tidy PROPERTIES COST 1000)
