#include "bake/boot/grub_disk.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/boot/grub_script.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

constexpr const char* efi_mount = "/boot/efi";
constexpr std::string_view unmounted = "unmounted:";
constexpr std::size_t max_path = 4096;

bool is_path(const std::string& path) {
  return path.starts_with('/') && path.size() <= max_path && path.find('\0') == std::string::npos;
}

/// A name without blanks, at which scripts split "($root)".
std::string device_of(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }, '_');
  return name;
}

/// `mount` and a path that counts from it.
std::string below(const std::string& mount, const std::string& path) { return mount == "/" ? path : mount + path; }

}  // namespace

GuestGrubDisk::GuestGrubDisk(Guest& guest, const Layout& layout) : guest_(guest) {
  knows_uuids_ = !layout.mounts.empty();
  for (const auto& mount : layout.mounts) {
    mount_points_.push_back(mount.mount_point);
    if (mount.uuid.empty())
      knows_uuids_ = false;
    else
      mount_of_uuid_[to_lower(mount.uuid)] = mount.mount_point;
  }
}

std::string GuestGrubDisk::mount_point_of(const std::string& guest_path) const {
  std::string longest = "/";
  for (const auto& mount : mount_points_)
    if (is_below(guest_path, mount) && mount.size() > longest.size()) longest = mount;
  return longest;
}

std::pair<std::string, std::string> GuestGrubDisk::place_of(const std::string& guest_path) const {
  std::string mount;
  if (!mount_points_.empty())
    mount = mount_point_of(guest_path);
  else if (is_below(guest_path, efi_mount))
    mount = efi_mount;
  else if (is_below(guest_path, "/boot"))
    return {"boot", guest_path.substr(std::string_view("/boot").size())};  // with or without a separate partition
  else
    mount = "/";
  return {"@" + mount, mount == "/" ? guest_path : guest_path.substr(mount.size())};
}

std::vector<std::string> GuestGrubDisk::candidates(const std::string& device, const std::string& path) const {
  if (!is_path(path) || device.empty() || device.starts_with(unmounted)) return {};
  if (device.starts_with('@')) {
    const auto mount = device.substr(1);
    const auto found = below(mount, path);
    const bool hidden = !mount_points_.empty() && mount_point_of(found) != mount;  // another file system covers it
    return hidden ? std::vector<std::string>{} : std::vector<std::string>{found};
  }
  return {"/boot" + path, path, efi_mount + path};
}

const std::vector<std::string>& GuestGrubDisk::names_in(const std::string& directory) {
  const auto [place, added] = names_.try_emplace(directory);
  if (added) place->second = guest_.list(directory);
  return place->second;
}

GrubFileKind GuestGrubDisk::look_at(const std::string& guest_path) {
  if (guest_path == "/") return GrubFileKind::directory;
  const auto& names = names_in(parent_of(guest_path));
  if (std::find(names.begin(), names.end(), base_name_of(guest_path)) == names.end()) return GrubFileKind::none;
  const auto found = guest_.target_stat(guest_path);  // a link may lead to a kernel, which is too large to be read
  if (!found) return GrubFileKind::none;
  if (found->type == FileType::directory) return GrubFileKind::directory;
  if (found->type == FileType::regular) return found->size == 0 ? GrubFileKind::empty_file : GrubFileKind::file;
  return GrubFileKind::none;
}

GrubFileKind GuestGrubDisk::kind_of(const std::string& guest_path) {
  auto known = kinds_.find(guest_path);
  if (known == kinds_.end()) known = kinds_.emplace(guest_path, look_at(guest_path)).first;
  return is_unreachable_environment(guest_path) ? GrubFileKind::none : known->second;
}

bool GuestGrubDisk::is_unreachable_environment(const std::string& guest_path) {
  if (base_name_of(guest_path) != "grubenv" || is_below(guest_path, efi_mount)) return false;
  const auto [place, added] = leads_to_efi_.try_emplace(guest_path, false);
  if (added)
    if (const auto target = guest_.read_link(guest_path)) place->second = target->find("efi/EFI/") != std::string::npos;
  if (place->second) link_ = guest_path;
  return place->second && !follow_links_;
}

const std::optional<std::string>& GuestGrubDisk::content_of(const std::string& guest_path) {
  if (const auto known = contents_.find(guest_path); known != contents_.end()) return known->second;
  if (const auto stat = guest_.target_stat(guest_path);
      stat && stat->type == FileType::regular && stat->size > grub_file_limit)
    throw Undetermined(fmt::format("'{}' is larger than {} bytes", guest_path, grub_file_limit));
  return contents_.emplace(guest_path, guest_.read(guest_path, grub_file_limit)).first->second;
}

GrubFileKind GuestGrubDisk::kind(const std::string& device, const std::string& path) {
  auto wanted = path;
  while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
  for (const auto& candidate : candidates(device, wanted))
    if (const auto found = kind_of(candidate); found != GrubFileKind::none) return found;
  return GrubFileKind::none;
}

std::optional<std::string> GuestGrubDisk::read(const std::string& device, const std::string& path) {
  for (const auto& candidate : candidates(device, path)) {
    const auto found = kind_of(candidate);
    if (found == GrubFileKind::file || found == GrubFileKind::empty_file) return content_of(candidate);
  }
  return std::nullopt;
}

std::vector<std::string> GuestGrubDisk::list(const std::string& device, const std::string& path) {
  auto wanted = path;
  while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
  for (const auto& candidate : candidates(device, wanted))
    if (const auto& names = names_in(candidate); !names.empty()) return names;
  return {};
}

std::optional<std::string> GuestGrubDisk::search(GrubSearch by, const std::string& what) {
  if (by == GrubSearch::fs_uuid) {
    const auto mount = mount_of_uuid_.find(to_lower(what));
    if (mount != mount_of_uuid_.end()) return device_of("@" + mount->second);
    // The disk may have file systems that are not mounted, those of another system; GRUB finds them.
    return device_of(std::string(knows_uuids_ ? unmounted : "uuid:") + what);
  }
  if (by == GrubSearch::label) return device_of("label:" + what);
  const auto wanted = what.starts_with('/') ? what : "/" + what;
  std::vector<std::string> mounts = mount_points_;
  if (mounts.empty()) mounts = {"/boot", "/", efi_mount};
  std::optional<std::string> found;
  for (const auto& mount : mounts)
    for (const auto& candidate : candidates("@" + mount, wanted)) {
      if (kind_of(candidate) == GrubFileKind::none) continue;
      if (found) throw Undetermined(fmt::format("more than one file system has '{}'", wanted));
      found = device_of("@" + mount);
    }
  return found;
}

bool GuestGrubDisk::is_mounted(const std::string& device) { return !device.starts_with(unmounted); }

std::string GuestGrubDisk::name_of(const std::string& device, const std::string& path) {
  const auto places = candidates(device, path);
  for (const auto& candidate : places)
    if (kind_of(candidate) != GrubFileKind::none) return candidate;
  return places.empty() ? fmt::format("({}){}", device, path) : places.front();
}

}  // namespace bake::guest
