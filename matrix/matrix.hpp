#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"

namespace bake::matrix {

/// Every row says where its facts come from; rows nobody could confirm are `unverified`, and bake says so when it uses
/// one.
struct Provenance {
  std::string source;
  bool unverified = false;
  std::string where;  ///< file:line of the row
};

/// A release of an operating system.
struct OsRow {
  std::string id;                        ///< ubuntu, centos, rhel, almalinux, rocky
  std::string version;                   ///< "20.04", "7.7"
  std::string family;                    ///< "deb" or "rpm"
  std::string distro;                    ///< how OFED bundles name it: "rhel7.7", "ubuntu20.04"
  std::string ga_kernel;                 ///< kernel the vendor's binary modules are built for
  std::vector<std::string> kernel_pins;  ///< kernels (kernel-devel) the extension pins
  std::string kernel_devel_url;          ///< where the extension gets that kernel-devel, or empty
  std::vector<std::string> inbox;        ///< packages of the distribution that drive InfiniBand; empty: no inbox choice
  std::string end_of_life;               ///< "2024-06-30", or empty
  bool extension = false;                ///< one of the releases the VM extension supports
  Provenance provenance;
};

/// A release line entry of the driver: one version.
struct OfedRow {
  std::string version;                        ///< "5.5-1.0.3.2"
  std::string line;                           ///< "4.9", "5.5", "23.10", "doca"
  std::string layout;                         ///< "flat", "split", "doca"
  std::vector<std::string> generations;       ///< cards it drives: CX3-Pro, CX4, CX5, CX6, CX7, CX8
  std::vector<std::string> distros;           ///< bundles that exist: "rhel7.7", …
  std::map<std::string, std::string> sha256;  ///< distro → known digest of the archive
  bool bakeable = true;                       ///< false: recognised, not yet bakeable (DOCA)
  bool lts = false;
  Provenance provenance;
};

struct SizeRow {
  std::string name;        ///< "Standard_HB120rs_v2"
  std::string family;      ///< "HBv2"
  std::string generation;  ///< "CX6"; empty for sizes without InfiniBand
  unsigned hcas = 0;
  std::string transport;  ///< "sriov", "networkdirect", "none"
  std::string speed;      ///< "HDR 200"
  std::vector<int> vm_generations;
  std::string arch = "x86_64";
  std::string retires;  ///< date or empty
  Provenance provenance;
};

struct PciRow {
  unsigned device = 0;     ///< 0x101c
  std::string name;        ///< "ConnectX-6 VF"
  std::string generation;  ///< "CX6"
  std::string driver;      ///< "mlx4" or "mlx5"
  bool virtual_function = false;
  Provenance provenance;
};

/// What is asked: an operating system (kernel empty: not known yet) and the VM sizes one image must serve.
struct Query {
  std::string os_id;
  std::string os_version;
  std::string kernel;
  std::vector<std::string> vm_sizes;
};

/// One driver that would work.
struct Choice {
  bool inbox = false;
  std::string ofed;                   ///< "5.5-1.0.3.2"; empty for inbox
  std::string distro;                 ///< "rhel7.7"
  std::string file_name;              ///< MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64.tgz
  std::string sha256;                 ///< known digest, or empty
  std::string driver;                 ///< kernel module that binds the card: "mlx5_core" or "mlx4_core"
  std::string libs;                   ///< suggested library flavour of a split bundle, else empty
  std::vector<std::string> packages;  ///< of an inbox choice
  std::vector<std::string> reasons;   ///< why it ranks where it does
  std::vector<std::string> warnings;  ///< e.g. "row is unverified"
};

/// choices: best first. When empty, refusals say why and what the nearest working thing would be.
struct Resolution {
  std::vector<Choice> choices;
  std::vector<std::string> refusals;
  std::string nearest;
};

/// The compatibility matrix: built-in rows, then the user's overlays, which add or override rows.
class Matrix {
 public:
  /// The rows that are compiled into the program.
  static Matrix built_in();
  /// built_in() plus every *.yaml of `overlays`, in order. Throws Error{config} with all problems; nothing half loaded.
  static Matrix load(const std::vector<std::filesystem::path>& overlays);

  [[nodiscard]] const std::vector<OsRow>& operating_systems() const;
  [[nodiscard]] const std::vector<OfedRow>& ofed_releases() const;
  [[nodiscard]] const std::vector<SizeRow>& sizes() const;
  [[nodiscard]] const std::vector<PciRow>& pci_devices() const;

  /// Case does not matter and a "_Promo" suffix is ignored.
  [[nodiscard]] const SizeRow* find_size(std::string_view name) const;
  [[nodiscard]] const OsRow* find_os(std::string_view id, std::string_view version) const;

  /// Deterministic; throws Error{incompatible} for an unknown size or release, naming the closest known ones.
  [[nodiscard]] Resolution resolve(const Query& query) const;

  /// sha256 over the loaded rows: recorded in manifests.
  [[nodiscard]] const std::string& digest() const;
  /// Overlay directories in use, for the manifest.
  [[nodiscard]] const std::vector<std::filesystem::path>& overlays() const;

 private:
  struct Rows;
  std::shared_ptr<const Rows> rows_;
};

}  // namespace bake::matrix
