#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/evidence/packages.hpp"

namespace bake::evidence {

/// Writes the sidecar files of a finished image: OUT.sbom.spdx.json, OUT.sbom.cdx.json, OUT.provenance.json, with
/// `private_pem` also OUT.provenance.dsse.json, then OUT.manifest.json, which is `manifest` (product_manifest()), and
/// last OUT.SHA256SUMS. Each file is written atomically. Without `private_pem`, removes the signature of an earlier
/// image of the same name. Throws Error{failed} before it writes anything, when a document would be too large for
/// `bake verify`.
void write_evidence(const std::filesystem::path& output, const nlohmann::ordered_json& manifest,
                    const std::vector<ImagePackage>& packages, const std::string& private_pem);

/// Writes the signature of the provenance that is next to `output`, which `private_pem` makes, and OUT.SHA256SUMS.
/// `image_sha256` is the digest of `output`.
void write_signature(const std::filesystem::path& output, const std::string& image_sha256,
                     const std::string& private_pem);

/// Writes OUT.SHA256SUMS again, from the sidecar files that exist.
void write_checksums(const std::filesystem::path& output, const std::string& image_sha256);

}  // namespace bake::evidence
