#pragma once

#include <vector>

#include "bake/resolve/pool.hpp"

namespace bake::resolve {

/// Returns the changes that libsolv decided, each with its reason. `wanted` and `following` are the packages that were
/// asked for and the ones that follow them.
std::vector<PackageChange> read_changes(const PackagePool& pool, const SolverRequest& request, Solver* solver,
                                        const std::vector<Id>& wanted, const std::vector<Id>& following);

}  // namespace bake::resolve
