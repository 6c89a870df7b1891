#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using guest::Family;
using resolve::FitKind;
using resolve::PackageChange;

bool installs(const Plan& plan, std::string_view name) {
  return std::any_of(plan.changes.begin(), plan.changes.end(), [&](const PackageChange& change) {
    return change.action != PackageChange::Action::remove && change.name == name;
  });
}

bool has_package(const Inputs& inputs, std::string_view name) { return inputs.facts.package(name) != nullptr; }

/// Returns whether the guest gets EL's rdma.service, which loads the modules of /etc/rdma/rdma.conf. rdma-core has it
/// up to release 31 (EL 8.3); from then on udev and rdma-load-modules@.service load them (linux-rdma/rdma-core, pull
/// request 835).
bool has_rdma_service(const Inputs& inputs, const Plan& plan) {
  constexpr int without_service = 32;
  const auto core = version_of(inputs, plan, "rdma-core");
  if (core.empty()) return !version_of(inputs, plan, "rdma").empty();
  const auto colon = core.find(':');
  int release = 0;
  std::from_chars(core.data() + (colon == std::string::npos ? 0 : colon + 1), core.data() + core.size(), release);
  return release < without_service;
}

/// Units that the scripts of a package enable, although the profile wants only the package's programs. On Debian and
/// Ubuntu, debhelper's script in postinst calls deb-systemd-helper, which links the unit without a running systemd
/// (Debian/debhelper, autoscripts/postinst-systemd-enable); rdma-core does so for both services (linux-rdma/rdma-core,
/// debian/rules). srptools of MLNX_LIBS has an init script instead (debian/srptools.init).
struct PackageServices {
  std::string_view package;
  std::vector<std::string> units;
};
const std::vector<PackageServices> unwanted_services{{"ibacm", {"ibacm.service", "ibacm.socket"}},
                                                     {"srptools", {"srp_daemon.service", "srptools.service"}},
                                                     {"srp_daemon", {"srp_daemon.service"}}};

/// Disables services that the packages of a profile enable. Leaves the choice to the user whose recipe lists packages,
/// and to the base that has the package already.
void plan_unwanted_services(const Inputs& inputs, Plan& plan) {
  if (!inputs.recipe.ofed.packages.empty()) return;
  for (const auto& [package, units] : unwanted_services) {
    if (!installs(plan, package) || has_package(inputs, package)) continue;
    plan.disable_services.insert(plan.disable_services.end(), units.begin(), units.end());
  }
}

void plan_services(const Inputs& inputs, Plan& plan) {
  // These packages have openibd.service. Without them (user space only) there is nothing to enable.
  const bool openibd = installs(plan, "mlnx-ofa_kernel") || installs(plan, "mlnx-ofed-kernel-utils");
  if (openibd) plan.enable_services.emplace_back("openibd.service");
  if (inputs.resolution.choice.inbox) {
    if (plan.family == Family::rpm && has_rdma_service(inputs, plan)) plan.enable_services.emplace_back("rdma.service");
    // MPI and the agent need more modules than udev loads.
    plan.persist_modules = {"ib_ipoib", "ib_umad", "ib_uverbs", "rdma_ucm"};
  }
  if (plan.install_firstboot) {
    plan.enable_services.emplace_back("ib-firstboot.service");
    plan.enable_services.emplace_back("ib-ready.target");
    if (plan.firstboot_late) plan.enable_services.emplace_back("ib-firstboot-late.service");
  }
  // The fabric has its own subnet manager. A second one in a VM would compete with it.
  if (installs(plan, "opensm") || has_package(inputs, "opensm"))
    plan.disable_services = {"opensm.service", "opensmd.service"};
  plan_unwanted_services(inputs, plan);
  plan.openibd_after_udev = openibd;
  plan.force_openibd = openibd && plan.fit.kind == FitKind::weak_updates;
}

/// Directories of the kernel's own modules that every driver package replaces.
constexpr std::string_view replaced_modules[] = {
    "kernel/drivers/infiniband/core/", "kernel/drivers/infiniband/hw/mlx4/", "kernel/drivers/infiniband/hw/mlx5/",
    "kernel/drivers/infiniband/ulp/ipoib/"};
