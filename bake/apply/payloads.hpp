#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// Returns the mount point in the guest of payload disk `number` (0: the bundle, then the extra packages and the kernel
/// bundles) while packages are installed. It is removed afterwards.
std::string payload_mount(std::size_t number);

/// Mounts the payload disks in its constructor. unmount() is not in the destructor: after a failure the image is
/// deleted anyway, and otherwise an error in it must be reported.
class Payloads {
 public:
  /// The bundle if there is one, and `more` other payloads.
  Payloads(bool bundle, std::size_t more, guest::Guest& guest);

  /// Unmounts them and removes their mount points.
  void unmount();

 private:
  std::vector<std::string> mounts_;
  guest::Guest& guest_;
};

}  // namespace bake::apply
