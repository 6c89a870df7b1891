#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Fills in what is configured in the guest besides packages: services, the agent, holds, limits, initramfs, labels.
void plan_configuration(const Inputs& inputs, Plan& plan);

}  // namespace bake::plan
