#pragma once

#include <string>
#include <vector>

#include "bake/plan/plan.hpp"

namespace bake::apply {

/// The tools of the guest that do nothing while packages change.
struct DeferredTools {
  std::vector<std::string> names;   ///< plan::Plan::deferred
  std::string kernel;               ///< the one that boots; place_modules() indexes its modules
  bool bake_links_modules = false;  ///< place_modules() also links the new modules below weak-updates of `kernel`
  /// The tools that do nothing only while the driver's packages change. The packages of the distribution, which may
  /// bring these tools, are installed before.
  std::vector<std::string> late = {};

  /// Returns the same tools, and the late ones among `names`.
  [[nodiscard]] DeferredTools with_late() const;
};

/// Returns a script that runs `command` while the tools do nothing, and then makes up for them once. weak-modules takes
/// the links to removed modules away, and makes links to new ones for `kernel` only, because weak-modules reads all
/// modules of a kernel several times, which takes minutes. depmod runs for each kernel that a package named, except
/// `kernel`. Package scripts run these tools for every package and every kernel. An initramfs is not built here: the
/// host-only mode of dracut would describe the appliance, not the VM, and change_initramfs() builds the one that the
/// image needs. The tools are the same files afterwards, unless `command` installed new ones. The script exits with the
/// status of `command`.
std::string with_deferred_tools(const DeferredTools& tools, const std::string& command);

/// Returns the tools that `plan` defers while packages change.
DeferredTools deferred_tools(const plan::Plan& plan);

}  // namespace bake::apply
