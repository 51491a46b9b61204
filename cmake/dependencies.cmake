# What the project uses beside the standard library: the installed package where there is one, a
# pinned download elsewhere. Each is asked for only by the part that needs it.

include(FetchContent)

function(sessionize_fetch name repository commit)
  message(STATUS "${name} is not installed: downloading a pinned version")
  FetchContent_Declare(${name} GIT_REPOSITORY ${repository} GIT_TAG ${commit})
  FetchContent_MakeAvailable(${name})
endfunction()

macro(sessionize_need_json)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json 3.10 QUIET)
    if(NOT nlohmann_json_FOUND)
      # An exported target may not link one that is built here and not exported itself.
      set(JSON_Install ${SESSIONIZE_INSTALL})
      sessionize_fetch(nlohmann_json https://github.com/nlohmann/json.git
                       bc889afb4c5bf1c0d8ee29ef35eaaf4c8bef8a5d) # v3.11.2
    endif()
  endif()
endmacro()

# Only where it is installed: what it is good for works without it too.
macro(sessionize_look_for_simdjson)
  if(NOT TARGET simdjson::simdjson)
    find_package(simdjson 3 QUIET)
  endif()
  if(NOT TARGET simdjson::simdjson)
    message(STATUS "simdjson is not installed: there is no sessionize::simdjson")
  endif()
endmacro()

# Only for examples and their tests. Debian has it without a CMake package.
macro(sessionize_look_for_httplib)
  if(NOT TARGET httplib::httplib)
    find_package(httplib QUIET)
  endif()
  if(NOT TARGET httplib::httplib)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(cpp_httplib QUIET IMPORTED_TARGET GLOBAL cpp-httplib)
    endif()
    if(TARGET PkgConfig::cpp_httplib)
      add_library(httplib::httplib ALIAS PkgConfig::cpp_httplib)
    endif()
  endif()
endmacro()

macro(sessionize_need_cli11)
  find_package(CLI11 QUIET)
  if(NOT CLI11_FOUND)
    sessionize_fetch(CLI11 https://github.com/CLIUtils/CLI11.git
                     70f8072f9dd2292fd0b9f9e5f58e279f60483ed3) # v2.1.2
  endif()
endmacro()

# Catch2 3 or 2, whichever is installed; tests/catch.hpp takes either.
macro(sessionize_need_catch2)
  find_package(Catch2 3 QUIET)
  if(NOT Catch2_FOUND)
    find_package(Catch2 2 QUIET)
  endif()
  if(NOT Catch2_FOUND)
    sessionize_fetch(Catch2 https://github.com/catchorg/Catch2.git
                     182c910b4b63ff587a3440e08f84f70497e49a81) # v2.13.10
  endif()
endmacro()
