#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bake::evidence {

/// Anything that has a name and a digest.
struct Artifact {
  std::string name;
  std::string sha256;
};

/// The payload type of a signed provenance (github.com/in-toto/attestation, spec/v1/envelope.md).
inline constexpr const char* statement_type = "application/vnd.in-toto+json";

/// Where an image comes from as an in-toto Statement v1 with an SLSA provenance v1 predicate (slsa.dev/provenance/v1):
/// the subject is the image, resolvedDependencies are base, recipe, matrix, bundle and `extras`, byproducts are the
/// files beside the image. `manifest` is the product's (manifest.hpp). Deterministic.
nlohmann::ordered_json provenance(const nlohmann::ordered_json& manifest, const std::vector<Artifact>& extras,
                                  const std::vector<Artifact>& byproducts);

/// Why `text` is no provenance of the image with this digest, whose side files have the digests of `byproducts`; empty
/// when it is one. Side files that are not there are not asked for.
std::string provenance_problem(const std::string& text, const std::string& image_sha256,
                               const std::vector<Artifact>& byproducts);

}  // namespace bake::evidence
