#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bake::evidence {

/// A package file that bake installed.
struct InjectedPackage {
  std::string name;
  std::string version;  ///< [epoch:]version[-release]
  std::string arch;
  std::string file;    ///< name of the package file
  std::string sha256;  ///< of the package file
  std::string source;  ///< the bundle or the extra packages that it came from
  std::string signer;  ///< fingerprint of who vouched for that, or empty
};

/// The packages that were put into an image as an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3, JSON). What the
/// base had already is not listed: bake vouches for what it did. `manifest` is the product's (manifest.hpp).
/// Deterministic.
nlohmann::ordered_json sbom(const nlohmann::ordered_json& manifest, const std::vector<InjectedPackage>& packages);

}  // namespace bake::evidence
