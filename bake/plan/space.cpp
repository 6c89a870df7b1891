#include "bake/plan/space.hpp"

#include <fmt/format.h>

#include "bake/base/text.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
/// For package databases, depmod's tables and logs of the package manager.
constexpr std::uint64_t bookkeeping = 64 * mebibyte;
/// For a generic initramfs, which is written next to the old one before it replaces it.
constexpr std::uint64_t initramfs = 96 * mebibyte;
/// For a DKMS build, which keeps sources, objects and modules.
constexpr std::uint64_t build_tree = 600 * mebibyte;
/// For the modules of a DKMS build, which dkms installs below /lib/modules.
constexpr std::uint64_t built_modules = 64 * mebibyte;
/// For the files of a generic initramfs before they are packed: dracut and mkinitramfs collect them in /var/tmp.
constexpr std::uint64_t initramfs_tree = 300 * mebibyte;
/// For the compiler of a DKMS build, which works in /tmp.
constexpr std::uint64_t compiler_files = 64 * mebibyte;

/// Returns the file system of `path`: the one with the longest matching mount point.
const guest::MountedFileSystem* file_system_of(const guest::Layout& layout, const std::string& path) {
  const guest::MountedFileSystem* best = nullptr;
  for (const auto& mount : layout.mounts) {
    const bool inside =
        mount.mount_point == "/" || path == mount.mount_point || path.rfind(mount.mount_point + "/", 0) == 0;
    if (inside && (best == nullptr || mount.mount_point.size() > best->mount_point.size())) best = &mount;
  }
  return best;
}

}  // namespace

void SpaceNeeds::add(const std::string& path, std::uint64_t bytes) {
  const auto* mount = file_system_of(layout_, path);
  if (mount == nullptr) return;
  auto& entry = needs_[mount->mount_point];
  entry.mount_point = mount->mount_point;
  entry.free = mount->free;
  entry.needed += bytes;
}

void SpaceNeeds::add_temporary(const std::string& path, std::uint64_t bytes) {
  const auto* mount = file_system_of(layout_, path);
  if (mount != nullptr && mount->mount_point == path) add(path, bytes);
}

void SpaceNeeds::add_packages(const std::map<std::string, std::uint64_t>& install_bytes) {
  for (const auto& [directory, bytes] : install_bytes) add(directory, bytes + bytes / 10);
  add("/var", bookkeeping);
}

void SpaceNeeds::add_initramfs() {
  add("/boot", initramfs);
  add_temporary("/var/tmp", initramfs_tree);
}

std::vector<SpaceNeed> SpaceNeeds::list() const {
  std::vector<SpaceNeed> list;
  for (const auto& [mount_point, need] : needs_) list.push_back(need);
  return list;
}

std::vector<Refusal> SpaceNeeds::refusals() const {
  std::vector<Refusal> refusals;
  for (const auto& [mount_point, need] : needs_)
    if (need.free < need.needed)
      refusals.push_back({ErrorKind::environment,
                          {"space",
                           fmt::format("the guest's file system on {} has {} free and needs {}", mount_point,
                                       human_size(need.free), human_size(need.needed)),
                           "grow the disk and its file system, or choose a smaller profile"}});
  return refusals;
}

void plan_space(const Inputs& inputs, Outcome& outcome) {
  SpaceNeeds needs(inputs.facts.layout);
  needs.add_packages(inputs.resolution.install_bytes);
  if (inputs.resolution.fit.kind == resolve::FitKind::needs_build) {
    needs.add("/var/lib/dkms", build_tree);
    needs.add("/usr", built_modules);  // with a merged /usr, /lib is a link
    needs.add_temporary("/tmp", compiler_files);
  }
  for (const auto& file : inputs.customization.files)
    needs.add(file.path.substr(0, file.path.rfind('/') + 1), file.size);
  if (outcome.plan.rebuild_initramfs) needs.add_initramfs();
  outcome.plan.space = needs.list();
  for (auto& refusal : needs.refusals()) outcome.refusals.push_back(std::move(refusal));
}

}  // namespace bake::plan
