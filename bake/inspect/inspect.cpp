#include "bake/inspect/inspect.hpp"

#include <algorithm>

#include "bake/base/text.hpp"
#include "bake/boot/boot_default.hpp"
#include "bake/guest/os_release.hpp"
#include "bake/guest/path.hpp"
#include "bake/inspect/kernels.hpp"
#include "bake/inspect/machine.hpp"
#include "bake/inspect/package_database.hpp"
#include "bake/inspect/private_keys.hpp"
#include "bake/inspect/waagent.hpp"

namespace bake::guest {
namespace {

std::set<std::string> find_programs(Guest& guest) {
  std::set<std::string> found;
  for (const auto* directory : {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    // With a merged /usr the short names are links to the long ones.
    if (guest.read_link(directory)) continue;
    for (const auto& name : guest.list(directory))
      if (programs_of_interest().contains(name)) found.insert(name);
  }
  return found;
}

InitramfsTool find_initramfs_tool(const Facts& facts) {
  const bool dracut = facts.has_program("dracut");
  if (facts.has_program("update-initramfs") && (facts.family == Family::deb || !dracut))
    return InitramfsTool::initramfs_tools;
  return dracut ? InitramfsTool::dracut : InitramfsTool::none;
}

/// yum 3 reads the first file, dnf the second; where yum is dnf, one is a link to the other.
std::vector<std::string> find_package_manager_configs(Guest& guest) {
  std::vector<std::string> found;
  for (const std::string path : {"/etc/yum.conf", "/etc/dnf/dnf.conf"}) {
    const auto target = guest.read_link(path);
    const bool leads_to_other = target && (target->ends_with("/dnf.conf") || target->ends_with("/yum.conf"));
    if (!leads_to_other && guest.exists(path)) found.push_back(path);
  }
  return found;
}

/// Returns those files that a bake may edit, also for `generalize`, and that are links.
std::vector<ConfigLink> find_config_links(Guest& guest, const MachineFacts& machine) {
  auto paths = edited_config_files();
  for (const auto& file : machine.files)
    if (file.treatment == MachineFile::Treatment::edit) paths.push_back(file.path);
  std::vector<ConfigLink> links;
  for (const auto& path : paths)
    if (auto link = find_config_link(guest, path)) links.push_back(std::move(*link));
  return links;
}

bool has_word(std::string_view text, std::string_view word) {
  const auto words = split_words(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}

SELinux find_selinux(Guest& guest, const Facts& facts) {
  SELinux selinux;
  const auto config = guest.read("/etc/selinux/config");
  if (!config) return selinux;
  auto values = parse_assignments(*config);
  selinux.mode = to_lower(values["SELINUX"]);
  if (selinux.mode != "enforcing" && selinux.mode != "permissive") selinux.mode = "disabled";
  // The kernel's command line overrides the configuration.
  if (has_word(facts.default_kernel_options, "selinux=0")) selinux.mode = "disabled";
  if (has_word(facts.default_kernel_options, "enforcing=0") && selinux.mode == "enforcing") selinux.mode = "permissive";
  selinux.policy = values["SELINUXTYPE"];
  const auto contexts = "/etc/selinux/" + selinux.policy + "/contexts/files/file_contexts";
  const bool plain_name = !selinux.policy.empty() && selinux.policy.find('/') == std::string::npos;
  if (plain_name && guest.exists(contexts)) selinux.file_contexts = contexts;
  selinux.has_setfiles = facts.has_program("setfiles");
  return selinux;
}

}  // namespace

const std::set<std::string>& programs_of_interest() {
  static const auto names = split_words(
      "apt-get apt-mark awk chkconfig cloud-init cpio depmod dkms dnf dpkg dpkg-query dracut fstrim gcc "
      "grub2-editenv gzip ifconfig ip kernel-install kmod kmodsign ldconfig lsattr lsinitramfs lsinitrd make modinfo "
      "modprobe netplan ofed_info "
      "perl python python2 python3 restorecon rpm setfiles systemctl tar update-grub update-initramfs update-rc.d "
      "update-secureboot-policy userdel weak-modules xz yum yum-config-manager zstd");
  static const std::set<std::string> programs(names.begin(), names.end());
  return programs;
}

Facts inspect(Guest& guest, const Layout& layout) {
  Facts facts;
  facts.layout = layout;
  facts.os = read_os_release(guest);
  facts.family = find_family(guest);
  facts.arch = find_architecture(guest);
  facts.kernels = find_kernels(guest);
  const auto boot = find_boot_default(guest, facts.kernels, layout);
  facts.default_kernel = boot.release;
  facts.default_kernel_how = boot.how;
  facts.default_kernel_options = boot.options;
  facts.default_kernel_warnings = boot.warnings;
  facts.second_menu = boot.second_menu;
  for (auto& kernel : facts.kernels)
    if (kernel.release == facts.default_kernel) read_initramfs_of(guest, kernel);
  facts.packages = read_package_database(guest, facts.family);
  facts.programs = find_programs(guest);
  facts.package_manager_configs = find_package_manager_configs(guest);
  facts.initramfs_tool = find_initramfs_tool(facts);
  facts.selinux = find_selinux(guest, facts);
  facts.waagent = find_waagent(guest, facts.packages.packages);
  facts.machine = find_machine(guest, facts);
  facts.config_links = find_config_links(guest, facts.machine);
  facts.private_keys = find_private_keys(guest);
  for (const auto& mount : layout.mounts)
    if (mount.mount_point == "/") facts.root_uuid = mount.uuid;
  facts.baked_manifest = guest.read(manifest_path, max_manifest);
  return facts;
}

}  // namespace bake::guest
