#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/job/environment.hpp"
#include "bake/transfer/index.hpp"

namespace bake::transfer {

struct PackRequest {
  std::vector<std::filesystem::path> recipes;
  std::filesystem::path output;
  bool force = false;
  std::string private_pem;  ///< Ed25519; empty: the index is not signed
};

struct Packed {
  Index index;
  std::string sha256;  ///< of the archive
  std::uint64_t size = 0;
};

/// Packs everything that another machine needs to bake `recipes`: the bundle that this store has for each recipe, the
/// extra packages for its release, the key ring, the matrix overlays in use, the bases, and the recipes. Rewrites the
/// recipes so that they name their base in the archive and pin its digest. Streams, so that memory does not depend on
/// sizes. The same inputs, key and SOURCE_DATE_EPOCH produce the same bytes. Throws the Error of select_driver(),
/// Error{config} for two recipes with one name, Error{usage} for a wrong key or an existing output.
Packed pack(const PackRequest& request, job::Environment& environment);

}  // namespace bake::transfer
