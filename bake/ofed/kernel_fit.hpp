#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
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

/// Symbol → CRC of a kernel, from the text of symvers-K ("0x<crc>\t<symbol>\t<module>\t<export>"). Lines that are
/// not of this form are left out: what is not there cannot agree.
std::map<std::string, std::uint32_t> parse_symvers(std::string_view text);

/// Decides for kernel `release` of the guest and the packages of `repository` that will be installed: `names`, each
/// "name" or "name=version". `symvers` is the kernel's parsed symvers, or null when the guest has none. `extras` are
/// names of extra packages that will be installed too: headers (linux-headers-K, kernel-devel), gcc, make and dkms may
/// come from there. Pure.
///
/// What is decided: mlx modules built into the kernel → refused. Modules built for exactly this kernel → built_for.
/// A kmod-* package built for another kernel → weak_updates if every symbol its modules import has the CRC that the
/// same packages export or else symvers says (what depmod -E and the module loader compare), otherwise refused with the
/// symbols. Other prebuilt packages for another kernel → refused. DKMS sources → needs_build or refused, naming every
/// missing package. Prebuilt modules whose vermagic flags (SMP, preempt, mod_unload, modversions, retpoline…) are not
/// those of `kernel_vermagic`, which the kernel's own modules carry, → refused: the module loader compares them even
/// where every CRC agrees (kernel/module.c, same_magic). Empty: not known, not compared. Of several kinds of packages
/// the worst verdict counts.
KernelFit decide_fit(const guest::Facts& facts, const std::string& release, const Repository& repository,
                     PackageFormat format, const std::vector<std::string>& names,
                     const std::map<std::string, std::uint32_t>* symvers, const std::vector<std::string>& extras,
                     const std::string& kernel_vermagic = {});

/// What the DKMS sources among `names` need for a build for kernel `release`, the image lacks, and `offered` (names of
/// extra packages) has: dkms, gcc, make, linux-headers-K, libc6-dev. No dependency draws them in: the vendor's packages
/// only recommend headers, of no particular kernel. Empty when nothing is to be built. Pure.
std::vector<std::string> packages_for_build(const guest::Facts& facts, const std::string& release,
                                            const Repository& repository, PackageFormat format,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& offered);

/// The verdict for 'ofed: inbox': the distribution's own driver comes with the kernel, so the kernel must be there.
KernelFit inbox_fit(const guest::Facts& facts, const std::string& release);

}  // namespace bake::ofed
