#include "bake/evidence/manifest.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "bake/base/time.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

// Signatures cover packages, or a Release file, which names no distribution. Only the name of the bundle's top
// directory and an unsigned file say for which one the bundle is.
constexpr const char* distribution_trust = "distribution not covered by a signature";

/// Nothing vouches for the pin again, because the store does not keep the archive.
Json json_of(const bundle::Trust& trust, bool signer_checked) {
  Json json{{"pin", trust.pin},
            {"signer", trust.signer},
            {"signer_checked", signer_checked ? "by this bake" : "no: as the store recorded it"},
            {"weak", trust.weak},
            {"overridden", trust.overridden}};
  if (trust.from_directory) json["from_directory"] = true;  // the digest is over a tree, not over an archive
  return json;
}

Json json_of_driver(const plan::Plan& plan, const Origin& origin) {
  Json driver{{"ofed", plan.ofed}, {"profile", plan.profile}};
  if (plan.bundle && origin.bundle != nullptr) {
    driver["bundle"] = {{"name", plan.bundle->name},
                        {"sha256", plan.bundle->id},
                        {"distribution", {{"name", origin.bundle->distro}, {"trust", distribution_trust}}},
                        {"repository", plan.bundle->repository},
                        {"trust", json_of(origin.bundle->trust, origin.signer_checked)}};
  }
  const auto changes = all_changes(plan);
  const auto is_used = [&](std::size_t payload) {
    return std::any_of(changes.begin(), changes.end(), [&](const auto& change) { return change.payload == payload; });
  };
  for (std::size_t i = 0; i < origin.extras.size(); ++i) {
    const auto& extras = origin.extras[i];
    if (is_used(i + 1))
      driver["extras"].push_back({{"name", extras.name},
                                  {"sha256", extras.payload_sha256},
                                  {"trust", {{"signer", extras.signer}, {"weak", extras.weak}}}});
  }
  if (plan.built_modules)
    for (const auto& modules : origin.built_modules)
      if (modules.id == plan.built_modules->id)
        driver["built_modules"] = {{"name", modules.name},
                                   {"sha256", modules.id},
                                   {"kernel", modules.kernel},
                                   {"trust", {{"pin", modules.pin}}}};
  for (std::size_t i = 0; i < origin.kernel_bundles.size(); ++i) {
    const auto& [bundle, signer_checked] = origin.kernel_bundles[i];
    if (is_used(origin.extras.size() + i + 1))
      driver["kernel_bundle"] = {{"name", bundle->name},
                                 {"sha256", bundle->id()},
                                 {"kernel", bundle->doca.value().kernel},
                                 {"trust", json_of(bundle->trust, signer_checked)}};
  }
  return driver;
}

}  // namespace

Json image_manifest(const plan::Plan& plan, const Origin& origin) {
  const auto planned = plan::to_json(plan::Outcome{plan, {}});
  Json manifest{{"schema", verify::manifest_schema},
                {"bake", BAKE_VERSION},
                {"time", iso_time(origin.time)},
                {"key", origin.key},
                {"recipe", {{"name", plan.recipe}, {"sha256", origin.recipe_sha256}}},
                {"base",
                 {{"file", origin.base_file},
                  {"format", origin.base_format},
                  {"sha256", origin.base_sha256},
                  {"pinned", origin.base_pinned},
                  {"root_uuid", origin.root_uuid}}},
                {"matrix", {{"sha256", origin.matrix_sha256}, {"overlays", origin.matrix_overlays}}},
                {"os", planned["os"]},
                {"arch", plan.arch},
                {"vm_sizes", plan.vm_sizes},
                {"driver", json_of_driver(plan, origin)},
                {"kernel", planned["kernel"]},
                {"fit", planned["fit"]},
                {"changes", planned["changes"]},
                {"configure", planned["configure"]},
                {"warnings", plan.warnings},
                {"expectations", plan::to_json(plan.expectations)}};
  for (const auto* part : {"customize", "secure_boot"})
    if (planned.contains(part)) manifest[part] = planned[part];
  return manifest;
}

Json product_manifest(const Json& image, const Product& product, const Findings& findings) {
  Json manifest = image;
  manifest["product"] = {{"file", product.file},
                         {"virtual_size", product.virtual_size},
                         {"uuid", product.uuid},
                         {"sha256", product.sha256},
                         {"appliance_launches", product.appliance_launches}};
  for (const auto& [step, seconds] : product.timings)
    manifest["product"]["timings"].push_back({{"step", step}, {"seconds", std::round(seconds * 1000) / 1000}});
  manifest["checks"] = findings.checks;
  manifest["packages"] = findings.packages;
  manifest["files"] = findings.files;
  return manifest;
}

}  // namespace bake::evidence
