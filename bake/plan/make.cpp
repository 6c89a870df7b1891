#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/plan.hpp"
#include "bake/plan/steps.hpp"

namespace bake::plan {
namespace {

using guest::Family;
using resolve::FitKind;
using resolve::PackageChange;

/// Packages of MLNX_OFED and DOCA-OFED with the kernel modules or their sources, by their rpm and deb names.
constexpr std::array vendor_drivers{"mlnx-ofa_kernel",      "mlnx-ofa_kernel-modules", "kmod-mlnx-ofa_kernel",
                                    "mlnx-ofa_kernel-dkms", "mlnx-ofed-kernel-utils",  "mlnx-ofed-kernel-modules",
                                    "mlnx-ofed-kernel-dkms"};

class Planner {
 public:
  explicit Planner(const Inputs& inputs) : in_(inputs) {}

  Outcome run() {
    copy_selection();
    check_system();
    check_bundle();
    for (const auto& problem : in_.resolution.matrix_problems)
      out_.refusals.push_back({ErrorKind::incompatible, problem});
    check_kernel();
    check_driver_in_base();
    check_closure();
    add_warnings();
    plan_configuration(in_, out_.plan);
    plan_network(in_, out_.plan);
    plan_options(in_, out_.plan);
    plan_secure_boot(in_, out_);
    plan_generalize(in_, out_);
    plan_customization(in_, out_);
    check_config_links();
    plan_space(in_, out_);
    fill_expectations();
    if (root_cause_) out_.refusals = {*root_cause_};
    return std::move(out_);
  }

 private:
  void refuse(std::string where, std::string message, std::string hint = {}, std::vector<Remedy> remedies = {}) {
    out_.refusals.push_back(
        {ErrorKind::incompatible, {std::move(where), std::move(message), std::move(hint), std::move(remedies)}});
  }

  /// Refuses a recipe that is not for this disk. The other refusals are then consequences, or may be: they are left
  /// out.
  void refuse_at_the_root(std::string where, std::string message, std::string hint, std::vector<Remedy> remedies = {}) {
    refuse(std::move(where), std::move(message), std::move(hint), std::move(remedies));
    if (!root_cause_) root_cause_ = out_.refusals.back();
  }

  void refuse_kernel(std::string message, std::string hint) {
    if (in_.recipe.kernel.empty())
      refuse("kernel", std::move(message), std::move(hint));
    else
      refuse_at_the_root("kernel", std::move(message), std::move(hint));
  }

  /// Returns the remedies; the one that adds extra packages names the recipe, so that the user can ask which ones.
  [[nodiscard]] std::vector<Remedy> for_recipe(std::vector<Remedy> remedies) const {
    for (auto& remedy : remedies)
      if (remedy.action == Remedy::Action::add_extras) remedy.object = in_.recipe.file.string();
    return remedies;
  }

  void copy_selection() {
    auto& plan = out_.plan;
    plan.recipe = in_.recipe.name;
    plan.os = in_.facts.os;
    plan.family = in_.facts.family;
    plan.arch = in_.facts.arch;
    plan.vm_sizes = in_.recipe.vm_sizes;
    plan.bundle = in_.resolution.bundle;
    plan.ofed = in_.resolution.choice.inbox ? "inbox" : in_.resolution.choice.ofed;
    plan.profile = in_.recipe.ofed.packages.empty() ? in_.recipe.ofed.profile : "explicit list";
    if (in_.resolution.choice.inbox) plan.profile = "inbox";
    plan.wanted = in_.resolution.wanted;
    plan.changes = in_.resolution.closure.changes;
    plan.extra_payloads = in_.resolution.extra_payloads;
    plan.fit = in_.resolution.fit;
    plan.built_modules = in_.resolution.built_modules;
    plan.default_kernel_how = in_.facts.default_kernel_how;
    plan.kernel_change = in_.kernel;
  }

  void check_system() {
    const auto& os = in_.facts.os;
    const auto& asked = in_.recipe.os;
    if (os.id != asked.id || os.version != asked.version)
      refuse_at_the_root(
          "os", fmt::format("the recipe says {} {}, the disk has {} {}", asked.id, asked.version, os.id, os.version),
          "change 'os' in the recipe, or write a recipe for this disk",
          {{Remedy::Action::write_recipe, in_.recipe.base.path.string()}});
    if (in_.facts.arch != "x86_64")
      refuse("arch", fmt::format("the disk has a system for {}; bake supports x86_64", in_.facts.arch));
    if (!in_.facts.packages.trouble.empty())
      refuse("packages", fmt::format("the guest's package database is not consistent: {}", in_.facts.packages.trouble),
             "repair it in the base image first (dpkg --configure -a, or rpm --rebuilddb)");
  }

