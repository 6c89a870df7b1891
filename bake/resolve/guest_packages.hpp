#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/guest/facts.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/closure.hpp"
#include "matrix/matrix.hpp"

namespace bake::resolve {

/// The result of check_guest_packages().
struct GuestPackageCheck {
  std::vector<Problem> problems;      ///< the agent or cloud-init of the image would break InfiniBand or the VM
  std::vector<std::string> warnings;  ///< they may, or the version of the agent is not known
};

/// Compares the agent and the cloud-init that the image will have with the rules of the matrix.
GuestPackageCheck check_guest_packages(const recipe::Recipe& recipe, const guest::Facts& facts, const Closure& closure,
                                       const matrix::Matrix& matrix);

}  // namespace bake::resolve
