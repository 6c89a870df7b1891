#pragma once

#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::apply {

// Questions about the guest that applying a plan and verifying the image ask alike.

/// Returns the Hyper-V drivers that kernel `release` has as modules and that an image needs for its disk and network on
/// Azure. Built-in drivers are not in the list, because the initramfs does not need them. Throws Error{failed} when the
/// command in the guest fails.
std::vector<std::string> hyperv_modules(guest::Guest& guest, const std::string& release);

/// Returns true when `path` has an SELinux label. The kernel of the appliance has no SELinux, so the label is a plain
/// extended attribute.
bool is_labelled(guest::Guest& guest, const std::string& path);

}  // namespace bake::apply