  void check_bundle() {
    if (!in_.resolution.bundle) return;
    if (!matrix::distro_fits(in_.resolution.bundle->distro, in_.resolution.choice.distro))
      refuse("bundle",
             fmt::format("{} is for {}, this guest needs {}", in_.resolution.bundle->name,
                         in_.resolution.bundle->distro, in_.resolution.choice.distro),
             fmt::format("add the bundle {}", in_.resolution.choice.file_name));
    if (in_.resolution.bundle->arch != in_.facts.arch)
      refuse("bundle", fmt::format("{} is for {}, the guest is {}", in_.resolution.bundle->name,
                                   in_.resolution.bundle->arch, in_.facts.arch));
  }

  void check_kernel() {
    if (in_.kernel && !in_.kernel->ok()) {
      out_.refusals.insert(out_.refusals.end(), in_.kernel->refusals.begin(), in_.kernel->refusals.end());
      for (auto& refusal : out_.refusals) refusal.problem.remedies = for_recipe(refusal.problem.remedies);
      return;
    }
    const auto& fit = in_.resolution.fit;
    std::vector<std::string> releases;
    for (const auto& kernel : in_.facts.kernels) releases.push_back(kernel.release);
    if (in_.facts.default_kernel.empty() && !releases.empty()) {
      refuse("kernel", in_.facts.default_kernel_how,
             fmt::format("make an installed kernel the default in the base image (grubby --set-default, or "
                         "update-grub); it has {}",
                         join(releases, ", ")));
      return;
    }
    check_second_menu(releases);
    if (in_.facts.kernel(fit.kernel) == nullptr) {
      refuse_kernel(
          fmt::format("kernel '{}' is not in the guest", fit.kernel),
          releases.empty() ? "the guest has no bootable kernel" : fmt::format("it has {}", join(releases, ", ")));
      return;
    }
    // Without `kernel: {release: …}` bake does not change the default kernel, and verification checks the driver of the
    // default kernel.
    if (in_.facts.default_kernel != fit.kernel)
      refuse_kernel(
          fmt::format("the recipe asks for {}, but {} boots by default ({})", fit.kernel, in_.facts.default_kernel,
                      in_.facts.default_kernel_how),
          fmt::format("write kernel: {{release: {}}} in the recipe, make it the default in the base image (grubby "
                      "--set-default), or leave 'kernel' out of the recipe",
                      fit.kernel));
    if (fit.ok()) return;
    auto message = fit.explanation;
    for (const auto& reason : fit.reasons) message += "\n      " + reason;
    refuse(fmt::format("kernel {}", fit.kernel), message, fit.remedy, for_recipe(fit.remedies));
  }

  /// Refuses a menu of GRUB that VMs of the recipe read and that does not boot the kernel that gets the driver. If VMs
  /// read both menus and both boot a kernel of the image, the second one is only a warning.
  void check_second_menu(const std::vector<std::string>& releases) {
    const auto& second = in_.facts.second_menu;
    const auto& generations = in_.resolution.vm_generations;
    if (!second || !generations.contains(second->generation)) return;
    if (!second->release.empty() && generations.size() > 1) return;
    auto hint = fmt::format("make an installed kernel the default of this menu in the base image; it has {}",
                            join(releases, ", "));
    if (!second->release.empty())
      hint = fmt::format("make {} the default of this menu in the base image", in_.facts.default_kernel);
    else if (generations.size() > 1)
      hint += fmt::format(
          "; or write hyper_v_generation: V{} below 'gallery' in the recipe if no VM of generation {} "
          "starts from the image",
          3 - second->generation, second->generation);
    refuse(second->path,
           fmt::format("VMs of generation {} read this menu of GRUB, and it {}; {} is the default of the other menu",
                       second->generation, second->outcome, in_.facts.default_kernel),
           hint);
  }

