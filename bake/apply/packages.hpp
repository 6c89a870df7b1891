#pragma once

#include <string>
#include <vector>

#include "bake/apply/deferred.hpp"
#include "bake/guest/guest.hpp"
#include "bake/resolve/closure.hpp"

namespace bake::apply {

using Changes = std::vector<resolve::PackageChange>;

/// Installs, upgrades and removes packages with the guest's own rpm: removals first (the solver has proved that the
/// remaining dependencies are satisfied), then one transaction for the packages of a kernel, which must not replace
/// those of another kernel, and one for all others. `tools` do nothing meanwhile. The host has decided about trust, so
/// rpm checks no signature.
void change_rpm_packages(const Changes& changes, const DeferredTools& tools, guest::Guest& guest);

/// Does the same with the guest's own dpkg. Maintainer scripts start no service, because policy-rc.d exits with 101
/// during the call.
void change_deb_packages(const Changes& changes, const DeferredTools& tools, guest::Guest& guest);

/// Returns the paths in the guest of the package files that `changes` install or upgrade, in their order.
std::vector<std::string> package_files(const Changes& changes);

/// Returns the changes of packages of the distribution, or all others.
Changes only_extras(const Changes& changes, bool extras);

/// Returns the names of the packages that `changes` remove.
std::vector<std::string> removed_packages(const Changes& changes);

/// Shell code that prints the end of the logs of failed DKMS builds.
inline constexpr const char* show_build_logs =
    "  for build in /var/lib/dkms/*/*/build/make.log; do\n"
    "    [ ! -e $build ] || { echo \"the end of $build:\"; tail -n 20 $build; }\n"
    "  done\n";

/// Shell code after which dkms 3 signs no module: it does so only if the file that this variable names exists (dkms.in,
/// prepare_signing). A key that dkms makes would be in every machine that starts from the image.
inline constexpr const char* sign_no_modules = "export sign_file=/nonexistent\n";

}  // namespace bake::apply
