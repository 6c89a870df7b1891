#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bake::guest {

/// One attempt to start the appliance.
struct LaunchAttempt {
  bool with_kvm = false;
  bool force_emulation = false;  ///< set backend setting force_tcg
  std::chrono::seconds limit{};  ///< of the virtual machine's boot
};

/// The input of a launch plan.
struct LaunchEnvironment {
  std::optional<std::string> backend_settings = {};  ///< $LIBGUESTFS_BACKEND_SETTINGS
  std::optional<std::string> timeout = {};           ///< $BAKE_LAUNCH_TIMEOUT, seconds
  bool kvm_usable = false;                           ///< /dev/kvm can be opened
  bool kvm_failed_before = false;                    ///< in this process
};

/// Returns the attempts in order: with KVM when it can be opened and the user has no settings (120 s, or
/// $BAKE_LAUNCH_TIMEOUT), then with emulation (600 s, or $BAKE_LAUNCH_TIMEOUT when that is longer). With settings of
/// the user there is one attempt, with these settings. Throws Error{usage} when the time limit is not a number from 1
/// to 86400.
std::vector<LaunchAttempt> plan_launch(const LaunchEnvironment& environment);

/// Reads the environment of this process.
LaunchEnvironment launch_environment(bool kvm_failed_before);

/// Returns the child processes of this process that have `marker` as an argument.
std::vector<int> children_marked(const std::string& marker);

/// Returns the directory of libguestfs's sockets from the arguments of qemu, one of which is
/// "socket,path=/tmp/libguestfsJ2k3xV/guestfsd.sock,id=channel0" (a comma in the path is doubled); empty when there is
/// none. libguestfs makes it in /tmp or $XDG_RUNTIME_DIR and has no setting for another place (lib/tmpdirs.c,
/// guestfs_impl_get_sockdir).
std::optional<std::filesystem::path> socket_directory_of(const std::vector<std::string>& arguments);

/// Kills the virtual machine (the child process with the argument `marker`) when it runs longer than `limit`: there is
/// no other way to cancel a launch in a hypervisor that hangs. The time starts with the machine, because libguestfs may
/// have to build the appliance first. The destructor ends the watch.
class LaunchWatchdog {
 public:
  /// Called once, with the arguments of the virtual machine's program, soon after its start.
  using OnStart = std::function<void(const std::vector<std::string>& arguments)>;

  LaunchWatchdog(std::string marker, std::chrono::seconds limit, OnStart on_start = {});
  ~LaunchWatchdog();
  LaunchWatchdog(const LaunchWatchdog&) = delete;
  LaunchWatchdog& operator=(const LaunchWatchdog&) = delete;

  /// True when it has killed the machine.
  [[nodiscard]] bool fired() const { return fired_; }

 private:
  void watch();

  std::string marker_;
  std::chrono::seconds limit_;
  OnStart on_start_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::atomic<bool> fired_ = false;
  std::thread thread_;
};

}  // namespace bake::guest
