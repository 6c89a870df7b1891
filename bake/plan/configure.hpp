#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Adds to `plan` the configuration of the guest: services, the agent, holds, limits, initramfs, labels. Packages are
/// in the plan already.
void plan_configuration(const Inputs& inputs, Plan& plan);

}  // namespace bake::plan
