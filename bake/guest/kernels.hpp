#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/guest/guest.hpp"

namespace bake::guest {

/// -1, 0 or 1 as kernel release `a` is older than, equal to or newer than `b`, compared as rpm does: runs of digits as
/// numbers, runs of letters as text, a number newer than letters: 3.10.0-957.27.2.el7 > 3.10.0-957.el7.
int compare_kernel_releases(std::string_view a, std::string_view b);

/// The RDMA modules that a kernel has built in, sorted, by modules.builtin or by its configuration (CONFIG_…=y); a
/// vendor's module cannot replace those. Empty texts are allowed.
std::vector<std::string> builtin_rdma_modules(std::string_view modules_builtin, std::string_view config);

/// The modules, by name and sorted, that lie outside the kernel's own tree (extra, updates, weak-updates) and use its
/// RDMA modules, from the text of modules.dep ("path: path…", kmod's depmod(8)).
std::vector<std::string> outside_rdma_users(std::string_view modules_dep);

/// The symbols of a kernel, from the text of symvers-K ("0x<crc>\t<symbol>\t<module>\t<export>"). Lines of another form
/// are left out.
SymbolVersions parse_symvers(std::string_view text);

/// The kernels that can boot: directories of /lib/modules with an image in /boot or beside the modules. Oldest first.
std::vector<Kernel> find_kernels(Guest& guest);

}  // namespace bake::guest
