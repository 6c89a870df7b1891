#pragma once

#include <string>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// Makes kernel `release` the default of a GRUB that reads entries of the Boot Loader Specification (EL8 and later).
/// For a kernel that was `installed` just now, writes what kernel-install would write on a running system: its files in
/// /boot, and an entry that is a copy of the entry of `previous`, with its command line (rhboot/grubby,
/// grubby-bls, --copy-default). kernel-install itself would take the command line of the appliance. Throws
/// Error{failed} if `previous` or, for an installed kernel, `release` has no entry.
void set_default_entry(const std::string& release, const std::string& previous, bool installed, guest::Guest& guest);

}  // namespace bake::apply
