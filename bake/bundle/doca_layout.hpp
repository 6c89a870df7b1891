#pragma once

#include <string>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/doca_name.hpp"
#include "bake/bundle/doca_source.hpp"
#include "bake/bundle/layout.hpp"
#include "bake/bundle/tree.hpp"
#include "bake/bundle/trust.hpp"

namespace bake::bundle {

/// The content of an outer package of DOCA-Host, apart from the packages in its repository.
struct DocaContent {
  OuterIdentity identity;  ///< with the kernel of family E, and what the directory of the repository says
  Layout layout;           ///< one place
  SourceEntry source;      ///< names the repository
  std::vector<ShippedKey> keys;
};

/// Returns whether a staged or stored bundle with this name came as an outer package.
bool is_outer_bundle(const std::string& top);

/// Reads the identity of a staged outer package and finds the repository in it: the one that its .list or .repo file
/// names, and that has the place that DOCA-Host's repositories have. A contradiction between the package and the
/// directory is a Problem. Throws what identify_outer() and choose_repository() throw.
DocaContent read_doca_content(const BundleTree& tree, std::vector<Problem>& problems);

}  // namespace bake::bundle
