#include "bake/plan/kernel.hpp"

#include <charconv>
#include <fmt/format.h>

#include "bake/guest/config_link.hpp"
#include "bake/plan/files.hpp"
#include "bake/plan/space.hpp"

namespace bake::plan {
namespace {

using guest::Family;

/// For the kernel and its System.map in a separate /boot, next to an initramfs.
constexpr std::uint64_t kernel_files = std::uint64_t{64} << 20U;

int major_of(const guest::OsRelease& os) {
  int major = 0;
  std::from_chars(os.version.data(), os.version.data() + os.version.size(), major);
  return major;
}

class KernelPlanner {
 public:
  KernelPlanner(const recipe::Recipe& recipe, const guest::Facts& facts) : facts_(facts) {
    plan_.release = recipe.kernel;
    plan_.previous = facts.default_kernel;
    plan_.family = facts.family;
    plan_.initramfs_tool = facts.initramfs_tool;
    plan_.previous_options = facts.default_kernel_options;
    plan_.bios = facts.layout.only_generation() != 2;
  }

  KernelPlan run(const resolve::SelectedDriver& driver, const resolve::KernelPackages& packages) {
    plan_.changes = packages.closure.changes;
    plan_.missing = packages.closure.missing;
    plan_.bundle_payload = driver.bundle.has_value();
    plan_.extra_payloads = driver.extra_payloads();
    for (const auto& problem : packages.closure.problems) plan_.refusals.push_back({ErrorKind::incompatible, problem});
    check_boot_loader();
    if (!plan_.changes.empty()) {
      check_initramfs_tool();
      check_driver_list();
      check_space(packages);
      defer_tools();
    }
    return std::move(plan_);
  }

 private:
  void refuse(std::string message, std::string hint) {
    plan_.refusals.push_back(
        {ErrorKind::incompatible, {fmt::format("kernel {}", plan_.release), std::move(message), std::move(hint)}});
  }

  /// bake knows two ways to a lasting default: the configuration of grub-mkconfig on Debian and Ubuntu, and the
  /// environment of GRUB with entries of the Boot Loader Specification from EL8 on.
  void check_boot_loader() {
    if (plan_.family == Family::deb) {
      if (!facts_.has_program("update-grub"))
        refuse("the guest has no update-grub, which writes the menu of GRUB",
               "install grub2-common in the base image, or make the kernel the default there");
      return;
    }
    constexpr int first_with_entries = 8;
    if (major_of(facts_.os) < first_with_entries)
      return refuse(fmt::format("bake cannot change the default kernel of {} {}: it knows the boot entries of EL8 and "
                                "later only",
                                facts_.os.id, facts_.os.version),
                    "make the kernel the default in the base image (grubby --set-default)");
    if (!facts_.has_program("grub2-editenv"))
      refuse("the guest has no grub2-editenv, which sets the default of GRUB",
             "install grub2-tools-minimal in the base image, or make the kernel the default there");
    if (facts_.default_kernel.empty())
      refuse(fmt::format("its boot entry is a copy of that of the default kernel, and {}", facts_.default_kernel_how),
             "make an installed kernel the default in the base image (grubby --set-default)");
  }

  void check_initramfs_tool() {
    if (plan_.initramfs_tool == guest::InitramfsTool::none)
      refuse("the guest has no dracut and no initramfs-tools, which build the initramfs of a new kernel",
             "install one of them in the base image");
  }

  /// apply writes the list of the drivers of an initramfs.
  void check_driver_list() {
    if (plan_.initramfs_tool != guest::InitramfsTool::initramfs_tools) return;
    for (const auto& link : facts_.config_links)
      if (link.path == path::initramfs_modules && !link.allowed)
        refuse(fmt::format("{}: {}", link.path, guest::description_of(link)),
               "replace the link with a file in the base");
  }

  void check_space(const resolve::KernelPackages& packages) {
    SpaceNeeds needs(facts_.layout);
    needs.add_packages(packages.install_bytes);
    needs.add_initramfs();
    needs.add("/boot", kernel_files);
    for (auto& refusal : needs.refusals()) plan_.refusals.push_back(std::move(refusal));
  }

  /// What bake does itself afterwards, or must not happen in the appliance: kernel-install and dracut take the command
  /// line and the modules of the running kernel, which is the appliance's, and os-prober finds the appliance's disks.
  void defer_tools() {
    for (const auto* tool : {"update-initramfs", "dracut", "kernel-install", "weak-modules", "update-grub"})
      if (facts_.has_program(tool)) plan_.deferred.emplace_back(tool);
  }

  const guest::Facts& facts_;
  KernelPlan plan_;
};

}  // namespace

std::optional<KernelPlan> plan_kernel(const recipe::Recipe& recipe, const guest::Facts& facts,
                                      const resolve::SelectedDriver& driver, const resolve::KernelPackages& packages,
                                      const std::set<int>& vm_generations) {
  if (!recipe.change_kernel || facts.default_kernel == recipe.kernel) return std::nullopt;
  auto plan = KernelPlanner(recipe, facts).run(driver, packages);
  plan.vm_generations = vm_generations;
  return plan;
}

}  // namespace bake::plan
