#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bake/base/error.hpp"
#include "bake/bundle/bundle.hpp"
#include "bake/guest/facts.hpp"

namespace bake::resolve {

/// How the modules of a bundle work with the default kernel.
enum class FitKind {
  inbox,            ///< no vendor modules wanted: the distribution's own driver
  built_for,        ///< modules were built for exactly this kernel
  weak_updates,     ///< built for another kernel; the CRC of every imported symbol matches (kABI)
  needs_build,      ///< DKMS sources, and the image has everything that a build needs
  user_space_only,  ///< nothing for the kernel is installed
  refused,
};

struct KernelFit {
  FitKind kind = FitKind::refused;
  std::string kernel;        ///< the kernel of this decision
  std::string built_kernel;  ///< of the modules; empty if there are none
  std::string explanation;   ///< one sentence
  std::vector<std::string>
      reasons;         ///< of a refusal: symbols that disagree ("mlx5_core: rdma_x 0x…≠0x…"), missing packages
  std::string remedy;  ///< of a refusal: the advice to the user
  std::vector<Remedy> remedies;
  /// Packages of the distribution that a build of modules needs and that the image will not have: dkms, gcc, make,
  /// libc6-dev, linux-headers-K or kernel-devel-K. Only libc6-dev may be missing without a refusal.
  std::vector<std::string> missing = {};

  [[nodiscard]] bool ok() const { return kind != FitKind::refused; }
};

/// The modules that come into the image with packages.
struct NewModules {
  std::set<std::string> names;       ///< as modprobe compares them, with underscores: "nvme_core"
  std::set<std::string> unreadable;  ///< packages with modules whose names are not known
  /// Who signed the prebuilt ones → their names; the empty signer signed nothing.
  std::map<std::string, std::set<std::string>> prebuilt = {};
  std::set<std::string> built = {};  ///< what DKMS builds
};

/// Returns the modules of the packages `names` of `repository`, each "name" or "name=version": prebuilt ones, and those
/// that DKMS builds. The modules of extra packages are not read, so `extras` (their names) that may have some are
/// unreadable. Pure.
NewModules new_modules(const bundle::Repository& repository, const std::vector<std::string>& names,
                       const std::vector<std::string>& extras);

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

/// Returns the packages that a build of the DKMS sources among `names` for kernel `release` needs, that the image lacks
/// and that `offered` (names of extra packages) has: dkms, gcc, make, linux-headers-K, libc6-dev. No dependency
/// installs them: the vendor's packages only recommend headers, without a kernel release. Empty if nothing must be
/// built. Pure.
std::vector<std::string> packages_for_build(const guest::Facts& facts, const std::string& release,
                                            const bundle::Repository& repository, bundle::PackageFormat format,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& offered);

/// Returns the fit for 'ofed: inbox'. The distribution's own driver is part of the kernel package, so the guest must
/// have the kernel.
KernelFit inbox_fit(const guest::Facts& facts, const std::string& release);

}  // namespace bake::resolve
