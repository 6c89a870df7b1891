#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bake/bundle/bundle.hpp"
#include "bake/resolve/closure.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::resolve {

// The repositories of a selected driver, for the solver. `texts` are their indexes, in the order of
// SelectedDriver::payloads().

/// Returns the bundle, the extra packages, and the kernel bundles for `kernel`, in the order of the payloads.
std::vector<PackageSource> package_sources(const SelectedDriver& driver, const std::string& kernel,
                                           const std::vector<bundle::IndexTexts>& texts);

/// Returns the extra packages only.
std::vector<PackageSource> extra_sources(const SelectedDriver& driver, const std::vector<bundle::IndexTexts>& texts);

/// Returns the size of the packages that `closure` installs, unpacked, in bytes by directory: /usr, /opt.
std::map<std::string, std::uint64_t> install_bytes(const SelectedDriver& driver, const Closure& closure);

}  // namespace bake::resolve
