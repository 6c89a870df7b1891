#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bake::guest {

/// Returns the value of GRUB_DEFAULT that names the entry of kernel `release` in a grub.cfg of grub-mkconfig, also
/// after other kernels have come into the menu: "gnulinux-advanced-UUID>gnulinux-RELEASE-advanced-UUID" (grub2,
/// util/grub.d/10_linux.in; the manual, "default"). Never a recovery entry, and not the entry at the top, whose id
/// names no kernel. Empty if there is no such entry.
std::optional<std::string> menu_entry_id(std::string_view grub_cfg, std::string_view release);

}  // namespace bake::guest
