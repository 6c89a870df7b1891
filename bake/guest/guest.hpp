#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bake::guest {

/// What a script run inside the guest left behind. `output` is standard output and standard error, interleaved.
struct ShellResult {
  int status = 0;
  std::string output;

  [[nodiscard]] bool ok() const { return status == 0; }
};

enum class FileType { regular, directory, symlink, other };

struct FileStat {
  FileType type = FileType::other;
  unsigned mode = 0;  ///< permission bits only, 07777
  std::uint64_t size = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;

  friend bool operator==(const FileStat&, const FileStat&) = default;
};

/// An offline operating system that can be looked at, changed, and asked to run its own programs.
///
/// Paths are absolute inside the guest; the guest's symbolic links are resolved inside the guest and can never reach
/// the host. `MemoryGuest` is the fake for unit tests, `GuestfsGuest` the real one; tests/contract holds both to the
/// same behaviour. Every call throws Error{failed} naming the path when the guest cannot do what was asked.
class Guest {
 public:
  virtual ~Guest() = default;

  /// Follows symbolic links; a dangling link does not exist.
  virtual bool exists(const std::string& path) = 0;
  /// Does not follow a final symbolic link; empty when there is nothing.
  virtual std::optional<FileStat> stat(const std::string& path) = 0;
  /// The target text of a symbolic link, empty when `path` is none.
  virtual std::optional<std::string> read_link(const std::string& path) = 0;
  /// Names (not paths) in a directory, sorted, without "." and ".."; empty when it is not there.
  virtual std::vector<std::string> list(const std::string& directory) = 0;

  /// The content of a file, or empty when it is not there (or is a directory). At most `limit` bytes: a larger file
  /// throws, for guest files are hostile input.
  virtual std::optional<std::string> read(const std::string& path, std::size_t limit = std::size_t{64} << 20U) = 0;
  /// Replaces the file (through a final symbolic link, as the guest's own programs would), making missing parent
  /// directories with mode 0755. An existing file keeps its owner and mode; a new one gets `mode`, root:root.
  virtual void write(const std::string& path, std::string_view content, unsigned mode = 0644) = 0;
  /// Copies a host file in, as write() does.
  virtual void upload(const std::filesystem::path& from, const std::string& path, unsigned mode) = 0;
  virtual void make_directories(const std::string& path, unsigned mode = 0755) = 0;
  /// Makes `path` a symbolic link to `target`, replacing a link or file that is there.
  virtual void make_link(const std::string& target, const std::string& path) = 0;
  virtual void set_mode(const std::string& path, unsigned mode) = 0;
  /// Removes a file or link, or a directory with all it holds; nothing there is no error.
  virtual void remove(const std::string& path) = 0;

  /// Runs `script` with the guest's own /bin/sh, as root, in the guest's root, with /dev, /proc and /sys mounted and
  /// without a network. A script that fails is no exception: look at the status. Batch questions into one script: a
  /// call costs about 25 ms under emulation.
  virtual ShellResult shell(const std::string& script) = 0;

  /// Free bytes on the file system that holds `path`.
  virtual std::uint64_t free_bytes(const std::string& path) = 0;

  /// Mounts payload number `index` (0-based, in the order in which they were attached) read-only on `mount_point`, an
  /// empty directory that is made when missing; package managers install straight from there.
  virtual void mount_payload(std::size_t index, const std::string& mount_point) = 0;
  virtual void unmount_payload(const std::string& mount_point) = 0;
};

}  // namespace bake::guest
