#include "bake/bundle/module_sources.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "bake/base/text.hpp"

namespace bake::bundle {
namespace {

bool is_number(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

/// Returns the numbers with dots between them at the front of `text`: "25.10.1.7.1.1.rhel9u6" → 25, 10, 1, 7, 1, 1.
std::vector<std::string> leading_numbers(std::string_view text) {
  auto numbers = split(text, '.');
  const auto end = std::find_if_not(numbers.begin(), numbers.end(), is_number);
  numbers.erase(end, numbers.end());
  return numbers;
}

/// 25, 10, 1, 7, 1 → "25.10-1.7.1"; empty for fewer than five numbers.
std::string release_of(const std::vector<std::string>& numbers) {
  if (numbers.size() < 5) return {};
  return numbers[0] + "." + numbers[1] + "-" + join({numbers.begin() + 2, numbers.end()}, ".");
}

/// "25.10-1.7.1.0" with a package revision or without.
std::string whole_release(std::string_view version) {
  const auto parts = split(version, '-');
  if (parts.size() < 2) return {};
  auto numbers = leading_numbers(parts[0]);
  if (numbers.size() != 2) return {};
  const auto rest = leading_numbers(parts[1]);
  numbers.insert(numbers.end(), rest.begin(), rest.end());
  return numbers.size() < 6 ? std::string() : release_of(numbers);
}

/// "26.04.1.0.9-1".
std::string dotted_release(std::string_view version) {
  return release_of(leading_numbers(version.substr(0, version.find('-'))));
}

/// The numbers behind "OFED.": five of the release, then its last field unless it is 0, then 1 for each rebuild.
std::string kernel_release(std::string_view version) {
  constexpr std::string_view mark = "OFED.";
  const auto at = version.find(mark);
  if (at == std::string_view::npos) return {};
  auto numbers = leading_numbers(version.substr(at + mark.size(), version.find('-', at) - at - mark.size()));
  if (numbers.size() > 5) numbers.resize(numbers[5] == "1" ? 5 : 6);
  return release_of(numbers);
}

}  // namespace

std::vector<ModuleSource> module_sources(const Bundle& bundle) {
  std::set<std::pair<std::string, std::string>> built;  // from, kernel
  bool dkms = false;
  for (const auto& repository : bundle.repositories)
    for (const auto& package : repository.packages) {
      dkms = dkms || package.dkms_source;
      if (package.built_kernel.empty()) continue;
      const bool for_one_kernel = bundle.doca && !bundle.doca->kernel.empty();
      const bool kmp = bundle.format == PackageFormat::rpm && package.name.starts_with("kmod-") && !for_one_kernel;
      built.emplace(kmp ? "kmp" : "prebuilt", package.built_kernel);
    }
  std::vector<ModuleSource> sources;
  for (const auto& [from, kernel] : built) sources.push_back({from, kernel});
  if (dkms) sources.push_back({"dkms", ""});
  return sources;
}

std::string family_of(const Bundle& bundle) {
  if (bundle.doca) return bundle.doca->family;
  if (bundle.layout == "split") return "B";
  return compare_versions(bundle.version, "5.1") < 0 ? "A" : "C";
}

std::string ofed_of(const Bundle& bundle) { return bundle.doca ? bundle.doca->ofed : bundle.version; }

std::string ofed_of_packages(const std::vector<BundlePackage>& packages, const std::string& otherwise) {
  using Reader = std::string (*)(std::string_view);
  // In the order of exactness.
  static constexpr std::array<std::pair<std::string_view, Reader>, 6> sources{
      {{"mlnx-fw-updater", &whole_release},
       {"doca-ofed-source", &dotted_release},
       {"mlnx-ofed-kernel-dkms", &kernel_release},
       {"mlnx-ofa_kernel", &kernel_release},
       {"kmod-mlnx-ofa_kernel", &kernel_release},
       {"ofed-scripts", &kernel_release}}};
  for (const auto& [name, read] : sources)
    for (const auto& package : packages)
      if (package.name == name)
        if (auto release = read(package.version); !release.empty()) return release;
  return otherwise;
}

}  // namespace bake::bundle
