#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bake/job/environment.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::job {

/// What lies under the name of an output before a bake.
struct AlreadyBaked {
  std::optional<nlohmann::ordered_json> manifest;  ///< of the output, when it is what the recipe makes
  std::string reason;  ///< why it has to be baked otherwise: "there is no output", "the base changed", …
};

/// Whether `output` is what baking `recipe` would make: its manifest has the content address (key_of) of today's base,
/// recipe, driver, matrix and bake, output and base are hashed to be sure, and what else lies beside speaks of this
/// image. With `private_pem` the provenance must be signed by that key. An image gets its name only after it was
/// verified, so such an output was.
AlreadyBaked already_baked(const recipe::Recipe& recipe, const std::filesystem::path& output, Environment& environment,
                           const std::string& private_pem = {});

}  // namespace bake::job
