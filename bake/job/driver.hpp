#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"
#include "bake/job/environment.hpp"
#include "bake/plan/plan.hpp"
#include "bake/recipe/recipe.hpp"

namespace bake::job {

/// The driver that a recipe gets, chosen before the appliance starts, for drives cannot be added later.
struct Driver {
  matrix::Choice choice;
  std::optional<ofed::Bundle> bundle;  ///< empty for inbox
  std::size_t repository = 0;          ///< index into bundle->repositories
  std::vector<ofed::Extras> extras;    ///< base-OS packages that the guest may lack

  [[nodiscard]] const ofed::Repository* packages() const {
    return bundle ? &bundle->repositories.at(repository) : nullptr;
  }
  /// The payload disks to attach: the bundle's, then the extra packages'.
  [[nodiscard]] std::vector<std::filesystem::path> payloads() const;
  /// Where a change with this payload takes its package from: 0 is the bundle's, n the n-th extra packages.
  [[nodiscard]] const ofed::Repository& repository_of(std::size_t payload) const;
  /// Whether modules may have to be compiled; known for sure only when the guest is.
  [[nodiscard]] bool may_build() const;
};

/// Resolves the recipe against the matrix and takes the best choice that the store has; of 'ofed: auto', where the
/// store has none that the matrix lists, the best bundle of the store for this release that its line says fits. Throws
/// Error{incompatible} when the matrix knows none or the bundle is not in the store, naming the file to add;
/// Error{untrusted} when the recipe pins another digest.
Driver choose_driver(const recipe::Recipe& recipe, Environment& environment);

/// Everything that is decided once the guest is known: the matrix again (now with its kernel), package set, dependency
/// closure, kernel fit, plan. Changes nothing.
plan::Outcome decide(const recipe::Recipe& recipe, const Driver& driver, const guest::Facts& facts, guest::Guest& guest,
                     Environment& environment);

}  // namespace bake::job
