#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/recipe/recipe.hpp"

namespace bake::recipe {

/// One image of a fleet.
struct FleetImage {
  Recipe recipe;
  std::filesystem::path output;  ///< absolute, links of its directory resolved; the directory need not be there yet
  std::string name;              ///< of the output, seen from the fleet file's directory: unique in the fleet
  std::string where;             ///< "file:line" of the entry
};

/// Many images that are baked together: the file `schema: bake/fleet/v1`.
struct Fleet {
  std::filesystem::path file;      ///< absolute
  std::vector<FleetImage> images;  ///< those of included files first, in the order written
};

/// Reads a fleet, the files it includes and all their recipes. Throws Error{config} listing every problem with
/// file:line: wrong keys, recipes or bases that are not there, whatever is wrong in the recipes, outputs that several
/// images share (under whatever spelling) or that are an input, includes that lead back to themselves. Error{usage}
/// when `file` itself is not there.
Fleet load_fleet(const std::filesystem::path& file);

}  // namespace bake::recipe
