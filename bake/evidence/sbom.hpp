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
  std::string signer;  ///< fingerprint of the key that signed the source, or empty
};

/// Returns an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3, JSON) of the packages that bake installed in an image.
/// Packages of the base are not listed, because bake does not know their origin. `manifest` is product_manifest()
/// (manifest.hpp). Deterministic.
nlohmann::ordered_json sbom(const nlohmann::ordered_json& manifest, const std::vector<InjectedPackage>& packages);

}  // namespace bake::evidence
