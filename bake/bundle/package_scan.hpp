#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bake/archive/archive.hpp"
#include "bake/bundle/bundle.hpp"

namespace bake::bundle {

/// The kernel content of a package.
struct KernelContent {
  std::vector<guest::ModuleFacts> modules;
  std::string built_kernel;               ///< directory below lib/modules; empty when it has no module
  bool dkms_source = false;               ///< has usr/src/<name>/dkms.conf
  std::vector<std::string> dkms_modules;  ///< as BundlePackage::dkms_modules
};

/// Returns the names of the modules in a dkms.conf: each BUILT_MODULE_NAME, or PACKAGE_NAME when there is none
/// (dkms(8)). The file is a shell script, which is not run: empty when a name is not a literal. MLNX_OFED writes both
/// BUILT_MODULE_NAME[0]="nvme-core" and BUILT_MODULE_NAME+=("nvme-core") (mlnx-nvme, dkms.conf).
std::vector<std::string> modules_of_dkms_conf(std::string_view text);

/// Returns whether a package of this name may have kernel content, so that libraries need not be unpacked.
bool may_have_kernel_content(std::string_view package);

/// Looks through the payload of a package. `name` is for messages. Throws Error{untrusted} for damaged packages and
/// for ones that unpack to more than 8 GiB.
KernelContent scan_kernel_content(const archive::ByteSource& package, PackageFormat format, const std::string& name);

/// Symbols that a module imports and exports.
std::size_t symbol_count(const guest::ModuleFacts& module);
/// Throws Error{untrusted} when the modules read so far name more symbols than any real bundle: memory grows with
/// their number. `name` is the package read last.
void check_symbol_count(std::size_t count, const std::string& name);

/// The control file of a .deb: its own description of itself. Throws Error{untrusted} when it has none.
std::string read_control(const archive::ByteSource& package, const std::string& name);

}  // namespace bake::bundle
