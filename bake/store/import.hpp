#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {

/// One object of an import.
struct ImportedObject {
  enum class Kind { bundle, extras, key };
  Kind kind = Kind::bundle;
  std::string name;  ///< of a key: the name of its file without the suffix, which is the fingerprint
  bool is_new = true;
};

/// Copies bundles, extra packages and keys of another store into this one. The caller verifies every byte before
/// publish(); until then the files are in a staging directory and the store is unchanged.
class StoreImport {
 public:
  /// Takes the store's lock.
  StoreImport(const std::filesystem::path& store, Progress& progress) : transaction_(store, progress) {}

  /// The directory for the files, with the layout of a store: bundles/<id>/…, extras/<id>/…, keyring/….
  [[nodiscard]] const std::filesystem::path& staging() const { return transaction_.scratch(); }

  /// Adds all objects to the store, each by one rename; an object that the store already has stays as it is. Throws
  /// Error{untrusted}, with the store unchanged, when the identity of an object does not match its directory.
  std::vector<ImportedObject> publish();

 private:
  StoreTransaction transaction_;
};

}  // namespace bake::store
