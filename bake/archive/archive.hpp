#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bake::archive {

enum class EntryType { file, directory, symlink, hardlink, special };

/// One member of an archive, as the archive describes it: nothing about it is to be believed yet (entry_policy.hpp).
struct ArchiveEntry {
  std::string path;
  EntryType type = EntryType::file;
  std::string target = {};   ///< of a symlink or hard link
  std::uint64_t size = 0;    ///< of a file
  unsigned mode = 0644;      ///< permission bits, with set-user-ID and set-group-ID
  std::string special = {};  ///< of a special entry, what it is: "block device", "fifo", …
};

/// Fills the buffer with the next bytes of a stream and gives their number; 0 at the end.
using ByteSource = std::function<std::size_t(std::span<std::byte>)>;

/// A source that gives the bytes of `text`, which must outlive it.
ByteSource source_of(std::string_view text);

/// What an ArchiveReader takes a stream for. Anything else is refused, so that a file name proves nothing.
enum class ArchiveKind {
  bundle,           ///< a tar archive under any compression, or an ISO 9660 image
  tar,              ///< a tar archive under any compression
  cpio,             ///< a cpio archive under any compression: the payload of an .rpm
  ar,               ///< the members of a .deb
  compressed_file,  ///< one compressed (or plain) file: modules.ko.xz, primary.xml.gz
};

/// Reads an archive as a stream: entry after entry, each with its data, nothing extracted, memory independent of the
/// archive's size. Throws Error{untrusted} for damaged or truncated input and, for a bundle, Error{config} when it is
/// no archive at all.
class ArchiveReader {
 public:
  /// `name` stands in messages.
  ArchiveReader(ByteSource source, ArchiveKind kind, std::string name);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  /// The next entry, or nothing at the end. What was not read of the previous entry's data is skipped.
  std::optional<ArchiveEntry> next();
  /// Data of the current entry; 0 at its end.
  std::size_t read(std::span<std::byte> buffer);
  /// All that is left of the current entry's data. Throws Error{untrusted} when that is more than `limit` bytes.
  std::string read_all(std::size_t limit);
  /// True when the archive is an ISO image, whose root has no name of its own. Known after the first next().
  [[nodiscard]] bool is_iso() const;
  [[nodiscard]] bool is_compressed() const;
  /// Compressed bytes taken from the source so far.
  [[nodiscard]] std::uint64_t bytes_in() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `bytes` unpacked when `name` ends as compressed files do (.gz, .xz, .bz2, .zst), else as they are. Throws
/// Error{untrusted} when they are damaged or unpack to more than `limit` bytes.
std::string unpack(std::string bytes, const std::string& name, std::size_t limit);

/// Writes a tar archive (pax) under zstd, entry after entry, as a stream: memory independent of what goes in. Every
/// entry is a file of root's with mode 0644 and one time; the same calls give the same bytes (one thread, level 3).
class TarWriter {
 public:
  /// Replaces `file`; `time` in seconds since 1970.
  TarWriter(std::filesystem::path file, std::int64_t time);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Begins a file of exactly `size` bytes; they follow through write(). Throws Error{failed}, or {bug} when the file
  /// before is not complete.
  void add_file(const std::string& path, std::uint64_t size);
  void write(std::span<const std::byte> data);
  /// Completes the archive. Without this the file is worthless.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One file of a zip archive.
struct ZipFile {
  std::string name;
  std::string content;
  unsigned mode = 0644;
};

/// Replaces `file` with a zip archive of `files`, in the order given; the same files give the same bytes.
void write_zip(const std::filesystem::path& file, const std::vector<ZipFile>& files);

}  // namespace bake::archive
