#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

struct BootDefault {
  std::string release;  ///< empty only when there is no kernel at all
  std::string how;      ///< what says so, for people
  std::string options;  ///< kernel command line of that entry, as far as the files tell
};

/// Which of `kernels` (oldest first) boots next, by the boot loader's own files: GRUB's environment block, grub.cfg or
/// the entries of the Boot Loader Specification, then the links /vmlinuz and /boot/vmlinuz. When nothing decides it is
/// the newest kernel, and `how` says so. Rescue entries are never the answer.
BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels);

}  // namespace bake::guest
