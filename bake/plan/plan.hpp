#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/guest/facts.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/resolve.hpp"

namespace bake::plan {

/// Everything a plan depends on. Two equal inputs give two equal plans.
struct Inputs {
  recipe::Recipe recipe;
  guest::Facts facts;
  resolve::Resolution resolution;
  std::string firstboot_sha256;
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
  std::optional<resolve::BundleIdentity> bundle;
  std::string ofed;  ///< "5.5-1.0.3.2" or "inbox"
  std::string profile;
  std::vector<std::string> wanted;
  std::vector<resolve::PackageChange> changes;
  std::size_t extra_payloads = 0;
  resolve::KernelFit fit;
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
bool replaces_modules(const resolve::KernelFit& fit);

/// Stable key order: golden tests and `bake plan --json` rely on it.
nlohmann::ordered_json to_json(const Outcome& outcome);

/// The plan for a person to read: what is installed, upgraded, removed and configured, and why it fits.
std::string to_text(const Outcome& outcome);

}  // namespace bake::plan
