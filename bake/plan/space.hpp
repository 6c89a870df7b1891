#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Computes what the guest's file systems must have free, and refuses when one has not.
void plan_space(const Inputs& inputs, Outcome& outcome);

}  // namespace bake::plan
