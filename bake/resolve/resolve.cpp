#include "bake/resolve/resolve.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>

#include "bake/base/text.hpp"
#include "bake/resolve/guest_packages.hpp"
#include "bake/resolve/profile.hpp"
#include "bake/resolve/sources.hpp"
#include "bake/resolve/vm_generation.hpp"

namespace bake::resolve {
namespace {

using recipe::Recipe;

/// The packages of the driver: the bundle's and, before them, those of the doca-kernel-repo for the kernel that boots.
class DriverPackages {
 public:
  DriverPackages(const SelectedDriver& driver, const std::string& kernel) : bundle_(driver.packages()) {
    for (const auto& more : driver.kernel_bundles)
      if (more.doca.value().kernel == kernel) add(more.repositories.at(0).packages);
  }

  /// The repository; of the inbox driver an empty one.
  [[nodiscard]] const bundle::Repository& repository() const {
    if (all_) return *all_;
    return bundle_ != nullptr ? *bundle_ : none_;
  }
  /// The number of packages of the doca-kernel-repo, which are the first ones of the repository.
  [[nodiscard]] std::size_t for_kernel() const { return for_kernel_; }

 private:
  void add(const std::vector<bundle::BundlePackage>& packages) {
    if (!all_) all_ = *bundle_;
    all_->packages.insert(all_->packages.begin(), packages.begin(), packages.end());
    for_kernel_ += packages.size();
  }

