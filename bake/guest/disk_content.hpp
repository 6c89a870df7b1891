#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// A file system, or another content with a type in blkid, on a partition, a logical volume or a whole disk.
struct FileSystem {
  std::string device;  ///< name in the appliance: /dev/sda2, /dev/rootvg/rootlv
  std::string type;    ///< ext4, xfs, vfat, swap, crypto_LUKS, LVM2_member, …
  std::string uuid;
  std::string label;
  std::string part_uuid;
  std::string part_label;
};

struct DiskContent {
  std::string partition_table = "none";  ///< gpt, msdos, none
  bool lvm = false;                      ///< has logical volumes
  bool efi = false;                      ///< has an EFI system partition
  bool bios_boot = false;                ///< has a BIOS boot partition
  std::vector<FileSystem> file_systems;
};

/// The label of the appliance's first drive. The kernel assigns names like sda in the order in which it finds the
/// disks. The calls of libguestfs translate them; commands in the appliance must use /dev/disk/guestfs/<label>.
inline constexpr const char* system_drive_label = "system";

/// The command that asks blkid about the first drive of an appliance, its partitions and all logical volumes.
std::string probe_command();

/// Reads what probe_command() prints: blocks of NAME=value, one per device. Devices get the names that the calls of
/// libguestfs use: /dev/sda2, /dev/vg/lv.
DiskContent parse_blkid(std::string_view text);

/// /dev/mapper/root--vg-lv → /dev/root-vg/lv; other names stay as they are.
std::string logical_volume_of(std::string_view mapper_path);

}  // namespace bake::guest
