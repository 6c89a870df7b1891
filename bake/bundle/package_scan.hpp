#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// What a package installs for the kernel.
struct KernelContent {
  std::vector<guest::ModuleFacts> modules;
  std::string built_kernel;  ///< directory below lib/modules; empty when it carries no module
  bool dkms_source = false;  ///< carries usr/src/<name>/dkms.conf
};

/// Whether a package of this name may hold kernel content, so that not every library has to be unpacked to know.
bool may_hold_kernel_content(std::string_view package);

/// Looks through the payload of a package. `name` stands in messages. Throws Error{untrusted} for damaged packages and
/// for ones that unpack to more than 8 GiB.
KernelContent scan_kernel_content(const archive::ByteSource& package, PackageFormat format, const std::string& name);

/// Symbols that a module imports and exports.
std::size_t symbol_count(const guest::ModuleFacts& module);
/// Throws Error{untrusted} when the modules read so far name more symbols than those of any bundle do: memory follows
/// their number. `name` is the package read last.
void check_symbol_count(std::size_t count, const std::string& name);

/// The control file of a .deb: its own description of itself. Throws Error{untrusted} when it has none.
std::string read_control(const archive::ByteSource& package, const std::string& name);

}  // namespace bake::bundle
