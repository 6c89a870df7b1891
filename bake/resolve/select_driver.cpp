#include "bake/resolve/select_driver.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

using matrix::Choice;
using recipe::OfedChoice;
using recipe::Recipe;

matrix::Query query_for(const Recipe& recipe, const std::string& kernel) {
  return {recipe.os.id, recipe.os.version, kernel, recipe.vm_sizes,
          recipe.ofed.choice == OfedChoice::inbox ? "inbox" : recipe.ofed.version};
}

/// Returns the recipe with the whole driver release: "5.5" → "5.5-1.0.3.2". Throws like Matrix::driver_release().
Recipe with_release(Recipe recipe, const matrix::Matrix& matrix) {
  recipe.ofed.version = matrix.driver_release(recipe.ofed.version);
  return recipe;
}

/// The choices of the matrix that the recipe allows, best first.
std::vector<Choice> allowed_choices(const Recipe& recipe, const matrix::Resolution& resolution) {
  auto choices = resolution.choices;
  if (recipe.ofed.choice == OfedChoice::inbox)
    std::erase_if(choices, [](const Choice& choice) { return !choice.inbox; });
  if (recipe.ofed.choice == OfedChoice::version)
    std::erase_if(choices, [&](const Choice& choice) { return choice.ofed != recipe.ofed.version; });
  return choices;
}

[[noreturn]] void refuse_all_choices(const Recipe& recipe, const matrix::Resolution& resolution) {
  std::vector<std::string> possible;
  for (const auto& choice : resolution.choices) possible.push_back(choice.inbox ? "inbox" : choice.ofed);
  auto hints = resolution.requested_remedies;
  hints.push_back("possible drivers: " + join(possible, ", "));
  throw Error(
      ErrorKind::incompatible,
      fmt::format("choosing a driver for {} {} on {}: {}", recipe.os.id, recipe.os.version, join(recipe.vm_sizes, ", "),
                  join(possible.empty() ? resolution.refusals : resolution.requested_refusals, "; ")),
      possible.empty() ? resolution.suggestion : join(hints, "; "));
}

void check_pin(const Recipe& recipe, const bundle::Bundle& bundle) {
  if (recipe.ofed.sha256.empty() || recipe.ofed.sha256 == bundle.id()) return;
  throw Error(ErrorKind::untrusted, fmt::format("choosing bundle '{}': the recipe pins sha256 {}, the store has {}",
                                                bundle.name, recipe.ofed.sha256, bundle.id()));
}

/// The matrix warns when it is not confirmed that an archive exists. A verified archive in the store confirms it.
void drop_unverified_warning(const bundle::Bundle& bundle, Choice& choice) {
  if (!choice.existence_warning.empty() && !(bundle.trust.pin.empty() && bundle.trust.signer.empty()))
    std::erase(choice.warnings, choice.existence_warning);
}

/// Returns the repository of the bundle with the wanted library flavour.
std::size_t choose_repository(const bundle::Bundle& bundle, const std::string& libs) {
  for (std::size_t i = 0; i < bundle.repositories.size(); ++i)
    if (libs.empty() || bundle.repositories[i].flavour == libs || bundle.repositories[i].flavour == "flat") return i;
  std::vector<std::string> flavours;
  for (const auto& repository : bundle.repositories) flavours.push_back(repository.flavour);
  throw Error(ErrorKind::incompatible,
              fmt::format("choosing packages of '{}': it has no {} libraries", bundle.name, libs),
              "it has " + join(flavours, ", "));
}

/// The bundle of a choice; one that the vendor made before one that was rebuilt.
const bundle::Bundle* find_bundle(const Offer& offer, const Choice& choice) {
  const bundle::Bundle* found = nullptr;
  for (const auto& bundle : offer.bundles)
    if (bundle.version == choice.ofed && matrix::distro_fits(bundle.distro, choice.distro) && bundle.arch == "x86_64" &&
        (found == nullptr || (found->rebuilt && !bundle.rebuilt)))
      found = &bundle;
  return found;
}

bool is_for_one_kernel(const bundle::Bundle& bundle) { return bundle.doca && bundle.doca->family == "E"; }

/// Returns whether two statements of an OFED release agree: "25.10-3.1.8" says as much of "25.10-3.1.8.0" as its
/// packages state.
bool same_ofed(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + ".") || b.starts_with(a + ".");
}

