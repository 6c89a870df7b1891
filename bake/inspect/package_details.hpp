#pragma once

#include <map>
#include <string>
#include <string_view>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// What a package database says about one package, for an SBOM. dpkg's database has neither.
struct PackageDetails {
  std::string licence;  ///< rpm's tag License as it is, at most 1000 printable characters; empty: not known
  /// The digest that rpm keeps of the package's header, hexadecimal: SHA-256 (64 digits; rpm 4.14 and newer), else
  /// SHA-1 (40 digits). The header has the digest of the payload, but this is not the digest of the package file
  /// (docs/manual/format_v4.md of rpm). Empty: the package has none.
  std::string header_digest;

  friend bool operator==(const PackageDetails&, const PackageDetails&) = default;
};

/// Package → its details.
using DetailsOfPackages = std::map<InstalledPackage, PackageDetails>;

/// The script that asks the guest's own rpm for the details of all packages, in one run. Each line of its output:
///
///     <name>\t<epoch>\t<version>\t<release>\t<architecture>\t<header digest>\t<licence>
///
/// "(none)" means a missing tag. It is not a part of rpm_dump_query(): the closure must not depend on the text of a
/// licence.
std::string rpm_details_query();

/// Reads the output of that script. Leaves out lines of another form, and keys (gpg-pubkey).
DetailsOfPackages details_of_rpm_output(std::string_view output);

/// Returns the details of the installed packages; nothing for dpkg, and when the guest's rpm fails.
DetailsOfPackages read_package_details(Guest& guest, Family family);

}  // namespace bake::guest
