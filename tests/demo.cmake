# The demo builds by its preset and runs: at -O3 and without assertions, which no other test is, and
# with warnings as errors, of which GCC has others there. As one unit, for its time. Would catch: a
# header that compiles everywhere but in a user's Release build.

execute_process(COMMAND ${CMAKE_COMMAND} --preset demo -S ${SOURCE} -B ${WORK}
                        -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_UNITY_BUILD=ON
                        -DSESSIONIZE_BUILD_SERVICES=OFF COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} -j 1 --target demo
                COMMAND_ERROR_IS_FATAL ANY)
