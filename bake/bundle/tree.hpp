#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/archive/entry_policy.hpp"
#include "bake/archive/iso_writer.hpp"
#include "bake/base/progress.hpp"
#include "bake/packages/index.hpp"

namespace bake::bundle {

/// The files of a bundle in its payload image. Paths are relative to the bundle's top directory.
class BundleTree {
 public:
  BundleTree() = default;
  BundleTree(std::filesystem::path payload, std::map<std::string, archive::Extent> files,
             std::map<std::string, std::string> links);

  [[nodiscard]] const std::map<std::string, archive::Extent>& files() const { return files_; }
  [[nodiscard]] const std::map<std::string, std::string>& links() const { return links_; }
  /// Paths of all files and links.
  [[nodiscard]] std::set<std::string> paths() const;
  /// The regular file that `path` is or leads to through links inside the bundle; nothing when there is none.
  [[nodiscard]] std::optional<std::string> resolve(const std::string& path) const;

  /// A stream of the file that `path` leads to. Throws Error{untrusted} when there is none.
  [[nodiscard]] archive::ByteSource open(const std::string& path) const;
  /// Its content; Error{untrusted} when larger than `limit`.
  [[nodiscard]] std::string read(const std::string& path, std::size_t limit) const;
  [[nodiscard]] std::uint64_t size(const std::string& path) const;

 private:
  std::filesystem::path payload_;
  std::map<std::string, archive::Extent> files_;
  std::map<std::string, std::string> links_;
};

/// A bundle whose archive or directory was read once and whose tree is in a payload image.
struct StagedBundle {
  std::string top;             ///< name of the top directory, or of the outer package
  std::string archive_sha256;  ///< of the bytes that were read: Trust::archive_sha256
  BundleTree tree;
  bool from_directory = false;
};

/// Returns Trust::archive_sha256 of an archive, or of a directory with an unpacked bundle. Reports how much of an
/// archive is read.
std::string digest_of_bundle(const std::filesystem::path& archive, const archive::EntryLimits& limits,
                             Progress& progress);

/// Returns the size of an archive, or of all files in a directory, in bytes.
std::uint64_t size_of_bundle(const std::filesystem::path& archive);

/// Streams `archive` into a new payload image at `payload`. It may also be a directory with an unpacked bundle or a
/// mounted ISO image, or an outer package of DOCA-Host (outer_package.hpp). Throws Error{untrusted} for hostile or
/// damaged content and Error{config} for other products (layout.hpp).
StagedBundle stage_bundle(const std::filesystem::path& archive, const std::filesystem::path& payload,
                          const archive::EntryLimits& limits, Progress& progress);

/// Returns the digests of all bytes of `source`.
Digests digests_of(const archive::ByteSource& source, const std::set<DigestAlgorithm>& algorithms);

}  // namespace bake::bundle
