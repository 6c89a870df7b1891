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
constexpr std::array<std::string_view, 6> packages_of_kernels{
    "kernel", "kernel-core", "kernel-devel", "kernel-modules", "kernel-modules-core", "kernel-modules-extra"};

bool is_of_kernel(const PackageChange& change) {
  return change.action == PackageChange::Action::install &&
         std::find(packages_of_kernels.begin(), packages_of_kernels.end(), change.name) != packages_of_kernels.end();
}

}  // namespace

void change_rpm_packages(const Changes& changes, const DeferredTools& tools, guest::Guest& guest) {
  // Scriptlets must not talk to an init system, and must not write byte code caches with the appliance's time.
  const auto environment = std::string("export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n") + sign_no_modules;
  const auto run = [&](const char* doing, const std::string& command, const std::vector<std::string>& objects) {
    if (!objects.empty())
      guest::run(guest, doing, environment + with_deferred_tools(tools, command + " " + guest::quoted(objects)));
  };
  run("removing packages in the guest", "rpm -e --allmatches --nodeps", removed_packages(changes));
  Changes kernels, others;
  std::partition_copy(changes.begin(), changes.end(), std::back_inserter(kernels), std::back_inserter(others),
                      is_of_kernel);
  // --oldpackage: the vendor's package may have a lower version than the inbox package that it replaces.
  run("installing packages in the guest", "rpm -U --oldpackage --nosignature", package_files(others));
  run("installing packages of a kernel in the guest", "rpm -i --oldpackage --nosignature", package_files(kernels));
}

}  // namespace bake::apply