/// Returns the doca-kernel-repo packages in the store with modules of the same release as the driver, for `kernel` or,
/// if it is empty, for any kernel.
std::vector<bundle::Bundle> kernel_bundles_for(const SelectedDriver& driver, const std::string& kernel,
                                               const std::string& distro, const Offer& offer) {
  std::vector<bundle::Bundle> found;
  if (!driver.bundle || !driver.bundle->doca) return found;
  for (const auto& bundle : offer.bundles)
    if (is_for_one_kernel(bundle) && bundle.format == driver.bundle->format && bundle.arch == driver.bundle->arch &&
        same_ofed(bundle.doca->ofed, driver.bundle->doca->ofed) &&
        (bundle.distro.empty() || matrix::distro_fits(bundle.distro, distro)) &&
        (kernel.empty() || bundle.doca->kernel == kernel))
      found.push_back(bundle);
  return found;
}

/// Returns the built modules in the store that were compiled from a package of the driver, for `kernel` or, if it is
/// empty, for any kernel.
std::vector<bundle::BuiltModules> built_modules_for(const SelectedDriver& driver, const std::string& kernel,
                                                    const std::string& distro, const Offer& offer) {
  std::vector<bundle::BuiltModules> found;
  if (!driver.bundle) return found;
  const auto is_in_bundle = [&](const bundle::SourcePackage& source) {
    const auto& packages = driver.packages()->packages;
    return std::any_of(packages.begin(), packages.end(),
                       [&](const auto& package) { return package.dkms_source && package.sha256 == source.sha256; });
  };
  for (const auto& modules : offer.built_modules)
    if (modules.distro == distro && modules.arch == driver.bundle->arch &&
        (kernel.empty() || modules.kernel == kernel) &&
        std::any_of(modules.sources.begin(), modules.sources.end(), is_in_bundle))
      found.push_back(modules);
  // Each is a drive of the appliance, and the kernel of the guest is not known yet.
  constexpr std::size_t max_found = 8;
  if (found.size() > max_found)
    throw Error(ErrorKind::incompatible,
                fmt::format("choosing the modules of '{}': the store has {} exports of them, and a bake can take {}",
                            driver.bundle->name, found.size(), max_found),
                "name the kernel in the recipe (kernel: RELEASE), or remove some", {{Remedy::Action::list_modules}});
  return found;
}

/// The first of `choices` that needs no bundle or whose bundle is in the store.
std::optional<SelectedDriver> first_available(const Recipe& recipe, const std::vector<Choice>& choices,
                                              const Offer& offer) {
  for (const auto& choice : choices) {
    // The distribution's own driver is used only when the recipe asks for it.
    if (choice.inbox && recipe.ofed.choice != OfedChoice::inbox) continue;
    SelectedDriver driver;
    driver.choice = choice;
    if (choice.inbox) return driver;
    const auto* bundle = find_bundle(offer, choice);
    if (bundle == nullptr) continue;
    driver.bundle = *bundle;
    check_pin(recipe, *driver.bundle);
    drop_unverified_warning(*driver.bundle, driver.choice);
    driver.repository = choose_repository(*driver.bundle, recipe.ofed.libs.empty() ? choice.libs : recipe.ofed.libs);
    return driver;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_missing_bundle(const Recipe& recipe, const std::vector<Choice>& choices, const Offer& offer) {
  const auto wanted = std::find_if(choices.begin(), choices.end(), [](const Choice& choice) { return !choice.inbox; });
  const bool is_known = wanted != choices.end() && wanted->file_name.find('*') == std::string::npos;
  const bool inbox = std::any_of(choices.begin(), choices.end(), [](const Choice& choice) { return choice.inbox; });
  if (wanted == choices.end())
    throw Error(ErrorKind::incompatible,
                fmt::format("choosing a driver for '{}': only the distribution's own driver supports {} on {} {}{}",
                            recipe.name, join(recipe.vm_sizes, ", "), recipe.os.id, recipe.os.version,
                            recipe.kernel.empty() ? "" : " with kernel " + recipe.kernel),
                "write 'ofed: inbox' in the recipe");
  throw Error(
      ErrorKind::incompatible,
      fmt::format("choosing a driver for '{}': the store '{}' has none of the bundles that fit{}", recipe.name,
                  offer.store, offer.absence),
      fmt::format("add {} to the store{}", wanted->file_name, inbox ? ", or write 'ofed: inbox' in the recipe" : ""),
      is_known ? std::vector<Remedy>{{Remedy::Action::add_bundle, wanted->file_name}} : std::vector<Remedy>());
}

}  // namespace

std::vector<std::filesystem::path> SelectedDriver::payloads() const {
  std::vector<std::filesystem::path> paths;
  if (bundle) paths.push_back(bundle->payload());
  for (const auto& extra : extras) paths.push_back(extra.payload());
  for (const auto& kernel_bundle : kernel_bundles) paths.push_back(kernel_bundle.payload());
  for (const auto& modules : built_modules) paths.push_back(modules.payload());
  return paths;
}

const bundle::Repository& SelectedDriver::repository_of(std::size_t payload) const {
  if (payload == 0) return bundle.value().repositories.at(repository);
  if (payload <= extras.size()) return extras[payload - 1].repository;
  return kernel_bundles.at(payload - 1 - extras.size()).repositories.at(0);
}

const bundle::BundlePackage* SelectedDriver::package_of(const PackageChange& change) const {
  if (change.action == PackageChange::Action::remove) return nullptr;
  for (const auto& package : repository_of(change.payload).packages)
    if (package.file == change.file) return &package;
  return nullptr;
}

const bundle::Bundle* SelectedDriver::bundle_of(std::size_t payload) const {
  if (payload == 0) return bundle ? &*bundle : nullptr;
  return payload <= extras.size() ? nullptr : &kernel_bundles.at(payload - 1 - extras.size());
}

bool SelectedDriver::may_build() const {
  return bundle && std::any_of(packages()->packages.begin(), packages()->packages.end(),
                               [](const auto& package) { return package.dkms_source; });
}

std::optional<SelectedDriver> find_driver(const Recipe& written, const matrix::Matrix& matrix, const Offer& offer) {
  const auto recipe = with_release(written, matrix);
  auto query = query_for(recipe, recipe.kernel);
  auto driver = first_available(recipe, allowed_choices(recipe, matrix.resolve(query)), offer);
  if (driver || recipe.ofed.choice != OfedChoice::automatic) return driver;
  // A bundle in the store is used even if the matrix has no row for it yet.
  const auto& os = *matrix.find_os(recipe.os.id, recipe.os.version);
  for (const auto& bundle : offer.bundles)
    if (!is_for_one_kernel(bundle) && matrix::distro_fits(bundle.distro, os.distro))
      query.in_store.push_back(bundle.version);
  return first_available(recipe, allowed_choices(recipe, matrix.resolve(query)), offer);
}

Choice best_choice(const Recipe& written, const matrix::Matrix& matrix) {
  const auto recipe = with_release(written, matrix);
  const auto resolution = matrix.resolve(query_for(recipe, recipe.kernel));
  const auto choices = allowed_choices(recipe, resolution);
  if (choices.empty()) refuse_all_choices(recipe, resolution);
  // The distribution's own driver is used only when the recipe asks for it.
  const auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& choice) {
    return choice.inbox == (recipe.ofed.choice == OfedChoice::inbox);
  });
  if (found == choices.end()) refuse_missing_bundle(recipe, choices, {});
  return *found;
}

