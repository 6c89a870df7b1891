#pragma once

#include <string_view>
#include <vector>

#include "matrix/reader.hpp"

namespace bake::matrix {

/// Fills what rows take from other rows: the distros and digests of a release from its bundles, a system's inbox
/// packages and kernel pins, and a bundle for every Linux archive that the extension's manifest names. Idempotent.
void link(Matrix::Rows& rows);

/// Whether a bundle made for `bundle_distro` serves a release whose bundles are called `os_distro`: the same name, or
/// a bundle for the whole major release ("rhel8" serves "rhel8.6").
bool serves(std::string_view bundle_distro, std::string_view os_distro);

/// Whether `row`, of the manifest, is about this release: "RHEL/CentOS" "7.6" is about CentOS 7.6 and RHEL 7.6.
bool is_about(const ManifestRow& row, const OsRow& os);

}  // namespace bake::matrix
