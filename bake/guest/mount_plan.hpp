#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/disk_content.hpp"

namespace bake::guest {

/// One line of /etc/fstab, octal escapes resolved.
struct FstabEntry {
  std::string spec;  ///< UUID=…, LABEL=…, PARTUUID=…, /dev/…
  std::string mount_point;
  std::string type;
  std::vector<std::string> options;

  [[nodiscard]] bool has_option(std::string_view name) const;
};

/// Reads fstab(5) text; lines that are no entries are left out.
std::vector<FstabEntry> parse_fstab(std::string_view text);

struct PlannedMount {
  std::string device;
  std::string type;
  std::string mount_point;
  std::string uuid;  ///< of the file system
};

struct MountPlan {
  std::vector<PlannedMount> mounts;   ///< parents before children; the first is "/"
  std::vector<std::string> warnings;  ///< what the user should know
  std::vector<std::string> notes;     ///< what was left out on purpose
};

/// The file system that an fstab spec names, or null. Names of the guest's first disk (/dev/sdaN, /dev/vdaN,
/// /dev/nvme0n1pN) are matched by partition number, /dev/mapper/vg-lv by the escaping of device mapper.
const FileSystem* find_file_system(std::string_view spec, const std::vector<FileSystem>& file_systems);

/// What to mount where, by the guest's own fstab, on the root file system `root`. Swap, network and virtual file
/// systems and noauto entries are left out. Throws Error{failed} when a system directory (/usr, /boot, /var, /opt …) is
/// on a file system that the disk does not have; for other directories that is a warning.
MountPlan plan_mounts(const FileSystem& root, const std::vector<FstabEntry>& fstab,
                      const std::vector<FileSystem>& file_systems);

/// True for file systems an operating system's root can be on.
bool can_hold_root(const FileSystem& file_system);

}  // namespace bake::guest
