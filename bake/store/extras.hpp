#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bake/archive/iso_writer.hpp"
#include "bake/base/progress.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/signature/openpgp.hpp"

/// Reading a directory of extra packages, for Store::add_extras().
namespace bake::store {

/// Extra packages as they are read: their repository and the text of its index.
struct CollectedPackages {
  bundle::Repository repository{"extras", "", true, {}};
  std::string index;
  std::map<std::string, signature::SignatureResult> signatures;  ///< of rpms, by file name
};

/// Returns the .rpm files or the .deb files of `directory`, sorted by name, and sets `format` to their kind. Throws
/// Error{usage} when the directory has none or both kinds, or cannot be read.
std::vector<std::filesystem::path> package_files(const std::filesystem::path& directory, bundle::PackageFormat& format);

/// Reads the headers and signatures of `files` and copies the files into `payload`.
CollectedPackages collect_packages(const std::vector<std::filesystem::path>& files, bundle::PackageFormat format,
                                   const signature::KeyRing& ring, archive::IsoWriter& payload, Progress& progress);

/// Records in `extras` which keys signed the packages. Throws Error{untrusted} when a package has no valid signature of
/// a key of the ring that collect_packages() got.
void require_signed(const CollectedPackages& collected, bundle::Extras& extras);

}  // namespace bake::store
