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

/// Packs all that baking `recipes` elsewhere takes: the bundle that each of them gets from this store, the extra
/// packages for its release, the key ring, the matrix overlays in use, the bases, and the recipes themselves, written
/// anew so that they find their base beside them and pin its digest. Streams; memory does not depend on sizes. The same
/// inputs, key and SOURCE_DATE_EPOCH give the same bytes. Throws what choosing a driver throws, Error{config} for two
/// recipes of one name, {usage} for a bad key or an output that exists.
Packed pack(const PackRequest& request, job::Environment& environment);

}  // namespace bake::transfer
