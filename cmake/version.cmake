# gk_version: what env.json says about this build. The commit is looked up at every build, not at configure time.
set(version_h ${PROJECT_BINARY_DIR}/generated/gk_version.h)
add_custom_target(gk_version_header BYPRODUCTS ${version_h}
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DOUT=${version_h} -DVERSION=${PROJECT_VERSION}
          "-DCOMPILER=${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}"
          "-DFLAGS=${CMAKE_BUILD_TYPE} ${CMAKE_C_FLAGS}" -P ${PROJECT_SOURCE_DIR}/cmake/write_version.cmake)
add_library(gk_version INTERFACE)
target_include_directories(gk_version INTERFACE ${PROJECT_BINARY_DIR}/generated)
add_dependencies(gk_version gk_version_header)
