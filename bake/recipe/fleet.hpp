#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/recipe/recipe.hpp"

namespace bake::recipe {

/// One image of a fleet.
struct FleetImage {
  Recipe recipe;
  std::filesystem::path output;  ///< absolute, links of its directory resolved; the directory may not exist yet
  std::string name;              ///< of the output, relative to the fleet file's directory: unique in the fleet
  std::string where;             ///< "file:line" of the entry
};

/// Several images that are baked together: the file `schema: bake/fleet/v1`.
struct Fleet {
  std::filesystem::path file;      ///< absolute
  std::vector<FleetImage> images;  ///< first those of included files, in the written order
};

/// Returns whether `file` says that it is a fleet, for commands that accept a recipe or a fleet. False for a file that
/// cannot be read or is not YAML: reading it as a recipe reports the reason.
bool is_fleet(const std::filesystem::path& file);

/// Reads a fleet, the files it includes and all their recipes. Throws Error{config} listing every problem with
/// file:line: wrong keys, recipes or bases that do not exist, every problem of the recipes, outputs that several images
/// share (in any spelling of the path) or that are an input, files that include themselves. Throws Error{usage} when
/// `file` does not exist.
Fleet load_fleet(const std::filesystem::path& file);

/// Reads a recipe, or all recipes of a fleet, whose bases may be missing. Throws as load() and load_fleet() do.
std::vector<Recipe> load_recipes(const std::filesystem::path& file);

}  // namespace bake::recipe