SelectedDriver select_driver(const Recipe& written, const matrix::Matrix& matrix, const Offer& offer) {
  const auto recipe = with_release(written, matrix);
  auto driver = find_driver(recipe, matrix, offer);
  if (!driver) {
    const auto resolution = matrix.resolve(query_for(recipe, recipe.kernel));
    const auto choices = allowed_choices(recipe, resolution);
    if (choices.empty()) refuse_all_choices(recipe, resolution);
    refuse_missing_bundle(recipe, choices, offer);
  }
  const auto& os = *matrix.find_os(recipe.os.id, recipe.os.version);
  const auto format = os.family == "deb" ? bundle::PackageFormat::deb : bundle::PackageFormat::rpm;
  for (const auto& extras : offer.extras)
    if (extras.format == format && (extras.distro.empty() || extras.distro == os.distro))
      driver->extras.push_back(extras);
  driver->kernel_bundles = kernel_bundles_for(*driver, recipe.kernel, os.distro, offer);
  driver->built_modules = built_modules_for(*driver, recipe.kernel, os.distro, offer);
  return *driver;
}

std::vector<Problem> check_kernel(const Recipe& recipe, SelectedDriver& driver, const std::string& kernel,
                                  const matrix::Matrix& matrix) {
  auto query = query_for(recipe, kernel);
  query.ofed = driver.choice.inbox ? "inbox" : driver.choice.ofed;
  auto resolution = matrix.resolve(query);
  const auto same = std::find_if(resolution.choices.begin(), resolution.choices.end(), [&](const Choice& choice) {
    return choice.inbox == driver.choice.inbox && choice.ofed == driver.choice.ofed;
  });
  if (same == resolution.choices.end()) {
    driver.choice.warnings.clear();
    return {{fmt::format("{} with kernel {}",
                         driver.choice.inbox ? "the inbox driver" : matrix::product_name(driver.choice.ofed), kernel),
             join(resolution.requested_refusals, "; "), join(resolution.requested_remedies, "; ")}};
  }
  if (driver.bundle) drop_unverified_warning(*driver.bundle, *same);
  driver.choice.warnings = std::move(same->warnings);
  return {};
}

}  // namespace bake::resolve
