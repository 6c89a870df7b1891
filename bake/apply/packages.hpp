#pragma once

#include <string>
#include <vector>

#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"

namespace bake::apply {

/// Installs, upgrades and removes what the plan says with the guest's own rpm: removals first (the solver proved that
/// what is left is whole), then one transaction for all files. Trust was decided on the host, so rpm checks no
/// signature.
void change_rpm_packages(const plan::Plan& plan, guest::Guest& guest);

/// The same with the guest's own dpkg; maintainer scripts start no service (policy-rc.d answers 101 meanwhile).
void change_deb_packages(const plan::Plan& plan, guest::Guest& guest);

/// Paths in the guest of the package files that the plan installs or upgrades, in plan order.
std::vector<std::string> package_files(const plan::Plan& plan);

/// Names of the packages that the plan removes.
std::vector<std::string> removed_packages(const plan::Plan& plan);

/// Shell: prints the end of the logs of DKMS builds that did not succeed.
inline constexpr const char* show_build_logs =
    "  for build in /var/lib/dkms/*/*/build/make.log; do\n"
    "    [ ! -e $build ] || { echo \"the end of $build:\"; tail -n 20 $build; }\n"
    "  done\n";

}  // namespace bake::apply
