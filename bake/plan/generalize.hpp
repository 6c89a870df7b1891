#pragma once

#include "bake/plan/plan.hpp"

namespace bake::plan {

/// Decides what `generalize: true` removes, and refuses it when something that must go cannot be removed. Does nothing
/// without `generalize: true`.
void plan_generalize(const Inputs& inputs, Outcome& outcome);

}  // namespace bake::plan
