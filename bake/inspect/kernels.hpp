#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// -1, 0 or 1 as kernel release `a` is older than, equal to or newer than `b`, compared like in rpm: runs of digits as
/// numbers, runs of letters as text, a number is newer than letters: 3.10.0-957.27.2.el7 > 3.10.0-957.el7.
int compare_kernel_releases(std::string_view a, std::string_view b);

/// Returns the RDMA modules that are built into a kernel, sorted, from modules.builtin or from its configuration
/// (CONFIG_…=y). A vendor's module cannot replace them. Empty texts are allowed.
std::vector<std::string> builtin_rdma_modules(std::string_view modules_builtin, std::string_view config);

/// Returns the sorted names of the modules outside the kernel's own tree (extra, updates, weak-updates) that use its
/// RDMA modules, from the text of modules.dep ("path: path…", kmod's depmod(8)).
std::vector<std::string> outside_rdma_users(std::string_view modules_dep);

/// Returns the sorted paths of the kernel's own modules that use ib_core, directly or not, from the text of
/// modules.dep.
std::vector<std::string> own_ib_core_users(std::string_view modules_dep);

/// Returns the symbols of a kernel, from the text of symvers-K or Module.symvers
/// ("0x<crc>\t<symbol>\t<module>\t<export>"; columns may follow). Skips lines in another format.
SymbolVersions parse_symvers(std::string_view text);

/// Returns the kernels that can boot: directories of /lib/modules with an image in /boot or in the same directory.
/// Oldest first.
std::vector<Kernel> find_kernels(Guest& guest);

/// Reads the initramfs of `kernel` into initramfs_content, or the reason into initramfs_trouble. On the host: the
/// guest's own tools take a minute under emulation, and hours for a zeroed file.
void read_initramfs_of(Guest& guest, Kernel& kernel);

/// Returns CONFIG_MODULE_SIG_HASH of the text of a kernel's configuration: "sha256"; empty if the kernel checks no
/// signatures (CONFIG_MODULE_SIG).
std::string module_hash_of(std::string_view config);

/// Returns which drivers for Azure a modules.dep lists: hv_vmbus, hv_storvsc, hv_netvsc, pci_hyperv, nvme.
std::vector<std::string> azure_drivers(std::string_view modules_dep);

}  // namespace bake::guest
