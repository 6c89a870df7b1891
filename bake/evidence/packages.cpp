#include "bake/evidence/packages.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "bake/base/printable.hpp"
#include "bake/base/text.hpp"

namespace bake::evidence {
namespace {

using resolve::PackageChange;
using Key = guest::InstalledPackage;

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Returns the names of the new packages that need a package, as PackageChange::reason says: "required by a, b".
/// Empty when the reason is another one, or does not name all of them.
std::vector<std::string> requirers_in(const std::string& reason) {
  static constexpr std::string_view beginning = "required by ";
  if (!reason.starts_with(beginning) || reason.ends_with(" more")) return {};
  std::vector<std::string> names;
  for (const auto& name : split(std::string_view(reason).substr(beginning.size()), ',')) names.emplace_back(trim(name));
  return names;
}

/// Returns the names of the extra packages that only `customize` of the recipe brings: those that it names, and those
/// that only such packages need.
std::set<std::string> customized_names(const std::vector<PackageChange>& changes,
                                       const std::vector<std::string>& specs) {
  std::set<std::string> named;
  for (const auto& spec : specs) named.insert(spec.substr(0, spec.find('=')));
  std::set<std::string> found;
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& change : changes) {
      if (!change.is_extra() || change.action == PackageChange::Action::remove || found.contains(change.name)) continue;
      const auto requirers = requirers_in(change.reason);
      const bool only_for_them =
          !requirers.empty() &&
          std::all_of(requirers.begin(), requirers.end(), [&](const auto& name) { return found.contains(name); });
      if (named.contains(change.name) || only_for_them) grew = found.insert(change.name).second;
    }
  }
  return found;
}

ImagePackage injected(const PackageChange& change, const resolve::SelectedDriver& driver) {
  const auto* bundle = driver.bundle_of(change.payload);
  const auto* package = driver.package_of(change);
  ImagePackage result{change.name, change.version, change.arch, {}, false, file_name(change.file), {}, {}};
  if (package != nullptr) result.sha256 = package->sha256;
  if (bundle != nullptr) {
    result.from = "bundle " + bundle->name;
    result.signer = bundle->trust.signer;
  } else {
    const auto& extras = driver.extras.at(change.payload - 1);
    result.from = "extra packages " + extras.name;
    result.signer = extras.signer;
  }
  return result;
}

}  // namespace

std::vector<ImagePackage> image_packages(const std::vector<guest::InstalledPackage>& installed,
                                         const guest::DetailsOfPackages& details,
                                         const std::vector<guest::InstalledPackage>& base, const plan::Plan& plan,
                                         const resolve::SelectedDriver& driver,
                                         const std::vector<std::string>& customized) {
  const auto changes = all_changes(plan);
  const auto customized_packages = customized_names(changes, customized);
  std::map<Key, ImagePackage> changed;
  for (const auto& change : changes) {
    if (change.action == PackageChange::Action::remove) continue;
    auto package = injected(change, driver);
    package.customize = change.is_extra() && customized_packages.contains(change.name);
    changed.insert_or_assign({change.name, change.version, change.arch}, std::move(package));
  }
  const std::set<Key> before(base.begin(), base.end());
  std::vector<ImagePackage> packages;
  for (const auto& each : std::set<Key>(installed.begin(), installed.end())) {
    ImagePackage package;
    if (const auto found = changed.find(each); found != changed.end()) package = found->second;
    if (package.from.empty()) package.from = before.contains(each) ? from_base : from_script;
    package.name = printable(each.name);
    package.version = printable(each.version);
    package.arch = printable(each.arch);
    if (const auto found = details.find(each); found != details.end()) package.details = found->second;
    packages.push_back(std::move(package));
  }
  return packages;
}

nlohmann::ordered_json to_json(const std::vector<ImagePackage>& packages) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& package : packages) {
    list.push_back(
        {{"name", package.name}, {"version", package.version}, {"arch", package.arch}, {"from", package.from}});
    if (package.customize) list.back()["customize"] = true;
  }
  return list;
}

std::vector<ImagePackage> packages_from(const nlohmann::json& json) {
  std::vector<ImagePackage> packages;
  for (const auto& each : json) {
    ImagePackage package;
    each.at("name").get_to(package.name);
    each.at("version").get_to(package.version);
    each.at("arch").get_to(package.arch);
    each.at("from").get_to(package.from);
    package.customize = each.value("customize", false);
    packages.push_back(std::move(package));
  }
  return packages;
}

}  // namespace bake::evidence
