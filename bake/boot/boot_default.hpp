#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

struct BootDefault {
  std::string release;  ///< empty when the image has no kernel, or when GRUB boots something else; see `how`
  std::string how;      ///< what says so, for people
  std::string options;  ///< kernel command line of that entry, as far as the files tell
  std::vector<std::string> warnings = {};      ///< what else may boot: a pending one-time entry, a second menu
  std::optional<SecondMenu> second_menu = {};  ///< the menu for the other VM generation, if it boots something else
};

/// Which of `kernels` (oldest first) boots by default. The script of grub.cfg is evaluated as GRUB does it, with its
/// environment block and the entries of the Boot Loader Specification; without a grub.cfg the links /vmlinuz and
/// /boot/vmlinuz decide. An entry that is set for one boot is never the answer. `release` stays empty for a rescue
/// entry, for a default that cannot be determined, and where nothing decides.
///
/// An image may have a menu for BIOS and one for EFI. `layout` tells which of them the VM's firmware reaches; the
/// others do not count. Where both count, the answer is the first of them, BIOS before EFI, that boots one of
/// `kernels`, and `second_menu` is the other one if it does not boot the same.
///
/// `layout` also tells which file system a UUID of the script means; without mounts in it, it may be any.
BootDefault find_boot_default(Guest& guest, const std::vector<Kernel>& kernels, const Layout& layout = {});

}  // namespace bake::guest
