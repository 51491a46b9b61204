# The flags that the project's own programs are compiled with; never part of the package.

option(SESSIONIZE_WARNINGS_AS_ERRORS "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})

add_library(sessionize_warnings INTERFACE)
target_compile_options(sessionize_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(SESSIONIZE_WARNINGS_AS_ERRORS)
  target_compile_options(sessionize_warnings INTERFACE -Werror)
endif()
