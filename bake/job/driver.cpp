#include "bake/job/driver.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "bake/apply/apply.hpp"
#include "bake/base/error.hpp"
#include "bake/base/hint.hpp"
#include "bake/base/text.hpp"
#include "bake/ofed/archive.hpp"
#include "bake/ofed/closure.hpp"
#include "bake/ofed/kernel_fit.hpp"
#include "bake/ofed/module_elf.hpp"
#include "bake/ofed/profile.hpp"

namespace bake::job {
namespace {

using matrix::Choice;
using recipe::OfedChoice;
using recipe::Recipe;

matrix::Query query_for(const Recipe& recipe, const std::string& kernel) {
  return {recipe.os.id, recipe.os.version, kernel, recipe.vm_sizes,
          recipe.ofed.choice == OfedChoice::inbox ? "inbox" : recipe.ofed.version};
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

[[noreturn]] void refuse_choice(const Recipe& recipe, const matrix::Resolution& resolution) {
  std::vector<std::string> possible;
  for (const auto& choice : resolution.choices) possible.push_back(choice.inbox ? "inbox" : choice.ofed);
  auto hints = resolution.requested_remedies;
  hints.push_back("these fit: " + join(possible, ", "));
  throw Error(
      ErrorKind::incompatible,
      fmt::format("choosing a driver for {} {} on {}: {}", recipe.os.id, recipe.os.version, join(recipe.vm_sizes, ", "),
                  join(possible.empty() ? resolution.refusals : resolution.requested_refusals, "; ")),
      possible.empty() ? resolution.suggestion : join(hints, "; "));
}

void check_pin(const Recipe& recipe, const ofed::Bundle& bundle) {
  if (recipe.ofed.sha256.empty() || recipe.ofed.sha256 == bundle.id()) return;
  throw Error(ErrorKind::untrusted, fmt::format("choosing bundle '{}': the recipe pins sha256 {}, the store has {}",
                                                bundle.name, recipe.ofed.sha256, bundle.id()));
}

/// That an archive exists is beyond doubt once it lies in the store and somebody vouched for it.
void settle_doubt(const ofed::Bundle& bundle, Choice& choice) {
  if (!choice.existence_warning.empty() && !(bundle.trust.pin.empty() && bundle.trust.signer.empty()))
    std::erase(choice.warnings, choice.existence_warning);
}

/// Asks the matrix again about the driver that was chosen, now that the kernel is known which its rules speak of.
void judge_with_kernel(const Recipe& recipe, const Driver& driver, const std::string& kernel,
                       const matrix::Matrix& matrix, plan::Inputs& inputs) {
  auto query = query_for(recipe, kernel);
  query.ofed = driver.choice.inbox ? "inbox" : driver.choice.ofed;
  auto resolution = matrix.resolve(query);
  const auto same = std::find_if(resolution.choices.begin(), resolution.choices.end(), [&](const Choice& choice) {
    return choice.inbox == driver.choice.inbox && choice.ofed == driver.choice.ofed;
  });
  if (same == resolution.choices.end()) {
    inputs.choice.warnings.clear();  // they were about any kernel
    inputs.matrix_problems.push_back(
        {fmt::format("{} with kernel {}", driver.choice.inbox ? "the inbox driver" : "MLNX_OFED " + driver.choice.ofed,
                     kernel),
         join(resolution.requested_refusals, "; "), join(resolution.requested_remedies, "; ")});
    return;
  }
  if (driver.bundle) settle_doubt(*driver.bundle, *same);
  inputs.choice.warnings = std::move(same->warnings);
}

/// The repository of the bundle with the library flavour that was asked for.
std::size_t choose_repository(const ofed::Bundle& bundle, const std::string& libs) {
  for (std::size_t i = 0; i < bundle.repositories.size(); ++i)
    if (libs.empty() || bundle.repositories[i].flavour == libs || bundle.repositories[i].flavour == "flat") return i;
  std::vector<std::string> flavours;
  for (const auto& repository : bundle.repositories) flavours.push_back(repository.flavour);
  throw Error(ErrorKind::incompatible,
              fmt::format("choosing packages of '{}': it has no {} libraries", bundle.name, libs),
              "it has " + join(flavours, ", "));
}

/// The first of `choices` that can be had: its bundle is in the store, or it needs none.
std::optional<Driver> best_in_hand(const Recipe& recipe, const std::vector<Choice>& choices, Environment& environment) {
  for (const auto& choice : choices) {
    // Nobody gets the distribution's driver by accident: only when the recipe says inbox.
    if (choice.inbox && recipe.ofed.choice != OfedChoice::inbox) continue;
    Driver driver;
    driver.choice = choice;
    if (choice.inbox) return driver;
    driver.bundle = environment.store.find(choice.ofed, choice.distro, "x86_64");
    if (!driver.bundle) continue;
    check_pin(recipe, *driver.bundle);
    settle_doubt(*driver.bundle, driver.choice);
    driver.repository = choose_repository(*driver.bundle, recipe.ofed.libs.empty() ? choice.libs : recipe.ofed.libs);
    return driver;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_missing_bundle(const Recipe& recipe, const std::vector<Choice>& choices,
                                        const Environment& environment) {
  const auto wanted = std::find_if(choices.begin(), choices.end(), [](const Choice& choice) { return !choice.inbox; });
  const bool inbox = std::any_of(choices.begin(), choices.end(), [](const Choice& choice) { return choice.inbox; });
  if (wanted == choices.end())
    throw Error(ErrorKind::incompatible,
                fmt::format("choosing a driver for '{}': only the distribution's own driver serves {} on {} {}{}",
                            recipe.name, join(recipe.vm_sizes, ", "), recipe.os.id, recipe.os.version,
                            recipe.kernel.empty() ? "" : " with kernel " + recipe.kernel),
                "say 'ofed: inbox' in the recipe");
  throw Error(
      ErrorKind::incompatible,
      fmt::format("choosing a driver for '{}': the store '{}' has none of the bundles that fit{}", recipe.name,
                  environment.store.directory().string(), environment.store.absence()),
      fmt::format("add one with {}{}",
                  quote_command(fmt::format("bake bundle add {}{}", wanted->file_name, environment.store_option)),
                  inbox ? ", or say 'ofed: inbox' in the recipe" : ""));
}

std::vector<std::string> wanted_packages(const Recipe& recipe, const Driver& driver, const std::string& kernel,
                                         std::vector<Problem>& problems) {
  if (!driver.bundle) return driver.choice.packages;
  if (!recipe.ofed.packages.empty()) return recipe.ofed.packages;
  auto set = ofed::packages_of(recipe.ofed.profile, *driver.packages(), driver.bundle->format, kernel);
  problems = std::move(set.problems);
  return set.names;
}

ofed::PackageSource source_of(const ofed::Bundle& bundle, std::size_t repository) {
  auto texts = ofed::Store::index_texts(bundle, bundle.repositories.at(repository));
  return {0, &bundle.repositories.at(repository), bundle.format, std::move(texts.packages), std::move(texts.filelists)};
}

ofed::PackageSource source_of(const ofed::Extras& extras, std::size_t payload) {
  auto texts = ofed::Store::index_texts(extras);
  return {payload, &extras.repository, extras.format, std::move(texts.packages), std::move(texts.filelists)};
}

const ofed::BundlePackage* find_package(const ofed::Repository& repository, const std::string& file) {
  for (const auto& package : repository.packages)
    if (package.file == file) return &package;
  return nullptr;
}

/// Names of the packages that come from the extra packages.
std::vector<std::string> names_from_extras(const ofed::Closure& closure) {
  std::vector<std::string> names;
  for (const auto& change : closure.changes)
    if (change.action != ofed::Change::Action::remove && change.payload != 0) names.push_back(change.name);
  return names;
}

/// The bundle's packages that the image will have, as name=version: those that the closure installs, and those wanted
/// ones that it leaves alone because they are there, as on a disk that was baked before.
std::vector<std::string> specs_from_bundle(const ofed::Closure& closure, const Driver& driver,
                                           const std::vector<std::string>& wanted) {
  std::vector<std::string> specs;
  std::set<std::string> changed;
  for (const auto& change : closure.changes) {
    changed.insert(change.name);
    if (change.action == ofed::Change::Action::remove || change.payload != 0 || !driver.bundle) continue;
    if (const auto* package = find_package(*driver.packages(), change.file))
      specs.push_back(package->name + "=" + package->version);
  }
  for (const auto& spec : wanted)
    if (!changed.contains(spec.substr(0, spec.find('=')))) specs.push_back(spec);
  return specs;
}

std::vector<std::string> names_of(const std::vector<ofed::Extras>& all) {
  std::vector<std::string> names;
  for (const auto& extras : all)
    for (const auto& package : extras.repository.packages) names.push_back(package.name);
  return names;
}

/// The closure, and what the image gets from the bundle and from the extra packages. Without a closure what is
/// wanted and what could be taken: so the kernel fit, too, says everything that is missing.
struct Solved {
  ofed::Closure closure;
  std::vector<std::string> from_bundle, from_extras;
};

Solved solve_for(const std::vector<std::string>& wanted, const Driver& driver, const guest::Facts& facts,
                 const std::vector<ofed::PackageSource>& sources) {
  Solved solved{ofed::solve(facts, sources, wanted, ofed::never_installed()), {}, {}};
  solved.from_bundle = solved.closure.ok() ? specs_from_bundle(solved.closure, driver, wanted) : wanted;
  solved.from_extras = solved.closure.ok() ? names_from_extras(solved.closure) : names_of(driver.extras);
  return solved;
}

/// As solve_for(), with what a build of modules needs; `wanted` grows by it.
Solved solve_with_build(std::vector<std::string>& wanted, const Driver& driver, const guest::Facts& facts,
                        const std::string& kernel, const std::vector<ofed::PackageSource>& sources) {
  auto solved = solve_for(wanted, driver, facts, sources);
  if (!driver.bundle) return solved;
  auto more = ofed::packages_for_build(facts, kernel, *driver.packages(), driver.bundle->format, solved.from_bundle,
                                       names_of(driver.extras));
  const auto& planned = solved.closure.ok() ? solved.from_extras : wanted;
  std::erase_if(more,
                [&](const auto& name) { return std::find(planned.begin(), planned.end(), name) != planned.end(); });
  if (more.empty()) return solved;
  wanted.insert(wanted.end(), more.begin(), more.end());
  return solve_for(wanted, driver, facts, sources);
}

std::uint64_t bytes_to_install(const Driver& driver, const ofed::Closure& closure) {
  std::uint64_t bytes = 0;
  for (const auto& change : closure.changes) {
    if (change.action == ofed::Change::Action::remove) continue;
    const auto* package = find_package(driver.repository_of(change.payload), change.file);
    // An index without installed sizes: packages unpack to about four times their size.
    if (package != nullptr) bytes += package->installed_size != 0 ? package->installed_size : package->size * 4;
  }
  return bytes;
}

/// modinfo version of the module that will drive the card, as the chosen packages carry it; empty when they carry
/// sources.
std::string module_version(const Driver& driver, const std::vector<std::string>& specs) {
  if (!driver.bundle) return {};
  for (const auto& package : driver.packages()->packages) {
    const auto names = [&](const std::string& spec) { return ofed::names_package(spec, package); };
    if (std::none_of(specs.begin(), specs.end(), names)) continue;
    for (const auto& module : package.modules)
      if (module.name == driver.choice.driver) return module.version;
  }
  return {};
}

/// The parsed symvers of `kernel`, read from the guest.
std::optional<std::map<std::string, std::uint32_t>> symvers_of(const guest::Facts& facts, const std::string& kernel,
                                                               guest::Guest& guest) {
  const auto* found = facts.kernel(kernel);
  if (found == nullptr || !found->symvers) return std::nullopt;
  auto bytes = guest.read(*found->symvers);
  if (!bytes) return std::nullopt;
  constexpr std::size_t most = std::size_t{64} << 20U;  // a real one has 2 MiB; a guest is hostile input
  return ofed::parse_symvers(ofed::unpack(std::move(*bytes), *found->symvers, most));
}

/// vermagic of one of the kernel's own modules, the first that depmod listed; empty when none can be read.
std::string vermagic_of(const guest::Facts& facts, const std::string& kernel, guest::Guest& guest) {
  if (facts.kernel(kernel) == nullptr) return {};
  constexpr std::size_t most = std::size_t{32} << 20U;
  const auto directory = "/lib/modules/" + kernel + "/";
  const auto dependencies = guest.read(directory + "modules.dep");
  if (!dependencies) return {};
  for (std::size_t at = 0; at < dependencies->size();) {
    const auto path = dependencies->substr(at, dependencies->find_first_of(":\n", at) - at);
    at = std::min(dependencies->size(), dependencies->find('\n', at)) + 1;
    if (!path.starts_with("kernel/") || path.find("..") != std::string::npos || !ofed::is_module_path(path)) continue;
    try {
      auto bytes = guest.read(directory + path, most);
      if (bytes) return ofed::read_module(ofed::unpack(std::move(*bytes), path, most), path).vermagic;
    } catch (const Error&) {
      return {};  // a module nobody can read says nothing; the image's own trouble is not this question's
    }
  }
  return {};
}

}  // namespace

std::vector<std::filesystem::path> Driver::payloads() const {
  std::vector<std::filesystem::path> paths;
  if (bundle) paths.push_back(bundle->payload());
  for (const auto& extra : extras) paths.push_back(extra.payload());
  return paths;
}

const ofed::Repository& Driver::repository_of(std::size_t payload) const {
  return payload == 0 ? bundle.value().repositories.at(repository) : extras.at(payload - 1).repository;
}

bool Driver::may_build() const {
  return bundle && std::any_of(packages()->packages.begin(), packages()->packages.end(),
                               [](const auto& package) { return package.dkms_source; });
}

Driver choose_driver(const Recipe& recipe, Environment& environment) {
  auto query = query_for(recipe, recipe.kernel);
  const auto resolution = environment.matrix.resolve(query);
  const auto choices = allowed_choices(recipe, resolution);
  const auto& os = *environment.matrix.find_os(recipe.os.id, recipe.os.version);
  auto driver = best_in_hand(recipe, choices, environment);
  if (!driver && recipe.ofed.choice == OfedChoice::automatic) {
    // A bundle in hand counts for more than a row that nobody has written yet.
    for (const auto& bundle : environment.store.list())
      if (bundle.distro == os.distro) query.in_store.push_back(bundle.version);
    driver = best_in_hand(recipe, allowed_choices(recipe, environment.matrix.resolve(query)), environment);
  }
  if (!driver && choices.empty()) refuse_choice(recipe, resolution);
  if (!driver) refuse_missing_bundle(recipe, choices, environment);
  driver->extras = environment.store.extras(os.distro);
  // Extra packages for every release are of one kind all the same.
  const auto format = os.family == "deb" ? ofed::PackageFormat::deb : ofed::PackageFormat::rpm;
  std::erase_if(driver->extras, [&](const auto& extras) { return extras.format != format; });
  return *driver;
}

plan::Outcome decide(const Recipe& recipe, const Driver& driver, const guest::Facts& facts, guest::Guest& guest,
                     Environment& environment) {
  plan::Inputs inputs;
  inputs.recipe = recipe;
  // The recipe may call the release by another name ("focal"); the guest has one.
  if (const auto* os = environment.matrix.find_os(recipe.os.id, recipe.os.version))
    inputs.recipe.os = {os->id, os->version};
  inputs.facts = facts;
  inputs.choice = driver.choice;
  const auto kernel = recipe.kernel.empty() ? facts.default_kernel : recipe.kernel;
  judge_with_kernel(recipe, driver, kernel, environment.matrix, inputs);

  std::vector<ofed::PackageSource> sources;
  if (driver.bundle) {
    sources.push_back(source_of(*driver.bundle, driver.repository));
    inputs.bundle = plan::BundleChoice{driver.bundle->name,   driver.bundle->id(), driver.bundle->version,
                                       driver.bundle->distro, driver.bundle->arch, driver.packages()->directory};
  }
  for (std::size_t i = 0; i < driver.extras.size(); ++i) sources.push_back(source_of(driver.extras[i], i + 1));
  inputs.extra_payloads = driver.extras.size();

  std::vector<Problem> missing_parts;
  inputs.wanted = wanted_packages(recipe, driver, kernel, missing_parts);
  auto solved = solve_with_build(inputs.wanted, driver, facts, kernel, sources);
  inputs.closure = std::move(solved.closure);
  inputs.closure.problems.insert(inputs.closure.problems.begin(), missing_parts.begin(), missing_parts.end());
  if (driver.bundle) {
    const auto symvers = symvers_of(facts, kernel, guest);
    inputs.fit = ofed::decide_fit(facts, kernel, *driver.packages(), driver.bundle->format, solved.from_bundle,
                                  symvers ? &*symvers : nullptr, solved.from_extras, vermagic_of(facts, kernel, guest));
  } else {
    inputs.fit = ofed::inbox_fit(facts, kernel);
  }
  inputs.module_version = module_version(driver, solved.from_bundle);
  inputs.install_bytes = bytes_to_install(driver, inputs.closure);
  inputs.firstboot_sha256 = apply::firstboot_digest();
  if (facts.waagent) {
    const auto verdict = environment.matrix.agent_verdict(facts.waagent->version);
    if (!verdict.message.empty())
      inputs.agent_problems.push_back(fmt::format("the image has waagent {}: {}{}", facts.waagent->version,
                                                  verdict.message,
                                                  verdict.remedy.empty() ? "" : fmt::format(" ({})", verdict.remedy)));
  }
  return plan::make(inputs);
}

}  // namespace bake::job
