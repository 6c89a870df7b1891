#include "bake/resolve/vm_generation.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

std::string_view reason_of(int generation) {
  return generation == 1 ? "it has no EFI system partition" : "it has no BIOS boot partition";
}

/// Returns the sizes of the recipe that never run in `generation`. A row without generations is not among them.
std::vector<std::string> sizes_without(int generation, const recipe::Recipe& recipe, const matrix::Matrix& matrix) {
  std::vector<std::string> names;
  for (const auto& name : recipe.vm_sizes) {
    const auto* size = matrix.find_size(name);
    if (size == nullptr || size->vm_generations.empty()) continue;
    const auto& known = size->vm_generations;
    if (std::find(known.begin(), known.end(), generation) == known.end()) names.push_back(size->name);
  }
  return names;
}

}  // namespace

GenerationCheck check_generation(const recipe::Recipe& recipe, const guest::Layout& layout,
                                 const matrix::Matrix& matrix) {
  GenerationCheck check;
  const auto& defined = recipe.gallery ? recipe.gallery->hyper_v_generation : std::string();
  if (const int only = layout.only_generation(); only != 0) {
    const int other = 3 - only;
    const auto disk = fmt::format("the disk boots in generation {} VMs only ({})", only, reason_of(only));
    const auto sizes = sizes_without(only, recipe, matrix);
    const auto message = fmt::format("{}, but {} start{} from generation {} images only", disk, join(sizes, ", "),
                                     sizes.size() == 1 ? "s" : "", other);
    const auto hint = fmt::format("use a base image of generation {}", other);
    if (!sizes.empty() && sizes.size() == recipe.vm_sizes.size())
      check.problems.push_back({"generation", message, hint});
    else if (!sizes.empty())
      check.warnings.push_back(message + "; " + hint);
    if (defined == fmt::format("V{}", other))
      check.warnings.push_back(fmt::format("{}, but the recipe says hyper_v_generation: {}", disk, defined));
  }
  if (defined.empty()) return check;
  const auto sizes = sizes_without(defined == "V1" ? 1 : 2, recipe, matrix);
  if (!sizes.empty())
    check.warnings.push_back(fmt::format("{} cannot start from an image definition with hyper_v_generation: {}",
                                         join(sizes, ", "), defined));
  return check;
}

std::set<int> vm_generations(const recipe::Recipe& recipe, const matrix::Matrix& matrix) {
  const auto& defined = recipe.gallery ? recipe.gallery->hyper_v_generation : std::string();
  std::set<int> generations;
  for (const int generation : {1, 2}) {
    const bool other_defined = !defined.empty() && defined != fmt::format("V{}", generation);
    const bool no_size =
        !recipe.vm_sizes.empty() && sizes_without(generation, recipe, matrix).size() == recipe.vm_sizes.size();
    if (!other_defined && !no_size) generations.insert(generation);
  }
  return generations.empty() ? std::set<int>{1, 2} : generations;
}

}  // namespace bake::resolve
