#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/evidence/manifest.hpp"
#include "bake/evidence/packages.hpp"

namespace bake::evidence {

/// The evidence of an image before another program changed it.
struct Before {
  nlohmann::ordered_json manifest;   ///< product_manifest() of the bake, or of an earlier `bake resign`
  std::string manifest_sha256;       ///< of the manifest's file
  nlohmann::ordered_json cyclonedx;  ///< the document of the same image; null: there is none
};

/// Returns the packages of the changed image. A package that the image had before keeps its origin and the digest of
/// its file; another one is from_later_change. from_unknown, when an older bake did not record the packages.
std::vector<ImagePackage> packages_after(const Before& before, const std::vector<guest::InstalledPackage>& installed,
                                         const guest::DetailsOfPackages& details);

/// Returns the manifest for the file next to the changed image: that of before, with the new `product` and `findings`
/// and with `resigned`, which says what the image was and what changed: {"of": {"sha256", "manifest_sha256"}, "time",
/// "changes": {"packages", "files", "kernel"}, "earlier"}. Lists of changes have at most 200 entries and the full
/// count. `kernel` boots by default now; `time` is in seconds since 1970.
nlohmann::ordered_json resigned_manifest(const Before& before, const Product& product, const Findings& findings,
                                         const std::string& kernel, std::int64_t time);

}  // namespace bake::evidence
