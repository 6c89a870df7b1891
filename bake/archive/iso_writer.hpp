#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "bake/base/file.hpp"

namespace bake::archive {

/// The position of a file's bytes in an image.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Writes an ISO 9660 image with Rock Ridge names, symlinks and modes (ECMA-119; IEEE P1281 and P1282, drafts 1.10 of
/// SUSP and RRIP), volume "BAKE_PAYLOAD", in one pass: file data first, then the directories, the volume descriptor
/// last. Deterministic: the same calls produce the same bytes; the owner is root, every date is 1970-01-01.
///
/// bake has its own writer because the writer of libarchive 3.6 copies all data to $TMPDIR first, writes the time and
/// the time zone into the image, keeps 3 KiB of memory per entry and crashes on trees deeper than eight directories.
///
/// Paths are relative to the root without "." or ".."; missing parents are created. The caller has checked the paths
/// (entry_policy.hpp). Every method throws Error{failed}, or {environment} when the disk is full.
class IsoWriter {
 public:
  explicit IsoWriter(std::filesystem::path file);

  void add_directory(const std::string& path);
  void add_symlink(const std::string& path, const std::string& target);
  /// Adds a second name for the content of a file that exists already.
  void add_link(const std::string& path, const std::string& existing);
  /// Begins a file; its content follows through write() until the next add_… or finish().
  void add_file(const std::string& path, bool executable);
  void write(std::span<const std::byte> data);
  /// Completes the image and syncs it to disk. Without this call the file is not usable.
  void finish();

  /// Returns path → position of the bytes for every regular file; a file with two names is in the map twice.
  [[nodiscard]] std::map<std::string, Extent> files() const;

 private:
  struct Item {
    enum class Kind { directory, file, symlink };
    Kind kind = Kind::directory;
    Extent extent = {};
    bool executable = false;
    std::string target = {};
  };
  class Tree;

  Item& put(const std::string& path, Item item);
  void append(std::string_view bytes);
  void end_file();

  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t at_ = 0;     ///< bytes written so far
  Item* current_ = nullptr;  ///< the file being written
  std::map<std::string, Item> items_;
};

}  // namespace bake::archive
