#include "bake/inspect/machine.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fnmatch.h>
#include <map>
#include <set>

#include "bake/base/error.hpp"
#include "bake/base/text.hpp"
#include "bake/guest/machine_text.hpp"
#include "bake/guest/mount_plan.hpp"
#include "bake/guest/path.hpp"
#include "bake/inspect/waagent.hpp"

namespace bake::guest {
namespace {

constexpr const char* ovf_file = "/var/lib/waagent/ovf-env.xml";
constexpr const char* agent_sudoers = "/etc/sudoers.d/waagent";
constexpr const char* cloud_init_sudoers = "/etc/sudoers.d/90-cloud-init-users";

/// Returns the existing paths that match `pattern`, component by component.
std::vector<std::string> expand(Guest& guest, std::string_view pattern) {
  std::vector<std::string> found{"/"};
  for (const auto& component : path_components(pattern)) {
    std::vector<std::string> next;
    for (const auto& directory : found) {
      if (component.find_first_of("*?[") == std::string::npos) {
        if (auto path = join_path(directory, component); guest.stat(path)) next.push_back(std::move(path));
        continue;
      }
      for (const auto& name : guest.list(directory))
        if (name != "lost+found" && ::fnmatch(component.c_str(), name.c_str(), 0) == 0)
          next.push_back(join_path(directory, name));
    }
    found = std::move(next);
  }
  return found;
}

/// Files with lines that belong to one machine. Netplan's file of cloud-init and shadow are among them.
std::vector<std::string> machine_files(Guest& guest) {
  std::vector<std::string> paths;
  for (const std::string& pattern : std::vector<std::string>{
           "/etc/shadow", "/etc/hostname", "/etc/hosts", "/etc/sysconfig/network",
           "/etc/sysconfig/network-scripts/ifcfg-*", keyfile_directory + std::string("/*"), "/etc/netplan/*.yaml",
           "/etc/dhcp/dhclient.conf", "/etc/dhcp3/dhclient.conf", "/etc/dhclient.conf"})
    for (auto& path : expand(guest, pattern)) paths.push_back(std::move(path));
  return paths;
}

std::string what_of(const std::string& path) {
  if (path == "/etc/shadow") return "root password";
  if (path == "/etc/hostname" || path == "/etc/hosts" || path.ends_with("/dhclient.conf")) return "host name";
  return path == "/etc/sysconfig/network" || path.find("/ifcfg-") != std::string::npos ? "MAC address or host name"
                                                                                       : "MAC address";
}

std::string find_host_name(Guest& guest) {
  const auto text = guest.read("/etc/hostname").value_or("");
  for (const auto line : each_line(text)) {
    const auto name = trim(line);
    if (!name.empty() && !name.starts_with('#')) return is_generic_host_name(name) ? std::string() : std::string(name);
  }
  return {};
}

/// Returns true when cloud-init configures the network of the next machine.
bool cloud_init_writes_network(Guest& guest, const Facts& facts) {
  if (!facts.has_program("cloud-init")) return false;
  auto files = expand(guest, "/etc/cloud/cloud.cfg.d/*.cfg");
  files.emplace_back("/etc/cloud/cloud.cfg");
  return std::none_of(files.begin(), files.end(),
                      [&](const std::string& path) { return disables_network(guest.read(path).value_or("")); });
}

/// Returns resolv.conf where the agent removes it. NetworkManager and the DHCP client of EL write it again. On Ubuntu
/// from 18.04 on the agent keeps it, and with resolvconf it removes only the parts that resolvconf adds (WALinuxAgent,
/// azurelinuxagent/pa/deprovision/ubuntu.py).
std::vector<std::string> find_resolver(Guest& guest, const Facts& facts) {
  std::vector<std::string> candidates{"/etc/resolv.conf"};
  if (facts.family == Family::deb)
    candidates = {"/etc/resolvconf/resolv.conf.d/original", "/etc/resolvconf/resolv.conf.d/tail"};
  std::erase_if(candidates, [&](const std::string& path) {
    const auto stat = guest.stat(path);
    return !stat || stat->type != FileType::regular;
  });
  return candidates;
}

std::vector<MachineFile> find_files(Guest& guest, const std::string& host_name, bool cloud_init_network,
                                    const Facts& facts) {
  std::vector<MachineFile> files;
  for (const auto& path : machine_files(guest)) {
    const auto text = guest.read(path);
    if (!text) continue;
    const auto edited = without_machine(path, *text, host_name);
    if (edited == *text) continue;
    // `cloud-init clean --configs network` removes this file too (cloud-init, cloudinit/cmd/clean.py).
    const bool is_removed = path == "/etc/netplan/50-cloud-init.yaml" && cloud_init_network;
    files.push_back({path, what_of(path),
                     is_removed ? MachineFile::Treatment::remove
                     : edited   ? MachineFile::Treatment::edit
                                : MachineFile::Treatment::blocked});
  }
  for (const auto& path : find_resolver(guest, facts))
    files.push_back({path, "DNS servers", MachineFile::Treatment::remove});
  return files;
}

/// Returns the users that waagent and cloud-init name, each with the files that name it. The agent deletes the user of
/// ovf-env.xml (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py, del_user); its rule, and that of a user that
/// the VMAccess extension made, is in sudoers.d/waagent (azurelinuxagent/common/osutil/default.py, conf_sudoer).
/// cloud-init writes the rules of its users, the default user included, into 90-cloud-init-users
/// (cloudinit/distros/__init__.py, write_sudo_rules).
std::map<std::string, std::vector<std::string>> named_users(Guest& guest) {
  std::map<std::string, std::vector<std::string>> named;
  const auto ovf_user = user_of_ovf(guest.read(ovf_file).value_or(""));
  if (!ovf_user.empty() && ovf_user != "root") named[ovf_user].emplace_back(ovf_file);
  for (const auto* path : {agent_sudoers, cloud_init_sudoers})
    for (const auto& name : users_of_sudoers(guest.read(path).value_or(""))) named[name].emplace_back(path);
  return named;
}

/// Returns the first directory above `path` that is a link, or an empty string.
std::string link_above(Guest& guest, const std::string& path) {
  std::string found;
  for (auto directory = parent_of(path); directory != "/"; directory = parent_of(directory))
    if (guest.read_link(directory)) found = directory;
  return found;
}

std::vector<ProvisionedUser> find_users(Guest& guest, const std::vector<Account>& accounts) {
  const auto named = named_users(guest);
  std::vector<ProvisionedUser> users;
  for (const auto& account : accounts) {
    const auto files = named.find(account.name);
    if (files == named.end()) continue;
    users.push_back({account, files->second, {}});
    if (!account.home.starts_with('/') || account.home.find('\0') != std::string::npos) continue;
    users.back().home = guest.stat(account.home);
    users.back().link_above_home = link_above(guest, account.home);
  }
  return users;
}

std::uint32_t find_uid_min(Guest& guest) {
  std::uint32_t uid_min = 1000;
  const auto text = guest.read("/etc/login.defs").value_or("");
  for (const auto line : each_line(text)) {
    const auto words = split_words(line);
    if (words.size() > 1 && words[0] == "UID_MIN")
      std::from_chars(words[1].data(), words[1].data() + words[1].size(), uid_min);
  }
  return uid_min;
}

/// Returns the mount points of fstab that bake did not mount: other disks, network file systems, bind mounts.
std::vector<std::string> find_unmounted(Guest& guest, const Layout& layout) {
  static const std::set<std::string> in_memory{"swap", "tmpfs", "proc", "sysfs", "devpts", "devtmpfs"};
  std::vector<std::string> unmounted;
  for (const auto& entry : parse_fstab(guest.read("/etc/fstab").value_or(""))) {
    if (!entry.mount_point.starts_with('/') || entry.mount_point == "/" || in_memory.contains(entry.type)) continue;
    if (std::none_of(layout.mounts.begin(), layout.mounts.end(),
                     [&](const auto& mount) { return mount.mount_point == entry.mount_point; }))
      unmounted.push_back(entry.mount_point);
  }
  return unmounted;
}

std::vector<std::string> find_moved_folders(Guest& guest, const Facts& facts) {
  if (!facts.waagent) return {};
  const auto config = guest.read(facts.waagent->config).value_or("");
  std::vector<std::string> moved;
  for (const auto& [key, usual] : std::map<std::string, std::string>{
           {"Lib.Dir", "/var/lib/waagent"}, {"OS.SudoersDir", "/etc/sudoers.d"}, {"OS.SshDir", "/etc/ssh"}})
    if (const auto value = waagent_setting(config, key); value && *value != usual) moved.push_back(key + "=" + *value);
  return moved;
}

/// Returns the paths that have to be changed or removed.
std::set<std::string> paths_to_change(const MachineFacts& machine) {
  std::set<std::string> paths{"/var/log"};
  for (const auto& file : machine.files) paths.insert(file.path);
  for (const auto& data : machine.data) paths.insert(data.paths.begin(), data.paths.end());
  if (!machine.users.empty()) paths.insert({"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"});
  for (const auto& user : machine.users)
    if (user.home && user.home->type == FileType::directory) paths.insert(user.account.home);
  return paths;
}

/// Returns the files below and directories above `paths` that have the attribute i (immutable) or a (append only), with
/// the guest's lsattr.
std::vector<std::string> find_immutable(Guest& guest, const Facts& facts, const std::set<std::string>& paths) {
  if (!facts.has_program("lsattr")) return {};
  std::string trees;
  std::set<std::string> parents;
  for (const auto& path : paths) {
    trees += " " + shell_quote(path);
    parents.insert(parent_of(path));
  }
  std::string alone = trees;
  for (const auto& path : parents) alone += " " + shell_quote(path);
  const auto result = guest.shell("{ lsattr -d" + alone + "; lsattr -aR" + trees +
                                  "; } 2>/dev/null | grep '^[^ /]*[ia][^ /]* *[/]'; :\n");
  if (!result.ok())
    throw Error(ErrorKind::failed,
                fmt::format("listing files with the attribute i or a: exit status {}: {}", result.status,
                            last_lines(result.output)),
                "clear the attributes of the files in the base image (chattr -R -i -a)");
  std::set<std::string> immutable;
  for (const auto line : each_line(result.output)) {
    const auto blank = line.find(' ');
    if (blank == std::string::npos) continue;
    const auto path = trim(line.substr(blank));
    const auto flags = line.substr(0, blank);
    if (!path.starts_with('/') || path.ends_with("/.") || path.ends_with("/..")) continue;
    if (flags.find_first_of("ia") != std::string_view::npos) immutable.emplace(path);
  }
  return {immutable.begin(), immutable.end()};
}

}  // namespace

namespace {

/// The unit of the agent, named after the agent's service (WALinuxAgent,
/// azurelinuxagent/ga/persist_firewall_rules.py). The agent installs it where the distribution has its units; systemctl
/// enable makes the links.
std::vector<std::string> firewall_units() {
  std::vector<std::string> paths;
  for (const std::string agent : {"waagent", "walinuxagent"})
    for (const std::string directory :
         {"/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/systemd/system/", "/etc/systemd/system/*.wants/"})
      paths.push_back(directory + agent + "-network-setup.service");
  return paths;
}

std::vector<std::string> resource_limits() {
  std::vector<std::string> paths;
  for (const std::string directory : {"/usr/lib/systemd/system/", "/lib/systemd/system/"}) {
    for (const std::string agent : {"waagent", "walinuxagent"})
      for (const std::string file : {"10-Slice", "11-CPUAccounting", "12-CPUQuota", "13-MemoryAccounting"})
        paths.push_back(directory + agent + ".service.d/" + file + ".conf");
    paths.push_back(directory + "azure-walinuxagent-logcollector.slice");
  }
  return paths;
}

}  // namespace

const std::vector<MachineDataKind>& machine_data_kinds() {
  static const std::vector<MachineDataKind> kinds{
      {"sudo rules of provisioned users", {agent_sudoers, cloud_init_sudoers}},
      // They still contain the removed accounts and password hashes (guestfs-tools,
      // sysprep_operation_passwd_backups.ml).
      {"backups of the account files",
       {"/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"}},
      {"SSH host keys", {"/etc/ssh/ssh_host_*key*"}},
      {"SSH keys of root", {"/root/.ssh"}},
      // Emptied, not removed: systemd makes a new id at boot only when the file exists.
      {"machine id", {"/etc/machine-id"}, true},
      {"machine id of D-Bus", {"/var/lib/dbus/machine-id"}},
      {"DHCP leases",
       {"/var/lib/dhclient/*", "/var/lib/dhcpcd/*", "/var/lib/dhcp/*", "/var/lib/NetworkManager/*.lease"}},
      {"interface names",
       {"/etc/udev/rules.d/70-persistent-net.rules", "/etc/udev/rules.d/75-persistent-net-generator.rules"}},
      {"data of the Azure Linux agent", {"/var/lib/waagent/*", "/var/log/azure/*", "/var/lib/hyperv/.kvp_pool_*"}},
      // The agent installs the unit where the distribution has its units (WALinuxAgent,
      // azurelinuxagent/ga/persist_firewall_rules.py); systemctl enable makes the links.
      {"firewall unit of the agent", firewall_units()},
      // The agent writes these again (WALinuxAgent, azurelinuxagent/pa/deprovision/default.py,
      // remove_agent_cgroup_config).
      {"resource limits of the agent", resource_limits()},
      {"state of cloud-init",
       {"/var/lib/cloud/instance", "/var/lib/cloud/instances", "/var/lib/cloud/data", "/var/lib/cloud/sem"}},
      // consumer.old is the backup of `subscription-manager clean` (candlepin/subscription-manager,
      // src/subscription_manager/managerlib.py, clean_all_data). RHUI's certificates (/etc/pki/rhui) are the same on
      // all machines and stay.
      {"RHEL subscription",
       {"/etc/pki/consumer/*", "/etc/pki/consumer.old", "/etc/pki/entitlement/*", "/var/lib/rhsm/cache/*",
        "/var/lib/rhsm/facts/*", "/var/lib/rhsm/packages/*", "/etc/sysconfig/rhn/systemid",
        "/etc/sysconfig/rhn/osad-auth.conf"}},
      {"state of ib-firstboot", {"/var/lib/ib-firstboot"}},
      {"random seed", {"/var/lib/systemd/random-seed"}},
      {"shell history", {"/root/.bash_history", "/home/*/.bash_history", "/root/.viminfo", "/root/.lesshst"}},
      {"journal", {"/var/log/journal/*"}},
      {"temporary files", {"/tmp/*", "/var/tmp/*"}}};
  return kinds;
}

std::vector<std::string> find_machine_data(Guest& guest, const MachineDataKind& kind) {
  std::set<std::string> found;
  for (const auto& pattern : kind.patterns)
    for (const auto& path : expand(guest, pattern)) {
      const auto stat = guest.stat(path);
      if (!stat || guest.read_link(path) == "/dev/null") continue;
      // A directory with the name of a rule is a mask too.
      if (path.starts_with("/etc/udev/") && stat->type == FileType::directory) continue;
      // With a merged /usr, /lib is a link and has the same files.
      if (path.starts_with("/lib/") && guest.read_link("/lib")) continue;
      if (kind.emptied && trim(guest.read(path).value_or("")).empty()) continue;
      found.insert(path);
    }
  return {found.begin(), found.end()};
}

std::vector<std::string> paths_of(const Account& account) {
  std::vector<std::string> paths;
  if (account.home.starts_with('/')) paths.push_back(account.home);
  for (const std::string directory :
       {"/var/spool/mail", "/var/mail", "/var/spool/cron", "/var/spool/cron/crontabs", "/var/lib/systemd/linger"})
    paths.push_back(join_path(directory, account.name));
  return paths;
}

MachineFacts find_machine(Guest& guest, const Facts& facts) {
  MachineFacts machine;
  machine.accounts = parse_accounts(guest.read("/etc/passwd").value_or(""));
  machine.uid_min = find_uid_min(guest);
  machine.users = find_users(guest, machine.accounts);
  machine.host_name = find_host_name(guest);
  machine.cloud_init_network = cloud_init_writes_network(guest, facts);
  machine.files = find_files(guest, machine.host_name, machine.cloud_init_network, facts);
  for (const auto& kind : machine_data_kinds())
    if (auto paths = find_machine_data(guest, kind); !paths.empty()) machine.data.push_back({kind.name, paths});
  machine.unmounted = find_unmounted(guest, facts.layout);
  machine.moved_folders = find_moved_folders(guest, facts);
  machine.immutable = find_immutable(guest, facts, paths_to_change(machine));
  return machine;
}

}  // namespace bake::guest
