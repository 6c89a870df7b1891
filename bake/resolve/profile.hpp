#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::resolve {

/// Returns the names of the package sets: ib-minimal, basic, hpc, user-space-only.
const std::vector<std::string>& profile_names();

/// The packages of a repository that belong to a profile. The vendor's names differ between rpm and deb and between the
/// mlnx-libs and the rdma-core stack, so a profile is a list of alternatives, and the packages that the repository has
/// are used. A missing essential part (kernel modules for ib-minimal, verbs) is a Problem. `kernel` chooses between
/// prebuilt modules for that kernel, modules with weak-updates (kmod-*) and DKMS sources, in this order. A profile
/// never has metapackages, because they install firmware updaters, and never mlnx-fw-updater. If the repository has
/// several versions of a package and the kernel decides between them, the name is "name=version". The first
/// `for_kernel` packages of the repository come from a doca-kernel-repo, and are preferred.
struct ProfilePackages {
  std::vector<std::string> names;  ///< sorted
  std::vector<Problem> problems;
};
ProfilePackages packages_of(const std::string& profile, const bundle::Repository& repository,
                            bundle::PackageFormat format, const std::string& kernel, std::size_t for_kernel = 0);

/// Returns true when `spec` ("name" or "name=version") matches this package.
bool names_package(const std::string& spec, const bundle::BundlePackage& package);

/// Returns true when the package has modules for exactly `kernel`: by its payload or, if that was not read, by a
/// version that ends in ".kver.<kernel>" (rpm writes '_' for '-').
bool is_prebuilt_for(const bundle::BundlePackage& package, const std::string& kernel);

/// Returns the packages that bake never installs: firmware updaters change the card of the machine that runs them.
const std::vector<std::string>& never_installed();

}  // namespace bake::resolve
