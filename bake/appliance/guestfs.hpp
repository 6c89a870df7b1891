#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/file.hpp"
#include "bake/base/progress.hpp"
#include "bake/guest/disk_content.hpp"
#include "bake/guest/guest.hpp"

struct guestfs_h;

namespace bake::guest {

/// A disk for the appliance. The format is always given: a fixed VHD is raw data and a footer, and guessing the format
/// would let a hostile image choose it.
struct Drive {
  std::filesystem::path file;
  bool read_only = false;      ///< writes go to an overlay, which is deleted
  bool discard = false;        ///< make holes in the file where the guest trims
  std::string label;           ///< /dev/disk/guestfs/<label> in the appliance; letters only, or empty
  std::string format = "raw";  ///< "raw" or, for an overlay that bake made itself, "qcow2"
};

struct ApplianceOptions {
  std::vector<Drive> drives;  ///< /dev/sda, /dev/sdb, … in this order
  unsigned memory_mib = 1024;
  unsigned processors = 1;
};

struct Space {
  std::uint64_t size = 0;
  std::uint64_t free = 0;  ///< for programs without root rights
};

/// A running libguestfs appliance: its calls, typed, with errors as Error{failed} "<doing> '<path>' in the guest: …",
/// or Error{environment} when a full disk on this machine is the reason. Only guestfs.cpp uses libguestfs. Guest paths
/// are absolute and below what is mounted on "/".
class Appliance {
 public:
  /// Starts the appliance: with KVM when that works in time, otherwise with emulation and a warning to `progress`.
  /// Throws Error{environment} with the end of the log of libguestfs when it does not start.
  Appliance(const ApplianceOptions& options, Progress& progress);
  /// Ends the appliance at once, without unmounting: only shut_down() keeps the changes.
  ~Appliance();
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;

  /// Returns how many appliances this process has started (each attempt that ran counts). bake promises one per image.
  static int launches();

  /// Reads the content of the first drive with one command: guestfs_list_filesystems starts several programs for every
  /// partition.
  DiskContent disk_content();

  void mount(const std::string& device, const std::string& mount_point, const std::string& options);
  void mount_memory(const std::string& mount_point);
  void unmount(const std::string& mount_point);
  void unmount_all();
  /// Reports free blocks to the disk. Returns false when the file system does not support it.
  bool trim(const std::string& mount_point);
  Space space(const std::string& path);

  std::optional<FileStat> stat(const std::string& path, bool follow);
  /// Returns `path` with every link resolved inside the guest.
  std::string real_path(const std::string& path);
  std::string read_link(const std::string& path);
  std::vector<std::string> list(const std::string& directory);
  /// Returns `size` bytes of a regular file, or fewer when it ends before.
  std::string read(const std::string& path, std::uint64_t offset, std::uint64_t size);
  void write(const std::string& path, std::string_view content);
  void upload(const std::filesystem::path& from, const std::string& path);
  void make_directory(const std::string& path, unsigned mode);
  void remove_directory(const std::string& path);
  void set_mode(const std::string& path, unsigned mode);
  void remove_file(const std::string& path);
  /// `path` must not contain symbolic links: use real_path on its directory first.
  void remove_tree(const std::string& path);
  /// The same is true for `path` here.
  void make_link(const std::string& target, const std::string& path);

  /// Mounts /dev, /dev/pts, /proc and /sys in the guest, where its programs expect them; unmount_all() unmounts them.
  void mount_api_file_systems();
  /// Makes a failed write of metadata an error on the mounted XFS file systems. Otherwise XFS retries without end, and
  /// every operation that needs its log waits (Linux, Documentation/admin-guide/xfs.rst, "Error Handling").
  void give_up_failed_writes();
  /// Runs script_file (script.hpp) and returns its exit status. guestfs_sh could do this, but it mounts and unmounts
  /// the directories above around every call, which takes ten times as long as the script under emulation, and it does
  /// not return the output of a failed script.
  int run_script(std::chrono::seconds limit);
  /// Runs limited_command() (script.hpp), with the programs of the appliance, and returns its exit status.
  int run_tools(const std::string& command, std::chrono::seconds limit, std::string_view doing);
  /// Kills what scripts left running.
  void end_programs();

  /// Writes the data of the guest's file systems from memory to disk, then calls refuse_lost_writes().
  void write_back();
  /// Throws Error{environment} when this machine could not store all data that was written to a disk so far, because
  /// its file system is full. The guest continues with the data in its memory and may not notice.
  void refuse_lost_writes();

  /// Ends the appliance cleanly; throws when that fails, because data may be missing. Unmount first.
  void shut_down();

 private:
  /// Runs a shell command in the appliance, outside the guest, and returns its standard output.
  std::string run_in_appliance(const std::string& command, std::string_view doing, std::string_view object);
  void check(int result, std::string_view doing, std::string_view object);
  [[noreturn]] void fail(std::string_view doing, std::string_view object);

  std::filesystem::path temporary_place_;        ///< $LIBGUESTFS_TMPDIR, $TMPDIR or /tmp
  std::unique_ptr<TemporaryDirectory> scratch_;  ///< below it, for the temporary files of libguestfs
  guestfs_h* handle_ = nullptr;
  std::filesystem::path disk_;
  std::string log_;  ///< the end of what the appliance printed since its start
};

}  // namespace bake::guest