/// Directories of modules that are of no use without RDMA. Modules elsewhere also have other users.
constexpr std::string_view rdma_only_modules[] = {"kernel/drivers/infiniband/", "kernel/drivers/nvme/",
                                                  "kernel/drivers/staging/", "kernel/drivers/block/", "kernel/net/"};

template <std::size_t size>
bool is_in_any(std::string_view path, const std::string_view (&directories)[size]) {
  return std::any_of(std::begin(directories), std::end(directories),
                     [&](std::string_view directory) { return path.starts_with(directory); });
}

/// Blacklists the kernel's own users of ib_core: they do not load with the vendor's ib_core and make
/// systemd-modules-load fail (Azure/azhpc-images PR#176). A blacklist also disables the aliases of a module
/// (modprobe.d(5)), and `mount -t cifs` needs the alias fs-cifs; so there is only a warning about modules that are
/// useful without RDMA.
void plan_blacklist(const Inputs& inputs, Plan& plan) {
  const auto* kernel = inputs.facts.kernel(plan.fit.kernel);
  if (kernel == nullptr || !replaces_modules(plan.fit)) return;
  std::vector<std::string> others;
  for (const auto& path : kernel->ib_core_users) {
    if (is_in_any(path, replaced_modules)) continue;
    (is_in_any(path, rdma_only_modules) ? plan.blacklist : others).push_back(guest::module_name_of(path));
  }
  if (!others.empty())
    plan.warnings.push_back(fmt::format(
        "the kernel's own {} use{} ib_core, which the driver replaces: mount or load {} once on a VM of this image",
        join(others, ", "), others.size() == 1 ? "s" : "", others.size() == 1 ? "it" : "them"));
}

void plan_driver(const Inputs& inputs, Plan& plan) {
  if (!plan.bundle) return;
  // This package has ofed_info. The installer of DOCA-OFED leaves its output as it is.
  plan.name_product =
      !matrix::is_doca(plan.ofed) && (installs(plan, "ofed-scripts") || has_package(inputs, "ofed-scripts"));
  plan_blacklist(inputs, plan);
}

/// Whether a package of Ubuntu is a part of a kernel, or depends on the newest kernel of a flavour, as
/// linux-signed-azure of 16.04 and 18.04 does (names of Ubuntu's security notices USN-5385-1 and USN-5017-1).
/// linux-image includes linux-image-unsigned, and linux-modules linux-modules-extra.
bool is_kernel_package(std::string_view name) {
  static constexpr std::string_view prefixes[] = {
      "linux-image",  "linux-headers",     "linux-modules", "linux-azure",      "linux-generic", "linux-virtual",
      "linux-signed", "linux-cloud-tools", "linux-hwe",     "linux-lowlatency", "linux-kvm"};
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](std::string_view prefix) { return name.rfind(prefix, 0) == 0; });
}

std::set<std::string> rdma_packages(const Inputs& inputs) {
  std::set<std::string> names;
  for (const auto& change : inputs.resolution.closure.changes)
    if (change.action != PackageChange::Action::remove && !change.is_extra()) names.insert(change.name);
  if (inputs.resolution.choice.inbox) names.insert(inputs.resolution.wanted.begin(), inputs.resolution.wanted.end());
  return names;
}

/// Returns the files of all package managers of the guest: EL7 can have dnf next to yum, and each has its own file.
std::vector<std::string> hold_configs(const guest::Facts& facts) {
  auto configs = facts.package_manager_configs;
  if (configs.empty()) configs.emplace_back(facts.has_program("dnf") ? "/etc/dnf/dnf.conf" : "/etc/yum.conf");
  return configs;
}

