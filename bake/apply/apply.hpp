#pragma once

#include <map>
#include <string>

#include "bake/base/progress.hpp"
#include "bake/guest/guest.hpp"
#include "bake/plan/plan.hpp"
#include "bake/signature/module_signature.hpp"

namespace bake::apply {

/// What the plan left open.
struct Applied {
  bool built_initramfs = false;  ///< the guest's tool built an initramfs, perhaps because bake could not edit it
  std::string build_log = {};    ///< of the modules that were compiled in the guest; text of the guest, or empty
  std::map<std::string, plan::SignedModule> signed_modules = {};  ///< path → what was done
};

/// Carries out `plan` in `guest`: packages in one transaction by the guest's own rpm or dpkg, modules, services, the
/// agent, holds, limits, ib-firstboot, `manifest` as /etc/bake-manifest.json, signatures of modules, initramfs,
/// clean-up and labels, in this order. `signer` is needed if the plan signs modules. Does nothing that is not in the
/// plan. Throws Error{failed} with the end of the output of the guest command that failed.
Applied apply(const plan::Plan& plan, guest::Guest& guest, const std::string& manifest, Progress& progress,
              const signature::ModuleSigner* signer = nullptr);

/// Returns the names of the steps that apply() reports for `plan`, in order.
std::vector<std::string> steps_of(const plan::Plan& plan);

}  // namespace bake::apply
