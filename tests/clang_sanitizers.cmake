# Builds everything with Clang, warnings as errors, AddressSanitizer and UBSan, and runs the tests.

find_program(clang NAMES clang++-14 clang++)
if(NOT clang)
  message("SKIPPED: clang++ is not installed")
  return()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja
                        -DCMAKE_CXX_COMPILER=${clang} -DCMAKE_BUILD_TYPE=Debug
                        "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1" -DSESSIONIZE_SANITIZE=ON
                        -DSESSIONIZE_CHECK_BUILDS=OFF COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} -j 1 COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK} --output-on-failure
                COMMAND_ERROR_IS_FATAL ANY)
