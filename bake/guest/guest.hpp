#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"

namespace bake::guest {

/// The result of a script in the guest. `output` is standard output and standard error, interleaved.
struct ShellResult {
  int status = 0;
  std::string output;
  bool truncated = false;  ///< `output` is only the end of what a failed script printed

  [[nodiscard]] bool ok() const { return status == 0; }
};

/// The guest's /bin/sh does not start, for example because it is for another processor.
class ShellNotStarted : public Error {
 public:
  using Error::Error;
};

enum class FileType { regular, directory, symlink, other };

struct FileStat {
  FileType type = FileType::other;
  unsigned mode = 0;  ///< permission bits only, 07777
  std::uint64_t size = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t links = 1;  ///< names of the file; 1 for a directory

  friend bool operator==(const FileStat&, const FileStat&) = default;
};

/// The largest text file that bake reads of a guest, if the caller names no other limit. The largest real one is
/// modules.dep, with 1 MiB.
inline constexpr std::size_t text_limit = std::size_t{4} << 20U;

/// Files of this size and larger are not hashed: a sparse file may claim terabytes.
inline constexpr std::uint64_t fingerprint_limit = std::uint64_t{1} << 30U;

/// The maximum of Guest::files_without_label(); one more says that there are others.
inline constexpr std::size_t without_label_limit = 10'000;

/// The files that give rights to any user who runs them: path → state, as fingerprints() returns it.
struct PrivilegedFiles {
  std::map<std::string, std::string> setuid;  ///< setuid and setgid files
  /// Executable files with capabilities; the value of security.capability follows the state. Nothing: they cannot be
  /// read.
  std::optional<std::map<std::string, std::string>> capabilities;
};

/// An offline operating system: bake can read it, change it, and run its programs.
///
/// Paths are absolute inside the guest; the guest's symbolic links are resolved inside the guest and can never lead to
/// the host. `MemoryGuest` is the fake for unit tests, `GuestfsGuest` the real one; tests/contract checks that both
/// behave the same. Every call throws Error{failed} with the path when it fails in the guest.
class Guest {
 public:
  virtual ~Guest() = default;

  /// Follows symbolic links; false for a dangling link.
  virtual bool exists(const std::string& path) = 0;
  /// Does not follow a final symbolic link; empty when `path` does not exist.
  virtual std::optional<FileStat> stat(const std::string& path) = 0;
  /// Does the same for the file that read() reads: follows a final symbolic link.
  virtual std::optional<FileStat> target_stat(const std::string& path) = 0;
  /// Returns the target of a symbolic link; empty when `path` is not a link.
  virtual std::optional<std::string> read_link(const std::string& path) = 0;
  /// Returns the names (not paths) in a directory, sorted, without "." and ".."; empty when it does not exist.
  virtual std::vector<std::string> list(const std::string& directory) = 0;

  /// Returns the content of a file; empty when it does not exist or is a directory. Throws for a file larger than
  /// `limit` bytes, because guest files are hostile input.
  virtual std::optional<std::string> read(const std::string& path, std::size_t limit = text_limit) = 0;
  /// Replaces the file (through a final symbolic link, like the guest's own programs) and creates missing parent
  /// directories with mode 0755. An existing file keeps its owner and mode; a new one gets `mode`, root:root.
  virtual void write(const std::string& path, std::string_view content, unsigned mode = 0644) = 0;
  /// Copies a host file into the guest, like write().
  virtual void upload(const std::filesystem::path& from, const std::string& path, unsigned mode) = 0;
  virtual void make_directories(const std::string& path, unsigned mode = 0755) = 0;
  /// Makes `path` a symbolic link to `target`, and replaces an existing link or file.
  virtual void make_link(const std::string& target, const std::string& path) = 0;
  virtual void set_mode(const std::string& path, unsigned mode) = 0;
  /// Removes a file or link, or a directory with all its content. Does nothing when `path` does not exist.
  virtual void remove(const std::string& path) = 0;

  /// Runs `script` with the guest's own /bin/sh, as root, in the guest's root, with /dev, /proc and /sys mounted and
  /// without a network. Does not throw when the script fails: check the status. Throws ShellNotStarted, and
  /// Error{failed} when the script does not end within its time limit or prints without an end. Put several questions
  /// into one script, because a call takes about 25 ms under emulation.
  virtual ShellResult shell(const std::string& script) = 0;

  // Programs outside the guest compute what the next functions return, after every program of the guest has ended, so
  // that the guest cannot falsify it. They have the time limit of a script.

  /// Returns path → state of every file of `files` and of every file below `trees`: "0644 0:0 SHA256" for a regular
  /// file (mode, owner and group, digest), "0644 0:0 1073741824 bytes" for one that is not hashed (fingerprint_limit),
  /// "link TARGET" for a symbolic link, "other" for a device, socket or pipe. Leaves out missing files, directories,
  /// files below a symbolic link (name their real path), and files below /proc, /sys, /dev and /run. Does not leave the
  /// file system of a tree.
  virtual std::map<std::string, std::string> fingerprints(const std::vector<std::string>& files,
                                                          const std::vector<std::string>& trees) = 0;

  /// Looks at every mounted file system. Leaves out files below /proc, /sys, /dev and /run.
  virtual PrivilegedFiles privileged_files() = 0;
  /// Returns one sha256 over the path, type, mode and owner of every file and directory of the mounted file systems,
  /// over the size of regular files and the targets of links. Leaves out the same files as privileged_files().
  virtual std::string tree_digest() = 0;
  /// Returns the path of every file, directory and link without an SELinux label, sorted, at most without_label_limit
  /// and one more. The types unlabeled_t and file_t count as none, because the policy gives them to files without a
  /// label. Leaves out file systems that cannot store labels, and the same files as privileged_files(). Nothing: labels
  /// cannot be read.
  virtual std::optional<std::vector<std::string>> files_without_label() = 0;

  /// Returns the free bytes on the file system of `path`.
  virtual std::uint64_t free_bytes(const std::string& path) = 0;

  /// Mounts payload number `index` (0-based, in the order of attachment) read-only on `mount_point`, an empty directory
  /// that is created when missing. Package managers install from this directory.
  virtual void mount_payload(std::size_t index, const std::string& mount_point) = 0;
  virtual void unmount_payload(const std::string& mount_point) = 0;
};

}  // namespace bake::guest
