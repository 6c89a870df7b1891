#include "bake/guest/mount_plan.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr std::array<std::string_view, 6> disk_types{"ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"};
/// Directories that bake or the packages it installs write to.
constexpr std::array<std::string_view, 6> system_directories{"/boot", "/usr", "/var", "/etc", "/opt", "/lib"};

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// fstab(5): space, tab, newline and backslash are written as \040, \011, \012, \134.
std::string unescape(std::string_view field) {
  std::string plain;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) && is_octal(field[i + 2]) &&
        is_octal(field[i + 3])) {
      plain += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      plain += field[i];
    }
  }
  return plain;
}

bool holds_system(std::string_view mount_point) {
  return std::any_of(system_directories.begin(), system_directories.end(),
                     [&](auto directory) { return is_below(mount_point, directory); });
}

/// Returns the partition number in a device name of the guest's first disk, or empty.
std::optional<std::string> first_disk_partition(std::string_view spec) {
  for (const std::string_view disk : {"/dev/sda", "/dev/vda", "/dev/xvda", "/dev/hda", "/dev/nvme0n1p"}) {
    if (!spec.starts_with(disk)) continue;
    const auto number = spec.substr(disk.size());
    if (!number.empty() && number.size() < 4 && std::all_of(number.begin(), number.end(), is_digit))
      return std::string(number);
  }
  return std::nullopt;
}

template <class Matches>
const FileSystem* find_if(const std::vector<FileSystem>& file_systems, Matches matches) {
  const auto found = std::find_if(file_systems.begin(), file_systems.end(), matches);
  return found == file_systems.end() ? nullptr : &*found;
}

const FileSystem* find_by(std::string FileSystem::*field, std::string_view value,
                          const std::vector<FileSystem>& file_systems) {
  const auto wanted = to_lower(value);
  if (wanted.empty()) return nullptr;
  return find_if(file_systems, [&](const FileSystem& candidate) { return to_lower(candidate.*field) == wanted; });
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  return value;
}

struct Tag {
  std::string_view prefix;
  std::string FileSystem::*field;
};
constexpr std::array<Tag, 8> tags{Tag{"UUID=", &FileSystem::uuid},
                                  Tag{"LABEL=", &FileSystem::label},
                                  Tag{"PARTUUID=", &FileSystem::part_uuid},
                                  Tag{"PARTLABEL=", &FileSystem::part_label},
                                  Tag{"/dev/disk/by-uuid/", &FileSystem::uuid},
                                  Tag{"/dev/disk/by-label/", &FileSystem::label},
                                  Tag{"/dev/disk/by-partuuid/", &FileSystem::part_uuid},
                                  Tag{"/dev/disk/by-partlabel/", &FileSystem::part_label}};

bool is_clean_mount_point(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
  const auto components = path_components(path);
  return std::find(components.begin(), components.end(), "..") == components.end();
}

void report_missing(const FstabEntry& entry, MountPlan& plan) {
  if (entry.has_option("nofail")) {
    plan.notes.push_back(fmt::format("{} ({}) is not on this disk; fstab has nofail", entry.mount_point, entry.spec));
    return;
  }
  if (holds_system(entry.mount_point))
    throw Error(ErrorKind::failed,
                fmt::format("mounting '{}': the guest's /etc/fstab names '{}', which is not on this disk",
                            entry.mount_point, entry.spec),
                "bake needs the whole system on one disk; correct /etc/fstab in the image");
  plan.warnings.push_back(
      fmt::format("{} ({}) is in the guest's /etc/fstab, but not on this disk", entry.mount_point, entry.spec));
}

void plan_entry(const FstabEntry& entry, const FileSystem& root, const std::vector<FileSystem>& file_systems,
                MountPlan& plan) {
  const bool of_disk =
      entry.type == "auto" || std::find(disk_types.begin(), disk_types.end(), entry.type) != disk_types.end();
  if (!of_disk || entry.has_option("bind") || entry.has_option("rbind")) return;
  if (!is_clean_mount_point(entry.mount_point)) {
    plan.warnings.push_back(fmt::format("the guest's /etc/fstab has an invalid mount point '{}'", entry.mount_point));
    return;
  }
  const auto* device = find_file_system(entry.spec, file_systems);
  if (entry.mount_point == "/") {
    if (device == nullptr || device->device != root.device)
      plan.warnings.push_back(fmt::format("the guest's /etc/fstab names '{}' as /, but the root file system is {}",
                                          entry.spec, root.device));
    return;
  }
  if (entry.has_option("noauto")) {
    plan.notes.push_back(fmt::format("{} ({}) is noauto", entry.mount_point, entry.spec));
    return;
  }
  if (device == nullptr) return report_missing(entry, plan);
  plan.mounts.push_back({device->device, device->type, entry.mount_point, device->uuid});
}

}  // namespace

bool FstabEntry::has_option(std::string_view name) const {
  return std::find(options.begin(), options.end(), name) != options.end();
}

std::vector<FstabEntry> parse_fstab(std::string_view text) {
  std::vector<FstabEntry> entries;
  for (const auto line : each_line(text)) {
    const auto fields = split_words(line);
    if (fields.size() < 3 || fields[0].starts_with('#')) continue;
    auto mount_point = unescape(fields[1]);
    while (mount_point.size() > 1 && mount_point.back() == '/') mount_point.pop_back();
    entries.push_back({unescape(fields[0]), std::move(mount_point), fields[2],
                       fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string>{}});
  }
  return entries;
}

const FileSystem* find_file_system(std::string_view spec, const std::vector<FileSystem>& file_systems) {
  for (const auto& tag : tags)
    if (spec.starts_with(tag.prefix)) return find_by(tag.field, unquoted(spec.substr(tag.prefix.size())), file_systems);
  if (const auto number = first_disk_partition(spec))
    return find_by(&FileSystem::device, "/dev/sda" + *number, file_systems);
  if (!spec.starts_with("/dev/")) return nullptr;
  const auto device = logical_volume_of(spec);
  // A plain /dev/sdb1 is another disk of the guest, never a disk of the appliance.
  return path_components(device).size() == 3 ? find_by(&FileSystem::device, device, file_systems) : nullptr;
}

bool can_hold_root(const FileSystem& file_system) {
  return file_system.type != "vfat" &&
         std::find(disk_types.begin(), disk_types.end(), file_system.type) != disk_types.end();
}

MountPlan plan_mounts(const FileSystem& root, const std::vector<FstabEntry>& fstab,
                      const std::vector<FileSystem>& file_systems) {
  MountPlan plan;
  plan.mounts.push_back({root.device, root.type, "/", root.uuid});
  for (const auto& entry : fstab) plan_entry(entry, root, file_systems, plan);
  std::stable_sort(plan.mounts.begin(), plan.mounts.end(), [](const auto& a, const auto& b) {
    return path_components(a.mount_point).size() < path_components(b.mount_point).size();
  });
  for (const auto& candidate : file_systems) {
    const bool mountable = can_hold_root(candidate) || candidate.type == "vfat";
    const bool planned = std::any_of(plan.mounts.begin(), plan.mounts.end(),
                                     [&](const auto& mount) { return mount.device == candidate.device; });
    if (mountable && !planned)
      plan.warnings.push_back(fmt::format("{} ({}) is not in the guest's /etc/fstab; bake does not mount it",
                                          candidate.device, candidate.type));
  }
  return plan;
}

}  // namespace bake::guest
