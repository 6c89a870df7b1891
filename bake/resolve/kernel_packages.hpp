#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"
#include "bake/resolve/closure.hpp"
#include "bake/resolve/select_driver.hpp"

namespace bake::resolve {

/// The packages of a kernel that the guest lacks.
struct KernelPackages {
  Closure closure;                                     ///< no change if the guest has the kernel
  std::map<std::string, std::uint64_t> install_bytes;  ///< as Resolution::install_bytes
};

/// Solves "install kernel `release` next to the kernels of the guest" from the extra packages of `driver`: the kernel,
/// its modules and, for a driver of a bundle, its headers, with everything that they depend on. Problems and `missing`
/// of the closure name what the extra packages lack. `texts` as for resolve(). Pure.
KernelPackages kernel_packages(const std::string& release, const SelectedDriver& driver, const guest::Facts& facts,
                               const std::vector<bundle::IndexTexts>& texts);

}  // namespace bake::resolve
