#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/ofed/archive.hpp"
#include "bake/ofed/entry_policy.hpp"
#include "bake/ofed/index.hpp"
#include "bake/ofed/iso_writer.hpp"

namespace bake::ofed {

/// The files of a bundle, as they lie in its payload image. Paths are relative to the bundle's top directory.
class BundleTree {
 public:
  BundleTree() = default;
  BundleTree(std::filesystem::path payload, std::map<std::string, Extent> files,
             std::map<std::string, std::string> links);

  [[nodiscard]] const std::map<std::string, Extent>& files() const { return files_; }
  [[nodiscard]] const std::map<std::string, std::string>& links() const { return links_; }
  /// Paths of all files and links.
  [[nodiscard]] std::set<std::string> paths() const;
  /// The regular file that `path` is or leads to through links inside the bundle; nothing when there is none.
  [[nodiscard]] std::optional<std::string> resolve(const std::string& path) const;

  /// A stream of the file that `path` leads to. Throws Error{untrusted} when there is none.
  [[nodiscard]] ByteSource open(const std::string& path) const;
  /// Its content; Error{untrusted} when larger than `limit`.
  [[nodiscard]] std::string read(const std::string& path, std::size_t limit) const;
  [[nodiscard]] std::uint64_t size(const std::string& path) const;

 private:
  std::filesystem::path payload_;
  std::map<std::string, Extent> files_;
  std::map<std::string, std::string> links_;
};

/// A bundle's archive, read once: its tree lies in a payload image now.
struct StagedBundle {
  std::string top;             ///< name of the top directory
  std::string archive_sha256;  ///< of the bytes that were read
  BundleTree tree;
};

/// Streams `archive` into a new payload image at `payload`. Throws Error{untrusted} for hostile or damaged archives and
/// Error{config} for other products (layout.hpp).
StagedBundle stage_bundle(const std::filesystem::path& archive, const std::filesystem::path& payload,
                          const EntryLimits& limits, Progress& progress);

/// Digests of all that `source` gives.
Digests digests_of(const ByteSource& source, const std::set<DigestAlgorithm>& algorithms);

}  // namespace bake::ofed
