# clang-tidy finds nothing in the headers and in the sources of the examples, but for the programs
# beside the command. Sources are looked at as one unit, so that headers are read once; a name is in
# one of them. Without the analyzer, which takes longer than all else: the sanitizers look for what
# it would find.

find_program(clang_tidy NAMES clang-tidy-14 clang-tidy)
if(NOT clang_tidy)
  message("SKIPPED: clang-tidy is not installed")
  return()
endif()

set(examples ${SOURCE}/examples)
set(consumers ${SOURCE}/tests/package/consumer)
file(GLOB files ${examples}/sessionize/*.cpp)
if(SERVICES)
  foreach(folder IN ITEMS aws http lambda kinesis kcl service kafka)
    file(GLOB sources ${examples}/${folder}/*.cpp)
    foreach(source IN LISTS sources)
      file(STRINGS ${source} main REGEX "^int main\\(")
      if(NOT main)
        list(APPEND files ${source})
      endif()
    endforeach()
  endforeach()
endif()
set(text "")
foreach(file IN LISTS files)
  string(APPEND text "#include \"${file}\"\n")
endforeach()
file(WRITE ${WORK}/examples.cpp "${text}")
execute_process(
  COMMAND ${clang_tidy} --quiet --config-file=${SOURCE}/.clang-tidy
          --checks=-clang-analyzer-*,-bugprone-suspicious-include --warnings-as-errors=*
          ${WORK}/examples.cpp ${consumers}/testing.cpp ${consumers}/parallel.cpp -- -std=c++20
          -I${SOURCE}/include -I${examples}/aws -I${examples}/http -I${examples}/kinesis
          -I${examples}/sessionize -DSESSIONIZE_WITH_SIMDJSON -DSESSIONIZE_WITH_SQLITE
          COMMAND_ERROR_IS_FATAL ANY)
if(NOT SERVICES)
  message("SKIPPED: the sources of the services' examples, which are not all built; CMake says why")
endif()
