#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/plan/secure_boot.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/signature/module_signature.hpp"
#include "matrix/matrix.hpp"

namespace bake::job {

/// Reads the certificates of `secure_boot`; none without it. Throws Error{config} for a wrong one, and Error{usage} for
/// a missing file.
std::vector<signature::Certificate> read_certificates(const recipe::Recipe& recipe);

/// Opens the key of `secure_boot`; nothing if the recipe names none. Throws what ModuleSigner throws.
std::optional<signature::ModuleSigner> open_signer(const recipe::Recipe& recipe);

/// Returns what a plan needs for `secure_boot`; nothing without it. Does not open the key.
std::optional<plan::ModuleTrust> read_module_trust(const recipe::Recipe& recipe, const guest::Facts& facts,
                                                   const std::string& kernel, const matrix::Matrix& matrix);

}  // namespace bake::job