  /// Refuses a base with a driver of the vendor. Another version would not be replaced completely: the scripts of the
  /// new packages do not remove the old modules, their weak-updates links and DKMS trees; the vendor's uninstaller
  /// does, on a running system (mlnxofedinstall runs it first). The same version leaves no module to inject and verify.
  void check_driver_in_base() {
    for (const auto& package : in_.facts.packages.packages) {
      if (std::find(vendor_drivers.begin(), vendor_drivers.end(), package.name) == vendor_drivers.end()) continue;
      const auto replaced = [&](const PackageChange& change) {
        return change.action != PackageChange::Action::install && change.name == package.name;
      };
      const auto& changes = in_.resolution.closure.changes;
      if (!in_.resolution.choice.inbox && in_.resolution.closure.ok() &&
          std::none_of(changes.begin(), changes.end(), replaced)) {
        refuse("driver",
               fmt::format("the base already has the driver of {} ({} {}): bake has no module to inject",
                           matrix::product_name(out_.plan.ofed), package.name, package.version),
               "use the image as it is, or start from a base without a driver");
        return;
      }
      refuse("driver",
             fmt::format("the base already has an RDMA driver of NVIDIA ({} {}); {} would not replace it completely",
                         package.name, package.version,
                         in_.resolution.choice.inbox ? "the inbox driver" : matrix::product_name(out_.plan.ofed)),
             "start from a base without it, or run ofed_uninstall.sh on a VM of this base and capture it again");
      return;
    }
  }

  void check_closure() {
    for (auto problem : in_.resolution.closure.problems) {
      problem.remedies = for_recipe(std::move(problem.remedies));
      out_.refusals.push_back({ErrorKind::incompatible, std::move(problem)});
    }
  }

  /// Refuses a link in the place of a file that the plan edits: it could lead to any file of the guest.
  void check_config_links() {
    const auto files = edited_files(out_.plan);
    for (const auto& link : in_.facts.config_links)
      if (!link.allowed && std::find(files.begin(), files.end(), link.path) != files.end())
        refuse(link.path, description_of(link) + ", and bake follows only a link to a file of the same name below /etc",
               "replace the link with a file in the base");
  }

  void add_warnings() {
    auto& warnings = out_.plan.warnings;
    warnings = in_.resolution.choice.warnings;
    const auto& boot_warnings = in_.facts.default_kernel_warnings;
    warnings.insert(warnings.end(), boot_warnings.begin(), boot_warnings.end());
    if (in_.facts.baked_manifest)
      warnings.emplace_back("this disk was baked before: bake the original base again instead");
    for (const auto& kernel : in_.facts.kernels)
      if (kernel.release != in_.resolution.fit.kernel && !in_.resolution.choice.inbox)
        warnings.push_back(fmt::format("kernel {} is also installed and gets no driver; boot {}", kernel.release,
                                       in_.resolution.fit.kernel));
    warn_about_incompatible_modules();
    if (vendor_modules() && !in_.module_trust)
      warnings.push_back(fmt::format(
          "{}: deploy the image without Secure Boot (Trusted Launch), because the kernel refuses them with it",
          in_.resolution.fit.kind == FitKind::needs_build
              ? "the modules that are built in the image are not signed"
              : "the firmware does not know the signing key of the driver's modules"));
    if (!in_.resolution.kernel_bundle.empty() && !in_.recipe.ofed.sha256.empty())
      warnings.push_back(fmt::format("the modules come from {}, and the pin of the recipe does not cover it",
                                     in_.resolution.kernel_bundle));
    warn_about_ipoib();
    const auto& generation_warnings = in_.resolution.generation_warnings;
    warnings.insert(warnings.end(), generation_warnings.begin(), generation_warnings.end());
    warnings.insert(warnings.end(), in_.resolution.agent_warnings.begin(), in_.resolution.agent_warnings.end());
  }

  /// Warns about modules of the base that were built for the kernel's own ib_core: the vendor's ib_core has other
  /// symbol versions.
  void warn_about_incompatible_modules() {
    const auto* kernel = in_.facts.kernel(in_.resolution.fit.kernel);
    if (kernel == nullptr || kernel->rdma_users.empty() || !vendor_modules()) return;
    out_.plan.warnings.push_back(fmt::format(
        "the base has modules that use the kernel's own RDMA modules, which the driver replaces: {}; build them "
        "again for the driver, or they will not load",
        join(kernel->rdma_users, ", ")));
  }

