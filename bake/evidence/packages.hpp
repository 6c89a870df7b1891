#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bake/inspect/package_details.hpp"
#include "bake/plan/plan.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::evidence {

/// Values of ImagePackage::from for packages that no bundle and no extra packages brought.
inline constexpr const char* from_base = "base";
/// A script of `customize: run` or of a package installed it.
inline constexpr const char* from_script = "a script in the image";
/// Another program changed the finished image (`bake resign`).
inline constexpr const char* from_later_change = "changed after the bake";
/// An older bake made the image and did not record it.
inline constexpr const char* from_unknown = "not recorded";

/// A package of a finished image. All texts are printable ASCII, because the guest may be hostile.
struct ImagePackage {
  std::string name;
  std::string version;  ///< [epoch:]version[-release]
  std::string arch;
  std::string from;        ///< "bundle NAME", "extra packages NAME", or one of the values above
  bool customize = false;  ///< `customize: packages` of the recipe names it, or only packages for it need it

  // Of a package that bake installed:
  std::string file;    ///< name of the package file
  std::string sha256;  ///< of the package file, as the store recorded it; empty: not known
  std::string signer;  ///< fingerprint of the key that signed the bundle or the extra packages, or empty

  guest::PackageDetails details = {};

  [[nodiscard]] bool is_injected() const { return !file.empty(); }
};

/// Returns every package of a finished image, sorted by name, version and architecture: `installed` are the packages
/// now, `base` those before the bake, `customized` is customize.packages of the recipe.
std::vector<ImagePackage> image_packages(const std::vector<guest::InstalledPackage>& installed,
                                         const guest::DetailsOfPackages& details,
                                         const std::vector<guest::InstalledPackage>& base, const plan::Plan& plan,
                                         const resolve::SelectedDriver& driver,
                                         const std::vector<std::string>& customized);

/// Returns `packages` of the manifest next to an image: a list of {name, version, arch, from}; `customize` is there
/// only if it is true.
nlohmann::ordered_json to_json(const std::vector<ImagePackage>& packages);

/// Reads what to_json() returned. Throws nlohmann::json::exception when it is anything else.
std::vector<ImagePackage> packages_from(const nlohmann::json& json);

}  // namespace bake::evidence
