#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// How the outer package of DOCA-Host, a .deb or .rpm with a whole repository in it, describes itself: the fields of
/// its control file or of its header.
struct OuterHeader {
  PackageFormat format = PackageFormat::deb;
  std::string name;     ///< "doca-host"
  std::string version;  ///< deb: "3.2.3-019000-25.10-ubuntu2404"; rpm, with its release: "3.2.2-035000_25.10_rhel9"
  std::string arch;     ///< "amd64", "x86_64"

  friend bool operator==(const OuterHeader&, const OuterHeader&) = default;
};

/// Returns whether a package of this name is an outer package that bake reads or recognises: doca-host,
/// doca-kernel-repo… or the older doca-host-repo….
bool is_outer_package(std::string_view name);

/// Returns the name of the bundle: the file name that the vendor gives the package, without its suffix. bake computes
/// it from the header because the name of a file is not proof.
std::string bundle_name_of(const OuterHeader& header);

/// Returns the fields that the name of a file states, or nothing if it is not named like an outer package.
std::optional<OuterHeader> outer_header_of_file_name(std::string_view file_name);

/// What an outer package says about its content.
struct OuterIdentity {
  DocaRelease release;  ///< without what only the packages in it say: family D2 or D3, and the last field of the OFED
  std::string name;     ///< bundle_name_of()
  std::string version;  ///< Bundle::version: "doca-3.2.3-019000", "doca-kernel-25.04-0.6.1.0"
  std::string distro;   ///< "ubuntu24.04", "rhel9.6", "rhel9"; empty for doca-kernel-repo, which does not state it
  std::string arch;     ///< "x86_64"
  /// The kernel in the name of a doca-kernel-repo, in which '-' and '_' became '.': it only confirms the real one.
  /// Empty if the name has none.
  std::string dotted_kernel;
};

/// Returns the identity of an outer package. The patterns of names come from the vendor's files and public build
/// logs (Azure/azhpc-images, versions.json; rollandf/doca-driver-build, poc/dks). Throws Error{config} for
/// doca-host-repo packages (DOCA 2.6 and earlier) and for a version that has another form, Error{incompatible} for
/// arm64, and Error{untrusted} for fields with other characters than names have.
OuterIdentity identify_outer(const OuterHeader& header);

/// Returns the name of a distribution as bundles have it, for the short form in DOCA-Host's names: "ubuntu2404" →
/// "ubuntu24.04", "rhel810" → "rhel8.10", "rhel9" → "rhel9", "debian125" → "debian12.5". An unknown one stays as it is.
std::string distro_of_osid(std::string_view osid);

/// Returns the kernel release with '-' and '_' replaced by '.', as in the names of doca-kernel-repo packages.
std::string dotted(std::string_view kernel);

}  // namespace bake::bundle
