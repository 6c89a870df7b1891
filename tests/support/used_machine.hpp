#pragma once

#include <optional>
#include <string>

#include "bake/base/text.hpp"
#include "bake/guest/facts.hpp"
#include "bake/guest/memory.hpp"
#include "bake/inspect/machine.hpp"

namespace bake::testing {

/// Returns the lines of a file of accounts without those of `name`.
inline std::string without_account(const std::string& text, const std::string& name) {
  std::string kept;
  for (const auto& line : split_lines(text))
    if (!line.starts_with(name + ":")) kept += line + "\n";
  return kept;
}

/// Answers userdel like the program: it removes the lines of the account, leaves backups, and keeps the home. Every
/// other script succeeds; the search for logs with content finds what is in /var/log.
inline void answer_scripts(guest::MemoryGuest& guest) {
  guest.with_handler([&guest](const std::string& script) -> std::optional<guest::ShellResult> {
    const auto words = split_words(script);
    if (words.size() > 1 && words[0] == "userdel") {
      for (const std::string file : {"/etc/passwd", "/etc/shadow", "/etc/group"}) {
        const auto text = guest.read(file).value_or("");
        guest.write(file + "-", text, 0600);
        guest.write(file, without_account(text, words[1]));
      }
      return guest::ShellResult{0, ""};
    }
    std::string logs;
    for (const auto& path : guest.paths()) {
      if (!path.starts_with("/var/log/") || guest.read(path).value_or("").empty()) continue;
      if (script.starts_with("set -e\n[ -d /var/log ]")) guest.write(path, "");
      logs += path + "\n";
    }
    return guest::ShellResult{0, script.starts_with("find /var/log/ -type f -size +0") ? logs : ""};
  });
}

constexpr const char* ovf_of_azureuser =
    "<ns0:Environment xmlns:ns0=\"http://schemas.dmtf.org/ovf/environment/1\" "
    "xmlns:ns1=\"http://schemas.microsoft.com/windowsazure\"><ns1:ProvisioningSection><ns1:Version>1.0</ns1:Version>"
    "<ns1:LinuxProvisioningConfigurationSet><ns1:HostName>build-vm</ns1:HostName>"
    "<ns1:UserName>azureuser</ns1:UserName><ns1:UserPassword>*REDACTED*</ns1:UserPassword>"
    "</ns1:LinuxProvisioningConfigurationSet></ns1:ProvisioningSection></ns0:Environment>";

/// Adds what both families have after a VM has run: users, keys, names, agent data, logs.
inline void add_traces(guest::MemoryGuest& guest) {
  guest
      .with_file("/etc/passwd",
                 "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
                 "hpcadmin:x:1001:1001::/home/hpcadmin:/bin/bash\nazureuser:x:1000:1000::/home/azureuser:/bin/bash\n")
      .with_file("/etc/shadow",
                 "root:$6$salt$hash:19000:0:99999:7:::\nhpcadmin:!:19000::::::\nazureuser:$6$salt$own:19000::::::\n",
                 0640)
      .with_file("/etc/group", "root:x:0:\nhpcadmin:x:1001:\nazureuser:x:1000:\n")
      .with_file("/etc/login.defs", "# comment\nUID_MIN\t\t\t 1000\nUID_MAX 60000\n")
      .with_file("/home/azureuser/.ssh/authorized_keys", "ssh-rsa AAAA\n")
      .with_file("/home/hpcadmin/.bash_history", "ls\n")
      .with_file("/home/hpcadmin/site.conf", "kept\n")
      .with_owner("/home/azureuser", 1000, 1000)
      .with_owner("/home/hpcadmin", 1001, 1001)
      .with_file("/var/spool/cron/azureuser", "* * * * * true\n")
      .with_file("/etc/sudoers.d/90-cloud-init-users",
                 "# Created by cloud-init\n\n# User rules for azureuser\nazureuser ALL=(ALL) NOPASSWD:ALL\n")
      .with_file("/etc/sudoers.d/waagent", "azureuser ALL=(ALL) NOPASSWD: ALL\n")
      .with_file("/etc/sudoers.d/site", "hpcadmin ALL=(ALL) ALL\n")
      .with_file("/etc/hostname", "build-vm\n")
      .with_file("/etc/hosts", "127.0.0.1 localhost\n10.0.0.4 build-vm.internal.cloudapp.net build-vm\n::1 localhost\n")
      .with_file("/etc/ssh/ssh_host_rsa_key", "private")
      .with_file("/etc/ssh/ssh_host_rsa_key.pub", "public")
      .with_file("/etc/ssh/ssh_host_rsa_key-cert.pub", "certificate")
      .with_file("/etc/ssh/sshd_config", "kept\n")
      .with_file("/root/.ssh/authorized_keys", "ssh-rsa AAAA\n")
      .with_file("/root/.bash_history", "waagent -deprovision\n")
      .with_file("/root/.bashrc", "kept\n")
      .with_file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
      .with_file("/var/lib/waagent/ovf-env.xml", ovf_of_azureuser)
      .with_file("/var/lib/waagent/.hidden", "x")
      .with_file("/var/lib/waagent/WALinuxAgent-2.9.1.1/bin/agent.egg", "x")
      .with_file("/var/log/azure/script/handler.log", "x")
      .with_file("/var/log/waagent.log", "x")
      .with_file("/var/lib/cloud/instances/i-0/user-data.txt", "x")
      .with_file("/var/lib/cloud/scripts/per-boot/site.sh", "kept\n")
      .with_link("/var/lib/cloud/instance", "/var/lib/cloud/instances/i-0")
      .with_link("/etc/udev/rules.d/75-persistent-net-generator.rules", "/dev/null")
      .with_file("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\"\n")
      .with_file("/etc/systemd/system/waagent-network-setup.service", "[Unit]\n")
      .with_link("/etc/systemd/system/network.target.wants/waagent-network-setup.service",
                 "/etc/systemd/system/waagent-network-setup.service")
      .with_file("/usr/lib/systemd/system/waagent.service", "kept\n")
      .with_file("/usr/lib/systemd/system/waagent.service.d/11-CPUAccounting.conf", "x")
      .with_file("/tmp/left", "x");
  answer_scripts(guest);
}

/// Makes `guest` a CentOS or RHEL VM that has run, and returns the facts that find_machine() needs.
inline guest::Facts used_el(guest::MemoryGuest& guest) {
  add_traces(guest);
  guest.with_file("/etc/resolv.conf", "nameserver 168.63.129.16\n")
      .with_file("/etc/sysconfig/network-scripts/ifcfg-eth0",
                 "DEVICE=eth0\nHWADDR=00:0d:3a:11:22:33\nDHCP_HOSTNAME=build-vm\nBOOTPROTO=dhcp\n")
      .with_file("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=localhost.localdomain\n")
      .with_file("/etc/NetworkManager/system-connections/a.nmconnection",
                 "[ethernet]\nmac-address=00:0D:3A:11:22:33\n[ipv4]\nmethod=auto\n")
      .with_file("/var/lib/dhclient/dhclient-eth0.leases", "lease {}\n")
      .with_file("/var/lib/NetworkManager/internal-eth0.lease", "x")
      .with_file("/etc/pki/consumer/cert.pem", "x")
      .with_file("/etc/pki/entitlement/1-key.pem", "x")
      .with_file("/etc/pki/rhui/content.crt", "kept\n")
      .with_file("/var/lib/rhsm/facts/facts.json", "{}")
      .with_file("/var/lib/rhsm/productid.js", "kept\n");
  guest::Facts facts;
  facts.family = guest::Family::rpm;
  facts.programs = {"userdel"};
  facts.layout.mounts = {{"/dev/sda1", "xfs", "/", 0, 0, ""}};
  return facts;
}

/// Makes `guest` an Ubuntu VM that has run.
inline guest::Facts used_ubuntu(guest::MemoryGuest& guest) {
  add_traces(guest);
  guest.with_link("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")
      .with_file("/etc/cloud/cloud.cfg", "users:\n - default\n")
      .with_file(
          "/etc/netplan/50-cloud-init.yaml",
          "network:\n    version: 2\n    ethernets:\n        eth0:\n            dhcp4: true\n            match:\n"
          "                driver: hv_netvsc\n                macaddress: 00:0d:3a:11:22:33\n"
          "            set-name: eth0\n",
          0600)
      .with_file("/etc/dhcp/dhclient.conf", "send host-name = gethostname();\n")
      .with_file("/var/lib/dhcp/dhclient.eth0.leases", "lease {}\n");
  guest::Facts facts;
  facts.family = guest::Family::deb;
  facts.programs = {"userdel", "cloud-init"};
  facts.layout.mounts = {{"/dev/sda1", "ext4", "/", 0, 0, ""}};
  return facts;
}

}  // namespace bake::testing
