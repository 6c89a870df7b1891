#include <fmt/format.h>

#include "bake/apply/guest_state.hpp"
#include "bake/apply/shell.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {

bool is_labelled(guest::Guest& guest, const std::string& path) {
  const auto result = guest.shell(fmt::format("ls -dZ {}\n", shell_quote(path)));
  return result.ok() && result.output.find(":object_r:") != std::string::npos;
}

void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (plan.relabel == plan::Relabel::none) return;
  progress.step("label files");
  if (plan.relabel == plan::Relabel::setfiles) {
    // -m (policycoreutils 2.7) keeps setfiles from skipping file systems that the appliance mounts without seclabel.
    // The EFI system partition cannot store labels, and setfiles fails when it tries to set one.
    const auto result =
        guest.shell(fmt::format("mount_option=; setfiles -m 2>&1 | grep -q 'invalid option' || mount_option=-m\n"
                                "set --\n"
                                "while read -r device place type rest; do\n"
                                "  case $type in vfat|msdos|exfat|iso9660) set -- \"$@\" -e \"$place\";; esac\n"
                                "done </proc/mounts\n"
                                "setfiles -F $mount_option -e /proc -e /sys -e /dev -e /run \"$@\" {} / 2>&1\n",
                                shell_quote(plan.file_contexts)));
    if (result.ok() && is_labelled(guest, guest::manifest_path)) return;
    progress.warn(
        fmt::format("the guest's setfiles could not label its files ({}); they are labelled at the first boot, "
                    "which reboots once (/.autorelabel)",
                    last_lines(result.output, 2)));
  }
  guest.write(plan::path::autorelabel, "");
}

}  // namespace bake::apply
