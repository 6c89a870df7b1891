#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::resolve {

/// The package sets a recipe can name: ib-minimal, basic, hpc, user-space-only.
const std::vector<std::string>& profile_names();

/// The names of packages of `repository` that `profile` asks for. The vendor's names differ between rpm and deb and
/// between the mlnx-libs and the rdma-core stack, so a profile is a list of alternatives and takes what is there; a
/// part without which the profile makes no sense (kernel modules for ib-minimal, verbs) is a Problem. `kernel` chooses
/// between prebuilt modules for that kernel, modules with weak-updates (kmod-*) and DKMS sources, in this order.
/// Metapackages are never asked for (they pull firmware updaters), nor is mlnx-fw-updater. Where the repository has a
/// package in several versions and the kernel decides between them, the name is "name=version".
struct ProfilePackages {
  std::vector<std::string> names;  ///< sorted
  std::vector<Problem> problems;
};
ProfilePackages packages_of(const std::string& profile, const bundle::Repository& repository,
                            bundle::PackageFormat format, const std::string& kernel);

/// True when `spec` ("name" or "name=version") means this package.
bool names_package(const std::string& spec, const bundle::BundlePackage& package);

/// True when the package carries modules built for exactly `kernel`: by its payload or, where that was not read, by a
/// version that ends in ".kver.<kernel>" (rpm writes '_' for '-').
bool is_prebuilt_for(const bundle::BundlePackage& package, const std::string& kernel);

/// Packages bake never installs: firmware updaters flash the card of the machine that runs them.
const std::vector<std::string>& never_installed();

}  // namespace bake::resolve
