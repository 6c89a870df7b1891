#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bake/verify/evidence.hpp"

namespace bake::evidence {

/// Returns the provenance of an image as an in-toto Statement v1 with an SLSA provenance v1 predicate
/// (slsa.dev/provenance/v1): the subject is the image, resolvedDependencies are base, recipe, matrix, bundle, the used
/// extra packages, built modules and kernel bundle, byproducts are the sidecar files. `manifest` is product_manifest()
/// (manifest.hpp). An image that another program changed (`bake resign`) has another buildType, and also depends on the
/// image before that change. Deterministic.
nlohmann::ordered_json provenance(const nlohmann::ordered_json& manifest,
                                  const std::vector<verify::Artifact>& byproducts);

}  // namespace bake::evidence
