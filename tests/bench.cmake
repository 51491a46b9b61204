# The benchmarks compile, with the libraries that they compare the library with; what they measure
# is for the bench preset to say. Would catch: a public name that has changed everywhere but there.

foreach(header IN ITEMS absl/container/flat_hash_map.h boost/unordered/unordered_flat_map.hpp
                        benchmark/benchmark.h nlohmann/json.hpp simdjson.h)
  execute_process(COMMAND ${CXX} -std=c++20 -E -x c++ -include ${header} /dev/null
                  OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE missing)
  if(missing)
    message("SKIPPED: <${header}> is not installed: sh cmake/setup.sh bench")
    return()
  endif()
endforeach()
file(GLOB programs ${SOURCE}/bench/*.cpp)
foreach(program IN LISTS programs)
  execute_process(COMMAND ${CXX} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion
                          -Wshadow -Werror -I${SOURCE}/include ${program}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
