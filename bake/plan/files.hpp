#pragma once

#include <string>
#include <vector>

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Paths of the files that bake writes and that are not part of a package.
namespace path {
inline constexpr const char* load_modules = "/etc/modules-load.d/bake-rdma.conf";
inline constexpr const char* blacklist = "/etc/modprobe.d/bake-inbox-rdma.conf";
inline constexpr const char* ofed_info = "/usr/local/bin/ofed_info";
inline constexpr const char* openib_conf = "/etc/infiniband/openib.conf";
inline constexpr const char* openibd_drop_in = "/etc/systemd/system/openibd.service.d/10-udev-settle.conf";
inline constexpr const char* openibd_restart = "/etc/systemd/system/openibd.service.d/20-restart.conf";
/// udev reads it instead of rdma-core's file of the same name below /usr/lib/udev/rules.d (udev(7)).
inline constexpr const char* rdma_naming_rules = "/etc/udev/rules.d/60-rdma-persistent-naming.rules";
inline constexpr const char* rdma_names_rules = "/etc/udev/rules.d/90-bake-rdma-names.rules";
inline constexpr const char* rdma_names = "/usr/sbin/bake-rdma-names";
inline constexpr const char* rdma_names_unit = "/etc/systemd/system/bake-rdma-names.service";
inline constexpr const char* firstboot = "/usr/sbin/ib-firstboot";
inline constexpr const char* firstboot_unit = "/etc/systemd/system/ib-firstboot.service";
inline constexpr const char* firstboot_late_unit = "/etc/systemd/system/ib-firstboot-late.service";
inline constexpr const char* firstboot_target = "/etc/systemd/system/ib-ready.target";
inline constexpr const char* firstboot_preset = "/etc/systemd/system-preset/80-ib-firstboot.preset";
inline constexpr const char* firstboot_conf = "/etc/ib-firstboot.conf";
inline constexpr const char* limits = "/etc/security/limits.d/90-bake-rdma.conf";
inline constexpr const char* service_limits = "/etc/systemd/system.conf.d/90-bake-rdma.conf";
inline constexpr const char* no_cloud_init_network = "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg";
/// grub-mkconfig of Debian and Ubuntu reads the files of this directory after /etc/default/grub, in the order of their
/// names.
inline constexpr const char* grub_default = "/etc/default/grub.d/zz-bake-kernel.cfg";
inline constexpr const char* sysctl = "/etc/sysctl.d/90-bake.conf";
inline constexpr const char* first_boot_unit = "/etc/systemd/system/bake-first-boot.service";
inline constexpr const char* initramfs_modules = "/etc/initramfs-tools/modules";
inline constexpr const char* autorelabel = "/.autorelabel";
}  // namespace path

/// "1 module", "2 modules"
std::string counted_modules(std::size_t count);

/// A file that bake itself writes or edits in the guest.
struct FileChange {
  std::string path;
  std::string what;  ///< the change, for a person: "FORCE_MODE=yes"
};

/// Returns the state of the written file, as guest::Guest::fingerprints() does: "0644 0:0 SHA256".
std::string state_of(const OptionFile& file);

/// Returns the configuration files of the guest that the plan edits, so that their other content and their owner stay.
std::vector<std::string> edited_files(const Plan& plan);

/// Returns every such file of `plan`, in the order in which apply writes them; without the links that enable units.
std::vector<FileChange> files_of(const Plan& plan);

}  // namespace bake::plan
