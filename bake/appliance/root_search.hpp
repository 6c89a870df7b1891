#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/appliance/guestfs.hpp"
#include "bake/guest/mount_plan.hpp"

namespace bake::guest {

/// The root file system of the operating system on a disk.
struct Root {
  FileSystem file_system;
  std::string fstab;  ///< content of its /etc/fstab
};

/// Searches the file systems that can be a root and that are not in the fstab of a found system: a root has an
/// /etc/fstab and an os-release. Leaves nothing mounted. Throws Error{failed} when there is no root (with a special
/// message for an encrypted one) or more than one; messages name `disk`.
Root find_root(Appliance& appliance, const std::vector<FileSystem>& file_systems, const std::filesystem::path& disk);

}  // namespace bake::guest
