# `make deb`: a package for Debian and Ubuntu, by CPack. Other systems: docs/install.md.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "grokc contributors <noreply@example.org>" CACHE STRING "maintainer, as a .deb names it")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "laboratory for grokking experiments")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Trains the one-layer transformer of Progress measures for grokking via
mechanistic interpretability (Nanda et al. 2023) from its published seed,
computes the paper's progress measures while it trains, sweeps over
thousands of seeds, and draws reports. Experiments around the paper run
from config files.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gnuplot-nox, python3-numpy")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS python3-pandas)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package_debian.cmake)
include(CPack)
