# The package: headers, a CMake configuration a component, and a pkg-config file. All of it is
# relocatable and free of architecture.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(config_dir ${CMAKE_INSTALL_DATADIR}/cmake/sessionize)

function(sessionize_install_component target)
  install(
    TARGETS ${target}
    EXPORT ${target}-targets
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT ${target}-targets NAMESPACE sessionize:: DESTINATION ${config_dir})
endfunction()

sessionize_install_component(sessionize)
sessionize_install_component(sessionize_testing)
foreach(component IN ITEMS json simdjson parallel)
  if(TARGET sessionize_${component})
    sessionize_install_component(sessionize_${component})
  endif()
endforeach()

configure_file(cmake/sessionize-config.cmake.in sessionize-config.cmake @ONLY)
write_basic_package_version_file(sessionize-config-version.cmake COMPATIBILITY SameMinorVersion
                                                                 ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/sessionize-config.cmake
              ${PROJECT_BINARY_DIR}/sessionize-config-version.cmake DESTINATION ${config_dir})

configure_file(cmake/sessionize.pc.in sessionize.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sessionize.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
