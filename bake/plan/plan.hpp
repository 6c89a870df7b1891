#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/guest/facts.hpp"
#include "bake/ofed/closure.hpp"
#include "bake/ofed/kernel_fit.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/recipe/recipe.hpp"
#include "matrix/matrix.hpp"

namespace bake::plan {

/// The driver bundle the job chose, without its files: what the plan needs to know of it.
struct BundleChoice {
  std::string name;     ///< "MLNX_OFED_LINUX-5.5-1.0.3.2-rhel7.7-x86_64"
  std::string id;       ///< sha256 of the archive
  std::string version;  ///< "5.5-1.0.3.2"
  std::string distro;
  std::string arch;
  std::string repository;  ///< directory below the payload's root: "RPMS", "DEBS/UPSTREAM_LIBS"
};

/// Everything a plan depends on. Two equal inputs give two equal plans.
struct Inputs {
  recipe::Recipe recipe;
  guest::Facts facts;
  matrix::Choice choice;
  std::optional<BundleChoice> bundle;  ///< empty for inbox
  std::vector<std::string> wanted;     ///< package names asked of the solver
  ofed::Closure closure;
  ofed::KernelFit fit;
  std::string module_version;       ///< version of the mlx module the bundle carries; empty when unknown
  std::uint64_t install_bytes = 0;  ///< what the new packages unpack to
  std::size_t extra_payloads = 0;   ///< payload disks besides the bundle's
  std::string firstboot_sha256;
  std::vector<Problem> matrix_problems;     ///< what the matrix has against the driver on the kernel that boots
  std::vector<std::string> agent_problems;  ///< what the matrix says of the guest's waagent version and IPoIB
};

/// How SELinux labels of what was written come right.
enum class Relabel { none, setfiles, autorelabel };

struct SpaceNeed {
  std::string mount_point;
  std::uint64_t needed = 0;  ///< bytes
  std::uint64_t free = 0;    ///< bytes
};

/// What will be done to the guest, in full, before anything is. Apply does this and nothing else; files_of()
/// (bake/plan/files.hpp) lists what it writes besides packages.
struct Plan {
  std::string recipe;
  guest::OsRelease os;
  guest::Family family = guest::Family::rpm;
  std::string arch;
  std::vector<std::string> vm_sizes;
  std::optional<BundleChoice> bundle;
  std::string ofed;  ///< "5.5-1.0.3.2" or "inbox"
  std::string profile;
  std::vector<std::string> wanted;
  std::vector<ofed::Change> changes;
  std::size_t extra_payloads = 0;
  ofed::KernelFit fit;
  std::string default_kernel_how;

  bool force_openibd = false;          ///< openibd must be told to accept modules reached through weak-updates
  bool openibd_after_udev = false;     ///< openibd must not start before udev has settled
  bool name_product = false;           ///< ofed_info names the product, not OFED-internal
  std::vector<std::string> blacklist;  ///< in-tree modules kept from loading beside the vendor's core, where the driver
                                       ///< does not bring its own
  bool enable_rdma = false;
  std::string waagent_config;
  std::vector<std::string> enable_services;
  std::vector<std::string> disable_services;
  std::vector<std::string> persist_modules;  ///< inbox: loaded at boot through /etc/modules-load.d
  Hold hold;
  bool memlock_unlimited = false;
  bool install_firstboot = false;
  unsigned firstboot_wait = 60;  ///< seconds
  bool rebuild_initramfs = false;
  guest::InitramfsTool initramfs_tool = guest::InitramfsTool::none;
  std::string initramfs;  ///< path
  Relabel relabel = Relabel::none;
  std::string file_contexts;
  bool generalize = false;
  std::vector<SpaceNeed> space;
  std::vector<std::string> warnings;
  Expectations expectations;

  [[nodiscard]] const std::string& kernel() const { return fit.kernel; }
};

/// Why there is no plan. `kind` decides the exit code.
struct Refusal {
  ErrorKind kind = ErrorKind::incompatible;
  Problem problem;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

/// A plan, and every reason against it. With refusals the plan still says what was decided so far.
struct Outcome {
  Plan plan;
  std::vector<Refusal> refusals;

  [[nodiscard]] bool ok() const { return refusals.empty(); }
};

/// Decides. Pure: no I/O, clock, environment or globals.
Outcome make(const Inputs& inputs);

/// Throws Error with every refusal of `outcome` (the kind of the first), if there is any.
void require(const Outcome& outcome);

/// True when modules of the bundle, prebuilt or built in the image, take the place of the kernel's own.
bool replaces_modules(const ofed::KernelFit& fit);

/// Stable key order: golden tests and `bake plan --json` rely on it.
nlohmann::ordered_json to_json(const Outcome& outcome);

/// The plan for a person to read: what is installed, upgraded, removed and configured, and why it fits.
std::string to_text(const Outcome& outcome);

}  // namespace bake::plan
