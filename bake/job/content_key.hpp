#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bake/job/environment.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// What one image depends on, each part a digest. Equal parts, and there is nothing to do.
struct KeyParts {
  std::string base;    ///< sha256 of the base's content
  std::string recipe;  ///< what the recipe says, without comments, paths and the gallery
  std::string driver;  ///< bundle with its payload and trust, its repository, extra packages; or inbox
  std::string matrix;  ///< every row, overlays included
  std::string bake;    ///< version, and the ib-firstboot it carries

  friend bool operator==(const KeyParts&, const KeyParts&) = default;
};

/// The content address of an image: one digest over all parts.
std::string key_of(const KeyParts& parts);

/// The first part that differs, for people: "the base", "the recipe", "the driver bundle", "the matrix", "bake
/// itself"; empty when none does.
std::string first_difference(const KeyParts& before, const KeyParts& now);

/// All of what baking `recipe` with `driver` depends on except the base's content, which is left empty.
KeyParts key_parts(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const Environment& environment);

/// Each part under its name: "base", "recipe", "driver", "matrix", "bake".
nlohmann::ordered_json to_json(const KeyParts& parts);

/// The reverse. Throws nlohmann::json::exception when a part is missing or no string.
KeyParts key_parts_from(const nlohmann::json& json);

}  // namespace bake::job
