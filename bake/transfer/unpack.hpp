#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/store/import.hpp"
#include "bake/transfer/index.hpp"

namespace bake::transfer {

struct UnpackRequest {
  std::filesystem::path archive;
  std::filesystem::path store;
  std::filesystem::path to;  ///< new directory for recipes, bases and overlays
  std::string public_pem;    ///< key that must have signed the index; may be empty when `sha256` is set
  std::string sha256;        ///< digest that the archive must have, or empty
};

struct Unpacked {
  Index index;
  std::vector<store::ImportedObject> objects;
  std::string signer;  ///< fingerprint of the key; empty when only the digest vouches for the archive
  std::vector<std::filesystem::path> recipes;  ///< ready for `bake plan`
};

/// Imports an archive of pack(). Verifies the index before it reads anything else. Compares every entry with the index
/// while it streams the entry into a staging directory; the entries must be exactly those of the index, in the same
/// order. Then renames the objects into the store and the rest to `to`. Throws Error{untrusted} for a missing or wrong
/// signature, and for an entry that is damaged, changed, truncated, missing or not in the index; then store and `to`
/// are unchanged.
Unpacked unpack(const UnpackRequest& request, Progress& progress);

}  // namespace bake::transfer
