#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

// The parts of make(), in the order in which it calls them. Packages are in the plan already.

/// Adds to `plan` the configuration of the guest: services, the agent, holds, limits, initramfs, labels.
void plan_configuration(const Inputs& inputs, Plan& plan);

/// Decides which file configures the network when the recipe says `cloud_init_network: false` and cloud-init would
/// configure it.
void plan_network(const Inputs& inputs, Plan& plan);

/// Decides what `generalize: true` removes, and refuses it when something that must go cannot be removed. Does nothing
/// without `generalize: true`.
void plan_generalize(const Inputs& inputs, Outcome& outcome);

/// Adds the free space that the plan needs to `outcome`, and a refusal for every file system that has less.
void plan_space(const Inputs& inputs, Outcome& outcome);

}  // namespace bake::plan
