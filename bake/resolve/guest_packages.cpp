#include "bake/resolve/guest_packages.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "bake/base/text.hpp"

namespace bake::resolve {
namespace {

/// Returns the upstream version that the image will have of the first of `names`: of the closure, else the installed
/// one. Empty when it is not installed.
std::string version_in_image(const Closure& closure, const guest::Facts& facts, const std::vector<std::string>& names) {
  const auto is_named = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), to_lower(name)) != names.end();
  };
  const auto upstream = [](std::string version) {
    version.erase(0, version.find(':') + 1);
    return version.substr(0, version.find_first_not_of("0123456789."));
  };
  for (const auto& change : closure.changes)
    if (is_named(change.name)) return change.action == PackageChange::Action::remove ? "" : upstream(change.version);
  for (const auto& package : facts.packages.packages)
    if (is_named(package.name)) return upstream(package.version);
  return {};
}

/// Whether udev gives the IPoIB interface a name other than ib0. udev of systemd 240 and newer does (systemd,
/// man/systemd.net-naming-scheme.xml, v240: Ubuntu 20.04, EL9), unless the kernel's command line says net.ifnames=0.
/// EL8 has systemd 239, whose net_id names only Ethernet and SLIP interfaces (redhat-plumbers/systemd-rhel8,
/// src/udev/udev-builtin-net_id.c). The distribution does not matter: the agent looks for ib0 on all of them
/// (WALinuxAgent v2.9.0.4, azurelinuxagent/common/rdma.py, RDMADeviceHandler).
bool udev_renames_ipoib(const guest::Facts& facts, const Closure& closure) {
  const auto options = split_words(facts.default_kernel_options);
  if (std::find(options.begin(), options.end(), "net.ifnames=0") != options.end()) return false;
  const auto systemd = version_in_image(closure, facts, {"systemd"});
  return !systemd.empty() && compare_versions(systemd, "240") >= 0;
}

}  // namespace

GuestPackageCheck check_guest_packages(const recipe::Recipe& recipe, const guest::Facts& facts, const Closure& closure,
                                       const matrix::Matrix& matrix) {
  GuestPackageCheck check;
  const auto packaged_agent = version_in_image(closure, facts, {"walinuxagent", "waagent"});
  const auto agent = !packaged_agent.empty() ? packaged_agent : facts.waagent ? facts.waagent->version : std::string();
  const auto cloud_init = version_in_image(closure, facts, {"cloud-init"});
  const auto findings = matrix.package_rules({facts.os.id, facts.os.version, agent, cloud_init,
                                              recipe.configure.enable_rdma, udev_renames_ipoib(facts, closure),
                                              facts.machine.cloud_init_network && recipe.configure.cloud_init_network});
  for (const auto& finding : findings) {
    const bool about_agent = finding.rule.starts_with("agent-");
    const auto installed = about_agent ? "waagent " + agent : "cloud-init " + cloud_init;
    if (finding.effect == matrix::Effect::refuse)
      check.problems.push_back({installed, finding.message, finding.remedy});
    else
      check.warnings.push_back(fmt::format("the image has {}: {}{}", installed, finding.message,
                                           finding.remedy.empty() ? "" : fmt::format(" ({})", finding.remedy)));
  }
  if (facts.waagent && agent.empty() && recipe.configure.enable_rdma)
    check.warnings.emplace_back(
        "the image has a waagent of an unknown version: bake cannot tell whether it configures IPoIB (waagent 2.12.0.2 "
        "and newer do; 'waagent --version' in the base shows the version)");
  return check;
}

}  // namespace bake::resolve
