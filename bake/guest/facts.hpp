#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/config_link.hpp"
#include "bake/guest/guest.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/guest/module_elf.hpp"

namespace bake::guest {

/// The manifest inside a baked image: what the image is made of (bake/evidence/manifest.hpp).
inline constexpr const char* manifest_path = "/etc/bake-manifest.json";
/// The size limit of a manifest in bytes. One of a large image has 1 MiB.
inline constexpr std::size_t max_manifest = std::size_t{16} << 20U;

/// The two families of package managers; one file in bake/apply each.
enum class Family { rpm, deb };

/// The content of /etc/os-release: id "ubuntu", version "20.04"; id "centos", version "7.7".
struct OsRelease {
  std::string id;
  /// "20.04", "7.7". CentOS's os-release names only the major release; the minor release then comes from
  /// /etc/centos-release or /etc/redhat-release.
  std::string version;
  std::string pretty_name;

  friend bool operator==(const OsRelease&, const OsRelease&) = default;
};

/// One kernel in /lib/modules with a bootable image.
struct Kernel {
  std::string release;                    ///< "3.10.0-1062.el7.x86_64"
  std::string image;                      ///< "/boot/vmlinuz-…"
  std::optional<std::string> initramfs;   ///< path of its initramfs, if there is one
  std::optional<std::string> config;      ///< /boot/config-K or /lib/modules/K/config
  std::optional<std::string> symvers;     ///< /boot/symvers-K.gz, /lib/modules/K/symvers.gz or build/Module.symvers
  std::optional<std::string> system_map;  ///< /boot/System.map-K or /lib/modules/K/System.map
  std::vector<std::string> builtin_rdma;  ///< built-in modules of mlx4_core, mlx5_core, ib_core… (modules.builtin)
  bool has_headers = false;               ///< /lib/modules/K/build leads to a directory with a Makefile
  /// Modules that do not come with the kernel and use its RDMA modules (a Lustre client's ko2iblnd), sorted.
  std::vector<std::string> rdma_users = {};
  /// The kernel's own modules that use ib_core, as modules.dep names them ("kernel/net/rds/rds_rdma.ko"), sorted.
  std::vector<std::string> ib_core_users = {};
  /// The content of `symvers`; empty when the file is missing or damaged.
  std::optional<SymbolVersions> symbol_versions = {};
  /// vermagic of the kernel's own modules: "3.10.0-1062.el7.x86_64 SMP mod_unload modversions"; empty when none of them
  /// can be read.
  std::string vermagic = {};
  /// The drivers that the kernel has as modules (not built in) and that an image needs for its disk and network on
  /// Azure: Hyper-V's, and NVMe for the sizes with an NVMe disk.
  std::vector<std::string> azure_drivers = {};
  /// What `initramfs` contains, of the default kernel only; empty when the file is missing or damaged, and then
  /// `initramfs_trouble` says why.
  std::optional<InitramfsContent> initramfs_content = {};
  std::string initramfs_trouble = {};
  /// The hash of the signatures of its modules (CONFIG_MODULE_SIG_HASH): "sha256"; empty: it checks none, or its
  /// configuration is missing.
  std::string module_hash = {};
};

/// One installed package, for people and manifests; the solver reads PackageDatabase::dump.
struct InstalledPackage {
  std::string name;
  std::string version;  ///< [epoch:]version[-release]
  std::string arch;

  friend auto operator<=>(const InstalledPackage&, const InstalledPackage&) = default;  // NOLINT(modernize-use-nullptr)
};

struct PackageDatabase {
  std::string format;  ///< "dpkg", "rpm-bdb", "rpm-sqlite", "rpm-ndb"
  std::vector<InstalledPackage> packages;
  /// The installed packages, as the closure needs them. dpkg: the text of /var/lib/dpkg/status. rpm: the output of
  /// rpm_dump_query() from the guest's own rpm (bake/inspect/package_database.hpp).
  std::string dump;
  /// Problems that the package manager reports (dpkg --audit, or rpm cannot read its database); empty when the database
  /// is consistent.
  std::string trouble;
};

enum class InitramfsTool { none, dracut, initramfs_tools };

struct SELinux {
  std::string mode = "absent";  ///< absent, disabled, permissive, enforcing (at the next boot)
  std::string policy;           ///< "targeted"
  std::string file_contexts;    ///< path of file_contexts, or empty
  bool has_setfiles = false;
};

struct Waagent {
  std::string version;  ///< "2.7.3.0", empty when unknown
  std::string config = "/etc/waagent.conf";
  bool enable_rdma = false;  ///< the value of OS.EnableRDMA that the agent reads
  std::string service;       ///< walinuxagent.service or waagent.service
};

struct MountedFileSystem {
  std::string device;       ///< name in the appliance: /dev/sda2, /dev/rootvg/rootlv
  std::string type;         ///< ext4, xfs, vfat
  std::string mount_point;  ///< /, /boot, /boot/efi, /var
  std::uint64_t size = 0;   ///< bytes
  std::uint64_t free = 0;   ///< bytes
  std::string uuid;         ///< of the file system
};

struct Layout {
  std::string partition_table;  ///< gpt, msdos, none
  bool lvm = false;
  bool efi = false;  ///< has an EFI system partition
  std::vector<MountedFileSystem> mounts;
  bool bios_boot = false;  ///< has a BIOS boot partition, which GRUB needs on a GPT disk to boot with BIOS

