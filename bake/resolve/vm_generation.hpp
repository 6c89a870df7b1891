#pragma once

#include <set>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/guest/facts.hpp"
#include "bake/recipe/recipe.hpp"
#include "matrix/matrix.hpp"

namespace bake::resolve {

/// The result of check_generation().
struct GenerationCheck {
  std::vector<Problem> problems;      ///< no VM size of the recipe can start from this disk
  std::vector<std::string> warnings;  ///< some sizes cannot, or the recipe's gallery definition does not fit
};

/// Compares the VM generations in which a disk boots with the ones that the sizes of the recipe run in. A disk without
/// an EFI system partition boots in generation 1 only; a GPT disk with one and without a BIOS boot partition boots in
/// generation 2 only; nothing is said about a disk with an unknown partition table.
GenerationCheck check_generation(const recipe::Recipe& recipe, const guest::Layout& layout,
                                 const matrix::Matrix& matrix);

/// Returns the generations in which VMs start from the image: those of the recipe's sizes and of its gallery
/// definition. Both when nothing restricts them, or when the sizes contradict the definition.
std::set<int> vm_generations(const recipe::Recipe& recipe, const matrix::Matrix& matrix);

}  // namespace bake::resolve
