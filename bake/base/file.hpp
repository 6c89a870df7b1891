#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bake {

/// An open file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// Returns who owns `object`, or the directory that it would be in, and which user this program runs as: the hint when
/// access is denied.
std::string ownership_hint(const std::filesystem::path& object);

/// Throws an error "<doing> '<object>': <meaning of errno `error`>": Error{environment} with a hint when the disk or
/// the quota is full or the file may not grow, Error{failed} otherwise.
[[noreturn]] void throw_errno(std::string_view doing, const std::filesystem::path& object, int error);

/// Opens `file` with open(2)'s `flags` (O_CLOEXEC added) and `mode`. Throws Error{failed}, or Error{usage} when an
/// input does not exist; the hint then names the missing directory or the closest file.
FileDescriptor open_file(const std::filesystem::path& file, int flags, unsigned mode = 0644);

/// Reads up to buffer.size() bytes; 0 at the end of the file. Throws Error{failed}, and Error{interrupted} after a
/// signal (every long loop calls this function); `name` is for the message.
std::size_t read_some(const FileDescriptor& fd, std::span<std::byte> buffer, const std::filesystem::path& name);

/// Writes all of `data`. Throws Error{failed}; a full disk is Error{environment}.
void write_all(const FileDescriptor& fd, std::span<const std::byte> data, const std::filesystem::path& name);

/// Fills `buffer` from byte `offset` on. Returns the number of bytes read, which is less than the size of `buffer` only
/// at the end of the file. Does not move the file's position. Throws like read_some.
std::size_t read_at(const FileDescriptor& fd, std::span<std::byte> buffer, std::uint64_t offset,
                    const std::filesystem::path& name);

/// Writes all of `data` from byte `offset` on. Throws like write_all.
void write_at(const FileDescriptor& fd, std::span<const std::byte> data, std::uint64_t offset,
              const std::filesystem::path& name);

/// Throws Error{usage} when `fd`, which is open for reading, is a directory; `file` is for the message.
void require_not_directory(const FileDescriptor& fd, const std::filesystem::path& file);

/// The whole content of a small file; at most `limit` bytes. Throws Error{failed} (or {usage} when the file does not
/// exist or is a directory).
std::string read_text(const std::filesystem::path& file, std::size_t limit = std::size_t{64} << 20U);

/// Replaces `file` with `content`: writes a temporary file in the same directory, syncs it, and renames it. A reader
/// sees the old file or the new one. Throws Error{usage} when `file` is a directory, device or pipe, otherwise like
/// write_all.
void write_text_atomically(const std::filesystem::path& file, std::string_view content, unsigned mode = 0644);

/// Returns the name of a file or directory, also of one that is written with a slash at its end ("bundle/", ".").
std::string name_of_path(const std::filesystem::path& path);

/// Returns the paths of the entries of a directory, sorted; nothing when the directory does not exist. Throws
/// Error{failed} when it cannot be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory);

/// The metadata of a file, as in git's index: while they are equal, the content is assumed to be unchanged. Without a
/// device number, because the nodes of a cluster see a shared file system under different numbers.
struct FileIdentity {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Returns the current identity of a file; empty when it does not exist.
std::optional<FileIdentity> identity_of(const std::filesystem::path& file);

/// fsync(2) of a file or directory, so that a rename survives a power cut.
void sync_path(const std::filesystem::path& path);

/// Returns the free bytes for an unprivileged user on the file system of `path` (or of its nearest existing parent).
std::uint64_t free_bytes_at(const std::filesystem::path& path);

/// A directory that the destructor removes with all its content. When the process is killed, the next
/// TemporaryDirectory with the same parent removes it: a lock on a file in it shows that its owner has ended.
class TemporaryDirectory {
 public:
  /// Makes a fresh directory below `parent` (default: $TMPDIR, else /var/tmp: the content is packages, which can be
  /// large), after the removal of those there whose process has ended.
  explicit TemporaryDirectory(const std::optional<std::filesystem::path>& parent = {});
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  /// Where the owner may write; empty at first.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Notes that `directory`, an absolute path elsewhere, belongs to this run too. The code that made it removes it;
  /// after a kill, it is removed together with this one.
  void note_also(const std::filesystem::path& directory) const;

 private:
  std::filesystem::path top_;  ///< has the lock and, in a separate directory, the content
  std::filesystem::path path_;
  FileDescriptor lock_;
};

}  // namespace bake
