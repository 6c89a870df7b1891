#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bake/job/environment.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::job {

/// The state of an output before a bake.
struct AlreadyBaked {
  std::optional<nlohmann::ordered_json> manifest;  ///< of the output, when it is the image of the recipe
  std::string reason;  ///< otherwise why it has to be baked: "there is no output", "the base changed", …
};

/// Returns whether `output` is the image that baking `recipe` would make: its manifest has the content address (key_of)
/// of the current base, recipe, driver, matrix and bake; the digests of output and base match it; and the other sidecar
/// files describe this image. With `private_pem` that key must have signed the provenance. The output was verified,
/// because bake gives an image its name only after verification.
AlreadyBaked already_baked(const recipe::Recipe& recipe, const std::filesystem::path& output, Environment& environment,
                           const std::string& private_pem = {});

}  // namespace bake::job
