# Every C++ file is formatted as .clang-format says, by the version that it is written for.

find_program(clang_format NAMES clang-format-14 clang-format)
if(NOT clang_format)
  message("SKIPPED: clang-format is not installed")
  return()
endif()
execute_process(COMMAND ${clang_format} --version OUTPUT_VARIABLE version)
if(NOT version MATCHES "version 14\\.")
  message("SKIPPED: clang-format is not of version 14: ${version}")
  return()
endif()
file(GLOB_RECURSE files ${SOURCE}/include/*.hpp ${SOURCE}/tests/*.[ch]pp ${SOURCE}/examples/*.[ch]pp
     ${SOURCE}/bench/*.[ch]pp)
execute_process(COMMAND ${clang_format} --dry-run -Werror ${files} COMMAND_ERROR_IS_FATAL ANY)
