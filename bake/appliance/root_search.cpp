#include "bake/appliance/root_search.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::guest {
namespace {

constexpr std::uint64_t fstab_limit = 1U << 20U;

bool is_regular(Appliance& appliance, const std::string& path) {
  const auto info = appliance.stat(path, true);
  return info && info->type == FileType::regular;
}

/// The fstab of the operating system whose root is mounted, or empty when it is not an operating system.
/// /etc/os-release may be a link to a /usr that is not mounted yet.
std::optional<std::string> fstab_of_system(Appliance& appliance) {
  const auto fstab = appliance.stat("/etc/fstab", true);
  if (!fstab || fstab->type != FileType::regular || fstab->size > fstab_limit) return std::nullopt;
  const bool system = appliance.stat("/etc/os-release", false) || is_regular(appliance, "/usr/lib/os-release");
  if (!system) return std::nullopt;
  return appliance.read("/etc/fstab", 0, fstab->size);
}

bool has_root_name(const FileSystem& file_system) {
  for (const auto* name : {&file_system.device, &file_system.label, &file_system.part_label})
    if (to_lower(*name).find("root") != std::string::npos) return true;
  return false;
}

/// The file systems that can be a root, the most likely first: the fstab of a found root names most of the others,
/// which then need not be mounted.
std::vector<FileSystem> likely_roots_first(const std::vector<FileSystem>& file_systems) {
  std::vector<FileSystem> candidates;
  std::copy_if(file_systems.begin(), file_systems.end(), std::back_inserter(candidates), can_hold_root);
  std::stable_partition(candidates.begin(), candidates.end(), has_root_name);
  return candidates;
}

/// The file systems that belong to the system with this fstab.
std::set<std::string> devices_of(std::string_view fstab, const std::vector<FileSystem>& file_systems) {
  std::set<std::string> devices;
  for (const auto& entry : parse_fstab(fstab))
    if (const auto* device = find_file_system(entry.spec, file_systems)) devices.insert(device->device);
  return devices;
}

[[noreturn]] void refuse_none(const std::vector<FileSystem>& file_systems, const std::filesystem::path& disk) {
  for (const auto& file_system : file_systems)
    if (file_system.type == "crypto_LUKS")
      throw Error(ErrorKind::failed,
                  fmt::format("opening disk '{}': {} is encrypted (LUKS)", disk.string(), file_system.device),
                  "bake cannot read encrypted disks; bake the image first and encrypt it afterwards");
  std::vector<std::string> seen;
  seen.reserve(file_systems.size());
  for (const auto& file_system : file_systems) seen.push_back(file_system.device + " (" + file_system.type + ")");
  throw Error(ErrorKind::failed, fmt::format("opening disk '{}': no operating system found in it", disk.string()),
              seen.empty()
                  ? "there is no file system on it; is it the disk of a Linux VM?"
                  : fmt::format("it has {}; none of them is a root file system with /etc/fstab and an os-release",
                                join(seen, ", ")));
}

}  // namespace

Root find_root(Appliance& appliance, const std::vector<FileSystem>& file_systems, const std::filesystem::path& disk) {
  std::vector<Root> roots;
  std::set<std::string> claimed;
  std::string unreadable;
  for (const auto& candidate : likely_roots_first(file_systems)) {
    if (claimed.contains(candidate.device)) continue;
    try {
      appliance.mount(candidate.device, "/", "noatime");
    } catch (const Error& error) {
      unreadable = error.message();
      continue;
    }
    if (auto fstab = fstab_of_system(appliance)) {
      claimed.merge(devices_of(*fstab, file_systems));
      roots.push_back({candidate, std::move(*fstab)});
    }
    appliance.unmount("/");
  }
  if (roots.size() > 1)
    throw Error(ErrorKind::failed,
                fmt::format("opening disk '{}': two operating systems, on {} and on {}", disk.string(),
                            roots[0].file_system.device, roots[1].file_system.device),
                "bake works on disks with one operating system");
  if (roots.empty() && !unreadable.empty())
    throw Error(ErrorKind::failed, fmt::format("opening disk '{}': {}", disk.string(), unreadable),
                "the file system is damaged, or the appliance lacks support for it (Debian: package libguestfs-xfs)");
  if (roots.empty()) refuse_none(file_systems, disk);
  return std::move(roots.front());
}

}  // namespace bake::guest
