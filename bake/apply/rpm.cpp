#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <string_view>

#include "bake/apply/packages.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {
namespace {

using resolve::PackageChange;

/// The packages of which a system has one for each kernel. `rpm -U` would remove those of the other kernels.
constexpr std::array<std::string_view, 7> packages_of_kernels{
    "kernel",         "kernel-core",         "kernel-devel",        "kernel-devel-matched",
    "kernel-modules", "kernel-modules-core", "kernel-modules-extra"};

bool is_of_kernel(const PackageChange& change) {
  return change.action == PackageChange::Action::install &&
         std::find(packages_of_kernels.begin(), packages_of_kernels.end(), change.name) != packages_of_kernels.end();
}

}  // namespace

void change_rpm_packages(const Changes& changes, const DeferredTools& tools, guest::Guest& guest) {
  // Scriptlets must not talk to an init system, and must not write byte code caches with the appliance's time.
  const auto environment = std::string("export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n") + sign_no_modules;
  const auto run = [&](const char* doing, const std::string& command, const std::vector<std::string>& objects,
                       const DeferredTools& idle) {
    if (!objects.empty())
      guest::run(guest, doing, environment + with_deferred_tools(idle, command + " " + guest::quoted(objects)));
  };
  run("removing packages in the guest", "rpm -e --allmatches --nodeps", removed_packages(changes), tools);
  Changes kernels, others;
  std::partition_copy(changes.begin(), changes.end(), std::back_inserter(kernels), std::back_inserter(others),
                      is_of_kernel);
  // First, because dkms requires headers, and package scripts compile with them. The solver has proved the dependencies
  // that the next transaction satisfies.
  run("installing packages of a kernel in the guest", "rpm -i --nodeps --oldpackage --nosignature",
      package_files(kernels), tools);
  // --oldpackage: the vendor's package may have a lower version than the inbox package that it replaces.
  constexpr const char* upgrade = "rpm -U --oldpackage --nosignature";
  if (!tools.late.empty()) {
    // Without --nodeps, one that needs a package of the driver would be refused; the solver has proved the end.
    run("installing packages of the distribution in the guest", "rpm -U --nodeps --oldpackage --nosignature",
        package_files(only_extras(others, true)), tools);
    others = only_extras(others, false);
  }
  run("installing packages in the guest", upgrade, package_files(others), tools.with_late());
}

}  // namespace bake::apply
