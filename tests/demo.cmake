# The demo builds as the README has it built, and runs: at -O3 and without assertions, which no other
# test is, and with warnings as errors, of which GCC has others there. Would catch: a header that
# compiles everywhere but in a user's Release build.

execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -G Ninja
                        -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Release
                        -DCMAKE_UNITY_BUILD=ON -DSESSIONIZE_BUILD_TESTS=OFF
                        -DSESSIONIZE_BUILD_SERVICES=OFF COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} -j 1 --target demo
                COMMAND_ERROR_IS_FATAL ANY)
