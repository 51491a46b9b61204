# sessionize::sessionize, ::json, ::simdjson, ::parallel and ::testing: header-only, each with its own
# set of public headers, which `all_verify_interface_header_sets` compiles one by one.

set(include_dir ${PROJECT_SOURCE_DIR}/include)

function(sessionize_add_library target export_name)
  add_library(${target} INTERFACE)
  add_library(sessionize::${export_name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name}
                                             VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS ${include_dir} FILES ${ARGN})
endfunction()

file(GLOB core_headers CONFIGURE_DEPENDS
     ${include_dir}/sessionize/*.hpp ${include_dir}/sessionize/detail/*.hpp
     ${include_dir}/sessionize/rules/*.hpp ${include_dir}/sessionize/sinks/*.hpp
     ${include_dir}/sessionize/snapshot/*.hpp ${include_dir}/sessionize/state/*.hpp
     ${include_dir}/sessionize/windows/*.hpp)
sessionize_add_library(sessionize sessionize ${core_headers})
target_compile_features(sessionize INTERFACE cxx_std_20)

file(GLOB testing_headers CONFIGURE_DEPENDS ${include_dir}/sessionize/testing/*.hpp)
sessionize_add_library(sessionize_testing testing ${testing_headers})
target_link_libraries(sessionize_testing INTERFACE sessionize)

find_package(Threads)
if(Threads_FOUND)
  file(GLOB parallel_headers CONFIGURE_DEPENDS ${include_dir}/sessionize/parallel/*.hpp)
  sessionize_add_library(sessionize_parallel parallel ${parallel_headers})
  target_link_libraries(sessionize_parallel INTERFACE sessionize Threads::Threads)
endif()

if(SESSIONIZE_WITH_JSON)
  sessionize_need_json()
  file(GLOB json_headers CONFIGURE_DEPENDS ${include_dir}/sessionize/json/*.hpp)
  sessionize_add_library(sessionize_json json ${json_headers})
  target_link_libraries(sessionize_json INTERFACE sessionize nlohmann_json::nlohmann_json)
endif()

if(SESSIONIZE_WITH_JSON AND SESSIONIZE_WITH_SIMDJSON)
  sessionize_look_for_simdjson()
  if(TARGET simdjson::simdjson)
    file(GLOB simdjson_headers CONFIGURE_DEPENDS ${include_dir}/sessionize/simdjson/*.hpp)
    sessionize_add_library(sessionize_simdjson simdjson ${simdjson_headers})
    target_link_libraries(sessionize_simdjson INTERFACE sessionize_json simdjson::simdjson)
  endif()
endif()
