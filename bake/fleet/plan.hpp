#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/fleet/result.hpp"
#include "bake/job/environment.hpp"
#include "bake/recipe/fleet.hpp"

namespace bake::fleet {

/// Where one image of a fleet stands before a run.
struct ImageStatus {
  bool done = false;
  std::string reason;                ///< why it has to be baked: "not baked yet", "the recipe changed", …
  std::optional<job::KeyParts> key;  ///< without its base where that is not hashed yet; absent: baking it will say why
};

/// All of what `image` depends on except the base's content. Empty when no driver can be chosen: then the bake itself
/// fails and says why.
std::optional<job::KeyParts> key_without_base(const recipe::FleetImage& image, job::Environment& environment);

/// Is there anything to do for this image? Done means: the last bake ended well, all it depended on is the same, and
/// output and manifest are still those of then. A file whose identity is as recorded is not read again unless `verify`
/// says so; one whose identity differs is hashed, and the result file learns its new identity.
ImageStatus image_status(const recipe::FleetImage& image, bool verify, job::Environment& environment);

/// A digest over the ordered recipes and outputs of a fleet: whether "image 3" still means the same.
std::string fleet_digest(const recipe::Fleet& fleet);

/// "0-2,5" for {0, 1, 2, 5}: sbatch's way to write array indices.
std::string index_ranges(const std::vector<std::size_t>& indices);

}  // namespace bake::fleet
