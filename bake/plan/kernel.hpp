#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/plan/refusal.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/kernel_packages.hpp"

namespace bake::plan {

/// The plan for another default kernel (`kernel: {release: X}` in a recipe). It is carried out before the rest is
/// planned, because the modules and symbols of a kernel can be read only when it is installed.
struct KernelPlan {
  std::string release;
  std::string previous;  ///< the default of the base, which stays in the menu; empty: unknown
  guest::Family family = guest::Family::deb;
  std::string previous_options;  ///< its command line, as far as the boot loader's files contain it
  bool bios = false;             ///< VMs may start from the disk with BIOS
  std::set<int> vm_generations;  ///< in which VMs start from the image
  guest::InitramfsTool initramfs_tool = guest::InitramfsTool::none;
  std::vector<resolve::PackageChange> changes;   ///< none if the guest has the kernel
  std::vector<std::string> deferred;             ///< as Plan::deferred
  bool bundle_payload = false;                   ///< payload 0 is attached
  std::size_t extra_payloads = 0;                ///< as Plan::extra_payloads
  std::vector<resolve::MissingPackage> missing;  ///< of the extra packages
  std::vector<Refusal> refusals;                 ///< with any, the kernel is not changed

  [[nodiscard]] bool ok() const { return refusals.empty(); }
};

/// Returns the plan for the default kernel that the recipe asks for; nothing when it asks for none, or when that kernel
/// is the default already. `packages` belong to that kernel; `vm_generations` as resolve::vm_generations(). Pure.
std::optional<KernelPlan> plan_kernel(const recipe::Recipe& recipe, const guest::Facts& facts,
                                      const resolve::SelectedDriver& driver, const resolve::KernelPackages& packages,
                                      const std::set<int>& vm_generations);

}  // namespace bake::plan
