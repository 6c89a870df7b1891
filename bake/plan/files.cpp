#include "bake/plan/files.hpp"

#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/text.hpp"

namespace bake::plan {
namespace {

/// Returns whether the list of the modules for every later initramfs changes.
bool lists_drivers(const Plan& plan) {
  return plan.rebuild_initramfs && plan.initramfs_tool == guest::InitramfsTool::initramfs_tools;
}

std::string initramfs_change(const Plan& plan) {
  std::vector<std::string> parts;
  if (!plan.initramfs_leaves_out.empty())
    parts.push_back("without " + counted_modules(plan.initramfs_leaves_out.size()));
  if (!plan.initramfs_adds.empty()) parts.push_back("with " + join(plan.initramfs_adds, ", "));
  return parts.empty() ? "rebuilt" : join(parts, ", ");
}

/// The files of another default kernel, apart from those of its packages.
void add_kernel_files(const Plan& plan, std::vector<FileChange>& files) {
  if (!plan.kernel_change) return;
  const bool deb = plan.family == guest::Family::deb;
  if (deb) {
    files.push_back({path::grub_default, fmt::format("makes {} the default of GRUB", plan.kernel())});
    files.push_back({"/boot/grub/grub.cfg", "written by update-grub"});
  } else {
    files.push_back({"/boot/grub2/grubenv", fmt::format("saved_entry names {}", plan.kernel())});
  }
  if (plan.kernel_change->changes.empty()) return;
  if (deb) {
    files.push_back({path::initramfs_modules, "the Hyper-V drivers that are modules"});
  } else {
    for (const auto* name : {"vmlinuz", "System.map", "config"})
      files.push_back({fmt::format("/boot/{}-{}", name, plan.kernel()), "of the new kernel"});
  }
  files.push_back({deb ? "/boot/initrd.img-" + plan.kernel() : fmt::format("/boot/initramfs-{}.img", plan.kernel()),
                   "built for the new kernel"});
}

void add_driver_files(const Plan& plan, std::vector<FileChange>& files) {
  for (const auto& file : plan.option_files) files.push_back({file.path, file.what});
  if (plan.name_product)
    files.push_back({path::ofed_info, fmt::format("names the product MLNX_OFED_LINUX-{}", plan.ofed)});
  if (!plan.blacklist.empty())
    files.push_back(
        {path::blacklist, "blacklists modules that the driver does not replace: " + join(plan.blacklist, ", ")});
  if (plan.force_openibd) files.push_back({path::openib_conf, "FORCE_MODE=yes"});
}

void add_firstboot_files(const Plan& plan, std::vector<FileChange>& files) {
  if (!plan.install_firstboot) return;
  files.push_back({path::firstboot, "checks on the VM that InfiniBand works"});
  files.push_back({path::firstboot_unit, "runs ib-firstboot at boot"});
  if (plan.firstboot_late) files.push_back({path::firstboot_late_unit, "warns when an IPoIB interface has no address"});
  files.push_back({path::firstboot_target, "is reached when InfiniBand works"});
  files.push_back({path::firstboot_preset, "enables ib-firstboot"});
  files.push_back({path::firstboot_conf, plan.firstboot_strict_rate ? "says what ib-firstboot expects; STRICT_RATE=1"
                                                                    : "says what ib-firstboot expects"});
}

void add_system_files(const Plan& plan, std::vector<FileChange>& files) {
  if (plan.openibd_after_udev) files.push_back({path::openibd_drop_in, "openibd waits for udev"});
  if (plan.enable_rdma) files.push_back({plan.waagent_config, "OS.EnableRDMA=y"});
  for (const auto& config : plan.hold.configs) files.push_back({config, "exclude="});
  if (plan.memlock_unlimited) {
    files.push_back({path::limits, "unlimited locked memory in sessions"});
    files.push_back({path::service_limits, "unlimited locked memory in services"});
  }
  if (!plan.network.empty()) {
    files.push_back({path::no_cloud_init_network, "cloud-init leaves the network alone"});
    files.push_back({plan.network.file, "eth0 uses DHCP"});
  }
  files.push_back({guest::manifest_path, "lists the contents of the image"});
}

void add_boot_files(const Plan& plan, std::vector<FileChange>& files) {
  if (lists_drivers(plan)) files.push_back({path::initramfs_modules, "the Hyper-V drivers that are modules"});
  if (plan.rebuild_initramfs) files.push_back({plan.initramfs, initramfs_change(plan)});
  if (plan.relabel == Relabel::autorelabel)
    files.push_back({path::autorelabel, "SELinux labels are set at the first boot"});
}

}  // namespace

std::string counted_modules(std::size_t count) { return fmt::format("{} module{}", count, count == 1 ? "" : "s"); }

std::string state_of(const OptionFile& file) { return fmt::format("{:04o} 0:0 {}", file.mode, digest_of(file.text)); }

std::vector<std::string> edited_files(const Plan& plan) {
  std::vector<std::string> files;
  if (plan.force_openibd) files.emplace_back(path::openib_conf);
  if (plan.enable_rdma) files.push_back(plan.waagent_config);
  if (!plan.hold.empty()) files.insert(files.end(), plan.hold.configs.begin(), plan.hold.configs.end());
  if (lists_drivers(plan)) files.emplace_back(path::initramfs_modules);
  for (const auto& file : plan.removal.files)
    if (file.treatment == guest::MachineFile::Treatment::edit) files.push_back(file.path);
  return files;
}

std::vector<FileChange> files_of(const Plan& plan) {
  std::vector<FileChange> files;
  add_kernel_files(plan, files);
  add_driver_files(plan, files);
  add_firstboot_files(plan, files);
  add_system_files(plan, files);
  add_boot_files(plan, files);
  return files;
}

}  // namespace bake::plan
