# cpack makes a .deb or an .rpm for the system that builds it, because libraries have other names and versions elsewhere:
#   cmake --workflow --preset deb     (or rpm: configures, builds and packs a release)
# The package of one commit is the same, byte for byte, if SOURCE_DATE_EPOCH is set.
set(CPACK_PACKAGE_NAME bake)
set(CPACK_PACKAGE_VENDOR "the authors of bake")
set(BAKE_PACKAGE_CONTACT "the authors of bake <bake@bake.invalid>" CACHE STRING "who maintains the package: NAME <ADDRESS>")
set(CPACK_PACKAGE_CONTACT ${BAKE_PACKAGE_CONTACT})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "bakes InfiniBand drivers into Azure Linux images, offline")
set(CPACK_PACKAGE_DESCRIPTION
    "bake installs MLNX_OFED or DOCA-OFED into a VHD for Azure's HPC VM sizes,
before the VM exists. It needs no network, never changes its inputs, and
verifies the image that it made. The recipes and the templates for Packer
are in /usr/share/bake.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_RESOURCE_FILE_README ${CMAKE_SOURCE_DIR}/README.md)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_files.cmake)

# The system is a part of the version (0.2.0-1~debian12), as the libraries are.
cmake_host_system_information(RESULT system QUERY DISTRIB_INFO)
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps)
if(DPKG_SHLIBDEPS)
  set(CPACK_GENERATOR DEB)
else()
  set(CPACK_GENERATOR RPM)
endif()

# libguestfs makes its appliance when it first runs: with supermin, from packages and a kernel of the machine. Guests of
# CentOS and RHEL need XFS in it. packer/publish needs PyYAML.
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~${system_ID}${system_VERSION_ID}")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
    "supermin, qemu-system-x86, qemu-utils, linux-image-amd64 | linux-image-generic | linux-image-azure")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libguestfs-xfs, python3, python3-yaml")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "packer, azure-cli, slurm-client")

# The names of EL; rpmbuild adds the libraries.
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_RPM_PACKAGE_LICENSE Apache-2.0)
set(CPACK_RPM_PACKAGE_RELEASE 1)
set(CPACK_RPM_PACKAGE_RELEASE_DIST ON)
set(CPACK_RPM_PACKAGE_REQUIRES "libguestfs, libguestfs-xfs, supermin, qemu-kvm-core, qemu-img, kernel-core, python3-pyyaml")
set(CPACK_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_USER_FILELIST "%license /usr/share/doc/bake/LICENSE")
set(CPACK_RPM_SPEC_MORE_DEFINE "%define _build_id_links none
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost bake.invalid")
# Directories of other packages.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/zsh /usr/share/zsh/site-functions
    /usr/share/fish /usr/share/fish/vendor_completions.d /usr/share/man /usr/share/man/man1 /usr/share/man/man5)

include(CPack)
