#pragma once

#include <map>
#include <string>
#include <vector>

namespace bake::matrix {

/// Every row says where its facts come from; rows nobody could confirm are `unverified`, and bake says so when it uses
/// one.
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
  std::string distro;                    ///< how OFED bundles name it: "rhel7.7", "ubuntu20.04"
  std::vector<std::string> aliases;      ///< other spellings of the version: "focal", "7.7.1908"
  std::string ga_kernel;                 ///< kernel the vendor's binary modules are built for
  std::vector<std::string> kernel_pins;  ///< kernels (kernel-devel) the extension's manifest pins; taken from there
  std::string kernel_devel_url;          ///< where the extension gets that kernel-devel, or empty
  std::string inbox_key;                 ///< row of inbox_drivers, or empty: no inbox choice
  std::vector<std::string> inbox;        ///< packages of that row
  std::string end_of_life;               ///< "2024-06-30", or empty; of RHEL the major release's
  bool extension = false;                ///< one of the fifteen releases the VM extension is documented for
  Provenance provenance;
};

/// The driver a distribution ships itself.
struct InboxRow {
  std::string key;                       ///< "el7", "ubuntu20.04"
  std::vector<std::string> generations;  ///< cards it drives
  std::vector<std::string> packages;
  Provenance provenance;
};

/// A release line entry of the driver: one version.
struct OfedRow {
  std::string version;                        ///< "5.5-1.0.3.2", "doca-3.2.1-044000"
  std::string line;                           ///< "4.9", "5.5", "23.10", "doca"
  std::string layout;                         ///< "flat", "split", "doca"
  std::string libs;                           ///< the flavour the vendor's installer takes from a split bundle
  std::string embeds;                         ///< driver release inside a DOCA package: "25.10"
  std::vector<std::string> generations;       ///< cards it drives: CX3-Pro, CX4, CX5, CX6, CX7, CX8
  std::vector<std::string> distros;           ///< x86_64 bundles that exist: "rhel7.7", …; taken from the bundle rows
  std::map<std::string, std::string> sha256;  ///< distro → known digest of the archive; taken from the bundle rows
  bool bakeable = true;                       ///< false: recognised, not yet bakeable (DOCA)
  bool lts = false;
  Provenance provenance;
};

/// One archive of a driver release.
struct BundleRow {
  std::string ofed;    ///< version of its OfedRow
  std::string distro;  ///< "rhel7.7"; a DOCA package may name a major release only: "rhel8"
  std::string arch = "x86_64";
  std::string file;              ///< "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz"
  std::string url;               ///< where it was published, or empty
  std::string sha256;            ///< or empty: not public
  bool recognised_only = false;  ///< known by digest, for a release that bake does not bake
  Provenance provenance;
};

struct SizeRow {
  std::string name;        ///< "Standard_HB120rs_v2"
  std::string family;      ///< "HBv2"
  std::string generation;  ///< "CX6"; empty for sizes without InfiniBand and for NetworkDirect
  unsigned hcas = 0;
  std::string transport;  ///< "sriov", "networkdirect", "none"
  std::string speed;      ///< "HDR 200": Gb/s per HCA
  std::vector<int> vm_generations;
  std::string arch = "x86_64";
  std::string retires;  ///< date or empty
  std::string note;     ///< one sentence a user of this size should read, or empty
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

/// What must not be combined, as data. A rule holds for a candidate when every condition that it states is met.
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
  std::string agent_at_least, agent_below;                     ///< of waagent
  bool refuses = false;                                        ///< effect: refuse, or warn
  std::string message;
  std::string remedy;  ///< what to do instead, or empty
  Provenance provenance;

  [[nodiscard]] bool about_agents() const { return !agent_at_least.empty() || !agent_below.empty(); }
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
  std::size_t repeat = 0;         ///< how many rows before it in the same file have the same names
  std::vector<std::string> more;  ///< further texts of the leaf: key, value, key, value…
  Provenance provenance;
};

/// One row of an overlay that took the place of a built-in one.
struct Override {
  std::string topic;  ///< "vm_sizes"
  std::string row;    ///< "standard_hb120rs_v2"
  std::string from;   ///< file:line of the row that is gone
  std::string to;     ///< file:line of the row in its place
};

}  // namespace bake::matrix
