#pragma once

#include <vector>

#include "bake/fleet/report.hpp"
#include "bake/job/environment.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// Returns the current row of every image of a fleet, from the result files and the queue of Slurm. An image that is
/// done is `skipped`; a failed one has its error; one without a result is `waiting`, with the reason why it has to be
/// baked. Bakes nothing. Throws Error{environment} when a job was submitted and Slurm does not answer.
std::vector<FleetRow> current_rows(const recipe::Fleet& fleet, bool verify, job::Environment& environment);

}  // namespace bake::fleet
