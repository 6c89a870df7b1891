#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "bake/disk/source.hpp"
#include "bake/job/environment.hpp"
#include "bake/plan/plan.hpp"
#include "bake/recipe/recipe.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::job {

/// The result of bake_image().
struct BakedImage {
  std::filesystem::path image;
  std::filesystem::path manifest_file;
  nlohmann::ordered_json manifest;
  plan::Plan plan;
};

/// The start of a bake: the facts that need neither the appliance nor a read of the whole base.
struct OpenedJob {
  SourceDisk source;
  resolve::SelectedDriver driver;
};

/// Opens the base and selects the driver. Throws the Error of either step; when both fail, one error for both.
OpenedJob open_job(const recipe::Recipe& recipe, Environment& environment);

/// The main job: copies the base, starts the appliance once, inspects, decides, applies, inspects again, verifies, adds
/// a VHD footer, and only then gives the output its name. An earlier failure leaves no file behind. Manifest, SBOM and
/// provenance are sidecar files; with `private_pem` (Ed25519) the provenance is signed.
BakedImage bake_image(const recipe::Recipe& recipe, const std::filesystem::path& output, bool force,
                      Environment& environment, const std::string& private_pem = {});

/// Throws Error{environment} when the file system of `disk` has too little space for what `plan` adds to the guest.
void require_space(const plan::Plan& plan, const std::filesystem::path& disk);

/// Returns what the plan of bake_image() depends on. Reads the guest through an overlay, and changes nothing. Throws
/// Error{untrusted} when the base is not the one that the recipe pins.
plan::Inputs inputs_of_image(const recipe::Recipe& recipe, Environment& environment);

/// Returns the plan that bake_image() would carry out: that of inputs_of_image().
plan::Outcome plan_image(const recipe::Recipe& recipe, Environment& environment);

}  // namespace bake::job
