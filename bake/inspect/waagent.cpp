#include "bake/inspect/waagent.hpp"

#include <algorithm>

#include "bake/base/text.hpp"
#include "bake/guest/path.hpp"

namespace bake::guest {
namespace {

std::string_view strip(std::string_view text, std::string_view characters) {
  const auto first = text.find_first_not_of(characters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

/// "1:2.2.46-0ubuntu1~20.04.1" → "2.2.46"
std::string upstream_version(std::string_view version) {
  if (const auto colon = version.find(':'); colon != std::string_view::npos) version.remove_prefix(colon + 1);
  return std::string(version.substr(0, version.find_first_not_of("0123456789.")));
}

std::string version_of_package(const std::vector<InstalledPackage>& packages) {
  for (const auto& package : packages) {
    const auto name = to_lower(package.name);
    if (name == "walinuxagent" || name == "waagent") return upstream_version(package.version);
  }
  return {};
}

/// AGENT_VERSION = '2.7.3.0' of azurelinuxagent/common/version.py
std::string version_of_source(std::string_view source) {
  for (const auto line : each_line(source)) {
    if (!line.starts_with("AGENT_VERSION")) continue;
    const auto equals = line.find('=');
    if (equals != std::string::npos) return std::string(strip(line.substr(equals + 1), " \t'\""));
  }
  return {};
}

/// The directories in which setup.py and packages install Python modules.
std::vector<std::string> module_directories(Guest& guest) {
  std::vector<std::string> directories;
  for (const auto* library : {"/usr/lib", "/usr/local/lib"})
    for (const auto& name : guest.list(library))
      if (name.starts_with("python"))
        for (const auto* kind : {"site-packages", "dist-packages"})
          directories.push_back(join_path(join_path(library, name), kind));
  return directories;
}

std::string version_of_files(Guest& guest) {
  for (const auto& directory : module_directories(guest)) {
    if (const auto source = guest.read(directory + "/azurelinuxagent/common/version.py"))
      if (auto version = version_of_source(*source); !version.empty()) return version;
    for (const auto& name : guest.list(directory))
      if (name.starts_with("WALinuxAgent-")) return upstream_version(std::string_view(name).substr(13));
  }
  return {};
}

std::string find_service(Guest& guest) {
  for (const auto* directory : {"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    const auto names = guest.list(directory);
    for (const auto* service : {"walinuxagent.service", "waagent.service"})
      if (std::find(names.begin(), names.end(), service) != names.end()) return service;
  }
  return {};
}

}  // namespace

std::optional<std::string> waagent_setting(std::string_view config, std::string_view key) {
  std::optional<std::string> found;
  for (const auto line : each_line(config)) {
    const auto equals = line.find('=');
    if (line.starts_with('#') || equals == std::string::npos) continue;
    if (trim(line.substr(0, equals)) != key) continue;
    const auto value = line.substr(equals + 1);
    const auto text = trim(strip(value.substr(0, value.find('#')), "\" "));
    found = text == "None" ? std::nullopt : std::optional(std::string(text));
  }
  return found;
}

std::optional<Waagent> find_waagent(Guest& guest, const std::vector<InstalledPackage>& packages) {
  const bool there = guest.exists("/usr/sbin/waagent") || guest.exists("/usr/bin/waagent");
  Waagent agent;
  agent.version = version_of_package(packages);
  if (!there && agent.version.empty()) return std::nullopt;
  if (agent.version.empty()) agent.version = version_of_files(guest);
  const auto config = guest.read(agent.config).value_or("");
  agent.enable_rdma = to_lower(waagent_setting(config, "OS.EnableRDMA").value_or("n")) == "y";
  agent.service = find_service(guest);
  return agent;
}

}  // namespace bake::guest
