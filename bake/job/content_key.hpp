#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bake/job/environment.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// The inputs of one image, each part a digest. An image with equal parts needs no new bake.
struct KeyParts {
  std::string base;    ///< sha256 of the base's content
  std::string recipe;  ///< the recipe without comments, paths and the gallery
  std::string driver;  ///< bundle with its payload and trust, its repository, extra packages; or inbox
  std::string matrix;  ///< every row, overlays included
  std::string bake;    ///< version, and the embedded ib-firstboot

  friend bool operator==(const KeyParts&, const KeyParts&) = default;
};

/// Returns the content address of an image: one digest over all parts.
std::string key_of(const KeyParts& parts);

/// Returns the first part that differs, for people: "the base", "the recipe", "the driver bundle", "the matrix", "bake
/// itself"; empty when all are equal.
std::string first_difference(const KeyParts& before, const KeyParts& now);

/// Returns the parts for baking `recipe` with `driver`. The base's digest is left empty.
KeyParts key_parts(const recipe::Recipe& recipe, const resolve::SelectedDriver& driver, const Environment& environment);

/// Returns an object with each part under its name: "base", "recipe", "driver", "matrix", "bake".
nlohmann::ordered_json to_json(const KeyParts& parts);

/// Reads what to_json() returned. Throws nlohmann::json::exception when a part is missing or not a string.
KeyParts key_parts_from(const nlohmann::json& json);

}  // namespace bake::job
