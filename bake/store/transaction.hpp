#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"

namespace bake::store {

/// A change to a store. It has the store's lock and a scratch directory on the same file system. publish() moves the
/// scratch directory into the store by one rename; otherwise the destructor removes it.
class StoreTransaction {
 public:
  /// Creates the store if it does not exist. Waits for another process that changes it, and removes the scratch
  /// directories of killed processes.
  StoreTransaction(const std::filesystem::path& store, Progress& progress);
  ~StoreTransaction();
  StoreTransaction(const StoreTransaction&) = delete;
  StoreTransaction& operator=(const StoreTransaction&) = delete;

  /// The directory to write to.
  [[nodiscard]] const std::filesystem::path& scratch() const { return scratch_; }
  /// Writes one file of the scratch directory, creating its parent directories.
  void write(const std::filesystem::path& relative, std::string_view content) const;
  /// Renames the scratch directory to `store/kind/name` and returns that path. Throws Error{failed} when it exists.
  std::filesystem::path publish(const std::string& kind, const std::string& name);
  /// Renames `part`, a file or directory below the scratch directory, to `store/kind/name` unless that exists; returns
  /// whether it was new.
  bool adopt(const std::filesystem::path& part, const std::string& kind, const std::string& name);
  /// Replaces the file `store/place` with `part`, a file below the scratch directory.
  void replace(const std::filesystem::path& part, const std::filesystem::path& place);
  /// Removes `store/kind/name` from the store. It is renamed away first, so that no reader sees a part of it.
  void remove(const std::string& kind, const std::string& name);

 private:
  std::filesystem::path store_;
  std::filesystem::path scratch_;
  FileDescriptor lock_;
};

}  // namespace bake::store
