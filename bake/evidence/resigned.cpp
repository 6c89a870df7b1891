#include "bake/evidence/resigned.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "bake/base/printable.hpp"
#include "bake/base/time.hpp"
#include "bake/evidence/document.hpp"
#include "bake/evidence/purl.hpp"
#include "bake/verify/evidence.hpp"

namespace bake::evidence {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_listed = 200;

/// A list of changes with its length. Only the first entries are kept.
class Changes {
 public:
  void add(Json entry) {
    if (count_++ < max_listed) list_.push_back(std::move(entry));
  }
  [[nodiscard]] Json json() const { return {{"count", count_}, {"list", list_}}; }

 private:
  std::size_t count_ = 0;
  Json list_ = Json::array();
};

using Versions = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;  // name and arch → versions

Versions versions_of(const Json& packages) {
  Versions versions;
  for (const auto& each : packages)
    versions[{each.at("name").get<std::string>(), each.at("arch").get<std::string>()}].push_back(each.at("version"));
  return versions;
}

/// Returns what `list` has and `other` does not.
std::vector<std::string> without(const std::vector<std::string>& list, const std::vector<std::string>& other) {
  std::vector<std::string> rest;
  for (const auto& each : list)
    if (std::find(other.begin(), other.end(), each) == other.end()) rest.push_back(each);
  return rest;
}

/// A package of which one version replaced another one is `changed`. Several versions, as of kernels, are added and
/// removed.
Json package_changes(const Json& before, const Json& after) {
  const auto old_versions = versions_of(before);
  const auto new_versions = versions_of(after);
  auto all = old_versions;
  all.insert(new_versions.begin(), new_versions.end());
  Changes added, removed, changed;
  for (const auto& [key, ignored] : all) {
    const auto& [name, arch] = key;
    const auto versions_in = [&key = key](const Versions& map) {
      const auto found = map.find(key);
      return found == map.end() ? std::vector<std::string>() : found->second;
    };
    const auto gone = without(versions_in(old_versions), versions_in(new_versions));
    const auto come = without(versions_in(new_versions), versions_in(old_versions));
    if (gone.size() == 1 && come.size() == 1) {
      changed.add({{"name", name}, {"arch", arch}, {"old", gone.front()}, {"new", come.front()}});
      continue;
    }
    for (const auto& version : gone) removed.add({{"name", name}, {"version", version}, {"arch", arch}});
    for (const auto& version : come) added.add({{"name", name}, {"version", version}, {"arch", arch}});
  }
  return {{"added", added.json()}, {"removed", removed.json()}, {"changed", changed.json()}};
}

/// `unlisted` says whether the digest over all other files differs too; the digest covers the listed files as well.
Json file_changes(const Json& before, const Json& after) {
  Changes added, removed, changed;
  const auto& old_list = before.at("list");
  const auto& new_list = after.at("list");
  for (const auto& [path, state] : old_list.items())
    if (const auto now = new_list.find(path); now == new_list.end())
      removed.add(path);
    else if (*now != state)
      changed.add(path);
  for (const auto& [path, state] : new_list.items())
    if (!old_list.contains(path)) added.add(path);
  return {{"added", added.json()},
          {"removed", removed.json()},
          {"changed", changed.json()},
          {"names_or_modes_differ", !before.contains("rest") || before.at("rest") != after.at("rest")}};
}

/// The file of an injected package, as the CycloneDX document of the earlier image names it.
struct PackageFile {
  std::string name, sha256, signer;
};

/// Returns the package files by purl.
std::map<std::string, PackageFile> files_in(const Json& cyclonedx) {
  std::map<std::string, PackageFile> files;
  if (!cyclonedx.is_object()) return files;
  for (const auto& component : cyclonedx.at("components")) {
    PackageFile file;
    for (const auto& property : component.at("properties")) {
      if (property.at("name") == "bake:package-file") file.name = printable(property.at("value").get<std::string>());
      if (property.at("name") == "bake:signer") file.signer = printable(property.at("value").get<std::string>());
    }
    if (file.name.empty()) continue;
    if (component.contains("hashes")) file.sha256 = component.at("hashes").at(0).at("content");
    files[component.at("purl")] = std::move(file);
  }
  return files;
}

}  // namespace

std::vector<ImagePackage> packages_after(const Before& before, const std::vector<guest::InstalledPackage>& installed,
                                         const guest::DetailsOfPackages& details) {
  using Key = std::tuple<std::string, std::string, std::string>;
  const bool recorded = before.manifest.contains("packages");
  std::map<Key, ImagePackage> known;
  if (recorded)
    for (auto& package : packages_from(before.manifest.at("packages")))
      known[{package.name, package.version, package.arch}] = package;
  const auto files = files_in(before.cyclonedx);
  const auto distribution = distribution_of(before.manifest);
  std::map<Key, ImagePackage> packages;  // sorted, and each once
  for (const auto& each : installed) {
    ImagePackage package{printable(each.name), printable(each.version), printable(each.arch), {}, false, {}, {}, {}};
    const Key key{package.name, package.version, package.arch};
    package.from = recorded ? from_later_change : from_unknown;
    if (const auto found = known.find(key); found != known.end()) {
      package.from = found->second.from;
      package.customize = found->second.customize;
      if (const auto file = files.find(purl_of(distribution, package.name, package.version, package.arch));
          file != files.end()) {
        package.file = file->second.name;
        package.sha256 = file->second.sha256;
        package.signer = file->second.signer;
      }
    }
    if (const auto found = details.find(each); found != details.end()) package.details = found->second;
    packages.insert_or_assign(key, std::move(package));
  }
  std::vector<ImagePackage> list;
  for (auto& [key, package] : packages) list.push_back(std::move(package));
  return list;
}

Json resigned_manifest(const Before& before, const Product& product, const Findings& findings,
                       const std::string& kernel, std::int64_t time) {
  const auto& old = before.manifest;
  auto manifest = product_manifest(verify::inside_of(old), product, findings);
  auto& resigned = manifest["resigned"];
  resigned["of"] = {{"sha256", old.at("product").at("sha256")}, {"manifest_sha256", before.manifest_sha256}};
  resigned["time"] = iso_time(time);
  auto& changes = resigned["changes"];
  changes["packages"] = old.contains("packages") ? package_changes(old.at("packages"), findings.packages)
                                                 : Json{{"unknown", "the earlier manifest does not list the packages"}};
  changes["files"] = file_changes(old.at("files"), findings.files);
  changes["kernel"] = {{"old", old.at("kernel").at("release")}, {"new", kernel}};
  if (old.contains("resigned")) {
    const auto& last = old.at("resigned");
    auto earlier = last.contains("earlier") ? last.at("earlier") : Json::array();
    earlier.push_back({{"of", last.at("of")}, {"time", last.at("time")}});
    resigned["earlier"] = std::move(earlier);
  }
  return manifest;
}

}  // namespace bake::evidence
