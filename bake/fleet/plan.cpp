#include "bake/job/plan.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

#include "bake/base/digest.hpp"
#include "bake/base/error.hpp"
#include "bake/base/file.hpp"
#include "bake/base/text.hpp"
#include "bake/base/time.hpp"
#include "bake/disk/sidecar.hpp"
#include "bake/fleet/local.hpp"
#include "bake/fleet/plan.hpp"
#include "bake/job/already_baked.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::fleet {
namespace {

namespace fs = std::filesystem;
using recipe::FleetImage;

/// Returns whether `file` still has the content of `known`. Updates the identity in `known` when only that changed, and
/// sets `learned`.
bool is_still(const fs::path& file, KnownFile& known, bool verify, bool& learned) {
  const auto now = identity_of(file);
  if (!now) return false;
  if (!verify && known.identity == now) return true;
  if (known.identity && known.identity->size != now->size) return false;
  if (digest_of_file(file) != known.sha256) return false;
  learned = learned || known.identity != now;
  known.identity = now;
  return true;
}

/// Returns whether the sidecar manifest describes the output with this digest.
bool manifest_agrees(const FleetImage& image, const std::string& sha256) {
  const auto file = sidecar_of(image.output, Sidecar::manifest);
  if (!fs::is_regular_file(file)) return false;
  const auto manifest = nlohmann::json::parse(read_text(file), nullptr, false);
  if (!manifest.is_object()) return false;
  const auto product = manifest.find("product");
  return product != manifest.end() && product->is_object() && product->value("sha256", "") == sha256;
}

/// Returns why the image must be baked again after a successful bake; empty when it need not be.
std::string reason_to_bake(const FleetImage& image, ImageResult& result, const std::optional<job::KeyParts>& key,
                           bool verify, bool& learned) {
  if (!fs::exists(image.output)) return "its output is gone";
  if (!key || !result.key) return "its inputs are not known before the bake";
  auto now = *key;
  now.base = result.key->base;
  if (const auto difference = job::first_difference(*result.key, now); !difference.empty())
    return difference + " changed";
  if (!manifest_agrees(image, result.output.sha256)) return "its manifest is missing or of another image";
  const auto& pin = image.recipe.base.sha256;
  if (!pin.empty() && pin != result.base.sha256) return "the recipe pins another base";
  if (!is_still(image.recipe.base.path, result.base, verify, learned)) return "the base changed";
  if (!is_still(image.output, result.output, verify, learned)) return "its output was changed";
  for (const auto& check : verify::check_evidence(image.output, result.output.sha256, {}))
    if (check.failed()) return check.rule + ": " + check.evidence;
  return {};
}

/// Returns the result of an image that 'bake image' made: there is none of a fleet. Empty when the output is not the
/// image of the recipe.
std::optional<ImageResult> result_of_image(const FleetImage& image, const std::optional<job::KeyParts>& key,
                                           job::Environment& environment) {
  if (!key) return std::nullopt;
  const auto base = identity_of(image.recipe.base.path);
  if (!job::already_baked(image.recipe, image.output, environment).manifest) return std::nullopt;
  ImageResult result;
  result.started = iso_time(std::time(nullptr));
  try {
    read_product({image, key}, base, result);
  } catch (const nlohmann::json::exception&) {  // a manifest with missing fields
    return std::nullopt;
  }
  return result;
}

}  // namespace

std::optional<job::KeyParts> key_without_base(const FleetImage& image, job::Environment& environment) {
  try {
    return job::key_parts(image.recipe, job::select_driver(image.recipe, environment), environment);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return std::nullopt;
  }
}

ImageStatus image_status(const FleetImage& image, bool verify, job::Environment& environment) {
  ImageStatus status;
  status.key = key_without_base(image, environment);
  const auto file = sidecar_of(image.output, Sidecar::result);
  auto result = read_result(file);
  if (!result || result->status != 0) {
    if (const auto found = result_of_image(image, status.key, environment)) {
      write_result(file, *found);
      status.done = true;
      return status;
    }
    status.reason = result ? fmt::format("the last bake ended with exit code {}", result->status) : "not baked yet";
    return status;
  }
  bool learned = false;
  status.reason = reason_to_bake(image, *result, status.key, verify, learned);
  status.done = status.reason.empty();
  if (status.done && learned) write_result(file, *result);
  return status;
}

std::string fleet_digest(const recipe::Fleet& fleet) {
  std::string text;
  for (const auto& image : fleet.images) text += image.recipe.file.string() + '\0' + image.output.string() + '\n';
  return digest_of(text);
}

std::string index_ranges(const std::vector<std::size_t>& indices) {
  std::vector<std::string> ranges;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    ranges.push_back(last == i ? fmt::format("{}", indices[i]) : fmt::format("{}-{}", indices[i], indices[last]));
    i = last + 1;
  }
  return join(ranges, ",");
}

}  // namespace bake::fleet
