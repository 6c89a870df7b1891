#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bake/evidence/purl.hpp"

namespace bake::evidence {

// What every document about an image takes from `manifest`, its product_manifest() (manifest.hpp).

/// Returns the distribution of the image.
Distribution distribution_of(const nlohmann::ordered_json& manifest);

/// Returns the ISO time of the documents: that of the bake, or of `bake resign`.
std::string evidence_time(const nlohmann::ordered_json& manifest);

/// Returns a UUID for a document of this `kind` ("spdx") about this image. Another image, and the same image after
/// another `bake resign`, has another one. SPDX 2.3 (6.5) and CycloneDX want a new one for each version of a document.
std::string document_uuid(const nlohmann::ordered_json& manifest, const std::string& kind);

}  // namespace bake::evidence
