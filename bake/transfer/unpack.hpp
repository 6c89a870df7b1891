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
  std::filesystem::path to;  ///< gets recipes, bases and overlays; must not exist
  std::string public_pem;    ///< whose signature counts; may be empty when `sha256` is not
  std::string sha256;        ///< that the archive must have, or empty
};

struct Unpacked {
  Index index;
  std::vector<store::ImportedObject> objects;
  std::string signer;                          ///< fingerprint, empty when the archive's digest vouched
  std::vector<std::filesystem::path> recipes;  ///< ready for `bake plan`
};

/// Takes in what pack() made. The index is verified before anything else is read; every entry is held against it while
/// it streams into a staging area, where it must come in the index's order, no more and no fewer; only then do the
/// objects appear in the store and `to`, by renames. Throws Error{untrusted} for a missing or wrong signature, and for
/// anything that is damaged, changed, cut short, missing or too much: store and `to` are then as they were.
Unpacked unpack(const UnpackRequest& request, Progress& progress);

}  // namespace bake::transfer
