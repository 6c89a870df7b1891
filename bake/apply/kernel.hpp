#pragma once

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/kernel.hpp"

namespace bake::apply {

/// Makes another kernel the default of the guest: installs its packages next to those of the other kernels, builds its
/// initramfs, and sets the lasting default of GRUB. The kernel that was the default stays in the menu as it was. The
/// caller inspects the guest again, and so sees whether GRUB boots the kernel. Throws Error{failed} with the end of the
/// output of the guest command that failed.
void change_kernel(const plan::KernelPlan& plan, guest::Guest& guest, Progress& progress);

}  // namespace bake::apply
