#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"

namespace bake::store {

/// A change to a store: holds its lock and a scratch directory on the same file system. What is written there either
/// becomes part of the store by publish(), one rename, or is gone with this object.
class StoreTransaction {
 public:
  /// Waits for another process that changes the store. Also removes what a killed process left behind.
  StoreTransaction(const std::filesystem::path& store, Progress& progress);
  ~StoreTransaction();
  StoreTransaction(const StoreTransaction&) = delete;
  StoreTransaction& operator=(const StoreTransaction&) = delete;

  /// Where to write; removed by the destructor unless published.
  [[nodiscard]] const std::filesystem::path& scratch() const { return scratch_; }
  /// Writes one file of the scratch directory, making its parents.
  void write(const std::filesystem::path& relative, std::string_view content) const;
  /// Makes the scratch directory `store/kind/name`. Throws Error{failed} when that exists.
  std::filesystem::path publish(const std::string& kind, const std::string& name);
  /// Makes `part`, a file or directory below the scratch directory, `store/kind/name` unless that is there already;
  /// tells whether it was new.
  bool adopt(const std::filesystem::path& part, const std::string& kind, const std::string& name);
  /// Puts `part`, a file below the scratch directory, in the place of the file `store/place`.
  void replace(const std::filesystem::path& part, const std::filesystem::path& place);
  /// Takes `store/kind/name` out of the store: renamed away first, so that nobody sees half of it.
  void remove(const std::string& kind, const std::string& name);

 private:
  std::filesystem::path store_;
  std::filesystem::path scratch_;
  FileDescriptor lock_;
};

}  // namespace bake::store
