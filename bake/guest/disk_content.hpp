#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// A file system, or what else blkid knows by name, on a partition, a logical volume or a whole disk.
struct FileSystem {
  std::string device;  ///< as the appliance names it: /dev/sda2, /dev/rootvg/rootlv
  std::string type;    ///< ext4, xfs, vfat, swap, crypto_LUKS, LVM2_member, …
  std::string uuid;
  std::string label;
  std::string part_uuid;
  std::string part_label;
};

struct DiskContent {
  std::string partition_table = "none";  ///< gpt, msdos, none
  bool lvm = false;                      ///< holds logical volumes
  bool efi = false;                      ///< has an EFI system partition
  std::vector<FileSystem> file_systems;
};

/// The label of the appliance's first drive. The kernel hands out names like sda in the order in which it happens to
/// find disks; libguestfs' calls translate them, commands in the appliance have to go by /dev/disk/guestfs/<label>.
inline constexpr const char* system_drive_label = "system";

/// The command that asks blkid about the first drive of an appliance, its partitions and all logical volumes.
std::string probe_command();

/// Reads what probe_command() prints: blocks of NAME=value, one per device. Devices get the names that libguestfs'
/// calls take: /dev/sda2, /dev/vg/lv.
DiskContent parse_blkid(std::string_view text);

/// /dev/mapper/root--vg-lv → /dev/root-vg/lv; other names stay as they are.
std::string logical_volume_of(std::string_view mapper_path);

}  // namespace bake::guest
