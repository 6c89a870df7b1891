#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bake::guest {

/// One try to start the appliance.
struct LaunchAttempt {
  bool with_kvm = false;
  bool force_emulation = false;  ///< set backend setting force_tcg
  std::chrono::seconds limit{};  ///< of the virtual machine's boot
};

/// What a launch plan depends on.
struct LaunchEnvironment {
  std::optional<std::string> backend_settings = {};  ///< $LIBGUESTFS_BACKEND_SETTINGS
  std::optional<std::string> timeout = {};           ///< $BAKE_LAUNCH_TIMEOUT, seconds
  bool kvm_usable = false;                           ///< /dev/kvm can be opened
  bool kvm_failed_before = false;                    ///< in this process
};

/// The tries to make, in order: with KVM when it can be opened and the user forced nothing (120 s, or
/// $BAKE_LAUNCH_TIMEOUT), then by emulation (600 s, or $BAKE_LAUNCH_TIMEOUT when that is longer). Settings of the user
/// are one try, as they are. Throws Error{usage} when the time limit is no number from 1 to 86400.
std::vector<LaunchAttempt> plan_launch(const LaunchEnvironment& environment);

/// Reads the environment of this process.
LaunchEnvironment launch_environment(bool kvm_failed_before);

/// Child processes of this process whose command line holds `marker` as one argument.
std::vector<int> children_marked(const std::string& marker);

/// Kills the virtual machine (the child process marked with `marker`) once it has run longer than `limit`: a launch in
/// a hypervisor that hangs cannot be cancelled otherwise. The clock starts when the machine does, for the appliance may
/// have to be built first. Stops when destroyed.
class LaunchWatchdog {
 public:
  LaunchWatchdog(std::string marker, std::chrono::seconds limit);
  ~LaunchWatchdog();
  LaunchWatchdog(const LaunchWatchdog&) = delete;
  LaunchWatchdog& operator=(const LaunchWatchdog&) = delete;

  /// True when it had to kill.
  [[nodiscard]] bool fired() const { return fired_; }

 private:
  void watch();

  std::string marker_;
  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::atomic<bool> fired_ = false;
  std::thread thread_;
};

}  // namespace bake::guest
