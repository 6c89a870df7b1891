#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/appliance/time_limit.hpp"
#include "bake/base/progress.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

class Appliance;
struct ApplianceOptions;

struct GuestfsOptions {
  std::filesystem::path disk;                   ///< the data of a VHD without its footer, or an overlay over that
  std::filesystem::path known_as = {};          ///< its name in messages; empty: `disk`
  std::string format = "raw";                   ///< "raw", or "qcow2" for an overlay
  bool read_only = false;                       ///< changes of scripts go to an overlay, which is deleted
  std::vector<std::filesystem::path> payloads;  ///< raw images of file systems, for mount_payload()
  bool discard = true;                          ///< make holes in the file where finish() trims
  unsigned memory_mib = 1024;
  unsigned processors = 1;
  /// How long one script may run. Without a limit, a maintainer script that waits for something would block the job for
  /// ever; a DKMS build under emulation takes up to a few hours.
  std::chrono::seconds script_limit = std::chrono::hours(6);
  /// How long this object may be used, scripts and calls together; nothing: without an end.
  std::optional<std::chrono::seconds> time_limit = {};
};

/// Returns the options of the appliance for `options`: the disk first, then the payloads.
ApplianceOptions appliance_options(const GuestfsOptions& options);

/// The operating system on a disk, accessed through the libguestfs appliance. One appliance launch per object.
class GuestfsGuest final : public Guest {
 public:
  /// Starts the appliance, finds the one operating system on the disk and mounts its file systems by its own fstab.
  /// Throws Error{environment} when the appliance does not start; Error{failed} when the disk has no operating system,
  /// two of them, or an encrypted one.
  GuestfsGuest(const GuestfsOptions& options, Progress& progress);
  /// Does the same on a running appliance, which has the drives of `options`.
  GuestfsGuest(std::unique_ptr<Appliance> appliance, const GuestfsOptions& options, Progress& progress);
  /// Ends the appliance without a commit: only finish() commits.
  ~GuestfsGuest() override;
  GuestfsGuest(const GuestfsGuest&) = delete;
  GuestfsGuest& operator=(const GuestfsGuest&) = delete;

  [[nodiscard]] const Layout& layout() const { return layout_; }

  /// Writes the data of the guest's file systems from memory to disk. Throws Error{environment} when this machine could
  /// not store all of it: the guest may then show data that is not on the disk.
  void write_back();

  /// Commits: ends programs that scripts left running, unmounts bake's own mounts, trims (unless read-only), unmounts
  /// the file systems, and shuts the appliance down. Throws Error{failed} when one of these steps fails, and
  /// Error{environment} when this machine's disk was full: do not use the disk then. No call works afterwards.
  void finish();

  /// Sets how long scripts may run from now on; see GuestfsOptions.
  void set_script_limit(std::chrono::seconds limit) { limit_.set_each(limit); }

  /// Returns how many appliances this process has started.
  static int launches();

  bool exists(const std::string& path) override;
  std::optional<FileStat> stat(const std::string& path) override;
  std::optional<FileStat> target_stat(const std::string& path) override;
  std::optional<std::string> read_link(const std::string& path) override;
  std::vector<std::string> list(const std::string& directory) override;
  std::optional<std::string> read(const std::string& path, std::size_t limit = text_limit) override;
  void write(const std::string& path, std::string_view content, unsigned mode = 0644) override;
  void upload(const std::filesystem::path& from, const std::string& path, unsigned mode) override;
  void make_directories(const std::string& path, unsigned mode = 0755) override;
  void make_link(const std::string& target, const std::string& path) override;
  void set_mode(const std::string& path, unsigned mode) override;
  void remove(const std::string& path) override;
  ShellResult shell(const std::string& script) override;
  std::map<std::string, std::string> fingerprints(const std::vector<std::string>& files,
                                                  const std::vector<std::string>& trees) override;
  PrivilegedFiles privileged_files() override;
  std::string tree_digest() override;
  std::optional<std::vector<std::string>> files_without_label() override;
  std::uint64_t free_bytes(const std::string& path) override;
  void mount_payload(std::size_t index, const std::string& mount_point) override;
  void unmount_payload(const std::string& mount_point) override;

 private:
  /// Throws when the object is finished, and when its time is over.
  Appliance& appliance();
  void mount_system(const std::filesystem::path& disk);
  /// Creates the parent directories and returns whether the file is new.
  bool prepare_file(const std::string& path);
  /// `path` with its directory's links resolved, so that programs of the appliance do not follow them.
  std::string pinned(const std::string& path);
  void prepare_scripts();
  /// Runs `command` with the programs of the appliance, after the end of all programs of the guest.
  void run_tools(const std::string& command, const std::string& doing);

  Progress& progress_;
  std::unique_ptr<Appliance> appliance_;
  Layout layout_;
  std::size_t payload_count_ = 0;
  bool read_only_ = false;
  TimeLimit limit_;
  bool made_run_ = false;                 ///< the guest had no directory /run
  std::map<std::string, bool> payloads_;  ///< mount point → mount_payload created it
};

}  // namespace bake::guest
