#pragma once

#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

struct BootDefault {
  std::string release;  ///< empty when there is no kernel at all, or GRUB's default is none of this image; see `how`
  std::string how;      ///< what says so, for people
  std::string options;  ///< kernel command line of that entry, as far as the files tell
  std::vector<std::string> warnings = {};  ///< what else may boot: a pending one-time entry, a second menu
};

/// Which of `kernels` (oldest first) boots by default, by the boot loader's own files: GRUB's environment block,
/// grub.cfg or the entries of the Boot Loader Specification, then the links /vmlinuz and /boot/vmlinuz. When nothing
/// decides it is the newest kernel, and `how` says so. Rescue entries and an entry that is set for one boot are never
/// the answer. With a menu for BIOS and one for EFI it is the first of them, BIOS before EFI, that boots one of
/// `kernels`.
BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels);

}  // namespace bake::guest
