#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>

#include "bake/base/text.hpp"
#include "bake/guest/machine_text.hpp"
#include "bake/verify/azure_rules.hpp"

namespace bake::verify::azure {
namespace {

using guest::Family;

constexpr const char* deprovision =
    "remove it in the base ('waagent -deprovision+user'), or let the recipe do it: generalize: true";

/// The accounts whose home is a directory of the guest.
std::vector<guest::Account> accounts(guest::Guest& guest) {
  auto found = guest::parse_accounts(guest.read("/etc/passwd").value_or(""));
  std::erase_if(found, [](const auto& account) {
    return !account.home.starts_with('/') || account.home.find('\0') != std::string::npos;
  });
  return found;
}

/// "1:1.0.2k-26.el7" → "1.0.2k-26.el7"
std::string without_epoch(const std::string& version) {
  const auto colon = version.find(':');
  return colon == std::string::npos ? version : version.substr(colon + 1);
}

std::optional<std::string> version_of(const guest::Facts& facts, std::string_view name) {
  const auto* package = facts.package(name);
  return package == nullptr ? std::nullopt : std::optional(without_epoch(package->version));
}

/// Returns the reason not to look for the data of one machine: VMs of an image with provisioned users keep its keys and
/// names (docs/recipe.md).
std::optional<Finding> specialized(const guest::Facts& facts) {
  std::vector<std::string> names;
  for (const auto& user : facts.machine.users) names.push_back(user.account.name);
  if (names.empty()) return std::nullopt;
  return skipped(fmt::format("the image has provisioned users ({}): it is a specialized image", join(names, ", ")));
}

/// Returns the names in /etc/hosts that belong to one machine: its host name, and those of 127.0.1.1, where Debian's
/// installer writes the host name (Debian Reference, 5.1.1).
std::vector<std::string> machine_names(std::string_view hosts, const guest::Facts& facts) {
  const auto short_name = [](const std::string& name) { return name.substr(0, name.find('.')); };
  const auto host = short_name(facts.machine.host_name);
  std::vector<std::string> found;
  for (const auto line : each_line(hosts)) {
    const auto words = split_words(std::string_view(line).substr(0, line.find('#')));
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto name = short_name(words[i]);
      const bool of_machine = words[0] == "127.0.1.1" || (!host.empty() && name == host);
      if (!of_machine || name == "localhost" || name == facts.os.id) continue;
      if (std::find(found.begin(), found.end(), words[i]) == found.end()) found.push_back(words[i]);
    }
  }
  return found;
}

/// The text of the files in `directory` whose names end with one of `endings`, without comment lines; at most a little
/// more than text_limit.
std::string active_text(guest::Guest& guest, const std::string& directory, const std::vector<std::string>& endings) {
  std::string text;
  for (const auto& name : guest.list(directory)) {
    if (std::none_of(endings.begin(), endings.end(), [&](const auto& ending) { return name.ends_with(ending); }))
      continue;
    const auto content = guest.read(directory + "/" + name).value_or("");
    for (const auto line : each_line(content))
      if (!trim(line).starts_with('#') && text.size() < guest::text_limit) text.append(line) += '\n';
  }
  return text;
}

/// cloud-init's disable_root leaves a key with a command that only names the user to log in as.
bool has_key(const std::string& authorized_keys) {
  for (const auto line : each_line(authorized_keys))
    if (!trim(line).empty() && !trim(line).starts_with('#') &&
        line.find("Please login as the user") == std::string::npos)
      return true;
  return false;
}

Finding apt_repositories(const Subject& subject) {
  const bool ubuntu = subject.facts.os.id == "ubuntu";
  auto text = active_text(subject.guest, "/etc/apt", {"sources.list"}) +
              active_text(subject.guest, "/etc/apt/sources.list.d", {".list", ".sources"});
  const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  if (!ubuntu) {
    for (const std::string host : {"deb.debian.org", "debian-archive.trafficmanager.net", "azure.deb.debian.cloud"})
      if (has(host)) return passed(host);
    return failed("no repository of deb.debian.org or of Azure's mirror",
                  "name one in /etc/apt/sources.list of the base");
  }
  const std::string mirror = subject.facts.arch == "aarch64" ? "ports.ubuntu.com" : "azure.archive.ubuntu.com";
  std::vector<std::string> missing;
  for (const std::string suite : {"-security", "-updates"})
    if (!has(suite)) missing.push_back("no suite " + suite);
  if (!missing.empty())
    return failed(join(missing, ", ") + " in apt's sources", "name the suite in /etc/apt/sources.list of the base");
  if (has(mirror)) return passed(mirror + " with -security and -updates");
  if (version_of(subject.facts, "cloud-init")) return skipped("cloud-init writes Azure's mirror at the first boot");
  return failed(mirror + " is not in apt's sources", "name it in /etc/apt/sources.list of the base");
}

Finding yum_repositories(const Subject& subject) {
  const auto text = active_text(subject.guest, "/etc/yum.repos.d", {".repo"});
  std::set<std::string> ids;
  for (const auto line : each_line(text))
    if (line.starts_with('[') && line.find(']') != std::string::npos) ids.emplace(line.substr(1, line.find(']') - 1));
  const auto count = [&](const std::vector<std::string>& words) {
    return std::count_if(ids.begin(), ids.end(), [&](const auto& id) {
      return std::any_of(words.begin(), words.end(),
                         [&](const auto& word) { return to_lower(id).find(word) != std::string::npos; });
    });
  };
  if (subject.facts.os.id == "rhel") {
    const auto rhui = count({"rhui-"});
    if (rhui > 5) return passed(fmt::format("{} repositories of RHUI", rhui));
    return failed(fmt::format("{} repositories of RHUI, LISA wants more than 5", rhui),
                  "install the package rhui-azure-rhel of the release; an image with its own subscription needs none");
  }
  if (compare_versions(subject.facts.os.version, "8") < 0) return skipped("LISA checks it from EL8 on");
  if (count({"base", "rhel", "fedora", "centos", "rhui"}) > 0)
    return passed(fmt::format("{} repositories, one of them the base repository", ids.size()));
  return failed("no base repository in /etc/yum.repos.d", "name one in the base");
}

}  // namespace

