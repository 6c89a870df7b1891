#pragma once

#include <string>
#include <vector>

#include "bake/guest/guest.hpp"

namespace bake::apply {

/// Those Hyper-V drivers that an image needs to find its disk and network on Azure and that kernel `release` has as
/// modules; built-in ones need no place in an initramfs. Throws Error{failed} when the guest cannot be asked.
std::vector<std::string> hyperv_modules(guest::Guest& guest, const std::string& release);

}  // namespace bake::apply
