#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/ofed/bundle.hpp"

namespace bake::ofed {

/// The package sets a recipe can name: ib-minimal, basic, hpc, user-space-only.
const std::vector<std::string>& profile_names();

/// The names of packages of `repository` that `profile` asks for. The vendor's names differ between rpm and deb and
/// between the mlnx-libs and the rdma-core stack, so a profile is a list of alternatives and takes what is there; a
/// part without which the profile makes no sense (kernel modules for ib-minimal, verbs) is a Problem. `kernel` chooses
/// between prebuilt modules for that kernel and DKMS sources; never asks for mlnx-fw-updater.
struct ProfilePackages {
  std::vector<std::string> names;
  std::vector<Problem> problems;
};
ProfilePackages packages_of(const std::string& profile, const Repository& repository, PackageFormat format,
                            const std::string& kernel);

/// Packages bake never installs: firmware updaters flash the card of the machine that runs them.
const std::vector<std::string>& never_installed();

}  // namespace bake::ofed
