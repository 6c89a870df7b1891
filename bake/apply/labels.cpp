#include "bake/guest/labels.hpp"

#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

std::vector<std::string> installed_packages(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& package : plan.expectations.packages) names.push_back(package.name);
  return names;
}

std::vector<std::string> written_files(const plan::Plan& plan) {
  std::vector<std::string> paths;
  for (const auto& file : plan::files_of(plan)) paths.push_back(file.path);
  return paths;
}

}  // namespace

void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (plan.relabel == plan::Relabel::none) return;
  progress.step("label files");
  if (plan.relabel == plan::Relabel::setfiles) {
    // setfiles does not cross mount points (libselinux, SELINUX_RESTORECON_XDEV), so each file system that can store
    // labels is named; the EFI system partition cannot, and setfiles fails there. Without -F it keeps customizable
    // types. -m (policycoreutils 2.7) keeps setfiles from skipping file systems that the appliance mounts without
    // seclabel.
    const auto result =
        guest.shell(fmt::format("mount_option=; setfiles -m 2>&1 | grep -q 'invalid option' || mount_option=-m\n"
                                "set --\n"
                                "while read -r device place type rest; do\n"
                                "  case $type in xfs|ext2|ext3|ext4|btrfs) set -- \"$@\" \"$place\";; esac\n"
                                "done </proc/mounts\n"
                                "setfiles $mount_option -e /proc -e /sys -e /dev -e /run {} \"$@\" 2>&1\n",
                                shell_quote(plan.file_contexts)));
    const auto unlabelled = guest::unlabelled_files(guest, plan.family, installed_packages(plan), written_files(plan));
    if (result.ok() && unlabelled.empty()) return;
    progress.warn(
        fmt::format("the guest's setfiles could not label its files ({}); they are labelled at the first boot, "
                    "which reboots once (/.autorelabel)",
                    result.ok() ? "no label: " + join(unlabelled, ", ") : last_lines(result.output, 2)));
  }
  write_own_file(guest, plan::path::autorelabel, "");
}

}  // namespace bake::apply
