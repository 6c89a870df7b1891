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

/// Reads the package indexes of the driver's payloads, in their order.
std::vector<bundle::IndexTexts> index_texts(const resolve::SelectedDriver& driver);

/// Returns what the plan for a guest depends on: reads the package indexes of the driver's payloads, and resolves.
/// `kernel` is the plan for another default kernel, if there is one. Changes nothing.
plan::Inputs plan_inputs(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                         const Environment& environment, std::optional<plan::KernelPlan> kernel = {});

/// Returns the plan of plan_inputs().
plan::Outcome make_plan(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const guest::Facts& facts,
                        const Environment& environment, std::optional<plan::KernelPlan> kernel = {});

}  // namespace bake::job
