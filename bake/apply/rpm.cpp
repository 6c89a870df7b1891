#include <fmt/format.h>

#include "bake/apply/deferred.hpp"
#include "bake/apply/packages.hpp"
#include "bake/guest/shell.hpp"

namespace bake::apply {

void change_rpm_packages(const plan::Plan& plan, guest::Guest& guest) {
  // Scriptlets must not talk to an init system, and must not write byte code caches with the appliance's time.
  const auto environment = std::string("export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n") + sign_no_modules;
  const auto removed = removed_packages(plan);
  if (!removed.empty())
    guest::run(guest, "removing packages in the guest",
               environment + with_deferred_tools(deferred_tools(plan), fmt::format("rpm -e --allmatches --nodeps {}",
                                                                                   guest::quoted(removed))));
  const auto files = package_files(plan);
  if (files.empty()) return;
  // --oldpackage: the vendor's package may have a lower version than the inbox package that it replaces.
  guest::run(guest, "installing packages in the guest",
             environment + with_deferred_tools(deferred_tools(plan), fmt::format("rpm -U --oldpackage --nosignature {}",
                                                                                 guest::quoted(files))));
}

}  // namespace bake::apply
