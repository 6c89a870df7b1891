#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/disk/footer.hpp"

namespace bake {

/// Throws Error{usage} when the name ends like that of another disk format ("x.qcow2"): bake writes fixed VHDs.
void require_vhd_name(const std::filesystem::path& output);

/// A file that appears under its final name only when it is complete. Until publish() its name is `<final>.partial`;
/// without publish() the destructor removes it. A lock on `<final>.partial.lock` prevents a second bake from writing
/// the same output. The lock ends with the process, so that the next run replaces the files of a killed run. (The lock
/// is not on the partial file itself: NFS turns flock into the record lock that qemu takes on its disks.)
class OutputFile {
 public:
  /// Claims `final_path`. Throws Error{usage} when it exists and `force` is not set, is a directory, has no parent
  /// directory or one in which every user may replace files, or when it or one of its sidecar files is one of `inputs`;
  /// Error{environment} while another bake is writing it.
  OutputFile(std::filesystem::path final_path, bool force, const std::vector<std::filesystem::path>& inputs = {});
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// The open file, for writing: an empty file at first.
  [[nodiscard]] const FileDescriptor& file() const noexcept { return file_; }
  /// The name of that file, for a program that needs one. Throws Error{failed} when another file has that name.
  [[nodiscard]] const std::filesystem::path& path() const;
  [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_; }

  /// Turns the raw data written so far into a fixed VHD. Throws Error{bug} unless its size is footer.current_size
  /// bytes.
  void append_footer(const VhdFooter& footer);

  /// Syncs the file to disk: this can take minutes or fail, so it happens before anything is replaced.
  void sync() const;

  /// Syncs the file to disk and gives it its final name. Throws Error{usage} when, without `force`, another file has
  /// that name meanwhile.
  void publish();

 private:
  /// A locked file; it is removed when the lock ends, also when the constructor of OutputFile throws.
  class Lock {
   public:
    explicit Lock(std::filesystem::path file) : file_(std::move(file)) {}
    ~Lock() { release(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    /// Throws Error{environment} while another bake writes `output`, or if the file system has no locks.
    void take(const std::filesystem::path& output);
    void release() noexcept;
    [[nodiscard]] bool held() const noexcept { return held_.valid(); }

   private:
    std::filesystem::path file_;
    FileDescriptor held_;
  };

  std::filesystem::path final_;
  std::filesystem::path partial_;
  bool force_;
  Lock lock_;
  FileDescriptor file_;
};

/// Throws Error{usage} when `output` exists and may not be replaced: without `force` anything, with `force` a device, a
/// pipe or a directory.
void require_replaceable(const std::filesystem::path& output, bool force);

/// Throws Error{usage} when the directory for `output` does not exist, Error{failed} when this cannot be determined.
/// Call it before the work, for a file that the user named. `doing` begins the message.
void require_parent_directory(const std::filesystem::path& output, std::string_view doing = "writing");

/// Calls require_parent_directory() and require_replaceable(): the checks of OutputFile, for callers that have work to
/// do before they make one.
void require_free_name(const std::filesystem::path& output, bool force);

/// Throws Error{environment}, naming both numbers, unless the file system of `path` has `bytes` free. `what` names
/// their purpose: "the copy of 'base.vhd'".
void require_free_space(const std::filesystem::path& path, std::uint64_t bytes, std::string_view what);

}  // namespace bake
