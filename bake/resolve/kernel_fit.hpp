#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"

namespace bake::resolve {

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
  std::vector<Remedy> remedies;

  [[nodiscard]] bool ok() const { return kind != FitKind::refused; }
};

/// Decides for kernel `release` of the guest and for the packages of `repository` that will be installed: `names`, each
/// "name" or "name=version". `extras` are names of extra packages that will be installed too: headers
/// (linux-headers-K, kernel-devel), gcc, make and dkms may come from there. Pure.
///
/// * mlx modules built into the kernel: refused.
/// * Modules built for exactly this kernel: built_for.
/// * A kmod-* package built for another kernel: weak_updates when every symbol that its modules import has the CRC that
///   the same packages export or else symvers lists (what depmod -E and the module loader compare). Otherwise refused
///   with the symbols.
/// * Other prebuilt packages for another kernel: refused.
/// * DKMS sources: needs_build, or refused with every missing package.
/// * Prebuilt modules whose vermagic flags (SMP, preempt, mod_unload, modversions, retpoline…) differ from those of the
///   kernel's own modules: refused, because the module loader compares them even when every CRC matches
///   (kernel/module.c, same_magic). Not compared when Kernel::vermagic is empty.
///
/// For several kinds of packages the worst result counts.
KernelFit decide_fit(const guest::Facts& facts, const std::string& release, const bundle::Repository& repository,
                     bundle::PackageFormat format, const std::vector<std::string>& names,
                     const std::vector<std::string>& extras);

/// What the DKMS sources among `names` need for a build for kernel `release`, the image lacks, and `offered` (names of
/// extra packages) has: dkms, gcc, make, linux-headers-K, libc6-dev. No dependency draws them in: the vendor's packages
/// only recommend headers, of no particular kernel. Empty when nothing is to be built. Pure.
std::vector<std::string> packages_for_build(const guest::Facts& facts, const std::string& release,
                                            const bundle::Repository& repository, bundle::PackageFormat format,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& offered);

/// The verdict for 'ofed: inbox': the distribution's own driver comes with the kernel, so the kernel must be there.
KernelFit inbox_fit(const guest::Facts& facts, const std::string& release);

}  // namespace bake::resolve
