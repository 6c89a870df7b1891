#include "bake/resolve/kernel_fit.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/initramfs.hpp"
#include "bake/resolve/profile.hpp"

namespace bake::resolve {
namespace {

constexpr std::size_t max_symbols_listed = 20;
constexpr std::string_view rebuild_remedy =
    "use a bundle whose modules were built for {0} (mlnx_add_kernel_support.sh makes one), another kernel in the base "
    "image, or 'ofed: inbox'";

using Packages = std::vector<const bundle::BundlePackage*>;
using Symbols = guest::SymbolVersions;

KernelFit refusal(const std::string& release, std::string explanation, std::string remedy) {
  KernelFit fit;
  fit.kernel = release;
  fit.explanation = std::move(explanation);
  fit.remedy = std::move(remedy);
  return fit;
}

KernelFit accepted(FitKind kind, const std::string& release, std::string built, std::string explanation) {
  KernelFit fit;
  fit.kind = kind;
  fit.kernel = release;
  fit.built_kernel = std::move(built);
  fit.explanation = std::move(explanation);
  return fit;
}

std::string names_of(const Packages& packages) {
  std::set<std::string> names;
  for (const auto* package : packages) names.insert(package->name);
  return join({names.begin(), names.end()}, ", ");
}

/// The packages with kernel modules: prebuilt modules or DKMS sources.
struct KernelParts {
  Packages prebuilt;
  Packages sources;

