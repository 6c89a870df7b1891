#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Returns the version of `name` after the plan: the planned one or the installed one; empty when it is not installed.
std::string version_of(const Inputs& inputs, const Plan& plan, std::string_view name);

// The parts of make(), in the order in which it calls them. Packages are in the plan already.

/// Adds to `plan` the configuration of the guest: services, the agent, holds, limits, initramfs, labels.
void plan_configuration(const Inputs& inputs, Plan& plan);

/// Decides which file configures the network when the recipe says `cloud_init_network: false` and cloud-init would
/// configure it.
void plan_network(const Inputs& inputs, Plan& plan);

/// Adds the files of the options `openibd_restart`, `rdma_names` and `load_modules`, and their service. Warns about an
/// option that the guest's systemd or iproute2 is too old for, and leaves it out.
void plan_options(const Inputs& inputs, Plan& plan);

/// Adds what `customize` of the recipe asks for: files, settings, services, accounts. Refuses a file that bake itself
/// writes, and an account that the image has.
void plan_customization(const Inputs& inputs, Outcome& outcome);

/// Decides how modules get signatures that the kernel accepts, and refuses a kernel that accepts none. Does nothing
/// without `secure_boot`.
void plan_secure_boot(const Inputs& inputs, Outcome& outcome);

/// Decides what `generalize: true` removes, and refuses it when something that must go cannot be removed. Does nothing
/// without `generalize: true`.
void plan_generalize(const Inputs& inputs, Outcome& outcome);

/// Adds the free space that the plan needs to `outcome`, and a refusal for every file system that has less.
void plan_space(const Inputs& inputs, Outcome& outcome);

}  // namespace bake::plan
