#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace bake::cli {

/// Whether KVM works on this machine.
struct KvmProbe {
  enum class State {
    works,          ///< a guest ran and ended
    missing,        ///< the device does not exist
    no_permission,  ///< this user may not open the device
    fails,          ///< the device does not open, or qemu refuses to use it; `reason` says why
    hangs,          ///< a guest did not end within the limit
    not_tried,      ///< the device opens, but no guest was started; `reason` says why
  };
  State state = State::not_tried;
  std::string reason = {};
};

/// Returns the path of qemu for x86-64. RHEL's package has the program outside of PATH.
std::optional<std::string> find_qemu();

/// Runs a guest of 8 bytes under KVM with find_qemu(), and ends it with its children
/// after `limit`. It is not enough to open the device: in some VMs it opens, and the first guest hangs. Throws
/// Error{interrupted} after a signal.
KvmProbe probe_kvm(const std::filesystem::path& device, std::chrono::milliseconds limit);

}  // namespace bake::cli
