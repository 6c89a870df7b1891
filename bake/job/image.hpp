#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "bake/disk/source.hpp"
#include "bake/job/environment.hpp"
#include "bake/plan/plan.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// What `bake image` made.
struct BakedImage {
  std::filesystem::path image;
  std::filesystem::path manifest_file;
  nlohmann::ordered_json manifest;
  plan::Plan plan;
};

/// What a bake begins with: all that can be known without the appliance and without reading the whole base.
struct OpenedJob {
  SourceDisk source;
  resolve::SelectedDriver driver;
};

/// Throws the Error of the base or of choosing the driver; when both are refused, one that says both.
OpenedJob open_job(const recipe::Recipe& recipe, Environment& environment);

/// The main job: copies the base, starts the appliance once, inspects, decides, applies, inspects again, verifies, adds
/// a VHD footer, and only then gives the output its name. Whatever fails before that leaves nothing behind. Manifest,
/// SBOM and provenance lie beside it; with `private_pem` (Ed25519) the provenance is signed.
BakedImage bake_image(const recipe::Recipe& recipe, const std::filesystem::path& output, bool force,
                      Environment& environment, const std::string& private_pem = {});

/// Throws Error{environment} unless the file system of `disk` has room for what `plan` adds to the guest in it.
void require_space(const plan::Plan& plan, const std::filesystem::path& disk);

/// As bake_image(), stopped before anything is changed; the guest is seen through an overlay.
plan::Outcome plan_image(const recipe::Recipe& recipe, Environment& environment);

}  // namespace bake::job
