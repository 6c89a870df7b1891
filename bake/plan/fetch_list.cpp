#include "bake/plan/fetch_list.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <tuple>

#include "bake/base/text.hpp"

namespace bake::plan {
namespace {

using guest::Family;

/// Returns the number before the first dot of the release: 7 for "7.7".
int major_of(const guest::OsRelease& os) {
  int major = 0;
  std::from_chars(os.version.data(), os.version.data() + os.version.size(), major);
  return major;
}

std::string package_arch(const guest::Facts& facts) {
  return facts.family == Family::deb && facts.arch == "x86_64" ? "amd64" : facts.arch;
}

/// Returns the package of a name that a build of modules lacks. The name of kernel-devel includes the kernel's release,
/// which is the version and the architecture of the rpm.
FetchPackage build_package(const std::string& name, const guest::Facts& facts, const std::string& kernel) {
  FetchPackage package{name, {}, package_arch(facts), fmt::format("the modules are built for {}", kernel)};
  if (name == "dkms" && facts.family == Family::rpm) package.why += "; EPEL has it";
  if (name != "kernel-devel-" + kernel) return package;
  package.name = "kernel-devel";
  package.version = kernel;
  if (const auto suffix = "." + facts.arch; package.version.ends_with(suffix))
    package.version.resize(package.version.size() - suffix.size());
  return package;
}

/// Returns "mlnx-tools 5.2 needs tcl >= 8.6".
std::string reason_for(const resolve::MissingPackage& missing) {
  if (missing.needed_by.empty()) return "the recipe's driver consists of it";
  const auto version = missing.version.empty() ? "" : fmt::format(" {} {}", missing.relation, missing.version);
  return fmt::format("{} needs {}{}", missing.needed_by, missing.name, version);
}

/// Adds a package, or another reason for it.
void add(std::vector<FetchPackage>& packages, const FetchPackage& package) {
  const auto same = std::find_if(packages.begin(), packages.end(), [&](const FetchPackage& each) {
    return std::tie(each.name, each.arch) == std::tie(package.name, package.arch) &&
           (each.version == package.version || each.version.empty() || package.version.empty());
  });
  if (same == packages.end()) return packages.push_back(package);
  if (same->version.empty()) same->version = package.version;
  if (("; " + same->why + ";").find("; " + package.why + ";") == std::string::npos) same->why += "; " + package.why;
}

void sort(std::vector<FetchPackage>& packages) {
  std::sort(packages.begin(), packages.end(), [](const FetchPackage& a, const FetchPackage& b) {
    return std::tie(a.name, a.version, a.arch) < std::tie(b.name, b.version, b.arch);
  });
}

/// Whether the name is a file or a capability, not a package: "/usr/bin/perl", "libnl-3.so.200()(64bit)".
bool is_capability(const std::string& name) { return name.starts_with('/') || name.find('(') != std::string::npos; }

std::string spec_of(const FetchPackage& package, char separator) {
  return shell_quote(package.version.empty() ? package.name : package.name + separator + package.version);
}

bool has(const FetchList& list, std::string_view name) {
  return std::any_of(list.packages.begin(), list.packages.end(), [&](const auto& each) { return each.name == name; });
}

/// Downloads with an empty package database, so that apt takes every dependency. The directory "partial" must exist.
/// Afterwards it and the lock belong to apt, so that other users could not copy them.
std::vector<std::string> apt_commands(const FetchList& list) {
  std::string specs;
  for (const auto& package : list.packages) specs += " " + spec_of(package, '=');
  const auto directory = list.directory();
  return {fmt::format("mkdir -p {}/partial", directory), "sudo apt-get update",
          fmt::format("sudo apt-get -o Dir::State::status=/dev/null -o Dir::Cache::archives=\"$PWD/{}\" install "
                      "--download-only --no-install-recommends --yes{}",
                      directory, specs),
          fmt::format("sudo rm -rf {0}/partial {0}/lock", directory)};
}

/// Returns the command that turns EPEL on, where DKMS is; empty when no package is from there or its name is not known:
/// of RHEL 7 the address of the package has gone.
std::string epel_command(const FetchList& list, std::string_view tool) {
  if (!has(list, "dkms")) return {};
  const auto major = major_of(list.os);
  if (list.os.id != "rhel") return fmt::format("sudo {} install -y epel-release", tool);
  if (major < 8) return {};
  return fmt::format("sudo {} install -y https://dl.fedoraproject.org/pub/epel/epel-release-latest-{}.noarch.rpm", tool,
                     major);
}

/// `dnf download` also finds packages by their files and capabilities.
std::vector<std::string> dnf_commands(const FetchList& list) {
  std::string specs;
  for (const auto& package : list.packages) specs += " " + spec_of(package, '-');
  std::vector<std::string> commands{fmt::format("mkdir -p {}", list.directory()),
                                    "sudo dnf install -y 'dnf-command(download)'"};
  if (auto epel = epel_command(list, "dnf"); !epel.empty()) commands.push_back(std::move(epel));
  commands.push_back(
      fmt::format("dnf download --resolve --alldeps --arch x86_64,noarch --destdir {}{}", list.directory(), specs));
  return commands;
}

/// yumdownloader only finds packages by their names; repoquery, from the same package, turns the others into names.
std::vector<std::string> yum_commands(const FetchList& list) {
  std::string specs;
  std::string capabilities;
  for (const auto& package : list.packages)
    (is_capability(package.name) ? capabilities : specs) +=
        " " + (is_capability(package.name) ? shell_quote(package.name) : spec_of(package, '-'));
  if (!capabilities.empty()) specs += fmt::format(" $(repoquery --qf '%{{name}}' --whatprovides{})", capabilities);
  std::vector<std::string> commands{"sudo yum install -y yum-utils"};
  if (auto epel = epel_command(list, "yum"); !epel.empty()) commands.push_back(std::move(epel));
  commands.push_back(fmt::format("yumdownloader --resolve --destdir {}{}", list.directory(), specs));
  return commands;
}

/// Whether yum is the package manager of the release, not dnf.
bool uses_yum(const FetchList& list) { return list.family == Family::rpm && major_of(list.os) < 8; }

}  // namespace

std::string FetchList::directory() const { return distro.empty() ? "extras" : "extras-" + distro; }

FetchList fetch_list(const Inputs& inputs) {
  const auto& resolution = inputs.resolution;
  FetchList list;
  list.os = inputs.facts.os;
  list.family = inputs.facts.family;
  list.distro = resolution.distro;
  list.kernels = {resolution.fit.kernel};
  for (const auto& name : resolution.fit.missing) {
    const auto package = build_package(name, inputs.facts, resolution.fit.kernel);
    add(list.packages, package);
    // dkms of EPEL 9 requires it if kernel-core is installed; without a version its newest one brings another kernel.
    constexpr int first_with_matched = 9;
    if (package.name == "kernel-devel" && major_of(list.os) >= first_with_matched)
      add(list.packages, {"kernel-devel-matched", package.version, package.arch, package.why});
  }
  if (inputs.kernel)
    for (const auto& missing : inputs.kernel->missing)
      add(list.packages, {missing.name, missing.version, package_arch(inputs.facts),
                          missing.needed_by.empty() ? "the recipe makes it the default kernel" : reason_for(missing)});
  for (const auto& missing : resolution.closure.missing)
    add(list.packages, {missing.name, missing.relation == "=" ? missing.version : "", package_arch(inputs.facts),
                        reason_for(missing)});
  sort(list.packages);
  return list;
}

std::vector<FetchList> merged(const std::vector<FetchList>& lists) {
  std::vector<FetchList> result;
  for (const auto& list : lists) {
    const auto same = std::find_if(result.begin(), result.end(), [&](const FetchList& each) {
      return each.os.id == list.os.id && each.os.version == list.os.version && each.distro == list.distro;
    });
    if (same == result.end()) {
      result.push_back(list);
      continue;
    }
    for (const auto& package : list.packages) add(same->packages, package);
    sort(same->packages);
    auto& kernels = same->kernels;
    kernels.insert(kernels.end(), list.kernels.begin(), list.kernels.end());
    std::sort(kernels.begin(), kernels.end());
    kernels.erase(std::unique(kernels.begin(), kernels.end()), kernels.end());
  }
  return result;
}

std::vector<std::string> download_commands(const FetchList& list) {
  if (list.packages.empty()) return {};
  if (list.family == Family::deb) return apt_commands(list);
  return uses_yum(list) ? yum_commands(list) : dnf_commands(list);
}

nlohmann::ordered_json to_json(const FetchList& list) {
  auto packages = nlohmann::ordered_json::array();
  for (const auto& package : list.packages)
    packages.push_back(
        {{"name", package.name}, {"version", package.version}, {"arch", package.arch}, {"why", package.why}});
  return {{"os", list.os.id + " " + list.os.version},
          {"kernels", list.kernels},
          {"packages", packages},
          {"commands", download_commands(list)}};
}

std::string to_text(const FetchList& list) {
  const auto count = list.packages.size();
  auto out = fmt::format("{} {}, kernel {}: {}\n", list.os.id, list.os.version, join(list.kernels, ", "),
                         count == 0   ? "nothing is missing"
                         : count == 1 ? "1 package is missing"
                                      : fmt::format("{} packages are missing", count));
  if (count == 0) return out;
  for (const auto& package : list.packages)
    out +=
        fmt::format("  {}{}  ({})\n", package.name, package.version.empty() ? "" : " " + package.version, package.why);
  out += fmt::format("on a machine with {} {} and a network{}:\n", list.os.id, list.os.version,
                     uses_yum(list) ? ", started from the same base image" : "");
  for (const auto& command : download_commands(list)) out += "  " + command + "\n";
  return out;
}

}  // namespace bake::plan
