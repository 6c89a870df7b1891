#include "bake/resolve/kernel_packages.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "bake/resolve/sources.hpp"

namespace bake::resolve {
namespace {

using bundle::BundlePackage;
using guest::Family;

/// What a connected machine must download for a kernel.
struct Names {
  std::string kernel, headers;
  std::string version;  ///< of an rpm, which the name does not include
};

/// The packages of rpm that contain a kernel or parts of it. EL7 has all of it in "kernel"; from EL8 on that package
/// only requires the others.
constexpr std::array<std::string_view, 5> rpm_parts{"kernel", "kernel-core", "kernel-modules", "kernel-modules-core",
                                                    "kernel-modules-extra"};

/// Returns the kernel release of an rpm of a kernel: "4.18.0-553.el8_10.x86_64".
std::string release_of(const BundlePackage& package) {
  return package.version.substr(package.version.find(':') + 1) + "." + package.arch;
}

Names names_of(const std::string& release, const guest::Facts& facts) {
  if (facts.family == Family::deb) return {"linux-image-" + release, "linux-headers-" + release, ""};
  const auto suffix = "." + facts.arch;
  const bool ends = release.ends_with(suffix);
  return {"kernel", "kernel-devel", ends ? release.substr(0, release.size() - suffix.size()) : release};
}

/// Returns whether a package is a part of the kernel that an image must have to boot it.
bool boots(const BundlePackage& package, const std::string& release, Family family) {
  if (family == Family::deb)
    return package.name == "linux-image-" + release || package.name == "linux-image-unsigned-" + release ||
           package.name == "linux-image-" + release + "-unsigned";
  return (package.name == "kernel" || package.name == "kernel-core") && release_of(package) == release;
}

/// Returns whether a package is another part of the kernel.
bool is_part(const BundlePackage& package, const std::string& release, Family family, bool with_headers) {
  if (family == Family::deb)
    return package.name == "linux-modules-extra-" + release ||
           (with_headers && package.name == "linux-headers-" + release);
  const bool named = std::find(rpm_parts.begin(), rpm_parts.end(), package.name) != rpm_parts.end() ||
                     (with_headers && (package.name == "kernel-devel" || package.name == "kernel-devel-matched"));
  return named && release_of(package) == release;
}

/// Returns the extra packages of the kernel; empty when they have no package that boots it.
std::vector<const BundlePackage*> parts_of(const std::string& release, const SelectedDriver& driver, Family family) {
  std::vector<const BundlePackage*> kernels, parts;
  for (const auto& extras : driver.extras)
    for (const auto& package : extras.repository.packages) {
      if (boots(package, release, family)) kernels.push_back(&package);
      if (is_part(package, release, family, driver.bundle.has_value())) parts.push_back(&package);
    }
  if (kernels.empty()) return {};
  // Ubuntu has the same kernel as a signed and as an unsigned package, and the two conflict.
  if (family == Family::deb) {
    const auto is_signed = [&](const auto* package) { return package->name == "linux-image-" + release; };
    const auto found = std::find_if(kernels.begin(), kernels.end(), is_signed);
    parts.push_back(found != kernels.end() ? *found : kernels.front());
  } else {
    parts.insert(parts.end(), kernels.begin(), kernels.end());
  }
  return parts;
}

Closure nothing_has_it(const Names& names, bool with_headers) {
  Closure closure;
  closure.problems.push_back(
      {names.kernel,
       "neither the image nor the extra packages have it",
       "add the packages of the kernel to the store's extra packages; bake installs linux-image, "
       "or kernel and kernel-core, and no other flavour (kernel-rt, kernel-uki)",
       {{Remedy::Action::add_extras}}});
  const std::string relation = names.version.empty() ? "" : "=";
  closure.missing.push_back({names.kernel, relation, names.version, {}});
  if (with_headers) closure.missing.push_back({names.headers, relation, names.version, {}});
  return closure;
}

}  // namespace

KernelPackages kernel_packages(const std::string& release, const SelectedDriver& driver, const guest::Facts& facts,
                               const std::vector<bundle::IndexTexts>& texts) {
  if (facts.kernel(release) != nullptr) return {};
  const auto parts = parts_of(release, driver, facts.family);
  if (parts.empty()) return {nothing_has_it(names_of(release, facts), driver.bundle.has_value()), {}};
  std::vector<std::string> wanted;
  for (const auto* package : parts) {
    auto spec = package->name + "=" + package->version;
    if (std::find(wanted.begin(), wanted.end(), spec) == wanted.end()) wanted.push_back(std::move(spec));
  }
  KernelPackages packages{solve_kernel(facts, extra_sources(driver, texts), wanted), {}};
  packages.install_bytes = install_bytes(driver, packages.closure);
  return packages;
}

}  // namespace bake::resolve
