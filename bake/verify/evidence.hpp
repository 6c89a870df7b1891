#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/verify/check.hpp"

namespace bake::verify {

/// The bytes that a manifest, an SBOM, a provenance or its signature may have.
inline constexpr std::size_t max_document = guest::max_manifest;

inline constexpr const char* manifest_schema = "bake-manifest/v1";
/// The payload type of a signed provenance (github.com/in-toto/attestation, spec/v1/envelope.md).
inline constexpr const char* statement_type = "application/vnd.in-toto+json";
inline constexpr const char* statement_schema = "https://in-toto.io/Statement/v1";
inline constexpr const char* provenance_schema = "https://slsa.dev/provenance/v1";
inline constexpr const char* spdx_version = "SPDX-2.3";
inline constexpr const char* cyclonedx_version = "1.5";
inline constexpr const char* spdx_image_id = "SPDXRef-Image";

/// A name and a digest.
struct Artifact {
  std::string name;
  std::string sha256;
};

/// The `checksums` list of an SPDX 2.3 package.
nlohmann::ordered_json checksum(const std::string& sha256);

/// Reads a manifest: the one in an image or the sidecar file. Throws Error{config} when `text` is not a manifest;
/// `name` is for the message.
nlohmann::json read_manifest(const std::string& text, const std::string& name);

/// Returns a manifest of a sidecar file without what it has in addition to the one in the image.
template <class Json>
Json inside_of(Json outside) {
  for (const auto* addition : {"product", "checks", "packages", "files", "resigned"}) outside.erase(addition);
  return outside;
}

/// What a manifest says about a change of the image after the bake, which `bake resign` recorded; empty if there was
/// none: "at 2026-01-01T00:00:00Z: packages 1 added; files 2 added, 1 changed".
std::string resigned_summary(const nlohmann::json& manifest);

/// Why `text` is not an SBOM of the image with this digest; empty when it is.
std::string sbom_problem(const std::string& text, const std::string& image_sha256);

/// Why `text` is not a CycloneDX 1.5 document of the image with this digest; empty when it is.
std::string cyclonedx_problem(const std::string& text, const std::string& image_sha256);

/// Why `text` is not a provenance of the image with this digest and of the sidecar files `byproducts`; empty when it
/// is. Sidecar files that do not exist are not compared.
std::string provenance_problem(const std::string& text, const std::string& image_sha256,
                               const std::vector<Artifact>& byproducts);

/// Checks only that the key signed the provenance next to `image`; needs no digest of the image.
Check check_signature(const std::filesystem::path& image, const std::string& public_pem);

/// Compares SBOMs, provenance and SHA256SUMS of `image`, when they exist, with its digest and with each other. With
/// `public_pem` there must be a provenance that this key signed.
std::vector<Check> check_evidence(const std::filesystem::path& image, const std::string& image_sha256,
                                  const std::string& public_pem);

}  // namespace bake::verify