Finding targetpw(const Subject& subject) {
  const auto text = subject.guest.read("/etc/sudoers");
  if (!text) return skipped("there is no /etc/sudoers");
  for (const auto line : each_line(*text)) {
    const auto words = split_words(line);
    if (words.size() >= 2 && line.starts_with("Defaults") && words[0] == "Defaults" && words[1] == "targetpw")
      return failed("/etc/sudoers has Defaults targetpw", "remove the line in the base: root has no password");
  }
  return passed("/etc/sudoers has no Defaults targetpw");
}

Finding passwords(const Subject& subject) {
  const auto text = subject.guest.read("/etc/shadow");
  if (!text) return skipped("there is no /etc/shadow");
  Samples with_password;
  for (const auto line : each_line(*text)) {
    const auto password = piece_of(line, ':', 1);
    if (!password || line.starts_with('#')) continue;
    const bool none = password->empty() || *password == "x" || password->find_first_of("*!") != std::string::npos;
    if (!none) with_password.add(*piece_of(line, ':', 0));
  }
  if (with_password.empty()) return passed("no account has a password");
  return failed("accounts with a password: " + with_password.text(), deprovision);
}

Finding ssh_keys(const Subject& subject) {
  std::set<std::string> known;
  Samples found;
  for (const auto& account : accounts(subject.guest)) {
    if (account.shell.find("nologin") != std::string::npos) continue;
    const auto path = account.home + (account.home.ends_with('/') ? "" : "/") + ".ssh/authorized_keys";
    if (known.insert(path).second && has_key(subject.guest.read(path).value_or(""))) found.add(path);
  }
  if (found.empty()) return passed("no account has an authorized key");
  return failed("authorized keys: " + found.text(), deprovision);
}

Finding other_users(const Subject& subject) {
  if (!subject.guest.exists("/etc/passwd")) return skipped("there is no /etc/passwd");
  Samples found;
  for (const auto& account : accounts(subject.guest))
    if (account.uid >= 1000 && account.uid <= 60000) found.add(account.name);
  if (found.empty()) return passed("no account with a user id from 1000 to 60000");
  return failed("accounts: " + found.text(), deprovision);
}

Finding shell_history(const Subject& subject) {
  if (!subject.guest.exists("/etc/passwd")) return skipped("there is no /etc/passwd");
  std::set<std::string> found;
  for (const auto& account : accounts(subject.guest)) {
    if (!account.shell.ends_with("sh")) continue;
    const auto home = account.home.ends_with('/') ? account.home : account.home + "/";
    for (const auto& name : subject.guest.list(home)) {
      if (name != ".history" && !(name.starts_with('.') && name.ends_with("sh_history"))) continue;
      if (const auto stat = subject.guest.stat(home + name); stat && stat->size > 0) found.insert(home + name);
    }
  }
  if (found.empty()) return passed("no account has a shell history");
  return failed("shell history: " + join({found.begin(), found.end()}, ", "), "delete it in the base");
}