void plan_hold(const Inputs& inputs, Plan& plan) {
  const auto& configure = inputs.recipe.configure;
  std::set<std::string> names;
  if (configure.hold_rdma) names = rdma_packages(inputs);
  if (plan.family == Family::rpm) {
    plan.hold.configs = hold_configs(inputs.facts);
    // What replaces the kernel or its modules. Not kernel-headers and kernel-devel, which gcc and builds need.
    if (configure.hold_kernel)
      names.insert({"kernel", "kernel-core", "kernel-modules*", "kernel-rt*", "kernel-uki*", "kmod-*"});
    // A distribution update must not install the packages again that the vendor's packages obsolete.
    if (configure.hold_rdma)
      for (const auto& change : plan.changes)
        if (const auto& own = inputs.recipe.customize.remove;
            change.action == PackageChange::Action::remove &&
            std::find(own.begin(), own.end(), change.name) == own.end())
          names.insert(change.name);
  } else if (configure.hold_kernel) {
    for (const auto& package : inputs.facts.packages.packages)
      if (is_kernel_package(package.name)) names.insert(package.name);
  }
  plan.hold.packages.assign(names.begin(), names.end());
}

/// Returns why the initramfs of `kernel` must be built again; empty when it can stay. It needs no driver of the card,
/// but it must not load another module than the image: a vendor's nvme_rdma, for one, does not load with the kernel's
/// own nvme_core.
std::string reason_to_rebuild(const guest::Kernel& kernel, const resolve::NewModules& modules) {
  if (!kernel.initramfs_content)
    return kernel.initramfs_trouble.empty() ? "its content is not known" : kernel.initramfs_trouble;
  const auto& content = *kernel.initramfs_content;
  if (!content.has_root || content.modules.empty()) return "it contains no module";
  std::set<std::string> names;
  for (const auto& path : content.modules) names.insert(guest::module_name_of(path));
  for (const auto& driver : kernel.azure_drivers)
    if (!names.contains(driver)) return "it lacks " + driver;
  for (const auto& name : names)
    if (modules.names.contains(name)) return fmt::format("it contains {}, which the driver replaces", name);
  if (modules.unreadable.empty()) return {};
  return fmt::format("it may contain a module that {} replaces",
                     join({modules.unreadable.begin(), modules.unreadable.end()}, " or "));
}

/// Returns the names of the kernel's own modules that use ib_core and are of no use without it.
std::set<std::string> own_rdma_modules(const guest::Kernel& kernel) {
  std::set<std::string> names;
  for (const auto& path : kernel.ib_core_users)
    if (is_in_any(path, replaced_modules) || is_in_any(path, rdma_only_modules))
      names.insert(guest::module_name_of(path));
  return names;
}

/// Decides which modules leave the initramfs and which come into it, when that is enough: the driver replaces modules
/// of the RDMA subsystem only. The root disk needs none of them, and this takes seconds where the guest's own tool
/// takes minutes (320 s for 2,500 compressed modules). Otherwise it must be built again.
void plan_initramfs_edit(const guest::Facts& facts, const guest::Kernel& kernel, const resolve::NewModules& modules,
                         Plan& plan) {
  if (!kernel.initramfs_content || !kernel.initramfs_content->has_root || kernel.initramfs_content->resolved.empty() ||
      !modules.unreadable.empty() || !facts.has_program("depmod"))
    return;
  std::set<std::string> names;
  for (const auto& path : kernel.initramfs_content->modules) names.insert(guest::module_name_of(path));
  const auto users = own_rdma_modules(kernel);
  const std::set<std::string> drivers(kernel.azure_drivers.begin(), kernel.azure_drivers.end());
  for (const auto& name : modules.names) {
    const bool is_rdma = guest::is_rdma_module(name) || users.contains(name);
    if (drivers.contains(name) || (names.contains(name) && !is_rdma)) return;
  }
  for (const auto& name : names)
    if (modules.names.contains(name) || users.contains(name)) plan.initramfs_leaves_out.push_back(name);
  for (const auto& driver : drivers)
    if (!names.contains(driver)) plan.initramfs_adds.push_back(driver);
}

