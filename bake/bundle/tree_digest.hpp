#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/archive/entry_policy.hpp"
#include "bake/base/digest.hpp"

namespace bake::bundle {

/// The digest over the tree of a directory: the SHA-256 of the line "bake tree 1" and one line for each entry, sorted
/// by the bytes of its path below the directory. A line has four fields with tabs between them: the type ("directory",
/// "file" or "link"), the permission bits with set-user-ID, set-group-ID and sticky as four octal digits, the SHA-256
/// of a file's content, the target of a link or "-", and the path. Every line ends with a newline. Owners and times do
/// not count, and neither does the directory's own name. docs/concepts.md describes it for users.
class TreeHasher {
 public:
  TreeHasher();
  /// Adds the next entry in sorted order; `content` is the SHA-256 of a file's content.
  void add(const archive::ArchiveEntry& entry, std::string_view content = {});
  [[nodiscard]] std::string hex() { return hasher_.hex(); }

 private:
  Hasher hasher_;
};

/// Returns all entries below `directory`, sorted by path, checked as those of an archive (entry_policy.hpp): a link
/// that leaves the directory, a device or a name with control characters is Error{untrusted}. Links are not followed.
std::vector<archive::ArchiveEntry> entries_of_tree(const std::filesystem::path& directory,
                                                   const archive::EntryLimits& limits);

/// Returns the digest over the tree of `directory`. Throws as entries_of_tree().
std::string digest_of_tree(const std::filesystem::path& directory, const archive::EntryLimits& limits);

}  // namespace bake::bundle
