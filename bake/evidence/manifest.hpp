#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bake/bundle/bundle.hpp"
#include "bake/plan/plan.hpp"

namespace bake::evidence {

/// A doca-kernel-repo package that was attached.
struct KernelBundle {
  const bundle::Bundle* bundle = nullptr;
  bool signer_checked = false;  ///< as Origin::signer_checked
};

/// The origin of an image: the facts in a manifest that are not in the plan.
struct Origin {
  std::string key;          ///< content address of the image, job::key_of
  std::string base_file;    ///< name, without its directory
  std::string base_format;  ///< "fixed VHD", "raw", "qcow2", …
  std::string base_sha256;
  bool base_pinned = false;  ///< the recipe pins that digest
  std::string recipe_sha256;
  std::string matrix_sha256;
  std::vector<std::string> matrix_overlays;
  const bundle::Bundle* bundle = nullptr;    ///< null for inbox
  bool signer_checked = false;               ///< this bake found its signer; otherwise the store's record names it
  std::vector<bundle::Extras> extras;        ///< all that were attached, in the order of their payloads
  std::vector<KernelBundle> kernel_bundles;  ///< likewise; their payloads follow those of the extra packages
  std::vector<bundle::BuiltModules> built_modules;  ///< likewise, after the kernel bundles
  std::string root_uuid;
  std::int64_t time = 0;  ///< seconds since 1970
};

/// Returns the manifest that is written into the image as /etc/bake-manifest.json: its inputs and its expectations.
/// Depends only on the arguments, so that the same inputs and SOURCE_DATE_EPOCH produce the same bytes.
nlohmann::ordered_json image_manifest(const plan::Plan& plan, const Origin& origin);

/// The finished file.
struct Product {
  std::string file;  ///< name, without its directory
  std::uint64_t virtual_size = 0;
  std::string uuid;
  std::string sha256;
  unsigned appliance_launches = 0;
  std::vector<std::pair<std::string, double>> timings;  ///< each step and its seconds; empty: not recorded
};

/// What is known about the finished image in addition to its own manifest.
struct Findings {
  nlohmann::ordered_json checks;    ///< verify::to_json
  nlohmann::ordered_json files;     ///< verify::record_files
  nlohmann::ordered_json packages;  ///< evidence::to_json(packages)
};

/// Returns the manifest for the sidecar file: the image's own manifest, the file, and what was found in it.
/// verify::inside_of() takes the additions away again.
nlohmann::ordered_json product_manifest(const nlohmann::ordered_json& image, const Product& product,
                                        const Findings& findings);

}  // namespace bake::evidence
