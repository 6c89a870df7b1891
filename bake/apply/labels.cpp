#include "bake/guest/labels.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "bake/apply/guest_files.hpp"
#include "bake/apply/steps.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/shell.hpp"
#include "bake/plan/files.hpp"

namespace bake::apply {
namespace {

using Paths = std::vector<std::string>;

/// The trees that get their labels at boot.
constexpr const char* left_out = "-e /proc -e /sys -e /dev -e /run";

guest::LabelledFiles changed_files(const plan::Plan& plan) {
  guest::LabelledFiles files{plan.family, {}, {}, plan.kernel()};
  for (const auto& package : plan.expectations.packages) files.packages.push_back(package.name);
  for (const auto& file : plan::files_of(plan)) files.paths.push_back(file.path);
  return files;
}

/// Returns the files without a label for the list that setfiles reads; nothing when every file has to be labelled: when
/// the recipe resets labels, when the base is unlabelled, and when labels cannot be read or a list cannot hold a name.
std::optional<Paths> files_to_name(const plan::Plan& plan, guest::Guest& guest) {
  if (plan.reset_labels) return std::nullopt;
  auto found = guest.files_without_label();
  if (!found || found->size() > guest::without_label_limit) return std::nullopt;
  for (const auto& path : *found)
    if (path == "/" || path.find('\n') != std::string::npos) return std::nullopt;
  return found;
}

/// Labels `changed` without its directories, and `unlabelled` with all that is in its directories. setfiles keeps
/// customized types.
guest::ShellResult label_named(const plan::Plan& plan, guest::Guest& guest, const Paths& changed,
                               const Paths& unlabelled) {
  return guest.shell(
      guest::find_mount_option +
      fmt::format("{{ {}; printf '%s\\n' {}; }} | grep . | sort -u | setfiles -s $mount_option {} {} 2>&1\n",
                  guest::print_without_directories(changed), guest::quoted(unlabelled), left_out,
                  shell_quote(plan.file_contexts)));
}

/// Labels every file. setfiles does not cross mount points (libselinux, SELINUX_RESTORECON_XDEV), so each file system
/// that can store labels is named; the EFI system partition cannot, and setfiles fails there. Without -F it keeps
/// customized types.
guest::ShellResult label_all(const plan::Plan& plan, guest::Guest& guest) {
  return guest.shell(guest::find_mount_option +
                     fmt::format("set --\n"
                                 "while read -r device place type rest; do\n"
                                 "  case $type in xfs|ext2|ext3|ext4|btrfs) set -- \"$@\" \"$place\";; esac\n"
                                 "done </proc/mounts\n"
                                 "setfiles {}$mount_option {} {} \"$@\" 2>&1\n",
                                 plan.reset_labels ? "-F " : "", left_out, shell_quote(plan.file_contexts)));
}

}  // namespace

void label_files(const plan::Plan& plan, guest::Guest& guest, Progress& progress) {
  if (plan.relabel == plan::Relabel::none) return;
  progress.step("label files");
  if (plan.relabel == plan::Relabel::setfiles) {
    const auto changed = guest::paths_of(guest, changed_files(plan));
    const auto unlabelled = files_to_name(plan, guest);
    const auto result = unlabelled ? label_named(plan, guest, changed, *unlabelled) : label_all(plan, guest);
    const auto left = guest::unlabelled_files(guest, changed);
    if (result.ok() && left.empty()) return;
    progress.warn(
        fmt::format("the guest's setfiles could not label its files ({}); they are labelled at the first boot, "
                    "which reboots once (/.autorelabel)",
                    result.ok() ? "no label: " + join(left, ", ") : last_lines(result.output, 2)));
  }
  // The first boot passes the content to fixfiles (initscripts, systemd/rhel-autorelabel; policycoreutils, fixfiles
  // onboot).
  write_own_file(guest, plan::path::autorelabel, plan.reset_labels ? "-F\n" : "");
}

}  // namespace bake::apply
