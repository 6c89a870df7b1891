#include <fmt/format.h>

#include "bake/apply/packages.hpp"
#include "bake/apply/shell.hpp"

namespace bake::apply {

void change_rpm_packages(const plan::Plan& plan, guest::Guest& guest) {
  // Scriptlets must neither talk to an init system nor write byte code caches dated by the appliance's clock.
  const std::string environment = "export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n";
  const auto removed = removed_packages(plan);
  if (!removed.empty())
    run(guest, "removing packages in the guest",
        environment + fmt::format("rpm -e --allmatches --nodeps {}\n", quoted(removed)));
  const auto files = package_files(plan);
  if (files.empty()) return;
  // --oldpackage: the vendor's build may compare lower than a newer inbox one that it replaces by plan.
  run(guest, "installing packages in the guest",
      environment + fmt::format("rpm -U --oldpackage --nosignature {}\n", quoted(files)));
}

}  // namespace bake::apply
