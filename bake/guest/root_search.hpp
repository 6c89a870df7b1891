#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/guest/guestfs.hpp"
#include "bake/guest/mount_plan.hpp"

namespace bake::guest {

/// The root file system of the operating system on a disk.
struct Root {
  FileSystem file_system;
  std::string fstab;  ///< content of its /etc/fstab
};

/// Looks into the file systems that can hold one and that no found system's fstab claims: a root has an /etc/fstab and
/// an os-release. Leaves nothing mounted. Throws Error{failed} when there is none (saying so when it is encrypted) or
/// more than one; `disk` is for messages.
Root find_root(Appliance& appliance, const std::vector<FileSystem>& file_systems, const std::filesystem::path& disk);

}  // namespace bake::guest
