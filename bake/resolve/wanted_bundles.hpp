#pragma once

#include <string>
#include <vector>

#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"
#include "matrix/matrix.hpp"

namespace bake::resolve {

/// A driver archive that recipes need.
struct WantedBundle {
  std::string file;    ///< "MLNX_OFED_LINUX-24.10-3.2.5.0-rhel8.10-x86_64.tgz"; '*' for a part that is not known
  std::string url;     ///< where the vendor published it, or empty
  std::string sha256;  ///< the pin of the recipe, the digest of the archive in the store, or the public one; or empty
  std::string ofed;    ///< "24.10-3.2.5.0"
  std::string distro;  ///< "rhel8.10"
  bool in_store = false;
  std::string warning;               ///< that no public source confirms that the archive exists, or empty
  std::vector<std::string> recipes;  ///< the names of the recipes that need it, in their order

  friend bool operator==(const WantedBundle&, const WantedBundle&) = default;
};

/// Returns the archives for the drivers of `recipes`, each once: what select_driver() would take from the store, or
/// else the best choice of the matrix. A recipe with the distribution's own driver needs none. Pure. Throws
/// Error{incompatible} when the matrix has no driver for one of the recipes.
std::vector<WantedBundle> wanted_bundles(const std::vector<recipe::Recipe>& recipes, const matrix::Matrix& matrix,
                                         const Offer& offer);

}  // namespace bake::resolve
