#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/guest/facts.hpp"
#include "bake/plan/expectations.hpp"
#include "bake/plan/kernel.hpp"
#include "bake/plan/refusal.hpp"
#include "bake/plan/secure_boot.hpp"
#include "bake/plan/space.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/resolve.hpp"

namespace bake::plan {

/// Everything a plan depends on. Two equal inputs give two equal plans.
struct Inputs {
  recipe::Recipe recipe;
  guest::Facts facts;
  resolve::Resolution resolution;
  std::string firstboot_sha256;
  /// The plan for another default kernel. `facts` are those after it was carried out, or, if it is refused, before.
  std::optional<KernelPlan> kernel = {};
  Customization customization = {};              ///< what the files of the recipe contain
  std::optional<ModuleTrust> module_trust = {};  ///< nothing: the recipe has no `secure_boot`
};

/// How the files that bake writes get their SELinux labels.
enum class Relabel { none, setfiles, autorelabel };

/// One thing that `generalize: true` removes, for a person.
struct Removal {
  std::string what;                ///< "SSH host keys", "user azureuser (uid 1000)"
  std::vector<std::string> paths;  ///< what exists now; apply also removes what the bake itself adds

  friend bool operator==(const Removal&, const Removal&) = default;
};

/// What `generalize: true` removes. The kinds of guest::machine_data_kinds() and the logs always go.
struct Generalize {
  std::vector<guest::Account> users;
  std::string host_name;                  ///< the name that the files lose; empty: the disk has no name of a machine
  std::vector<guest::MachineFile> files;  ///< no blocked ones
  std::vector<Removal> removals;
};

/// What `cloud_init_network: false` writes and removes.
struct NetworkConfig {
  std::string file;  ///< configures eth0; empty: cloud-init or the base configures the network
  std::string text;  ///< its content
  std::vector<std::string>
      replaced;  ///< files in which cloud-init described the network of one machine; may be missing

  [[nodiscard]] bool empty() const { return file.empty(); }
};

/// A file that bake writes for an option of the recipe. Its content is decided here, so that verification can compare
/// it.
struct OptionFile {
  std::string path;
  std::string what;  ///< for a person
  std::string text;
  unsigned mode = 0644;

  friend bool operator==(const OptionFile&, const OptionFile&) = default;
};

/// All changes to the guest, decided before the first one is made. Apply makes these changes and no others; files_of()
/// (bake/plan/files.hpp) lists the files that it writes in addition to packages.
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
  std::optional<resolve::UsedModules> built_modules;  ///< instead of a build
  std::string default_kernel_how;
  std::optional<KernelPlan> kernel_change;  ///< carried out already, before `changes`

  /// Programs that do nothing while packages change and modules are built: bake runs some of them once afterwards
  /// (depmod, weak-modules, …), and the others would make a key and sign modules with it.
  std::vector<std::string> deferred;
  bool force_openibd = false;          ///< openibd must accept modules that weak-updates links lead to
  bool openibd_after_udev = false;     ///< openibd must not start before udev has settled
  bool name_product = false;           ///< ofed_info names the product, not OFED-internal
  std::vector<std::string> blacklist;  ///< the kernel's own modules that must not load with the vendor's ib_core; only
                                       ///< where the driver does not have its own
  bool enable_rdma = false;
  std::string waagent_config;
  std::vector<std::string> enable_services;
  std::vector<std::string> disable_services;
  std::vector<std::string> persist_modules;  ///< loaded at boot through /etc/modules-load.d
  std::vector<OptionFile> option_files;      ///< in the order in which they are written
  Customization customization;
  Hold hold;
  bool memlock_unlimited = false;
  NetworkConfig network;  ///< empty: cloud-init or the base configures the network
  bool install_firstboot = false;
  unsigned firstboot_wait = 60;        ///< seconds
  bool firstboot_late = false;         ///< with ib-firstboot-late.service
  bool firstboot_strict_rate = false;  ///< a slow link is a failure
  bool rebuild_initramfs = false;
  guest::InitramfsTool initramfs_tool = guest::InitramfsTool::none;
  std::string initramfs;         ///< path
  std::string initramfs_reason;  ///< why it is rebuilt or kept
  /// Modules to leave out of the initramfs and modules to add to it, which otherwise stays as it is; both empty: the
  /// guest's tool builds another one.
  std::vector<std::string> initramfs_leaves_out, initramfs_adds;
  std::vector<std::string> initramfs_drivers;  ///< modules that it must contain
  Relabel relabel = Relabel::none;
  bool reset_labels = false;  ///< also the labels of files with a customized type
  std::string file_contexts;
  std::optional<SecureBoot> secure_boot;  ///< nothing: bake does not look at signatures
  bool generalize = false;
  Generalize removal;  ///< empty without `generalize`
  std::vector<SpaceNeed> space;
  std::vector<std::string> warnings;
  Expectations expectations;

  [[nodiscard]] const std::string& kernel() const { return fit.kernel; }
  [[nodiscard]] bool edits_initramfs() const { return !initramfs_leaves_out.empty() || !initramfs_adds.empty(); }
};

/// A plan, and every reason against it. A refused plan is filled in as far as it was decided.
struct Outcome {
  Plan plan;
  std::vector<Refusal> refusals;

  [[nodiscard]] bool ok() const { return refusals.empty(); }
};

/// Returns the plan. Pure: no I/O, clock, environment or globals.
Outcome make(const Inputs& inputs);

/// Throws an Error with all refusals of `outcome`, with the kind of the first one, if there are refusals.
void require(const Outcome& outcome);

/// Returns the changes of all packages: those of the kernel, then those of the driver.
std::vector<resolve::PackageChange> all_changes(const Plan& plan);

/// Returns true when modules of the bundle, prebuilt or built in the image, replace the kernel's own.
bool replaces_modules(const resolve::KernelFit& fit);

/// Stable key order: golden tests and `bake plan --json` rely on it.
nlohmann::ordered_json to_json(const Outcome& outcome);

/// Returns the plan for a person: packages, configuration, files, and why the driver fits.
std::string to_text(const Outcome& outcome);

}  // namespace bake::plan
