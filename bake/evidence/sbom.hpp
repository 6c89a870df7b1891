#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bake/evidence/packages.hpp"

namespace bake::evidence {

/// Returns an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3; JSON as schemas/spdx-schema.json of the tag v2.3 has
/// it) of all packages of a finished image. Packages that bake installed have the digest of their file and an
/// annotation. `manifest` is product_manifest() (manifest.hpp). Deterministic.
nlohmann::ordered_json sbom(const nlohmann::ordered_json& manifest, const std::vector<ImagePackage>& packages);

}  // namespace bake::evidence
