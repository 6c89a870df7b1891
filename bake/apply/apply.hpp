#pragma once

#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"

namespace bake::apply {

/// Where payload disk `number` (0: the bundle, then the extra packages) is mounted in the guest while packages are
/// installed; removed afterwards.
std::string payload_mount(std::size_t number);

/// Carries out `plan` in `guest`: packages in one transaction by the guest's own rpm or dpkg, modules, services, the
/// agent, holds, limits, ib-firstboot, `manifest` as /etc/bake-manifest.json, initramfs, clean-up and labels, in this
/// order. Does nothing the plan does not say. Throws Error{failed}
/// with the end of the output of the guest command that failed.
void apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, Progress& progress);

}  // namespace bake::apply
