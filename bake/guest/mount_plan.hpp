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

/// Reads fstab(5) text; skips lines that are not entries.
std::vector<FstabEntry> parse_fstab(std::string_view text);

struct PlannedMount {
  std::string device;
  std::string type;
  std::string mount_point;
  std::string uuid;  ///< of the file system
};

struct MountPlan {
  std::vector<PlannedMount> mounts;   ///< parents before children; the first is "/"
  std::vector<std::string> warnings;  ///< warnings for the user
  std::vector<std::string> notes;     ///< skipped entries, with the reason
};

/// Returns the file system of an fstab spec, or null. Names of the guest's first disk (/dev/sdaN, /dev/vdaN,
/// /dev/nvme0n1pN) are matched by partition number, /dev/mapper/vg-lv by the escaping of device mapper.
const FileSystem* find_file_system(std::string_view spec, const std::vector<FileSystem>& file_systems);

/// Returns which file system to mount where, from the guest's own fstab, with the root file system `root`. Skips swap,
/// network and virtual file systems and noauto entries. Throws Error{failed} when a system directory (/usr, /boot,
/// /var, /opt …) is on a file system that is not on the disk; for other directories this is a warning.
MountPlan plan_mounts(const FileSystem& root, const std::vector<FstabEntry>& fstab,
                      const std::vector<FileSystem>& file_systems);

/// True for types of file systems that can be the root of an operating system.
bool can_hold_root(const FileSystem& file_system);

}  // namespace bake::guest