/// Package scripts run depmod, weak-modules and the builder of the initramfs for every package and every kernel: on a
/// guest with two kernels of 2,500 modules that took 195 of 235 seconds of the installation.
void plan_deferred(const Inputs& inputs, Plan& plan) {
  std::vector<std::string> tools{"depmod"};
  if (plan.family == Family::rpm) tools.insert(tools.end(), {"weak-modules", "ldconfig"});
  tools.insert(tools.end(), {"dracut", "update-initramfs"});
  // dkms 2.8 has no other switch: it makes a key and signs when it finds kmodsign (sign_build).
  if (plan.fit.kind == resolve::FitKind::needs_build)
    tools.insert(tools.end(), {"kmodsign", "update-secureboot-policy"});
  for (const auto& tool : tools)
    if (!plan.changes.empty() && inputs.facts.has_program(tool)) plan.deferred.push_back(tool);
}

void plan_initramfs(const Inputs& inputs, Plan& plan) {
  const auto* kernel = inputs.facts.kernel(plan.fit.kernel);
  if (kernel == nullptr || inputs.facts.initramfs_tool == guest::InitramfsTool::none) {
    if (kernel != nullptr)
      plan.warnings.emplace_back("the guest has no dracut and no initramfs-tools: its initramfs is not rebuilt");
    return;
  }
  plan.initramfs_tool = inputs.facts.initramfs_tool;
  const bool dracut = plan.initramfs_tool == guest::InitramfsTool::dracut;
  plan.initramfs = kernel->initramfs.value_or(dracut ? fmt::format("/boot/initramfs-{}.img", kernel->release)
                                                     : fmt::format("/boot/initrd.img-{}", kernel->release));
  plan.initramfs_drivers = kernel->azure_drivers;
  plan.initramfs_reason = reason_to_rebuild(*kernel, inputs.resolution.new_modules);
  plan.rebuild_initramfs = !plan.initramfs_reason.empty();
  if (plan.rebuild_initramfs) plan_initramfs_edit(inputs.facts, *kernel, inputs.resolution.new_modules, plan);
  if (!plan.rebuild_initramfs)
    plan.initramfs_reason = "it has the drivers for Azure, and no module that the driver replaces";
}

void plan_labels(const Inputs& inputs, Plan& plan) {
  const auto& selinux = inputs.facts.selinux;
  if (selinux.mode == "absent" || selinux.mode == "disabled") return;
  plan.reset_labels = inputs.recipe.configure.reset_labels;
  if (selinux.has_setfiles && !selinux.file_contexts.empty()) {
    plan.relabel = Relabel::setfiles;
    plan.file_contexts = selinux.file_contexts;
    return;
  }
  plan.relabel = Relabel::autorelabel;
  plan.warnings.push_back(
      fmt::format("SELinux is {} and the guest has no {}: files get their labels at the first boot, which then reboots "
                  "once (/.autorelabel)",
                  selinux.mode, selinux.has_setfiles ? "file_contexts" : "setfiles"));
}

}  // namespace

std::string version_of(const Inputs& inputs, const Plan& plan, std::string_view name) {
  for (const auto& change : plan.changes)
    if (change.action != PackageChange::Action::remove && change.name == name) return change.version;
  const auto* package = inputs.facts.package(name);
  return package == nullptr ? std::string() : package->version;
}

void plan_configuration(const Inputs& inputs, Plan& plan) {
  plan.install_firstboot = inputs.recipe.firstboot.install;
  plan.firstboot_wait = inputs.recipe.firstboot.wait_seconds;
  plan.firstboot_late = plan.install_firstboot && inputs.recipe.firstboot.late;
  plan.firstboot_strict_rate = plan.install_firstboot && inputs.recipe.firstboot.strict_rate;
  plan.enable_rdma = inputs.recipe.configure.enable_rdma && inputs.facts.waagent.has_value();
  if (inputs.facts.waagent) plan.waagent_config = inputs.facts.waagent->config;
  plan.memlock_unlimited = inputs.recipe.configure.memlock_unlimited;
  plan_services(inputs, plan);
  plan_driver(inputs, plan);
  plan_hold(inputs, plan);
  plan_deferred(inputs, plan);
  plan_initramfs(inputs, plan);
  plan_labels(inputs, plan);
}

}  // namespace bake::plan
