#pragma once

#include <optional>

#include "bake/disk/source.hpp"
#include "bake/guest/facts.hpp"
#include "bake/job/environment.hpp"
#include "bake/plan/kernel.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// Returns the plan for the default kernel that the recipe asks for; nothing when it asks for none, or when that kernel
/// is the default already.
std::optional<plan::KernelPlan> plan_kernel(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver,
                                            const guest::Facts& facts, const Environment& environment);

/// Carries out `plan` and returns the new facts about the guest. Warns if the kernel's command line is not the old one.
/// Throws Error{verification} when GRUB does not boot the kernel afterwards, in each generation in which VMs start.
guest::Facts change_kernel(const plan::KernelPlan& plan, Session& session, Progress& progress);

/// Returns the facts about the guest of `source` as they will be after `plan`: carries it out on a scratch disk, unless
/// an earlier run did and nothing changed since.
guest::Facts facts_after(const plan::KernelPlan& plan, const SourceDisk& source, const resolve::SelectedDriver& driver,
                         Environment& environment);

}  // namespace bake::job