Finding host_keys(const Subject& subject) {
  if (auto reason = specialized(subject.facts)) return *reason;
  std::vector<std::string> found;
  for (const auto& name : subject.guest.list("/etc/ssh"))
    if (name.starts_with("ssh_host_") && name.ends_with("key")) found.push_back("/etc/ssh/" + name);
  if (found.empty()) return passed("the image has no SSH host key");
  return failed("SSH host keys of one machine: " + join(found, ", "),
                "delete them in the base, or let the recipe do it: generalize: true");
}

Finding hosts(const Subject& subject) {
  if (auto reason = specialized(subject.facts)) return *reason;
  std::vector<std::string> found;
  // systemd makes a new id if the file is empty or says "uninitialized" (machine-id(5)).
  const auto machine_id = subject.guest.read("/etc/machine-id").value_or("");
  if (!trim(machine_id).empty() && trim(machine_id) != "uninitialized") found.emplace_back("/etc/machine-id has an id");
  // A name such as "ubuntu" belongs to the distribution's images, not to one machine.
  const auto& host = subject.facts.machine.host_name;
  if (!host.empty() && host != subject.facts.os.id) found.push_back("/etc/hostname names " + host);
  const auto names = machine_names(subject.guest.read("/etc/hosts").value_or(""), subject.facts);
  if (!names.empty()) found.push_back("/etc/hosts names " + join(names, " "));
  if (found.empty()) return passed("the image has neither the id nor the name of a machine");
  return failed(join(found, "; "),
                "empty /etc/machine-id, write localhost.localdomain into /etc/hostname and remove the names from "
                "/etc/hosts in the base, or let the recipe do it: generalize: true");
}

Finding repositories(const Subject& subject) {
  return subject.facts.family == Family::deb ? apt_repositories(subject) : yum_repositories(subject);
}

Finding rhui(const Subject& subject) {
  if (subject.facts.os.id != "rhel") return skipped("Microsoft checks it on RHEL only");
  for (const auto& package : subject.facts.packages.packages)
    if (package.name.starts_with("rhui-azure-rhel")) return passed(package.name + " " + package.version);
  return failed("no package rhui-azure-rhel…",
                "install it in the base; an image with its own subscription (BYOS) needs none");
}

Finding disk_encryption_packages(const Subject& subject) {
  const auto major = major_of(subject.facts.os);
  if (subject.facts.family != Family::rpm || (major != "7" && major != "8"))
    return skipped("Microsoft checks it on EL7 and EL8 only");
  std::vector<std::string> missing;
  for (const std::string name : {"lsscsi", "psmisc", "lvm2", "uuid", "at", "patch", "cryptsetup",
                                 "cryptsetup-reencrypt", "procps-ng", "util-linux"})
    if (!version_of(subject.facts, name)) missing.push_back(name);
  if (missing.empty()) return passed("every package that Azure Disk Encryption needs");
  return failed("not installed: " + join(missing, ", "),
                "install them in the base when its VMs use Azure Disk Encryption");
}

Finding omi(const Subject& subject) {
  // The first release without CVE-2021-38647 and three more.
  constexpr const char* oldest = "1.6.8.1";
  const auto version = version_of(subject.facts, "omi");
  if (!version) return passed("omi is not installed");
  if (compare_versions(replace_all(*version, "-", "."), oldest) >= 0) return passed("omi " + *version);
  return failed(fmt::format("omi {} is older than {}", *version, oldest), "update omi in the base");
}

Finding openssl(const Subject& subject) {
  const auto version = version_of(subject.facts, "openssl");
  if (!version) return skipped("the package openssl is not installed");
  // The numbers as 'openssl version' prints them: 1.0.2 of 1.0.2k-26.el7.
  const auto numbers = version->substr(0, version->find_first_not_of("0123456789."));
  if (compare_versions(numbers, "3.0.0") >= 0 || numbers == "1.1.1" || numbers == "1.0.2")
    return passed("openssl " + *version);
  return failed(fmt::format("openssl {} is older than 3.0.0 and neither 1.1.1 nor 1.0.2", *version),
                "update openssl in the base");
}

Finding architecture(const Subject& subject) {
  const auto& arch = subject.facts.arch;
  if (arch == "x86_64" || arch == "aarch64") return passed(arch);
  return failed(arch + " is not a 64-bit architecture of Azure", "use a base for x86_64 or aarch64");
}

}  // namespace bake::verify::azure
