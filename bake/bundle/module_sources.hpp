#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// Where the kernel modules of a bundle come from.
struct ModuleSource {
  std::string from;    ///< "kmp" (kmod-… rpm, usable through weak-updates), "prebuilt" (for one kernel) or "dkms"
  std::string kernel;  ///< for which they were built; empty for DKMS

  friend bool operator==(const ModuleSource&, const ModuleSource&) = default;
};

/// Returns the sources of all packages of a bundle, each once: built modules by kernel, then DKMS.
std::vector<ModuleSource> module_sources(const Bundle& bundle);

/// Returns the layout family of a bundle: "A" (MLNX_OFED up to 4.5), "B" (4.6 to 5.0, split), "C" (from 5.1), or that
/// of DocaRelease.
std::string family_of(const Bundle& bundle);

/// Returns the OFED release of a bundle: the version of MLNX_OFED, or DocaRelease::ofed.
std::string ofed_of(const Bundle& bundle);

/// Returns the most exact statement of the OFED release among the packages of DOCA-Host, or `otherwise` if none has
/// one: mlnx-fw-updater has the whole release, doca-ofed-source has it with dots, ofed-scripts and the packages of the
/// core modules have it without its last field if that is 0 ("25.10-OFED.25.10.1.7.1.1" → "25.10-1.7.1"). Since 26.07
/// the core modules have another scheme, which states nothing.
std::string ofed_of_packages(const std::vector<BundlePackage>& packages, const std::string& otherwise);

}  // namespace bake::bundle
