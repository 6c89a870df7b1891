#pragma once

#include <string>
#include <vector>

namespace bake::apply {

/// Returns a script that runs `command` while `tools` (plan::Plan::deferred) do nothing, and then makes up for them
/// once: weak-modules with the modules of all packages, and depmod for each kernel that a package named, except
/// `kernel`, which place_modules() indexes. Package scripts run these tools for every package and every kernel. An
/// initramfs is not built here: the host-only mode of dracut would describe the appliance, not the VM, and
/// rebuild_initramfs() builds the one that the image needs. The tools are the same files afterwards, unless `command`
/// installed new ones. The script exits with the status of `command`.
std::string with_deferred_tools(const std::vector<std::string>& tools, const std::string& kernel,
                                const std::string& command);

}  // namespace bake::apply
