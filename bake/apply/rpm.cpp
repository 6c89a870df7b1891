#include <fmt/format.h>

#include "bake/apply/packages.hpp"
#include "bake/apply/shell.hpp"

namespace bake::apply {

namespace {

constexpr const char* weak_modules = "/usr/sbin/weak-modules";

/// Returns a script that runs `command` while weak-modules builds no initramfs. A kmod package's scriptlet makes
/// weak-modules build one for every kernel that it links modules for, with dracut's host-only default: outside the
/// appliance those kernels would not find their disk. bake itself builds the one initramfs that the image needs.
std::string without_initramfs(const std::string& command) {
  return fmt::format(
      "tool={0}\naside=$tool.bake-aside\n"
      "if [ -f $tool ] && [ ! -L $tool ] && mv $tool $aside; then\n"
      "  printf '#!/bin/sh\\nexec %s --no-initramfs \"$@\"\\n' $aside >$tool\n"
      "  chmod 755 $tool\n"
      "fi\n"
      "{1}\nstatus=$?\n"
      "if [ -e $aside ]; then\n"
      "  # The command may have installed a new weak-modules.\n"
      "  if grep -q bake-aside $tool; then mv -f $aside $tool; else rm -f $aside; fi\n"
      "fi\n"
      "exit $status\n",
      weak_modules, command);
}

}  // namespace

void change_rpm_packages(const plan::Plan& plan, guest::Guest& guest) {
  // Scriptlets must not talk to an init system, and must not write byte code caches with the appliance's time.
  const std::string environment = "export SYSTEMD_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1\n";
  const auto removed = removed_packages(plan);
  if (!removed.empty())
    run(guest, "removing packages in the guest",
        environment + without_initramfs(fmt::format("rpm -e --allmatches --nodeps {}", quoted(removed))));
  const auto files = package_files(plan);
  if (files.empty()) return;
  // --oldpackage: the vendor's package may have a lower version than the inbox package that it replaces.
  run(guest, "installing packages in the guest",
      environment + without_initramfs(fmt::format("rpm -U --oldpackage --nosignature {}", quoted(files))));
}

}  // namespace bake::apply
