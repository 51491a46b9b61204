# Builds tests with Clang, warnings as errors, AddressSanitizer and UBSan, and runs them: those of
# event time and snapshots where EVENT_TIME is on, else all others but those of the services.

find_program(clang NAMES clang++-14 clang++)
if(NOT clang)
  message("SKIPPED: clang++ is not installed")
  return()
endif()
set(part -DSESSIONIZE_TEST_EVENT_TIME=OFF -DSESSIONIZE_BUILD_SERVICES=OFF)
set(target all)
set(tests .)
if(EVENT_TIME)
  set(part -DSESSIONIZE_BUILD_EXAMPLES=OFF -DSESSIONIZE_WITH_JSON=OFF)
  set(target windows_tests)
  set(tests "^windows_tests$")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja
                        -DCMAKE_CXX_COMPILER=${clang} -DCMAKE_BUILD_TYPE=Debug
                        "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g1" -DSESSIONIZE_SANITIZE=ON
                        -DCMAKE_UNITY_BUILD=ON -DSESSIONIZE_CHECK_BUILDS=OFF ${part}
                        COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} -j 1 --target ${target}
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${WORK} -R ${tests} --no-tests=error
                        --output-on-failure COMMAND_ERROR_IS_FATAL ANY)
