#include "bake/guest/labels.hpp"

#include <fmt/format.h>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

guest::LabelledFiles changed_files(const plan::Plan& plan) {
  guest::LabelledFiles files{plan.family, {}, {}, plan.kernel()};
  for (const auto& package : plan.expectations.packages) files.packages.push_back(package.name);
  for (const auto& file : plan::files_of(plan)) files.paths.push_back(file.path);
  return files;
}

}  // namespace

void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (plan.relabel == plan::Relabel::none) return;
  progress.step("label files");
  if (plan.relabel == plan::Relabel::setfiles) {
    // setfiles does not cross mount points (libselinux, SELINUX_RESTORECON_XDEV), so each file system that can store
    // labels is named; the EFI system partition cannot, and setfiles fails there. Without -F it keeps customized types.
    const auto result =
        guest.shell(guest::find_mount_option +
                    fmt::format("set --\n"
                                "while read -r device place type rest; do\n"
                                "  case $type in xfs|ext2|ext3|ext4|btrfs) set -- \"$@\" \"$place\";; esac\n"
                                "done </proc/mounts\n"
                                "setfiles {}$mount_option -e /proc -e /sys -e /dev -e /run {} \"$@\" 2>&1\n",
                                plan.reset_labels ? "-F " : "", shell_quote(plan.file_contexts)));
    const auto unlabelled = guest::unlabelled_files(guest, changed_files(plan));
    if (result.ok() && unlabelled.empty()) return;
    progress.warn(
        fmt::format("the guest's setfiles could not label its files ({}); they are labelled at the first boot, "
                    "which reboots once (/.autorelabel)",
                    result.ok() ? "no label: " + join(unlabelled, ", ") : last_lines(result.output, 2)));
  }
  // The first boot passes the content to fixfiles (initscripts, systemd/rhel-autorelabel; policycoreutils, fixfiles
  // onboot).
  write_own_file(guest, plan::path::autorelabel, plan.reset_labels ? "-F\n" : "");
}

}  // namespace bake::apply
