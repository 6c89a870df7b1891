#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "bake/archive/archive.hpp"

namespace bake::archive {

/// The limits for an archive, which protect the machine that reads it. Real bundles have some hundred entries and at
/// most 2 GiB.
struct EntryLimits {
  std::size_t entries = 50'000;
  std::uint64_t bytes = std::uint64_t{40} << 30U;       ///< of all files together
  unsigned ratio = 200;                                 ///< unpacked bytes per compressed byte…
  std::uint64_t ratio_from = std::uint64_t{64} << 20U;  ///< …checked above this number of unpacked bytes
  std::size_t name = 255;                               ///< bytes of one path component
  std::size_t path = 1024;                              ///< bytes of a whole path or link target
  std::size_t depth = 32;                               ///< path components
  std::size_t names = std::size_t{8} << 20U;            ///< bytes of all paths and link targets together
};

/// Decides which entries of an untrusted archive are accepted. Pure: it only reads the description in the archive.
///
/// It accepts directories, regular files, and links that stay inside the one top directory; such links are normal in
/// OFED bundles (DEBS/MLNX_LIBS/x.deb → ../COMMON/x.deb). It rejects, with Error{untrusted} and a reason: absolute
/// paths, "..", links that leave the top directory, devices, fifos, sockets, set-user-ID and set-group-ID files, a
/// second top directory, names that differ only in case, duplicate names, entries below a file or link, control
/// characters, and everything above EntryLimits.
class EntryPolicy {
 public:
  /// Messages name the archive `archive`. With `rooted` (an ISO image) the archive's root is the top directory.
  EntryPolicy(std::string archive, bool rooted, EntryLimits limits = {});

  /// Returns the entry with its path, and the target of a hard link, relative to the top directory; nothing for the top
  /// directory itself.
  std::optional<ArchiveEntry> admit(ArchiveEntry entry);
  /// Counts `bytes` of unpacked data, after `bytes_in` compressed bytes in total.
  void count(std::uint64_t bytes, std::uint64_t bytes_in);
  /// Name of the top directory; empty when rooted or nothing was admitted.
  [[nodiscard]] const std::string& top() const { return top_; }

 private:
  [[noreturn]] void refuse(const std::string& path, const std::string& reason) const;
  std::string clean_path(const std::string& path) const;
  std::optional<std::string> below_top(const std::string& path, const std::string& subject);
  void check_place(const std::string& path, EntryType type);
  void check_symlink(const std::string& path, const std::string& target) const;

  std::string archive_;
  bool rooted_;
  EntryLimits limits_;
  std::string top_;
  std::size_t entries_ = 0;
  std::size_t names_ = 0;
  std::uint64_t announced_ = 0;  ///< sum of the sizes in the headers
  std::uint64_t bytes_ = 0;      ///< unpacked bytes
  std::map<std::string, EntryType> seen_;
  std::map<std::string, std::string> folded_;  ///< lower-case path → path as written
};

}  // namespace bake::archive