  const bundle::Repository* bundle_;
  std::optional<bundle::Repository> all_;
  bundle::Repository none_;
  std::size_t for_kernel_ = 0;
};

std::vector<std::string> wanted_packages(const Recipe& recipe, const SelectedDriver& driver,
                                         const DriverPackages& packages, const std::string& kernel,
                                         std::vector<Problem>& problems) {
  if (!driver.bundle) return driver.choice.packages;
  if (!recipe.ofed.packages.empty()) return recipe.ofed.packages;
  auto set =
      packages_of(recipe.ofed.profile, packages.repository(), driver.bundle->format, kernel, packages.for_kernel());
  problems = std::move(set.problems);
  return set.names;
}

/// Returns the names of the changes that come from the extra packages.
std::vector<std::string> names_from_extras(const Closure& closure) {
  std::vector<std::string> names;
  for (const auto& change : closure.changes)
    if (change.action != PackageChange::Action::remove && change.is_extra()) names.push_back(change.name);
  return names;
}

/// Returns the driver's packages that the image will have, as name=version: those that the closure installs, and wanted
/// ones that are installed already, as on a disk that was baked before.
std::vector<std::string> specs_from_bundle(const Closure& closure, const SelectedDriver& driver,
                                           const std::vector<std::string>& wanted) {
  std::vector<std::string> specs;
  std::set<std::string> changed;
  for (const auto& change : closure.changes) {
    changed.insert(change.name);
    if (change.action == PackageChange::Action::remove || change.is_extra() || !driver.bundle) continue;
    if (const auto* package = driver.package_of(change)) specs.push_back(package->name + "=" + package->version);
  }
  for (const auto& spec : wanted)
    if (!changed.contains(spec.substr(0, spec.find('=')))) specs.push_back(spec);
  return specs;
}

std::vector<std::string> package_names(const std::vector<bundle::Extras>& all) {
  std::vector<std::string> names;
  for (const auto& extras : all)
    for (const auto& package : extras.repository.packages) names.push_back(package.name);
  return names;
}

/// The closure, and the packages that the image gets from the bundle and from the extra packages. If there is no
/// closure, these are the wanted packages and all extra packages, so that the kernel fit can still name missing
/// packages.
struct SolvedPackages {
  Closure closure;
  std::vector<std::string> from_bundle, from_extras;
};

SolvedPackages solve_for(const std::vector<std::string>& wanted, const recipe::Customize& customize,
                         const SelectedDriver& driver, const guest::Facts& facts,
                         const std::vector<PackageSource>& sources) {
  SolvedPackages solved{solve(facts, sources, wanted, never_installed(), customize), {}, {}};
  solved.from_bundle = solved.closure.ok() ? specs_from_bundle(solved.closure, driver, wanted) : wanted;
  solved.from_extras = solved.closure.ok() ? names_from_extras(solved.closure) : package_names(driver.extras);
  return solved;
}

/// Like solve_for(), but first adds the packages that a build of modules needs to `wanted`.
SolvedPackages solve_with_build(std::vector<std::string>& wanted, const recipe::Customize& customize,
                                const SelectedDriver& driver, const bundle::Repository& packages,
                                const guest::Facts& facts, const std::string& kernel,
                                const std::vector<PackageSource>& sources) {
  auto solved = solve_for(wanted, customize, driver, facts, sources);
  if (!driver.bundle) return solved;
  auto build_packages = packages_for_build(facts, kernel, packages, driver.bundle->format, solved.from_bundle,
                                           package_names(driver.extras));
  const auto& planned = solved.closure.ok() ? solved.from_extras : wanted;
  std::erase_if(build_packages,
                [&](const auto& name) { return std::find(planned.begin(), planned.end(), name) != planned.end(); });
  if (build_packages.empty()) return solved;
  wanted.insert(wanted.end(), build_packages.begin(), build_packages.end());
  return solve_for(wanted, customize, driver, facts, sources);
}

/// Returns the modinfo version of the card's module in the selected packages; empty when they have only sources.
std::string module_version(const SelectedDriver& driver, const bundle::Repository& packages,
                           const std::vector<std::string>& specs) {
  if (!driver.bundle) return {};
  for (const auto& package : packages.packages) {
    const auto names = [&](const std::string& spec) { return names_package(spec, package); };
    if (std::none_of(specs.begin(), specs.end(), names)) continue;
    for (const auto& module : package.modules)
      if (module.name == driver.choice.driver) return module.version;
  }
  return {};
}

/// Returns the name of the kernel bundle from which the closure installs packages, or an empty text.
std::string used_kernel_bundle(const SelectedDriver& driver, const Closure& closure) {
  for (const auto& change : closure.changes)
    if (change.kernel_bundle && change.action != PackageChange::Action::remove)
      return driver.bundle_of(change.payload)->name;
  return {};
}

/// Returns the built modules for this build of `kernel` that have the modules of every package with sources that the
/// closure installs; nothing if there are none.
std::optional<UsedModules> used_modules(const SelectedDriver& driver, const guest::Facts& facts,
                                        const std::string& kernel, const Closure& closure) {
  const auto* found = facts.kernel(kernel);
  const auto vermagic = found != nullptr ? found->vermagic : std::string();
  std::vector<std::string> sources;
  for (const auto& change : closure.changes)
    if (const auto* package = driver.package_of(change);
        package != nullptr && package->dkms_source && !change.is_extra())
      sources.push_back(package->sha256);
  for (std::size_t i = 0; i < driver.built_modules.size(); ++i)
    if (const auto& modules = driver.built_modules[i];
        modules.kernel == kernel && modules.vermagic == vermagic && !sources.empty() && modules.has_all(sources))
      return UsedModules{modules.name, modules.id, driver.payload_of_modules(i), modules.archives};
  return std::nullopt;
}

/// Names the kernels that the kernel bundles are for, if none is for the kernel that boots and the driver does not fit.
void name_other_kernels(const SelectedDriver& driver, KernelFit& fit) {
  if (fit.ok()) return;
  for (const auto& bundle : driver.kernel_bundles)
    if (const auto& kernel = bundle.doca.value().kernel; kernel != fit.kernel)
      fit.reasons.push_back(fmt::format("{} has modules for {}, not for {}", bundle.name, kernel, fit.kernel));
}

KernelFit fit_of(const SelectedDriver& driver, const bundle::Repository& packages, const guest::Facts& facts,
                 const std::string& kernel, const SolvedPackages& solved) {
  if (!driver.bundle) return inbox_fit(facts, kernel);
  auto fit = decide_fit(facts, kernel, packages, driver.bundle->format, solved.from_bundle, solved.from_extras);
  name_other_kernels(driver, fit);
  return fit;
}

}  // namespace

Resolution resolve(const Recipe& recipe, SelectedDriver driver, const guest::Facts& facts, const matrix::Matrix& matrix,
                   const std::vector<bundle::IndexTexts>& texts) {
  Resolution result;
  const auto kernel = recipe.kernel.empty() ? facts.default_kernel : recipe.kernel;
  result.matrix_problems = check_kernel(recipe, driver, kernel, matrix);
  result.choice = driver.choice;
  if (const auto* os = matrix.find_os(recipe.os.id, recipe.os.version)) result.distro = os->distro;
  if (driver.bundle)
    result.bundle = BundleIdentity{driver.bundle->name,   driver.bundle->id(), driver.bundle->version,
                                   driver.bundle->distro, driver.bundle->arch, driver.packages()->directory};
  result.extra_payloads = driver.extra_payloads();
  const DriverPackages driver_packages(driver, kernel);
  const auto& offered = driver_packages.repository();

  std::vector<Problem> missing_parts;
  result.wanted = wanted_packages(recipe, driver, driver_packages, kernel, missing_parts);
  auto solved = solve_with_build(result.wanted, recipe.customize, driver, offered, facts, kernel,
                                 package_sources(driver, kernel, texts));
  result.closure = solved.closure;
  result.closure.problems.insert(result.closure.problems.begin(), missing_parts.begin(), missing_parts.end());
  result.kernel_bundle = used_kernel_bundle(driver, result.closure);
  result.fit = fit_of(driver, offered, facts, kernel, solved);
  if (result.fit.kind == FitKind::needs_build)
    result.built_modules = used_modules(driver, facts, kernel, solved.closure);
  result.new_modules = new_modules(offered, solved.from_bundle, names_from_extras(solved.closure));
  result.module_version = module_version(driver, offered, solved.from_bundle);
  result.install_bytes = install_bytes(driver, result.closure);
  auto packages = check_guest_packages(recipe, facts, result.closure, matrix);
  std::move(packages.problems.begin(), packages.problems.end(), std::back_inserter(result.matrix_problems));
  result.agent_warnings = std::move(packages.warnings);
  auto generation = check_generation(recipe, facts.layout, matrix);
  std::move(generation.problems.begin(), generation.problems.end(), std::back_inserter(result.matrix_problems));
  result.generation_warnings = std::move(generation.warnings);
  result.vm_generations = vm_generations(recipe, matrix);
  return result;
}

}  // namespace bake::resolve
