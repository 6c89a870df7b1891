#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/disk/footer.hpp"

namespace bake {

/// A file that appears under its final name complete or not at all. Until publish() it is `<final>.partial`, beside the
/// final name; without publish() that goes away with this object. A lock on `<final>.partial.lock` keeps a second bake
/// away; it dies with the process, so that what a killed run left is simply replaced by the next. (The lock is not on
/// the partial file itself: NFS turns flock into the record lock that qemu asks for on its disks.)
class OutputFile {
 public:
  /// Claims `final_path`. Throws Error{usage} when it exists and `force` is not set, is a directory, has no parent
  /// directory, or is (with its side files) one of `inputs`; Error{environment} while another bake is writing it.
  OutputFile(std::filesystem::path final_path, bool force, const std::vector<std::filesystem::path>& inputs = {});
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Where to write: an empty file at first.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return partial_; }
  [[nodiscard]] const std::filesystem::path& final_path() const noexcept { return final_; }

  /// Turns the raw data written so far into a fixed VHD. Throws Error{bug} unless they are footer.current_size bytes.
  void append_footer(const VhdFooter& footer);

  /// Makes what was written durable: what can take minutes or fail is over before anything is replaced.
  void sync() const;

  /// Makes the file durable and gives it its final name. Throws Error{usage} when, without `force`, another file took
  /// that name meanwhile.
  void publish();

 private:
  std::filesystem::path final_;
  std::filesystem::path partial_;
  std::filesystem::path lock_file_;
  bool force_;
  FileDescriptor lock_;
};

/// Throws Error{usage} when something stands at `output` that may not be replaced: anything without `force`; with it a
/// device, a pipe or a directory.
void require_replaceable(const std::filesystem::path& output, bool force);

/// Throws Error{usage} unless the directory is there in which `output` is to be written, Error{failed} when nobody can
/// tell. For whoever writes a file that the user named, before the work. `doing` begins the message.
void require_parent_directory(const std::filesystem::path& output, std::string_view doing = "writing");

/// As require_parent_directory() and require_replaceable(): what OutputFile refuses, for whoever has work to do before
/// there can be one.
void require_free_name(const std::filesystem::path& output, bool force);

/// Throws Error{environment}, naming both numbers, unless the file system of `path` has `bytes` free. `what` says what
/// they are for: "the copy of 'base.vhd'".
void require_free_space(const std::filesystem::path& path, std::uint64_t bytes, std::string_view what);

}  // namespace bake
