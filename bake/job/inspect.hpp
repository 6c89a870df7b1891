#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bake/disk/source.hpp"
#include "bake/guest/facts.hpp"
#include "bake/job/environment.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/verify/guest.hpp"

namespace bake::job {

/// What is on a disk image, seen through an overlay; the file is only read.
guest::Facts inspect_disk(const SourceDisk& source, Environment& environment);

/// A recipe for `disk` and `vm_sizes`, ready to edit: its system, its digest, the driver that the matrix ranks first
/// (and says why in comments). Throws Error{incompatible} when the matrix has no driver.
std::string make_recipe_for(const std::filesystem::path& disk, const std::vector<std::string>& vm_sizes,
                            Environment& environment);

/// The verdict on a finished image.
struct VerifyResult {
  std::vector<verify::Check> checks;
  std::string ofed;
  std::string kernel;
};

/// Is this finished image right? Holds the container to Azure's rules and the guest to the expectations in its own
/// /etc/bake-manifest.json; with `manifest` also the file to the digest there, the two manifests to each other, and
/// SBOM and provenance beside the image to both. With `public_pem` the provenance must be signed by its holder.
VerifyResult verify_image(const std::filesystem::path& image, const std::optional<std::filesystem::path>& manifest,
                          Environment& environment, const std::string& public_pem = {});

}  // namespace bake::job
