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

/// One member of an archive, as the archive describes it. It is untrusted until entry_policy.hpp has checked it.
struct ArchiveEntry {
  std::string path;
  EntryType type = EntryType::file;
  std::string target = {};   ///< of a symlink or hard link
  std::uint64_t size = 0;    ///< of a file
  unsigned mode = 0644;      ///< permission bits, with set-user-ID and set-group-ID
  std::string special = {};  ///< kind of a special entry: "block device", "fifo", …
};

/// Fills the buffer with the next bytes of a stream and returns their number; 0 at the end.
using ByteSource = std::function<std::size_t(std::span<std::byte>)>;

/// Returns a source of the bytes of `text`, which must outlive it.
ByteSource source_of(std::string_view text);

/// The format that an ArchiveReader accepts. It rejects every other format, so that the name of a file does not decide.
enum class ArchiveKind {
  bundle,           ///< a tar archive with any compression, or an ISO 9660 image
  tar,              ///< a tar archive with any compression
  cpio,             ///< a cpio archive with any compression: the payload of an .rpm
  ar,               ///< the members of a .deb
  compressed_file,  ///< one compressed (or plain) file: modules.ko.xz, primary.xml.gz
};

/// Reads an archive as a stream: entry after entry, each with its data, extracts nothing, and needs memory independent
/// of the archive's size. Throws Error{untrusted} for damaged or truncated input and, for a bundle, Error{config} when
/// it is not an archive.
class ArchiveReader {
 public:
  /// Messages name the stream `name`. Throws Error{untrusted} from every call when the stream unpacks to more than
  /// `max_unpacked` bytes by more than one block of input: also for bytes that belong to no entry.
  ArchiveReader(ByteSource source, ArchiveKind kind, std::string name, std::uint64_t max_unpacked = UINT64_MAX);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  /// Returns the next entry, or nothing at the end. Skips the unread data of the previous entry.
  std::optional<ArchiveEntry> next();
  /// Reads data of the current entry and returns the number of bytes; 0 at its end.
  std::size_t read(std::span<std::byte> buffer);
  /// Returns the rest of the current entry's data. Throws Error{untrusted} when it is more than `limit` bytes.
  std::string read_all(std::size_t limit);
  /// True when the archive is an ISO image, whose root directory has no name. Known after the first next().
  [[nodiscard]] bool is_iso() const;
  [[nodiscard]] bool is_compressed() const;
  /// Compressed bytes taken from the source so far.
  [[nodiscard]] std::uint64_t bytes_in() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Returns `bytes` unpacked when `name` ends in .gz, .xz, .bz2 or .zst, otherwise unchanged. Throws Error{untrusted}
/// when they are damaged or unpack to more than `limit` bytes.
std::string unpack(std::string bytes, const std::string& name, std::size_t limit);

/// Writes a tar archive (pax) compressed with zstd as a stream, entry after entry, with memory independent of the
/// content. Every entry is a file owned by root with mode 0644 and the same time. The same calls produce the same bytes
/// (one thread, level 3).
class TarWriter {
 public:
  /// Replaces `file`; `time` in seconds since 1970.
  TarWriter(std::filesystem::path file, std::int64_t time);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Begins a file of exactly `size` bytes; they follow through write(). Throws Error{failed}, or {bug} when the
  /// previous file is not complete.
  void add_file(const std::string& path, std::uint64_t size);
  void write(std::span<const std::byte> data);
  /// Completes the archive. Without this call the file is not usable.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class Compression { none, gzip, zstd };

/// Writes one compressed stream to an open file, from its current position on. The same data gives the same bytes.
class CompressedWriter {
 public:
  /// `fd` must stay open; messages name `file`.
  CompressedWriter(int fd, std::filesystem::path file, Compression compression);
  ~CompressedWriter();
  CompressedWriter(const CompressedWriter&) = delete;
  CompressedWriter& operator=(const CompressedWriter&) = delete;

  void write(std::string_view data);
  /// Completes the stream. Without this call it is not usable.
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

/// Replaces `file` with a zip archive of `files`, in the given order; the same files produce the same bytes.
void write_zip(const std::filesystem::path& file, const std::vector<ZipFile>& files);

}  // namespace bake::archive
