# What `cmake --install` leaves behind: the programs (installed where they are declared), the worker library with the
# layers it stands on, its public headers, and a package that find_package(selmcast) finds:
#
#     find_package(selmcast 0.1 REQUIRED)
#     target_link_libraries(app PRIVATE selmcast::worker)      C++: selmcast/worker/worker.h
#     target_link_libraries(app PRIVATE selmcast::c)           C: selmcast/c/selmcast.h

include(CMakePackageConfigHelpers)

set(selmcast_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/selmcast)
set(selmcast_public_headers selmcast/base/error.h selmcast/base/ids.h selmcast/base/units.h selmcast/c/selmcast.h
  selmcast/payload/format.h selmcast/wire/mixing.h selmcast/worker/worker.h)

# Static libraries, so the layers below the worker come along. Only selmcast::worker is meant for users.
foreach(layer base plan payload wire_pb wire net mcast worker)
  set_target_properties(selmcast_${layer} PROPERTIES EXPORT_NAME ${layer})
  install(TARGETS selmcast_${layer} EXPORT selmcastTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endforeach()
add_library(selmcast::worker ALIAS selmcast_worker)
# The C interface: a shared library that needs nothing of the above.
set_target_properties(selmcast_c PROPERTIES EXPORT_NAME c)
install(TARGETS selmcast_c EXPORT selmcastTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT python)

foreach(header IN LISTS selmcast_public_headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/selmcastConfig.cmake.in
  ${CMAKE_BINARY_DIR}/selmcastConfig.cmake INSTALL_DESTINATION ${selmcast_package_dir})
# Before 1.0 every minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/selmcastConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT selmcastTargets NAMESPACE selmcast:: DESTINATION ${selmcast_package_dir})
install(FILES ${CMAKE_BINARY_DIR}/selmcastConfig.cmake ${CMAKE_BINARY_DIR}/selmcastConfigVersion.cmake
  DESTINATION ${selmcast_package_dir})
