#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/guest/disk_content.hpp"
#include "bake/guest/guest.hpp"

struct guestfs_h;

namespace bake::guest {

/// A disk for the appliance. Its format is always said: a fixed VHD is raw data and a footer, and guessing formats is
/// what a hostile image waits for.
struct Drive {
  std::filesystem::path file;
  bool read_only = false;      ///< writes go to an overlay that is thrown away
  bool discard = false;        ///< pass what the guest trims on to the file
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
  std::uint64_t free = 0;  ///< for programs that are not root
};

/// A running libguestfs appliance: its calls, typed, with errors as Error{failed} "<doing> '<path>' in the guest: …",
/// or Error{environment} when a full disk on this machine is behind it. The only room that knows libguestfs is
/// guestfs.cpp. Guest paths are absolute and below what is mounted on "/".
class Appliance {
 public:
  /// Starts it: with KVM when that works in time, else by emulation, which `progress` is told. Throws
  /// Error{environment} with the end of libguestfs' own log when it does not start.
  Appliance(const ApplianceOptions& options, Progress& progress);
  /// Ends it at once, without unmounting: what was not committed by shut_down() is nothing to keep.
  ~Appliance();
  Appliance(const Appliance&) = delete;
  Appliance& operator=(const Appliance&) = delete;

  /// How many appliances this process has started (each try counts once it ran): one per image is a promise.
  static int launches();

  /// What is on the first drive, asked in one go: guestfs_list_filesystems starts several programs for every partition.
  DiskContent disk_content();

  void mount(const std::string& device, const std::string& mount_point, const std::string& options);
  void mount_memory(const std::string& mount_point);
  void unmount(const std::string& mount_point);
  void unmount_all();
  /// Tells the disk which blocks are free. False when the file system cannot.
  bool trim(const std::string& mount_point);
  Space space(const std::string& path);

  std::optional<FileStat> stat(const std::string& path, bool follow);
  /// `path` with every link resolved inside the guest.
  std::string real_path(const std::string& path);
  std::string read_link(const std::string& path);
  std::vector<std::string> list(const std::string& directory);
  /// The content of a regular file of `size` bytes.
  std::string read(const std::string& path, std::uint64_t size);
  void write(const std::string& path, std::string_view content);
  void upload(const std::filesystem::path& from, const std::string& path);
  void make_directory(const std::string& path, unsigned mode);
  void remove_directory(const std::string& path);
  void set_mode(const std::string& path, unsigned mode);
  void remove_file(const std::string& path);
  /// `path` must not lead through symbolic links: use real_path on its directory first.
  void remove_tree(const std::string& path);
  /// The same holds for `path` here.
  void make_link(const std::string& target, const std::string& path);

  /// Mounts /dev, /dev/pts, /proc and /sys where programs of the guest expect them; unmount_all() takes them away.
  void mount_api_file_systems();
  /// For the XFS file systems that are mounted: a write of metadata that fails is an error. XFS tries for ever
  /// otherwise, and what needs its log waits as long (Linux, Documentation/admin-guide/xfs.rst, "Error Handling").
  void give_up_failed_writes();
  /// Runs script_file (script.hpp) and gives its exit status. guestfs_sh would do, but it mounts and unmounts the above
  /// around every call, which costs ten times as much as the script under emulation, and gives no output of failures.
  int run_script(std::chrono::seconds limit);
  /// Kills what scripts left running.
  void end_programs();

  /// Writes out what the guest's file systems hold in memory, and then refuse_lost_writes().
  void write_back();
  /// Throws Error{environment} when this machine did not take something that was written to a disk so far: its file
  /// system is full. The guest goes on with what it has in memory and need not notice.
  void refuse_lost_writes();

  /// Ends the appliance in good order; throws when that fails, for then data may be missing. Unmount before.
  void shut_down();

 private:
  /// Runs a shell command in the appliance, outside the guest, and gives its standard output.
  std::string run_in_appliance(const std::string& command, std::string_view doing, std::string_view object);
  void check(int result, std::string_view doing, std::string_view object);
  [[noreturn]] void fail(std::string_view doing, std::string_view object);

  guestfs_h* handle_ = nullptr;
  std::filesystem::path disk_;
};

}  // namespace bake::guest
