#pragma once

#include <string>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// The default entry of a GRUB that reads entries of the Boot Loader Specification (EL8 and later).
struct DefaultEntry {
  std::string release;     ///< the kernel that becomes the default
  std::string previous;    ///< the kernel whose entry is copied
  bool installed = false;  ///< `release` was installed just now and has no entry
  bool bios = false;       ///< VMs may start from the disk with BIOS
};

/// Makes a kernel the default in the environment blocks of all menus of GRUB. For a kernel that was installed just now,
/// writes what kernel-install would write on a running system: its files in /boot, and an entry that is a copy of the
/// entry of `previous`, with its command line (rhboot/grubby, grubby-bls, --copy-default). kernel-install itself would
/// take the command line of the appliance. With `bios`, an environment block that is a link to the EFI system partition
/// becomes a file, because GRUB does not follow the link. Throws Error{incompatible} if the kernel whose entry is
/// needed has none.
void set_default_entry(const DefaultEntry& entry, guest::Guest& guest);

}  // namespace bake::apply