  /// Returns the only VM generation in which the disk boots; 0 when it boots in both or its partition table is unknown.
  /// Generation 1 is BIOS, generation 2 is UEFI (MicrosoftDocs/azure-compute-docs,
  /// articles/virtual-machines/generation-2.md).
  [[nodiscard]] int only_generation() const {
    if (partition_table.empty()) return 0;
    if (!efi) return 1;
    return partition_table == "gpt" && !bios_boot ? 2 : 0;
  }
};

/// The menu of GRUB for VMs of the other generation, where it does not boot the default kernel.
struct SecondMenu {
  int generation = 0;   ///< 1: read with BIOS, 2: read with UEFI
  std::string path;     ///< of the grub.cfg
  std::string release;  ///< the kernel that it boots; empty: it boots none of the kernels, or cannot be evaluated
  std::string outcome;  ///< "boots 5.4.0-26-generic", "boots the rescue entry '/vmlinuz-0-rescue-…'"

  friend bool operator==(const SecondMenu&, const SecondMenu&) = default;
};

/// An account of /etc/passwd.
struct Account {
  std::string name;
  std::uint32_t uid = 0;
  std::string home;
  std::string shell = {};

  friend bool operator==(const Account&, const Account&) = default;
};

/// An account that the provisioning of a VM made: a file of waagent or cloud-init names it.
struct ProvisionedUser {
  Account account;
  std::vector<std::string> named_by;  ///< /var/lib/waagent/ovf-env.xml, /etc/sudoers.d/waagent, …
  std::optional<FileStat> home;       ///< of the home directory itself, not of a link's target; empty: it is missing
  std::string link_above_home = {};   ///< the first directory above the home that is a link; empty: none is
};

/// A configuration file that contains a name, an address or a password of this machine.
struct MachineFile {
  enum class Treatment {
    edit,     ///< bake can remove these lines
    remove,   ///< the next machine writes the whole file again
    blocked,  ///< bake cannot remove them
  };
  std::string path;
  std::string what;  ///< "MAC address", "host name"
  Treatment treatment = Treatment::edit;

  friend bool operator==(const MachineFile&, const MachineFile&) = default;
};

/// The files of one kind that belong to this machine alone: the SSH host keys, the data of the agent.
struct MachineData {
  std::string kind;
  std::vector<std::string> paths;

  friend bool operator==(const MachineData&, const MachineData&) = default;
};

/// Everything on the disk that belongs to the machine on which the image was made, and what its removal depends on.
struct MachineFacts {
  std::vector<Account> accounts;  ///< all of /etc/passwd
  std::uint32_t uid_min = 1000;   ///< UID_MIN of /etc/login.defs: accounts below it are system accounts
  std::vector<ProvisionedUser> users;
  std::string host_name;  ///< of /etc/hostname; empty when it is not a name of one machine
  std::vector<MachineFile> files;
  std::vector<MachineData> data;           ///< kinds without a file are left out
  std::vector<std::string> immutable;      ///< files above that have the attribute i or a (chattr)
  std::vector<std::string> unmounted;      ///< mount points of /etc/fstab that are not mounted
  std::vector<std::string> moved_folders;  ///< lines of waagent.conf that move the agent's data: "Lib.Dir=/data/agent"
  bool cloud_init_network = false;         ///< cloud-init is installed and configures the network of every new machine
};

/// All facts about a guest that bake reads before it makes a plan. Plain data: the plan is a pure function of it.
struct Facts {
  OsRelease os;
  Family family = Family::rpm;
  std::string arch;  ///< x86_64, aarch64
  std::vector<Kernel> kernels;
  std::string default_kernel;  ///< release of the default kernel; empty: it is not one of `kernels`
  std::string
      default_kernel_how;  ///< the source of this fact: "grubenv saved_entry", "first entry of /boot/grub/grub.cfg", …
  std::string default_kernel_options;                ///< its command line, as far as the boot loader's files contain it
  std::vector<std::string> default_kernel_warnings;  ///< other kernels that may boot: a one-time entry, a second menu
  std::optional<SecondMenu> second_menu;             ///< empty: the menus for both VM generations boot the same kernel
  PackageDatabase packages;
  InitramfsTool initramfs_tool = InitramfsTool::none;
  SELinux selinux;
  std::optional<Waagent> waagent;
  Layout layout;
  /// The programs that bake may call and that exist on the guest's path: systemctl, dracut, update-initramfs, depmod,
  /// weak-modules, setfiles, ldconfig, gcc, make, dkms, ifconfig, ip, yum, dnf, apt-mark, fstrim…
  std::set<std::string> programs;
  /// /etc/yum.conf and /etc/dnf/dnf.conf, if they exist; the yum.conf of EL8, a link to the other file, is not listed.
  std::vector<std::string> package_manager_configs;
  /// Configuration files that a bake may edit and that are links.
  std::vector<ConfigLink> config_links;
  MachineFacts machine;
  std::vector<std::string> private_keys;      ///< find_private_keys()
  std::string root_uuid;                      ///< of the root file system; identifies the image in the manifest
  std::optional<std::string> baked_manifest;  ///< content of manifest_path when bake made this image

  [[nodiscard]] const Kernel* kernel(const std::string& release) const {
    for (const auto& candidate : kernels)
      if (candidate.release == release) return &candidate;
    return nullptr;
  }
  /// Returns the first installed package of this name, or nullptr.
  [[nodiscard]] const InstalledPackage* package(std::string_view name) const {
    for (const auto& candidate : packages.packages)
      if (candidate.name == name) return &candidate;
    return nullptr;
  }
  [[nodiscard]] bool has_program(const std::string& name) const { return programs.contains(name); }
};

}  // namespace bake::guest
