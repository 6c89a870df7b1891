#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bake/evidence/packages.hpp"

namespace bake::evidence {

/// Returns a CycloneDX 1.5 document (CycloneDX/specification, schema/bom-1.5.schema.json) of all packages of a finished
/// image. Properties named "bake:…" say where a package came from. `manifest` is product_manifest() (manifest.hpp).
/// Deterministic.
nlohmann::ordered_json cyclonedx(const nlohmann::ordered_json& manifest, const std::vector<ImagePackage>& packages);

}  // namespace bake::evidence
