#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Adds the free space that the plan needs to `outcome`, and a refusal for every file system that has less.
void plan_space(const Inputs& inputs, Outcome& outcome);

}  // namespace bake::plan
