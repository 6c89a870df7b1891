#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// The parts of the name of a bundle's top directory: MLNX_OFED_LINUX-<version>-<distro>-<arch>[-ext].
struct BundleName {
  std::string version;
  std::string distro;
  std::string arch;
  bool rebuilt = false;  ///< "-ext": made by mlnx_add_kernel_support.sh, its packages have no vendor signature

  friend bool operator==(const BundleName&, const BundleName&) = default;
};

/// Returns nothing when `directory` is not named like an MLNX_OFED bundle.
std::optional<BundleName> parse_bundle_name(std::string_view directory);

/// Throws Error{config} for products that bake recognises and cannot bake, from a name (of a file or a top directory)
/// and the first bytes of the file: mlnx-en bundles (Ethernet only), single packages, and what is only named like a
/// DOCA-Host package.
void refuse_other_products(std::string_view name, std::string_view first_bytes = {});

/// The bundle's identity: its name, checked against what the files .mlnx, .arch and distro in it say. Those may be
/// missing; `texts` holds the ones that are there. A disagreement is a Problem.
BundleName identify(const std::string& top, const std::map<std::string, std::string>& texts,
                    std::vector<Problem>& problems);

/// A directory of packages, as the tree shows it.
struct RepositoryPlace {
  std::string flavour;    ///< "mlnx-libs", "upstream-libs", "flat"
  std::string directory;  ///< "DEBS/UPSTREAM_LIBS"
  std::string index;      ///< path of repomd.xml or Packages[.gz|.bz2|.xz|.zst]; empty: not indexed
  bool offered = true;    ///< false: only verified; another place offers this flavour already

  friend bool operator==(const RepositoryPlace&, const RepositoryPlace&) = default;
};

/// Returns the path of the index of the repository in `directory`: repodata/repomd.xml, or the first of Packages,
/// Packages.xz, .gz, .bz2, .zst; nothing when it has none.
std::optional<std::string> index_in(const std::set<std::string>& paths, const std::string& directory,
                                    PackageFormat format);

struct Layout {
  PackageFormat format = PackageFormat::rpm;
  /// "flat" (up to 4.5, from 5.1), "split" (4.6 to 5.0: COMMON, MLNX_LIBS, UPSTREAM_LIBS) or "doca" (doca_layout.hpp).
  std::string family;
  std::vector<RepositoryPlace> places;
};

/// The repositories among `paths` (all files and links below the top directory), in the order in which a consumer
/// should look: X/UPSTREAM_LIBS, X/MLNX_LIBS, X_UPSTREAM_LIBS, X with X = RPMS or DEBS. Without any index, the
/// directories that have packages. Throws Error{config} when there is neither, or both RPMS and DEBS; `top` is for
/// the message.
Layout find_layout(const std::set<std::string>& paths, const std::string& top);

}  // namespace bake::bundle
