#pragma once

#include <string>
#include <vector>

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"

namespace bake::apply {

/// Where the payload disks are mounted in the guest while packages are installed; removed afterwards.
inline constexpr const char* payload_mounts[] = {"/.bake-bundle", "/.bake-extra"};

/// Carries out `plan` in `guest`: packages in one transaction by the guest's own rpm or dpkg, modules, services, the
/// agent, holds, limits, ib-firstboot, `manifest` as /etc/bake-manifest.json, initramfs, clean-up and labels, in this
/// order. `extra_payload`: a second payload disk is attached. Does nothing the plan does not say. Throws Error{failed}
/// with the end of the output of the guest command that failed.
void apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, bool extra_payload,
           Progress& progress);

/// sha256 of the ib-firstboot that this bake carries.
std::string firstboot_digest();

}  // namespace bake::apply
