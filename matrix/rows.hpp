#pragma once

#include <map>
#include <string>
#include <vector>

namespace bake::matrix {

/// Where the facts of a row come from. bake warns when it uses an `unverified` row.
struct Provenance {
  std::string source;
  bool unverified = false;
  std::string where;  ///< file:line of the row

  friend bool operator==(const Provenance&, const Provenance&) = default;
};

/// A release of an operating system.
struct OsRow {
  std::string id;                        ///< ubuntu, centos, rhel, almalinux, rocky
  std::string version;                   ///< "20.04", "7.7"
  std::string name;                      ///< "CentOS 7.7"
  std::string family;                    ///< "deb" or "rpm"
  std::string distro;                    ///< its name in OFED bundles: "rhel7.7", "ubuntu20.04"
  std::vector<std::string> aliases;      ///< other spellings of the version: "focal", "7.7.1908"
  std::string ga_kernel;                 ///< kernel the vendor's binary modules are built for
  std::string azure_kernel;              ///< kernel of Azure's current image (Ubuntu), or empty: not known
  std::vector<std::string> kernel_pins;  ///< kernel-devel versions that the extension's manifest pins
  std::string kernel_devel_url;          ///< where the extension downloads that kernel-devel, or empty
  std::string inbox_key;                 ///< key of a row of inbox_drivers, or empty: no inbox driver
  std::vector<std::string> inbox;        ///< packages of that row
  std::string end_of_life;               ///< "2024-06-30", or empty; for RHEL that of the major release
  bool extension = false;                ///< one of the fifteen releases in the VM extension's documentation
  Provenance provenance;
};

/// The driver that a distribution ships itself.
struct InboxRow {
  std::string key;                       ///< "el7", "ubuntu20.04"
  std::vector<std::string> generations;  ///< cards that it drives
  std::vector<std::string> packages;
  Provenance provenance;
};

/// One version of MLNX_OFED or DOCA-OFED.
struct OfedRow {
  std::string version;                   ///< "5.5-1.0.3.2", "doca-3.2.1-044000"
  std::string line;                      ///< "4.9", "5.5", "23.10", "doca" of every DOCA release
  std::string layout;                    ///< "flat", "split", "doca"
  std::string libs;                      ///< library flavour that the vendor's installer takes from a split bundle
  std::string embeds;                    ///< driver release inside a DOCA package: "25.10"
  std::vector<std::string> generations;  ///< cards that it drives: CX3-Pro, CX4, CX5, CX6, CX7, CX8
  /// The newest kernel series ("6.11") that NVIDIA's support table or build manifest names for it, or empty: not known.
  std::string max_kernel;
  std::string max_kernel_source;
  std::vector<std::string> distros;           ///< distros of its x86_64 bundles; from the bundle rows
  std::map<std::string, std::string> sha256;  ///< distro → public digest of the archive; from the bundle rows
  bool lts = false;
  Provenance provenance;
};

/// One archive of a driver release.
struct BundleRow {
  std::string ofed;    ///< version of its OfedRow
  std::string distro;  ///< "rhel7.7"; DOCA packages may name only a major release: "rhel8"
  std::string arch = "x86_64";
  std::string file;              ///< "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz"
  std::string url;               ///< where the vendor published it, or empty
  std::string sha256;            ///< public digest, or empty
  bool recognised_only = false;  ///< known by digest, for a release that bake does not bake
  Provenance provenance;
};

struct SizeRow {
  std::string name;        ///< "Standard_HB120rs_v2"
  std::string family;      ///< "HBv2"
  std::string generation;  ///< "CX6"; empty for sizes without InfiniBand and for NetworkDirect
  unsigned hcas = 0;
  std::string transport;  ///< "sriov", "networkdirect", "none"
  std::string speed;      ///< "HDR 200": name and Gb/s of each HCA
  std::vector<int> vm_generations;
  std::string arch = "x86_64";
  std::string retires;  ///< date or empty
  std::string note;     ///< one sentence for users of this size, or empty
  Provenance provenance;
};

struct PciRow {
  unsigned device = 0;     ///< 0x101c, of vendor 0x15b3
  std::string name;        ///< "ConnectX-6 VF"
  std::string generation;  ///< "CX6"
  std::string driver;      ///< "mlx4" or "mlx5"
  bool virtual_function = false;
  Provenance provenance;
};

/// What a rule does when it matches.
enum class Effect { warn, refuse };

/// A combination that does not work. The rule matches when every condition that it states is met.
struct RuleRow {
  std::string id;
  std::vector<std::string> generations;  ///< cards
  std::vector<std::string> families;     ///< VM size families
  /// Releases: "ubuntu", "ubuntu 18.04", "ubuntu <20.04", "el <8.6" (el: CentOS, RHEL and rebuilds).
  std::vector<std::string> os;
  std::string driver;                                          ///< "ofed", "inbox", or empty: both
  std::vector<std::string> ofed;                               ///< exactly these versions
  std::string ofed_at_least, ofed_below;                       ///< versions of MLNX_OFED
  std::string kernel_at_least, kernel_below, kernel_contains;  ///< of the kernel that boots
  std::string agent_at_least, agent_below;                     ///< versions of waagent
  std::string cloud_init_at_least, cloud_init_below;           ///< versions of cloud-init
  bool enable_rdma = false;                                    ///< matches only when the image sets OS.EnableRDMA=y
  bool udev_renames_interfaces = false;                        ///< matches only when the interface is not called ib0
  bool cloud_init_network = false;  ///< matches only when cloud-init configures the network of the image
  Effect effect = Effect::warn;
  std::string message;
  std::string remedy;  ///< what to do instead, or empty
  Provenance provenance;

