#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/fleet/result.hpp"
#include "bake/job/environment.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// The status of one image of a fleet before a run.
struct ImageStatus {
  bool done = false;
  std::string reason;                ///< why it has to be baked: "not baked yet", "the recipe changed", …
  std::optional<job::KeyParts> key;  ///< without the base's digest; absent when no driver can be chosen
};

/// Returns the parts of the image's key without the base's digest. Empty when no driver can be chosen; then the bake
/// fails and reports the reason.
std::optional<job::KeyParts> key_without_base(const recipe::FleetImage& image, job::Environment& environment);

/// Returns whether the image is done: the last bake succeeded, its inputs are the same, and output and manifest have
/// not changed. A file with the recorded identity is not read again unless `verify` is set. A file with another
/// identity is hashed, and its new identity is written into the result file.
ImageStatus image_status(const recipe::FleetImage& image, bool verify, job::Environment& environment);

/// Returns a digest over the ordered recipes and outputs of a fleet. It tells whether "image 3" is still the same
/// image.
std::string fleet_digest(const recipe::Fleet& fleet);

/// Returns "0-2,5" for {0, 1, 2, 5}: the syntax of sbatch for array indices.
std::string index_ranges(const std::vector<std::size_t>& indices);

}  // namespace bake::fleet
