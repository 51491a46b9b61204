# Installs the package, moves it to another place, and uses it from there as strangers do: each
# component, a version that is not there, pkg-config, and the sources as a subdirectory.

file(REMOVE_RECURSE ${WORK})
set(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer)

execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${WORK}/first ${WORK}/moved)

function(consume part how)
  set(build ${WORK}/${part}-${how})
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${consumer} -B ${build} -G Ninja -DPART=${part}
                          -DHOW=${how} -DSESSIONIZE_SOURCE=${SOURCE} -DCMAKE_CXX_COMPILER=${CXX}
                          -DCMAKE_PREFIX_PATH=${WORK}/moved
                  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${build}/consumer COMMAND_ERROR_IS_FATAL ANY)
endfunction()

consume(core package)
consume(testing package)
consume(json package)
if(EXISTS ${WORK}/moved/share/cmake/sessionize/sessionize_simdjson-targets.cmake)
  consume(simdjson package)
else()
  message("simdjson is not installed: its component was not tried")
endif()
consume(parallel package)
consume(core subdirectory)

# What is not there is refused, with a message that says what is.
function(refuse request expected)
  file(WRITE ${WORK}/refused/CMakeLists.txt
       "cmake_minimum_required(VERSION 3.23)\nproject(refused LANGUAGES CXX)\n${request}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK}/refused -B ${WORK}/refused/build -G Ninja
                          -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${WORK}/moved
                  RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE error)
  string(REGEX REPLACE "[ \n]+" " " error "${error}")
  if(result EQUAL 0 OR NOT error MATCHES "${expected}")
    message(FATAL_ERROR "'${request}' was not refused with '${expected}': ${error}")
  endif()
endfunction()

refuse("find_package(sessionize 99 REQUIRED)" "requested version")
refuse("find_package(sessionize REQUIRED COMPONENTS cobol)" "no component 'cobol'")

# The installed command runs, and so does a compiler that asks pkg-config.
execute_process(COMMAND ${WORK}/moved/bin/sessionize --version COMMAND_ERROR_IS_FATAL ANY)
find_program(pkg_config NAMES pkg-config pkgconf)
if(NOT pkg_config)
  message("pkg-config is not installed: its file was not tried")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} ${WORK}/moved/share/pkgconfig)
execute_process(COMMAND ${pkg_config} --cflags sessionize OUTPUT_VARIABLE flags
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags)
execute_process(COMMAND ${CXX} -std=c++20 -O2 -Wall -Wextra -Werror ${flags} ${consumer}/core.cpp
                        -o ${WORK}/by-pkg-config
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/by-pkg-config COMMAND_ERROR_IS_FATAL ANY)
