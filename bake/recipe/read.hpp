#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/base/yaml.hpp"
#include "bake/recipe/customize.hpp"

namespace bake::recipe {

// Shared by the readers of the parts of a recipe.

/// The file that messages name, and the list of problems.
struct Input {
  std::filesystem::path file;
  std::vector<Problem> problems;

  yaml::MapReader map(const yaml::Node& node, std::string what) { return {node, std::move(what), file, problems}; }
};

/// Returns `path` relative to the directory of the recipe; empty for an empty path.
std::filesystem::path resolve_against(const std::filesystem::path& recipe, const std::string& path);

/// Reads the part `customize`.
Customize read_customize(Input& input, yaml::MapReader& recipe);

}  // namespace bake::recipe
