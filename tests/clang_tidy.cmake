# clang-tidy finds nothing in the headers, as the command and its use of them show them to it. Without
# its analyzer, which takes longer than all else: the sanitizers look for what it would find.

find_program(clang_tidy NAMES clang-tidy-14 clang-tidy)
if(NOT clang_tidy)
  message("SKIPPED: clang-tidy is not installed")
  return()
endif()
file(GLOB files ${SOURCE}/examples/sessionize/*.cpp)
file(GLOB consumers ${SOURCE}/tests/package/consumer/testing.cpp
     ${SOURCE}/tests/package/consumer/parallel.cpp)
execute_process(COMMAND ${clang_tidy} --quiet --checks=-clang-analyzer-* --warnings-as-errors=*
                        ${consumers} -- -std=c++20
                        -I${SOURCE}/include COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${clang_tidy} -p ${BUILD} --quiet --checks=-clang-analyzer-*
                        --warnings-as-errors=* ${files}
                COMMAND_ERROR_IS_FATAL ANY)
