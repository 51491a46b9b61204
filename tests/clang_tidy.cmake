# clang-tidy finds nothing in the headers and in the sources of the examples, but for the programs
# beside the command. The sources of a folder are looked at as one unit, so that headers are read
# once; a name is in one of them. Without the analyzer, which takes longer than all else: the
# sanitizers look for what it would find.

find_program(clang_tidy NAMES clang-tidy-14 clang-tidy)
if(NOT clang_tidy)
  message("SKIPPED: clang-tidy is not installed")
  return()
endif()

set(examples ${SOURCE}/examples)
function(sessionize_tidy)
  execute_process(
    COMMAND ${clang_tidy} --quiet --config-file=${SOURCE}/.clang-tidy
            --checks=-clang-analyzer-*,-bugprone-suspicious-include --warnings-as-errors=* ${ARGN} --
            -std=c++20 -I${SOURCE}/include -I${examples}/aws -I${examples}/http -I${examples}/kinesis
            -I${examples}/sessionize -DSESSIONIZE_WITH_SIMDJSON -DSESSIONIZE_WITH_SQLITE
            COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(sessionize_tidy_as_one name)
  set(text "")
  foreach(file IN LISTS ARGN)
    string(APPEND text "#include \"${file}\"\n")
  endforeach()
  file(WRITE ${WORK}/${name}.cpp "${text}")
  sessionize_tidy(${WORK}/${name}.cpp)
endfunction()

sessionize_tidy(${SOURCE}/tests/package/consumer/testing.cpp
                ${SOURCE}/tests/package/consumer/parallel.cpp)
file(GLOB files ${examples}/sessionize/*.cpp)
sessionize_tidy_as_one(command ${files})

if(NOT SERVICES)
  message("SKIPPED: the sources of the services' examples, which are not all built; CMake says why")
  return()
endif()
set(files "")
foreach(folder IN ITEMS aws http lambda kinesis kcl service kafka)
  file(GLOB sources ${examples}/${folder}/*.cpp)
  foreach(source IN LISTS sources)
    file(STRINGS ${source} main REGEX "^int main\\(")
    if(NOT main)
      list(APPEND files ${source})
    endif()
  endforeach()
endforeach()
sessionize_tidy_as_one(services ${files})
