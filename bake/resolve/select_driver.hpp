#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/built_modules.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/closure.hpp"
#include "matrix/matrix.hpp"

namespace bake::resolve {

/// The content of a store: everything that a driver can be selected from. Read once, so that the selection does no I/O.
struct Offer {
  std::vector<bundle::Bundle> bundles;  ///< oldest version first
  std::vector<bundle::Extras> extras;
  std::vector<bundle::BuiltModules> built_modules = {};
  std::string store;    ///< the directory of the store, for messages
  std::string absence;  ///< ": there is no such directory" when the store does not exist
};

/// The driver that a recipe gets. It is selected before the appliance starts, because drives cannot be added later.
struct SelectedDriver {
  matrix::Choice choice;
  std::optional<bundle::Bundle> bundle;  ///< empty for the inbox driver
  std::size_t repository = 0;            ///< index into bundle->repositories
  std::vector<bundle::Extras> extras;    ///< extra packages of the operating system, which the guest may lack
  /// The doca-kernel-repo packages of the same driver release. The kernel is known later, so these are for any kernel,
  /// unless the recipe names it.
  std::vector<bundle::Bundle> kernel_bundles = {};
  /// Modules that were compiled from sources of the bundle, for any kernel, unless the recipe names it.
  std::vector<bundle::BuiltModules> built_modules = {};

  [[nodiscard]] const bundle::Repository* packages() const {
    return bundle ? &bundle->repositories.at(repository) : nullptr;
  }
  /// The payload disks to attach: the bundle's, then those of the extra packages, of the kernel bundles and of the
  /// built modules.
  [[nodiscard]] std::vector<std::filesystem::path> payloads() const;
  /// The number of payloads after the bundle's.
  [[nodiscard]] std::size_t extra_payloads() const {
    return extras.size() + kernel_bundles.size() + built_modules.size();
  }
  /// The number of the payload of built_modules[index].
  [[nodiscard]] std::size_t payload_of_modules(std::size_t index) const {
    return extras.size() + kernel_bundles.size() + index + 1;
  }
  /// The repository of payload number `payload`: 0 is the bundle, then the extra packages and the kernel bundles.
  [[nodiscard]] const bundle::Repository& repository_of(std::size_t payload) const;
  /// The package that a change installs; null for a removal.
  [[nodiscard]] const bundle::BundlePackage* package_of(const PackageChange& change) const;
  /// The bundle that is payload number `payload`; null for extra packages.
  [[nodiscard]] const bundle::Bundle* bundle_of(std::size_t payload) const;
  /// Whether the bundle has sources that DKMS may have to compile. The guest decides whether it must.
  [[nodiscard]] bool may_build() const;
};

/// Resolves the recipe against the matrix and takes the best choice that the store has. For 'ofed: auto', when the
/// store has no bundle that the matrix lists, takes the best bundle of the store whose release line fits. Empty when
/// the store has none of them. Without the extra packages. Pure. Throws Error{untrusted} when the recipe pins another
/// digest.
std::optional<SelectedDriver> find_driver(const recipe::Recipe& recipe, const matrix::Matrix& matrix,
                                          const Offer& offer);

/// Returns the choice that the recipe would get if the store had every bundle. Pure. Throws Error{incompatible} when
/// the matrix has none, or only the distribution's own driver, which the recipe does not ask for.
matrix::Choice best_choice(const recipe::Recipe& recipe, const matrix::Matrix& matrix);

/// Returns find_driver() with the extra packages of the store. Pure. Throws as find_driver() does, and
/// Error{incompatible} when the matrix has no choice or the bundle is not in the store (the hint names the file to
/// add), or there are more built modules for it than a bake can take.
SelectedDriver select_driver(const recipe::Recipe& recipe, const matrix::Matrix& matrix, const Offer& offer);

/// Resolves the matrix again for the selected driver, now that the kernel is known. Replaces the warnings of
/// `driver.choice`, which were for any kernel, and returns why the driver does not fit; empty when it fits. Pure.
std::vector<Problem> check_kernel(const recipe::Recipe& recipe, SelectedDriver& driver, const std::string& kernel,
                                  const matrix::Matrix& matrix);

}  // namespace bake::resolve
