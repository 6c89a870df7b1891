#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bake/guest/facts.hpp"
#include "bake/ofed/bundle.hpp"

namespace bake::ofed {

/// Why the modules of a bundle will (not) work with the kernel that boots.
enum class FitKind {
  inbox,            ///< no vendor modules wanted: the distribution's own driver
  built_for,        ///< modules were built for exactly this kernel
  weak_updates,     ///< built for another kernel, every imported symbol's CRC agrees (kABI)
  needs_build,      ///< DKMS sources, and all that a build needs is there
  user_space_only,  ///< nothing for the kernel is installed
  refused,
};

struct KernelFit {
  FitKind kind = FitKind::refused;
  std::string kernel;        ///< the kernel decided for
  std::string built_kernel;  ///< of the modules; empty where there are none
  std::string explanation;   ///< one sentence
  std::vector<std::string>
      reasons;         ///< of a refusal: symbols that disagree ("mlx5_core: rdma_x 0x…≠0x…"), missing packages
  std::string remedy;  ///< of a refusal: what the user can do

  [[nodiscard]] bool ok() const { return kind != FitKind::refused; }
};

/// Symbol → CRC of a kernel, from the text of symvers-K ("0x<crc>\t<symbol>\t<module>\t<export>").
std::map<std::string, std::uint32_t> parse_symvers(std::string_view text);

/// Decides for kernel `release` of the guest and the packages of `repository` that will be installed (`names`).
/// `symvers` is the kernel's parsed symvers, or null when the guest has none. `extras` are names of extra packages that
/// will be installed too (headers, gcc, dkms may come from there). Pure.
KernelFit decide_fit(const guest::Facts& facts, const std::string& release, const Repository& repository,
                     PackageFormat format, const std::vector<std::string>& names,
                     const std::map<std::string, std::uint32_t>* symvers, const std::vector<std::string>& extras);

}  // namespace bake::ofed
