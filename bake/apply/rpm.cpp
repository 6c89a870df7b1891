#include <fmt/format.h>

#include "bake/apply/packages.hpp"
#include "bake/apply/shell.hpp"

namespace bake::apply {

namespace {

constexpr const char* weak_modules = "/usr/sbin/weak-modules";

/// `command` as a script during which weak-modules builds no initramfs. A kmod package's scriptlet lets it build one
/// for every kernel it makes links for, with dracut's host-only default: on a machine that is not the appliance those
/// kernels would not find their disk. bake builds the one that is needed itself.
std::string without_initramfs(const std::string& command) {
  return fmt::format(
      "tool={0}\naside=$tool.bake-aside\n"
      "if [ -f $tool ] && [ ! -L $tool ] && mv $tool $aside; then\n"
      "  printf '#!/bin/sh\\nexec %s --no-initramfs \"$@\"\\n' $aside >$tool\n"
      "  chmod 755 $tool\n"
      "fi\n"
      "{1}\nstatus=$?\n"
      "if [ -e $aside ]; then\n"
      "  # A package that was installed just now may have brought another one.\n"
      "  if grep -q bake-aside $tool; then mv -f $aside $tool; else rm -f $aside; fi\n"
      "fi\n"
      "exit $status\n",
      weak_modules, command);
}

}  // namespace

void change_rpm_packages(const plan::Plan& plan, guest::Guest& guest) {
  // Scriptlets must neither talk to an init system nor write byte code caches dated by the appliance's clock.
  const std::string environment = "export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n";
  const auto removed = removed_packages(plan);
  if (!removed.empty())
    run(guest, "removing packages in the guest",
        environment + without_initramfs(fmt::format("rpm -e --allmatches --nodeps {}", quoted(removed))));
  const auto files = package_files(plan);
  if (files.empty()) return;
  // --oldpackage: the vendor's build may compare lower than a newer inbox one that it replaces by plan.
  run(guest, "installing packages in the guest",
      environment + without_initramfs(fmt::format("rpm -U --oldpackage --nosignature {}", quoted(files))));
}

}  // namespace bake::apply