  /// Returns whether the rule is about packages of the guest (waagent, cloud-init) and not about drivers.
  [[nodiscard]] bool is_package_rule() const {
    return !agent_at_least.empty() || !agent_below.empty() || !cloud_init_at_least.empty() || !cloud_init_below.empty();
  }
};

/// Which kernels load modules that a key of the firmware signed. The row matches when every condition that it states is
/// met.
struct SecureBootRow {
  std::string id;
  std::vector<std::string> os;                                 ///< releases, as in a rule
  std::string kernel_at_least, kernel_below, kernel_contains;  ///< of the kernel that boots
  std::string signature;  ///< the form that the kernel reads: "cms", or "legacy" before 4.3
  std::string keyring;    ///< where the kernel puts the certificates of the firmware's db: ".platform"
  std::string accepts;    ///< whether it loads modules that a key of this ring signed: "yes", "no", "unproven"
  std::string note;       ///< the reason if it is not "yes", or empty
  std::string remedy;     ///< what to do instead, or empty
  Provenance provenance;

  friend bool operator==(const SecureBootRow&, const SecureBootRow&) = default;
};

/// One leaf of the VM extension's own table (InfiniBand/resources.json), Windows rows included.
struct ManifestRow {
  std::string driver;             ///< "OFED"
  std::string type;               ///< "CX5"; empty in a file without types
  std::string os;                 ///< "Linux", "Windows"
  std::string distro;             ///< "RHEL/CentOS"
  std::string version;            ///< "7.6"
  std::string link;               ///< FwLink
  std::string kernel_devel;       ///< KernelDevelVer, or empty
  std::string kernel_devel_url;   ///< KernelDevelRPM, or empty
  std::string comment;            ///< Comment of the OS level
  std::size_t repeat = 0;         ///< number of earlier rows in the same file with the same names
  std::vector<std::string> more;  ///< other texts of the leaf: key, value, key, value…
  Provenance provenance;
};

/// An overlay's row that replaced another row.
struct Override {
  std::string topic;  ///< "vm_sizes"
  std::string row;    ///< "standard_hb120rs_v2"
  std::string from;   ///< file:line of the replaced row
  std::string to;     ///< file:line of the new row
};

}  // namespace bake::matrix
