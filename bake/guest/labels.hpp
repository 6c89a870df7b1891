#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// The files of a bake, whose SELinux labels are checked. Files that do not exist are left out, and so are files below
/// /proc, /sys, /dev and /run, which get their labels at boot.
struct LabelledFiles {
  Family family = Family::rpm;
  std::vector<std::string> packages;  ///< all files of these packages
  std::vector<std::string> paths;
  std::string kernel;  ///< all files below extra, updates and weak-updates of it, and depmod's; empty: none
};

/// Returns the paths of `files`, sorted; some may not exist. Each has the real path of its directory, because the
/// policy has no entries for the paths below a link (/lib, /etc/init.d).
std::vector<std::string> paths_of(Guest& guest, const LabelledFiles& files);

/// Returns whether `context` is a label. The types unlabeled_t and file_t are none: the policy gives them to files
/// without a label.
bool is_label(const std::string& context);

/// Returns those of `paths` that have no SELinux label, at most 20. When no label can be read at all, one entry says
/// so. The kernel of the appliance has no SELinux, so the label is a plain extended attribute.
std::vector<std::string> unlabelled_files(Guest& guest, const std::vector<std::string>& paths);

struct WrongLabels {
  std::vector<std::string> files;  ///< "/usr/sbin/ibstat (default_t instead of bin_t)", at most 20
  std::string trouble;             ///< why the labels are not known; empty when they are
};

/// Returns those of `paths` that have another type than `file_contexts` names, by the guest's own setfiles. Files
/// without a label, directories, and files with a customized type (restorecon(8)) are not among them.
WrongLabels wrong_labels(Guest& guest, const std::vector<std::string>& paths, const std::string& file_contexts);

/// A part of a script that prints `paths`, one a line, without the directories: setfiles descends into each directory
/// that it gets.
std::string print_without_directories(const std::vector<std::string>& paths);

/// Returns the file of a line in which setfiles says that it would change a label, as an entry of WrongLabels::files;
/// empty for other lines and for files without a label.
std::string wrong_label_in(const std::string& line);

/// A line of a script that sets $mount_option to the option -m where setfiles has it (policycoreutils 2.6). The option
/// keeps setfiles from skipping file systems that the appliance mounts without seclabel.
inline constexpr const char* find_mount_option =
    "mount_option=; setfiles -m 2>&1 | grep -q 'invalid option' || mount_option=-m\n";

}  // namespace bake::guest
