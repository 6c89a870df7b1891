#pragma once

#include "bake/guest/facts.hpp"
#include "bake/job/environment.hpp"
#include "bake/plan/plan.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// Returns the content of the environment's store.
resolve::Offer read_offer(const Environment& environment);

/// Returns resolve::select_driver() for the environment's store and matrix.
resolve::SelectedDriver select_driver(const recipe::Recipe& recipe, const Environment& environment);

/// Returns what the plan for a guest depends on: reads the package indexes of the driver's payloads, and resolves.
/// Changes nothing.
plan::Inputs plan_inputs(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                         const Environment& environment);

/// Returns the plan of plan_inputs().
plan::Outcome make_plan(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                        const Environment& environment);

}  // namespace bake::job
