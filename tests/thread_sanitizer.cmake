# Builds the tests of threads with Clang and ThreadSanitizer, and runs them.

find_program(clang NAMES clang++-14 clang++)
if(NOT clang)
  message("SKIPPED: clang++ is not installed")
  return()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja
                        -DCMAKE_CXX_COMPILER=${clang} -DCMAKE_BUILD_TYPE=Debug
                        "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1 -fsanitize=thread"
                        -DSESSIONIZE_BUILD_EXAMPLES=OFF -DSESSIONIZE_WITH_JSON=OFF
                        -DSESSIONIZE_CHECK_BUILDS=OFF COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} -j 1 --target parallel_tests
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK} -R "^parallel_tests$"
                        --no-tests=error --output-on-failure COMMAND_ERROR_IS_FATAL ANY)