  [[nodiscard]] bool empty() const { return prebuilt.empty() && sources.empty(); }
};

KernelParts kernel_parts(const bundle::Repository& repository, const std::vector<std::string>& names) {
  KernelParts parts;
  for (const auto& package : repository.packages) {
    const auto named = [&](const std::string& spec) { return names_package(spec, package); };
    if (std::none_of(names.begin(), names.end(), named)) continue;
    if (!package.modules.empty() || !package.built_kernel.empty())
      parts.prebuilt.push_back(&package);
    else if (package.dkms_source)
      parts.sources.push_back(&package);
  }
  return parts;
}

/// Returns the modules that are built into the kernel. A module of a package cannot replace them.
std::vector<std::string> replaced_builtins(const guest::Kernel& kernel, const KernelParts& parts) {
  std::set<std::string> provided;
  for (const auto* package : parts.prebuilt)
    for (const auto& module : package->modules) provided.insert(module.name);
  for (const auto* package : parts.sources) {
    // These are the modules that the dkms.conf of mlnx-ofed-kernel builds; releases from 5.0 on have no mlx4.
    if (package->name.find("kernel-dkms") == std::string::npos && package->name.find("ofa_kernel") == std::string::npos)
      continue;
    provided.insert({"ib_core", "ib_cm", "iw_cm", "ib_umad", "ib_uverbs", "rdma_cm", "rdma_ucm", "ib_ipoib", "mlxfw",
                     "mlx5_core", "mlx5_ib"});
    if (compare_versions(package->version, "5") < 0) provided.insert({"mlx4_core", "mlx4_ib", "mlx4_en"});
  }
  std::vector<std::string> clashes;
  for (const auto& name : kernel.builtin_rdma)
    if (provided.contains(name)) clashes.push_back(name);
  std::sort(clashes.begin(), clashes.end());
  return clashes;
}

/// Returns the kernel that the module was built for, from its vermagic.
std::string vermagic_release(const guest::ModuleFacts& module) {
  const auto words = split_words(module.vermagic);
  return words.empty() ? std::string() : words.front();
}

bool has_modversions(const guest::ModuleFacts& module) {
  const auto words = split_words(module.vermagic);
  return std::find(words.begin(), words.end(), "modversions") != words.end();
}

/// Returns why an import of a module does not match the symbol that it was compiled for; empty when it matches.
std::string disagreement(const std::string& symbol, std::uint32_t crc, const Symbols& bundle, const Symbols& kernel) {
  // A symbol that the bundle exports comes from there: depmod prefers the vendor's module to the kernel's own.
  const auto own = bundle.find(symbol);
  const auto& where = own != bundle.end() ? bundle : kernel;
  const auto found = where.find(symbol);
  if (found == where.end()) return fmt::format("{} is not in this kernel", symbol);
  if (found->second == crc) return {};
  return fmt::format("{} 0x{:08x}≠0x{:08x}", symbol, crc, found->second);
}

void shorten(std::vector<std::string>& reasons) {
  if (reasons.size() <= max_symbols_listed) return;
  const auto more = reasons.size() - max_symbols_listed;
  reasons.resize(max_symbols_listed);
  reasons.push_back(fmt::format("and {} more", more));
}

/// The imports of all modules that do not match: "mlx5_core: printk 0x…≠0x…".
std::vector<std::string> changed_imports(const Packages& packages, const Symbols& kernel) {
  Symbols bundle;
  std::map<std::string, const guest::ModuleFacts*> modules;
  for (const auto* package : packages)
    for (const auto& module : package->modules) {
      bundle.insert(module.exports.begin(), module.exports.end());
      modules[module.name] = &module;
    }
  std::vector<std::string> found;
  for (const auto& [name, module] : modules)
    for (const auto& [symbol, crc] : module->imports)
      if (const auto why = disagreement(symbol, crc, bundle, kernel); !why.empty())
        found.push_back(fmt::format("{}: {}", name, why));
  return found;
}

/// Modules that carry no symbol versions: only the kernel that they were built for loads them.
std::vector<std::string> unversioned_modules(const Packages& packages) {
  std::vector<std::string> found;
  for (const auto* package : packages)
    for (const auto& module : package->modules)
      if (!has_modversions(module) || module.imports.empty())
        found.push_back(
            fmt::format("{}: has no symbol versions, so it loads into {} only", module.name, vermagic_release(module)));
  return found;
}

KernelFit refuse_symbols(const std::string& release, const std::string& built, const Packages& packages,
                         std::vector<std::string> reasons) {
  auto fit =
      refusal(release,
              fmt::format("modules of {} were built for {}; {} symbol{} of {} disagree{}", names_of(packages), built,
                          reasons.size(), reasons.size() == 1 ? "" : "s", release, reasons.size() == 1 ? "s" : ""),
              fmt::format(rebuild_remedy, release));
  fit.built_kernel = built;
  shorten(reasons);
  fit.reasons = std::move(reasons);
  return fit;
}

/// "3.10.0-1062.el7.x86_64 SMP mod_unload modversions " → "SMP mod_unload modversions"
std::string vermagic_flags(const std::string& vermagic) {
  auto words = split_words(vermagic);
  if (!words.empty()) words.erase(words.begin());
  return join(words, " ");
}

/// Returns the modules that the module loader refuses because of their vermagic flags, even if all symbols match.
std::vector<std::string> wrong_flags(const Packages& packages, const std::string& kernel_vermagic) {
  std::vector<std::string> found;
  if (kernel_vermagic.empty()) return found;
  const auto expected = vermagic_flags(kernel_vermagic);
  for (const auto* package : packages)
    for (const auto& module : package->modules)
      if (const auto flags = vermagic_flags(module.vermagic); !module.vermagic.empty() && flags != expected)
        found.push_back(fmt::format("{}: '{}', the kernel's own modules: '{}'", module.name, flags, expected));
  return found;
}

KernelFit refuse_flags(const std::string& release, const Packages& packages, std::vector<std::string> reasons) {
  auto fit = refusal(release,
                     fmt::format("modules of {} were built for another kind of kernel than {}: their vermagic flags "
                                 "differ, so it does not load them",
                                 names_of(packages), release),
                     fmt::format(rebuild_remedy, release));
  shorten(reasons);
  fit.reasons = std::move(reasons);
  return fit;
}

KernelFit fit_by_symbols(const std::string& release, const std::string& built, const Packages& packages,
                         const std::optional<Symbols>& symvers) {
  if (!symvers) {
    auto fit = refusal(
        release,
        fmt::format("modules of {} were built for {}, and the image has no symvers of {} to compare with",
                    names_of(packages), built, release),
        fmt::format("reinstall the kernel package that has /boot/symvers-{0}.gz, or install kernel-devel-{0}, in "
                    "the base image; or ",
                    release) +
            fmt::format(rebuild_remedy, release));
    fit.built_kernel = built;
    fit.reasons = {
        fmt::format("the image has none of /boot/symvers-{0}.gz, /lib/modules/{0}/symvers.gz and "
                    "/lib/modules/{0}/build/Module.symvers",
                    release)};
    return fit;
  }
  auto reasons = unversioned_modules(packages);
  const auto changed = changed_imports(packages, *symvers);
  reasons.insert(reasons.end(), changed.begin(), changed.end());
  if (!reasons.empty()) return refuse_symbols(release, built, packages, std::move(reasons));
  return accepted(FitKind::weak_updates, release, built,
                  fmt::format("modules were built for {}; every symbol they import is the same in {}", built, release));
}

/// Returns the kernel of a prebuilt package: the directory of its modules, unless the vermagic of one differs.
std::string built_kernel_of(const bundle::BundlePackage& package) {
  for (const auto& module : package.modules)
    if (auto said = vermagic_release(module); !said.empty() && said != package.built_kernel) return said;
  return package.built_kernel;
}

KernelFit fit_of_prebuilt(const guest::Kernel& kernel, bundle::PackageFormat format, const Packages& packages) {
  const auto& release = kernel.release;
  if (kernel.symvers && !kernel.symbol_versions)
    return refusal(release, fmt::format("{} cannot be read, so no symbol versions can be compared", *kernel.symvers),
                   "reinstall the package that has the file in the base image");
  Packages foreign;
  std::string built;
  for (const auto* package : packages) {
    if (built_kernel_of(*package) == release) continue;
    foreign.push_back(package);
    if (built.empty()) built = built_kernel_of(*package);
  }
  if (foreign.empty()) {
    // A module that names this kernel may still have been built against another build of it.
    auto reasons =
        kernel.symbol_versions ? changed_imports(packages, *kernel.symbol_versions) : std::vector<std::string>();
    if (!reasons.empty()) return refuse_symbols(release, release, packages, std::move(reasons));
    return accepted(FitKind::built_for, release, release, fmt::format("modules were built for {}", release));
  }
  const bool weak_modules = format == bundle::PackageFormat::rpm &&
                            std::all_of(foreign.begin(), foreign.end(),
                                        [](const auto* package) { return package->name.starts_with("kmod-"); });
  const bool unread = std::any_of(foreign.begin(), foreign.end(), [](const auto* p) { return p->modules.empty(); });
  if (weak_modules && !unread) return fit_by_symbols(release, built, packages, kernel.symbol_versions);
  auto fit =
      refusal(release, fmt::format("modules of {} were built for {}, not for {}", names_of(foreign), built, release),
              fmt::format(rebuild_remedy, release));
  fit.built_kernel = built;
  fit.reasons = {weak_modules
                     ? "the symbols these packages import could not be read"
                     : "only kmod-* packages can be used with another kernel than the one they were built for"};
  return fit;
}

bool installs(const guest::Facts& facts, const std::vector<std::string>& extras, const std::string& name) {
  const auto& installed = facts.packages.packages;
  return std::find(extras.begin(), extras.end(), name) != extras.end() ||
         std::any_of(installed.begin(), installed.end(), [&](const auto& package) { return package.name == name; });
}

/// Returns the packages that a DKMS build needs and that the image will not have.
std::vector<std::string> missing_for_build(const guest::Facts& facts, const guest::Kernel& kernel,
                                           bundle::PackageFormat format, const std::vector<std::string>& extras) {
  std::vector<std::string> missing;
  for (const auto* tool : {"dkms", "gcc", "make"})
    if (!facts.has_program(tool) && !installs(facts, extras, tool)) missing.emplace_back(tool);
  const auto headers = (format == bundle::PackageFormat::deb ? "linux-headers-" : "kernel-devel-") + kernel.release;
  const bool from_extras = std::any_of(extras.begin(), extras.end(), [&](const std::string& name) {
    // In rpm the headers of every kernel have the name kernel-devel; apply checks afterwards that they are the right
    // ones.
    return name == headers || (format == bundle::PackageFormat::rpm && name == "kernel-devel");
  });
  if (!kernel.has_headers && !from_extras) missing.push_back(headers);
  return missing;
}

/// Returns whether libc6-dev will be missing. The vendor's configure scripts link a program to test the compiler; gcc
/// only recommends libc6-dev, which that needs.
bool lacks_c_library(const guest::Facts& facts, bundle::PackageFormat format, const std::vector<std::string>& extras) {
  return format == bundle::PackageFormat::deb && !installs(facts, extras, "libc6-dev");
}

KernelFit fit_of_sources(const guest::Facts& facts, const guest::Kernel& kernel, bundle::PackageFormat format,
                         const Packages& packages, const std::vector<std::string>& extras) {
  const auto missing = missing_for_build(facts, kernel, format, extras);
  auto to_add = missing;
  if (lacks_c_library(facts, format, extras)) to_add.emplace_back("libc6-dev");
  if (missing.empty()) {
    auto fit =
        accepted(FitKind::needs_build, kernel.release, "",
                 fmt::format("{} will be built for {} in the image with DKMS", names_of(packages), kernel.release));
    fit.missing = std::move(to_add);
    return fit;
  }
  auto fit =
      refusal(kernel.release,
              fmt::format("{} must be built for {}, and the image lacks {}", names_of(packages), kernel.release,
                          join(missing, ", ")),
              "add the missing packages to the store's extra packages, or use a bundle with prebuilt modules, or "
              "'ofed: inbox'");
  fit.remedies = {{Remedy::Action::add_extras}};
  fit.missing = std::move(to_add);
  for (const auto& name : missing) fit.reasons.push_back("missing: " + name);
  return fit;
}

KernelFit refuse_unknown_kernel(const guest::Facts& facts, const std::string& release) {
  std::vector<std::string> known;
  for (const auto& kernel : facts.kernels) known.push_back(kernel.release);
  return refusal(release, fmt::format("the image has no kernel {}", release),
                 known.empty() ? "the image has no kernel at all" : "kernels of the image: " + join(known, ", "));
}

KernelFit refuse_builtins(const std::string& release, const std::vector<std::string>& clashes) {
  auto fit =
      refusal(release,
              fmt::format("{} {} built into {}, and a module cannot replace a built-in driver", join(clashes, ", "),
                          clashes.size() == 1 ? "is" : "are", release),
              "use the kernel's own driver ('ofed: inbox'), or a base image whose kernel has the driver as modules");
  for (const auto& name : clashes) fit.reasons.push_back("built in: " + name);
  return fit;
}

/// Returns whether an extra package has modules by its name: kmod-x of rpm (but not kmod's own library),
/// linux-modules-x and x-dkms of deb, kernel-modules-x, mlnx-ofed-kernel-modules.
bool may_have_modules(std::string_view name) {
  return (name.starts_with("kmod-") && name != "kmod-libs") || name.starts_with("linux-modules") ||
         name.find("kernel-modules") != std::string_view::npos || name.ends_with("-dkms");
}

}  // namespace

NewModules new_modules(const bundle::Repository& repository, const std::vector<std::string>& names,
                       const std::vector<std::string>& extras) {
  NewModules found;
  const auto [prebuilt, sources] = kernel_parts(repository, names);
  for (const auto* package : prebuilt) {
    for (const auto& module : package->modules) {
      found.names.insert(guest::module_name_of(module.name));
      found.prebuilt[module.signer].insert(guest::module_name_of(module.name));
    }
    if (package->modules.empty()) found.unreadable.insert(package->name);
  }
  for (const auto* package : sources) {
    for (const auto& module : package->dkms_modules) {
      found.names.insert(guest::module_name_of(module));
      found.built.insert(guest::module_name_of(module));
    }
    if (package->dkms_modules.empty()) found.unreadable.insert(package->name);
  }
  std::copy_if(extras.begin(), extras.end(), std::inserter(found.unreadable, found.unreadable.end()), may_have_modules);
  return found;
}

KernelFit decide_fit(const guest::Facts& facts, const std::string& release, const bundle::Repository& repository,
                     bundle::PackageFormat format, const std::vector<std::string>& names,
                     const std::vector<std::string>& extras) {
  const auto* kernel = facts.kernel(release);
  if (kernel == nullptr) return refuse_unknown_kernel(facts, release);
  const auto parts = kernel_parts(repository, names);
  if (parts.empty())
    return accepted(FitKind::user_space_only, release, "", "no kernel modules are installed: the kernel keeps its own");
  if (const auto clashes = replaced_builtins(*kernel, parts); !clashes.empty())
    return refuse_builtins(release, clashes);
  std::optional<KernelFit> prebuilt;
  if (!parts.prebuilt.empty()) {
    prebuilt = fit_of_prebuilt(*kernel, format, parts.prebuilt);
    if (!prebuilt->ok()) return *prebuilt;
    if (auto reasons = wrong_flags(parts.prebuilt, kernel->vermagic); !reasons.empty())
      return refuse_flags(release, parts.prebuilt, std::move(reasons));
    if (parts.sources.empty()) return *prebuilt;
  }
  auto built = fit_of_sources(facts, *kernel, format, parts.sources, extras);
  if (built.ok() && prebuilt) {
    built.built_kernel = prebuilt->built_kernel;
    built.explanation += "; the other " + prebuilt->explanation;
  }
  return built;
}

std::vector<std::string> packages_for_build(const guest::Facts& facts, const std::string& release,
                                            const bundle::Repository& repository, bundle::PackageFormat format,
                                            const std::vector<std::string>& names,
                                            const std::vector<std::string>& offered) {
  const auto* kernel = facts.kernel(release);
  if (kernel == nullptr || kernel_parts(repository, names).sources.empty()) return {};
  auto needed = missing_for_build(facts, *kernel, format, {});
  if (lacks_c_library(facts, format, {})) needed.emplace_back("libc6-dev");
  std::erase_if(needed,
                [&](const auto& name) { return std::find(offered.begin(), offered.end(), name) == offered.end(); });
  return needed;
}

KernelFit inbox_fit(const guest::Facts& facts, const std::string& release) {
  if (facts.kernel(release) == nullptr) return refuse_unknown_kernel(facts, release);
  return accepted(FitKind::inbox, release, "", fmt::format("the distribution's own driver comes with {}", release));
}

}  // namespace bake::resolve
