#include "bake/job/already_baked.hpp"

#include <algorithm>

#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/job/content_key.hpp"
#include "bake/job/known_digest.hpp"
#include "bake/job/plan.hpp"
#include "bake/recipe/fleet.hpp"
#include "bake/signature/signing.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::job {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Returns the manifest of the output; empty when the file is truncated or not a manifest.
std::optional<Json> manifest_of(const fs::path& output) {
  const auto file = sidecar_of(output, Sidecar::manifest);
  if (!fs::is_regular_file(file)) return std::nullopt;
  try {
    const auto text = read_text(file, verify::max_document);
    const auto manifest = verify::read_manifest(text, file.string());
    // The fields that difference_from() reads; a manifest without them is treated as missing.
    for (const auto* pointer : {"/key", "/base/sha256", "/product/sha256"})
      if (!manifest.at(nlohmann::json::json_pointer(pointer)).is_string()) return std::nullopt;
    return Json::parse(text);
  } catch (const Error&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// Returns why `output` with this manifest is not the image of the recipe; empty when it is. Reads large files last.
std::string difference_from(const recipe::Recipe& recipe, const fs::path& output, const Json& manifest,
                            Environment& environment, const std::string& private_pem) {
  if (manifest.contains("resigned")) return "another program changed its output after the bake";
  const auto base = manifest["base"]["sha256"].get<std::string>();
  const auto product = manifest["product"]["sha256"].get<std::string>();
  auto key = key_parts(recipe, select_driver(recipe, environment), environment);
  key.base = base;
  if (manifest["key"] != key_of(key)) return "the recipe, the driver bundle, the matrix or bake itself changed";
  if (!recipe.base.sha256.empty() && recipe.base.sha256 != base) return "the recipe pins another base";
  const auto checks = verify::check_evidence(output, product,
                                             private_pem.empty() ? std::string() : signature::public_half(private_pem));
  const auto failed = std::find_if(checks.begin(), checks.end(), [](const auto& check) { return check.failed(); });
  if (failed != checks.end()) return failed->rule + ": " + failed->evidence;
  KnownDigest base_now(recipe.base.path, environment);
  KnownDigest output_now(output, environment);
  if (base_now.wait() != base) return "the base changed";
  if (output_now.wait() != product) return "its output was changed";
  return {};
}

}  // namespace

AlreadyBaked already_baked(const recipe::Recipe& recipe, const fs::path& output, Environment& environment,
                           const std::string& private_pem) {
  if (!fs::is_regular_file(output)) return {std::nullopt, "there is no output"};
  auto manifest = manifest_of(output);
  if (!manifest) return {std::nullopt, "its manifest is missing or of another image"};
  auto reason = difference_from(recipe, output, *manifest, environment, private_pem);
  if (!reason.empty()) return {std::nullopt, std::move(reason)};
  return {std::move(manifest), {}};
}

}  // namespace bake::job
