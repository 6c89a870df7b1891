#pragma once

#include <string>
#include <vector>

#include "bake/plan/plan.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::job {

/// Returns the kind of guest whose steps take about the same time: "ubuntu 20.04".
std::string guest_kind(const recipe::Os& os);

/// Returns the names of the steps of bake_image(), as far as the recipe says: the plan decides the rest.
std::vector<std::string> steps_of_bake(const recipe::Recipe& recipe);

/// Returns the names of the steps of bake_image() that follow the plan.
std::vector<std::string> steps_after_plan(const plan::Plan& plan);

}  // namespace bake::job
