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

/// Returns the facts about a disk image. Reads it through an overlay, and changes nothing.
guest::Facts inspect_disk(const SourceDisk& source, Environment& environment);

/// Returns a recipe for `disk` and `vm_sizes`, ready to edit: its system, its digest, and the driver that the matrix
/// ranks first, with the reasons as comments. Throws Error{incompatible} when the matrix has no driver.
std::string make_recipe_for(const std::filesystem::path& disk, const std::vector<std::string>& vm_sizes,
                            Environment& environment);

/// The verdict on a finished image.
struct VerifyResult {
  std::vector<verify::Check> checks;
  std::string ofed;
  std::string kernel;
  std::string earlier = {};  ///< ISO time of the earlier run that made these checks; empty: this run made them
};

/// Verifies a finished image. Compares the container with Azure's rules and the guest with the expectations in its
/// /etc/bake-manifest.json. With `manifest` also compares the file with the digest in it, the two manifests with each
/// other, and the SBOM and provenance with both. With `public_pem` that key must have signed the provenance. When an
/// earlier run found the same files good and they did not change since, returns its verdict, unless `again` or
/// `public_pem` is set. Throws Error{usage} when `manifest` does not exist.
VerifyResult verify_image(const std::filesystem::path& image, const std::optional<std::filesystem::path>& manifest,
                          Environment& environment, const std::string& public_pem = {}, bool again = false);

}  // namespace bake::job
