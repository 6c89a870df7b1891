#include <array>
#include <charconv>
#include <fmt/format.h>
#include <fnmatch.h>
#include <optional>

#include "bake/base/text.hpp"
#include "bake/inspect/waagent.hpp"
#include "bake/verify/azure_rules.hpp"

namespace bake::verify::azure {
namespace {

using guest::Family;
using guest::Guest;

std::string waagent_value(const Subject& subject, std::string_view key) {
  const auto& agent = subject.facts.waagent;
  const auto text = agent ? subject.guest.read(agent->config) : std::nullopt;
  return guest::waagent_setting(text.value_or(""), key).value_or("");
}

/// One setting of sshd_config(5): keyword in lower case, and its arguments.
struct SshdLine {
  std::string keyword;
  std::vector<std::string> arguments;
};

std::optional<SshdLine> sshd_line(std::string_view line) {
  const auto comment = line.find('#');
  auto text = std::string(line.substr(0, comment));
  if (const auto equals = text.find('='); equals != std::string::npos) text[equals] = ' ';
  auto words = split_words(replace_all(text, "\"", ""));
  if (words.empty()) return std::nullopt;
  SshdLine parsed{to_lower(words[0]), {}};
  parsed.arguments.assign(words.begin() + 1, words.end());
  return parsed;
}

/// The files that an Include pattern matches; sshd takes a relative one from /etc/ssh, and sorts the names.
std::vector<std::string> included_files(Guest& guest, const std::string& pattern) {
  const auto path = pattern.starts_with('/') ? pattern : "/etc/ssh/" + pattern;
  const auto slash = path.rfind('/');
  std::vector<std::string> files;
  for (const auto& name : guest.list(path.substr(0, slash)))
    if (::fnmatch(path.c_str() + slash + 1, name.c_str(), FNM_PERIOD) == 0)
      files.push_back(path.substr(0, slash + 1) + name);
  return files;
}

/// The files that one look-up reads at most, and the size of each; a hostile guest can include a file in itself.
constexpr int max_sshd_files = 64;
constexpr std::size_t max_sshd_config = std::size_t{256} << 10U;

/// The first value counts; Include reads a file in its place; what follows Match is not global (sshd_config(5)).
/// `files_left` counts down the files that may still be read.
std::optional<std::string> sshd_setting(Guest& guest, const std::string& file, const std::string& keyword,
                                        int& files_left) {
  if (--files_left < 0) return std::nullopt;
  const auto text = guest.read(file, max_sshd_config).value_or("");
  for (const auto line : each_line(text)) {
    const auto parsed = sshd_line(line);
    if (!parsed) continue;
    if (parsed->keyword == "match") break;
    if (parsed->keyword == keyword && !parsed->arguments.empty()) return parsed->arguments[0];
    if (parsed->keyword != "include") continue;
    for (const auto& pattern : parsed->arguments)
      for (const auto& included : included_files(guest, pattern))
        if (auto value = sshd_setting(guest, included, keyword, files_left)) return value;
  }
  return std::nullopt;
}

/// Seconds of a time as sshd writes it ("TIME FORMATS": 180, 3m, 1h30m); nothing when it is none.
std::optional<std::uint64_t> sshd_seconds(std::string_view text) {
  std::uint64_t total = 0;
  while (!text.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number > 1000000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    constexpr std::string_view units = "smhdw";
    constexpr std::array<std::uint64_t, 5> seconds{1, 60, 3600, 86400, 604800};
    std::size_t unit = 0;
    if (!text.empty()) {
      unit = units.find(to_lower(text.substr(0, 1)));
      if (unit == std::string_view::npos) return std::nullopt;
      text.remove_prefix(1);
    }
    total += number * seconds.at(unit);
  }
  return total;
}

/// "BOOTPROTO=dhcp" for a line BOOTPROTO="dhcp" of a file of shell variables.
bool has_setting(const std::string& text, const std::string& setting) {
  for (const auto line : each_line(text)) {
    const auto plain = replace_all(replace_all(std::string(trim(line)), "\"", ""), "'", "");
    if (to_lower(plain) == to_lower(setting)) return true;
  }
  return false;
}

Finding ifcfg(const std::string& path, const std::string& text) {
  std::vector<std::string> missing;
  for (const std::string setting : {"DEVICE=eth0", "BOOTPROTO=dhcp", "ONBOOT=yes"})
    if (!has_setting(text, setting)) missing.push_back(setting);
  if (missing.empty()) return passed(path + " has DEVICE=eth0, BOOTPROTO=dhcp and ONBOOT=yes");
  return failed(fmt::format("{} has no {}", path, join(missing, ", ")), "write the lines into the file of the base");
}

/// Returns the lines of a section of a keyfile, without its heading.
std::string section_of(const std::string& text, std::string_view heading) {
  std::string section;
  bool inside = false;
  for (const auto line : each_line(text)) {
    if (trim(line).starts_with('['))
      inside = trim(line) == heading;
    else if (inside)
      section.append(line) += '\n';
  }
  return section;
}

/// Returns the file that sets DHCP for eth0, or for every interface; empty when none does.
std::string file_with_dhcp(Guest& guest) {
  for (const std::string directory :
       {"/etc/netplan", "/etc/network/interfaces.d", "/etc/network", "/etc/NetworkManager/system-connections"})
    for (const auto& name : guest.list(directory)) {
      const auto path = directory + "/" + name;
      const auto text = guest.read(path).value_or("");
      const bool netplan = has_setting(text, "dhcp4: true") || has_setting(text, "dhcp4: yes");
      const bool interfaces = has_setting(text, "iface eth0 inet dhcp");
      const bool profile =
          name.ends_with("eth0.nmconnection") && has_setting(section_of(text, "[ipv4]"), "method=auto");
      if (netplan || interfaces || profile) return path;
    }
  return {};
}

/// Returns the package that has the KVP daemon of the default kernel.
std::string kvp_package(const guest::Facts& facts) {
  if (facts.family != Family::deb) return "hypervkvpd";
  return facts.os.id == "ubuntu" ? "linux-cloud-tools-" + facts.default_kernel : "hyperv-daemons";
}

/// Returns the path of a unit that is in a directory of systemd, or an empty string.
std::string path_of_unit(Guest& guest, const std::string& unit) {
  for (const std::string directory : {"/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/"})
    if (guest.stat(directory + unit)) return directory + unit;
  return {};
}

}  // namespace

Finding agent_service(const Subject& subject) {
  const auto& agent = subject.facts.waagent;
  if (!agent)
    return failed("the image has no Azure Linux agent",
                  "install it in the base: the package walinuxagent on Ubuntu, WALinuxAgent on RHEL's family");
  if (agent->service.empty()) return skipped("the service of the agent is not known");
  if (subject.guest.read_link("/etc/systemd/system/" + agent->service) == "/dev/null")
    return failed(agent->service + " is masked", fmt::format("run 'systemctl unmask {}' in the base", agent->service));
  for (const std::string directory : {"/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"})
    if (subject.guest.stat(directory + "/multi-user.target.wants/" + agent->service))
      return passed(agent->service + " is enabled");
  return failed(agent->service + " is not enabled",
                fmt::format("run 'systemctl enable {}' in the base", agent->service));
}

Finding agent_version(const Subject& subject) {
  // The oldest version that Azure supports: learn.microsoft.com, support-extensions-agent-version.
  constexpr const char* oldest = "2.2.53.1";
  const auto& agent = subject.facts.waagent;
  if (!agent) return skipped("the image has no Azure Linux agent");
  if (agent->version.empty()) return skipped("the version of the agent is not known");
  if (compare_versions(agent->version, oldest) >= 0) return passed(agent->version);
  if (waagent_value(subject, "AutoUpdate.Enabled") != "n")
    return passed(fmt::format("{} is older than {}; it updates itself on the VM", agent->version, oldest));
  return failed(fmt::format("{} is older than {}, and AutoUpdate.Enabled=n", agent->version, oldest),
                "update the agent in the base, or remove AutoUpdate.Enabled=n from its configuration");
}

Finding provisioning(const Subject& subject) {
  if (const auto* package = subject.facts.package("cloud-init")) return passed("cloud-init " + package->version);
  if (!subject.facts.waagent)
    return failed("the image has neither cloud-init nor the Azure Linux agent", "install cloud-init in the base");
  if (waagent_value(subject, "Provisioning.Agent") == "disabled" ||
      waagent_value(subject, "Provisioning.Enabled") == "n")
    return failed("the image has no cloud-init, and the agent's provisioning is off",
                  "install cloud-init in the base, or set Provisioning.Agent=auto in waagent.conf");
  return passed("no cloud-init; the agent provisions the VM");
}

Finding kvp_daemon(const Subject& subject) {
  const auto& facts = subject.facts;
  const auto package = kvp_package(facts);
  const auto remedy =
      fmt::format("install {} in the base: the agent reads the IPoIB addresses from the daemon's data", package);
  // The names that LISA looks for.
  for (const std::string unit : {"hypervkvpd.service", "hv-kvp-daemon.service", "hv_kvp_daemon.service"}) {
    const auto path = path_of_unit(subject.guest, unit);
    if (path.empty()) continue;
    if (subject.guest.read_link(path) == "/dev/null")
      return failed(unit + " is masked", fmt::format("run 'systemctl unmask {}' in the base", unit));
    // On Ubuntu the program of the unit only starts the daemon of the running kernel (Ubuntu's kernel,
    // debian/tools/generic).
    if (facts.package("linux-cloud-tools-common") != nullptr && facts.package(package) == nullptr)
      return failed(package + " is not installed", remedy);
    return passed(path);
  }
  return failed("the image has no KVP daemon", remedy);
}

Finding client_alive_interval(const Subject& subject) {
  constexpr const char* file = "/etc/ssh/sshd_config";
  constexpr const char* remedy = "set 'ClientAliveInterval 180' in /etc/ssh/sshd_config of the base";
  if (!subject.guest.exists(file)) return skipped(std::string("there is no ") + file);
  int files_left = max_sshd_files;
  const auto value = sshd_setting(subject.guest, file, "clientaliveinterval", files_left);
  if (!value) return failed("ClientAliveInterval is not set", remedy);
  const auto seconds = sshd_seconds(*value);
  if (seconds && *seconds > 0 && *seconds < 236) return passed("ClientAliveInterval " + *value);
  return failed(fmt::format("ClientAliveInterval is {}; Azure accepts 1 to 235 s", *value), remedy);
}

Finding networking(const Subject& subject) {
  if (subject.facts.family != Family::rpm) return skipped("LISA checks it on RHEL's family only");
  const auto text = subject.guest.read("/etc/sysconfig/network");
  if (text && has_setting(*text, "NETWORKING=yes")) return passed("/etc/sysconfig/network has NETWORKING=yes");
  return failed(text ? "/etc/sysconfig/network has no NETWORKING=yes" : "there is no /etc/sysconfig/network",
                "write NETWORKING=yes into /etc/sysconfig/network of the base");
}

Finding dhcp(const Subject& subject) {
  constexpr const char* path = "/etc/sysconfig/network-scripts/ifcfg-eth0";
  if (const auto text = subject.guest.read(path)) return ifcfg(path, *text);
  if (const auto file = file_with_dhcp(subject.guest); !file.empty()) return passed(file + " sets DHCP");
  if (subject.facts.package("cloud-init") != nullptr)
    return skipped("cloud-init writes the network configuration at the first boot");
  return failed(
      "no file sets DHCP for eth0",
      "write a netplan file, /etc/sysconfig/network-scripts/ifcfg-eth0 or a profile of NetworkManager in the base");
}

Finding dhcp_timeout(const Subject& subject) {
  for (const std::string path : {"/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"}) {
    const auto text = subject.guest.read(path);
    if (!text) continue;
    for (const auto line : each_line(*text)) {
      const auto words = split_words(replace_all(std::string(line), ";", " "));
      if (words.size() == 2 && words[0] == "timeout" && sshd_seconds(words[1]).value_or(300) < 300)
        return failed(fmt::format("{} has a timeout of {} s", path, words[1]),
                      "set 'timeout 300;' in the file of the base: Azure's DHCP server may answer late");
    }
    return passed(path + " has no timeout below 300 s");
  }
  return skipped("there is no dhclient.conf");
}

Finding udev_rules(const Subject& subject) {
  std::vector<std::string> found;
  for (const std::string path :
       {"/lib/udev/rules.d/75-persistent-net-generator.rules", "/etc/udev/rules.d/70-persistent-net.rules"})
    // A link to /dev/null and a directory mask the rule.
    if (const auto stat = subject.guest.stat(path);
        stat && stat->type != guest::FileType::directory && subject.guest.read_link(path) != "/dev/null")
      found.push_back(path);
  if (found.empty()) return passed("no rule ties eth0 to the MAC address of one VM");
  return failed(join(found, ", ") + " exists", "delete it in the base: it ties eth0 to the MAC address of one VM");
}

Finding unmanaged_functions(const Subject& subject) {
  const auto major = major_of(subject.facts.os);
  if (subject.facts.family != Family::rpm || (major != "9" && major != "10"))
    return skipped("it is checked on EL9 and EL10 only");
  constexpr const char* path = "/etc/NetworkManager/conf.d/99-azure-unmanaged-devices.conf";
  constexpr const char* line = "unmanaged-devices=driver:mlx4_core;driver:mlx5_core";
  const auto text = subject.guest.read(path);
  if (text && has_setting(*text, line)) return passed("NetworkManager leaves the virtual functions alone");
  // Microsoft's playbook knows EL9 only. RHEL 10's images have the same file (osbuild/images,
  // data/distrodefs/rhel-10/imagetypes.yaml). The package azure-vm-utils, which they have from 10.2 on, brings a rule
  // with the same effect (Azure/azure-vm-utils, udev/10-azure-unmanaged-sriov.rules).
  constexpr const char* rule = "/usr/lib/udev/rules.d/10-azure-unmanaged-sriov.rules";
  if (major == "10" && subject.guest.exists(rule))
    return passed(fmt::format("NetworkManager leaves the virtual functions alone: {}", rule));
  return failed(text ? fmt::format("{} has no {}", path, line) : fmt::format("there is no {}", path),
                fmt::format("write '[keyfile]' and '{}' into the file of the base", line));
}

}  // namespace bake::verify::azure
