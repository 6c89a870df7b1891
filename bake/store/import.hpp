#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/store/transaction.hpp"

namespace bake::store {

/// One thing that an import brought.
struct ImportedObject {
  enum class Kind { bundle, extras, key };
  Kind kind = Kind::bundle;
  std::string name;  ///< of a key: its file's name without the suffix, the fingerprint
  bool is_new = true;
};

/// Bundles, extra packages and keys of another store on their way into this one. Whoever brings them has verified every
/// byte before publish(); until then they lie aside and the store is as it was.
class StoreImport {
 public:
  /// Takes the store's lock.
  StoreImport(const std::filesystem::path& store, Progress& progress) : transaction_(store, progress) {}

  /// Where to lay files out as they lie in a store: bundles/<id>/…, extras/<id>/…, keyring/….
  [[nodiscard]] const std::filesystem::path& staging() const { return transaction_.scratch(); }

  /// Makes all of it part of the store, each object by one rename; what is there already stays. Throws
  /// Error{untrusted}, the store unchanged, when an object is not what its place says.
  std::vector<ImportedObject> publish();

 private:
  StoreTransaction transaction_;
};

}  // namespace bake::store
