#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "bake/job/environment.hpp"

namespace bake::job {

/// The result of resign_image().
struct ResignedImage {
  bool changed = false;             ///< false: the manifest still describes the image, and nothing was written
  nlohmann::ordered_json manifest;  ///< the new one, or the current one
};

/// Describes a finished image again after another program changed it: reads it through an overlay, makes every check of
/// the guest, and writes manifest, SBOMs, provenance and OUT.SHA256SUMS, which name the image before and what changed.
/// With `private_pem` (Ed25519) the provenance is signed; without it, the old signature goes. Never writes the image.
/// Throws Error{verification}, and writes nothing, when a required check fails: only another digest and other files are
/// allowed. Throws Error{usage} when there is no manifest next to the image, and Error{config} when it has another
/// form.
ResignedImage resign_image(const std::filesystem::path& image, const std::string& private_pem,
                           Environment& environment);

}  // namespace bake::job