  /// Warns about missing parts for IP over InfiniBand: the agent configures the interface, and old agents use ifconfig
  /// (WALinuxAgent v2.9.0.4, azurelinuxagent/common/rdma.py).
  void warn_about_ipoib() {
    auto& warnings = out_.plan.warnings;
    if (!in_.recipe.configure.enable_rdma) return;
    if (!in_.facts.waagent) {
      warnings.emplace_back("the image has no Azure Linux agent: the InfiniBand interface will get no address");
      return;
    }
    if (!in_.facts.has_program("ifconfig"))
      warnings.emplace_back("the agent configures IPoIB with ifconfig, but the image has no net-tools");
  }

  [[nodiscard]] bool vendor_modules() const { return replaces_modules(in_.resolution.fit); }

  void fill_expectations() {
    auto& plan = out_.plan;
    auto& expected = plan.expectations;
    expected.family = plan.family;
    expected.ofed = plan.ofed;
    expected.customized = expected_state(plan.customization);
    expected.kernel = in_.recipe.kernel.empty() ? in_.facts.default_kernel : plan.fit.kernel;
    expected.module = in_.resolution.choice.driver.empty() ? "mlx5_core" : in_.resolution.choice.driver;
    expected.module_origin = vendor_modules() ? "vendor" : "inbox";
    expected.module_version = vendor_modules() ? in_.resolution.module_version : "";
    expected.services = plan.enable_services;
    expected.services_off = plan.disable_services;
    expect_packages(expected);
    expected.enable_rdma = plan.enable_rdma;
    expected.hold = plan.hold;
    expected.initramfs = !plan.initramfs.empty();
    expected.initramfs_drivers = plan.initramfs_drivers;
    expected.memlock_unlimited = plan.memlock_unlimited;
    expected.network_config = plan.network.file;
    for (const auto& file : plan.option_files) expected.option_files[file.path] = state_of(file);
    if (plan.secure_boot) expected.secure_boot = expected_state(*plan.secure_boot);
    expected.generalized = plan.generalize;
    expected.removed_users = plan.removal.users;
    expected.removed_host_name = plan.removal.host_name;
    expected.private_keys = in_.facts.private_keys;
    expected.firstboot_sha256 = plan.install_firstboot ? in_.firstboot_sha256 : "";
    expected.firstboot_strict_rate = plan.firstboot_strict_rate;
  }

  void expect_packages(Expectations& expected) const {
    const auto& later = in_.resolution.closure.changes;
    if (in_.kernel)
      for (const auto& change : in_.kernel->changes)
        if (std::none_of(later.begin(), later.end(), [&](const auto& each) { return each.name == change.name; }))
          expected.packages.push_back({change.name, change.version, change.arch});
    for (const auto& change : in_.resolution.closure.changes) {
      if (change.action == PackageChange::Action::remove)
        expected.absent.push_back(change.name);
      else
        expected.packages.push_back({change.name, change.version, change.arch});
    }
    if (in_.resolution.choice.inbox)
      for (const auto& package : in_.facts.packages.packages)
        if (std::find(in_.resolution.wanted.begin(), in_.resolution.wanted.end(), package.name) !=
            in_.resolution.wanted.end())
          expected.packages.push_back(package);
    std::sort(expected.packages.begin(), expected.packages.end());
    if (in_.resolution.bundle) expected.absent.emplace_back("mlnx-fw-updater");
    std::sort(expected.absent.begin(), expected.absent.end());
  }

  const Inputs& in_;
  Outcome out_;
  std::optional<Refusal> root_cause_;
};

}  // namespace

std::vector<PackageChange> all_changes(const Plan& plan) {
  std::vector<PackageChange> changes;
  if (plan.kernel_change) changes = plan.kernel_change->changes;
  changes.insert(changes.end(), plan.changes.begin(), plan.changes.end());
  return changes;
}

bool replaces_modules(const resolve::KernelFit& fit) {
  return fit.kind == FitKind::built_for || fit.kind == FitKind::weak_updates || fit.kind == FitKind::needs_build;
}

Outcome make(const Inputs& inputs) { return Planner(inputs).run(); }

void require(const Outcome& outcome) {
  if (outcome.ok()) return;
  std::vector<Problem> problems;
  for (const auto& refusal : outcome.refusals) problems.push_back(refusal.problem);
  throw_if_any(outcome.refusals.front().kind, fmt::format("planning '{}'", outcome.plan.recipe), problems);
}

}  // namespace bake::plan
