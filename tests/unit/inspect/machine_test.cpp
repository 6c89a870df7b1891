#include "bake/inspect/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "tests/support/error_of.hpp"
#include "tests/support/host_shell.hpp"
#include "tests/support/used_machine.hpp"

namespace bake::guest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Treatment = MachineFile::Treatment;

std::map<std::string, std::vector<std::string>> data_of(const MachineFacts& machine) {
  std::map<std::string, std::vector<std::string>> data;
  for (const auto& found : machine.data) data[found.kind] = found.paths;
  return data;
}

TEST(Machine, FindsTheProvisionedUserAndNoOther) {
  MemoryGuest guest;
  const auto machine = find_machine(guest, testing::used_ubuntu(guest));
  ASSERT_EQ(machine.users.size(), 1U);
  EXPECT_EQ(machine.users[0].account, (Account{"azureuser", 1000, "/home/azureuser", "/bin/bash"}));
  EXPECT_THAT(machine.users[0].named_by, ElementsAre("/var/lib/waagent/ovf-env.xml", "/etc/sudoers.d/waagent",
                                                     "/etc/sudoers.d/90-cloud-init-users"));
  ASSERT_TRUE(machine.users[0].home.has_value());
  EXPECT_EQ(machine.users[0].home->uid, 1000U);
  EXPECT_EQ(machine.accounts.size(), 4U);
  EXPECT_EQ(machine.uid_min, 1000U);
}

TEST(Machine, FindsALinkAboveAHome) {
  MemoryGuest guest;
  guest.with_file("/etc/passwd", "azureuser:x:1000:1000::/home/a/azureuser:/bin/bash\n")
      .with_file("/etc/sudoers.d/waagent", "azureuser ALL=(ALL) NOPASSWD: ALL\n")
      .with_directory("/data/home/a/azureuser")
      .with_link("/home", "/data/home");
  const auto machine = find_machine(guest, {});
  ASSERT_EQ(machine.users.size(), 1U);
  EXPECT_EQ(machine.users[0].link_above_home, "/home");
  EXPECT_TRUE(machine.users[0].home);
}

TEST(Machine, AListOfAccountsThatIsTooLargeIsAnError) {
  MemoryGuest guest;
  guest.with_file("/etc/passwd", std::string(text_limit + 1, '\n'));
  EXPECT_EQ(error_of([&] { find_machine(guest, {}); }).message(),
            "reading '/etc/passwd' in the guest: it has 4194305 bytes, more than the limit of 4194304 bytes");
}

TEST(Machine, FindsTheFilesOfEl) {
  MemoryGuest guest;
  const auto machine = find_machine(guest, testing::used_el(guest));
  EXPECT_EQ(machine.host_name, "build-vm");
  EXPECT_THAT(
      machine.files,
      ElementsAre(MachineFile{"/etc/shadow", "root password", Treatment::edit},
                  MachineFile{"/etc/hostname", "host name", Treatment::edit},
                  MachineFile{"/etc/hosts", "host name", Treatment::edit},
                  MachineFile{"/etc/sysconfig/network-scripts/ifcfg-eth0", "MAC address or host name", Treatment::edit},
                  MachineFile{"/etc/NetworkManager/system-connections/a.nmconnection", "MAC address", Treatment::edit},
                  MachineFile{"/etc/resolv.conf", "DNS servers", Treatment::remove}));
  const auto data = data_of(machine);
  EXPECT_THAT(data.at("RHEL subscription"), ElementsAre("/etc/pki/consumer/cert.pem", "/etc/pki/entitlement/1-key.pem",
                                                        "/var/lib/rhsm/facts/facts.json"));
  EXPECT_THAT(data.at("DHCP leases"),
              ElementsAre("/var/lib/NetworkManager/internal-eth0.lease", "/var/lib/dhclient/dhclient-eth0.leases"));
}

TEST(Machine, FindsKeyfilesOfNetworkManagerWithoutASuffix) {
  MemoryGuest guest;
  const std::string directory = "/etc/NetworkManager/system-connections/";
  guest.with_file(directory + "System eth0", "[ethernet]\nmac-address=00:0D:3A:11:22:33\n")
      .with_file(directory + "no-mac", "[ethernet]\n")
      .with_directory(directory + "directory");
  EXPECT_THAT(find_machine(guest, {}).files,
              ElementsAre(MachineFile{directory + "System eth0", "MAC address", Treatment::edit}));
}

TEST(Machine, FindsTheDataOfTheAgentAndItsFirewallUnit) {
  MemoryGuest guest;
  const auto data = data_of(find_machine(guest, testing::used_el(guest)));
  EXPECT_THAT(data.at("data of the Azure Linux agent"),
              ElementsAre("/var/lib/waagent/.hidden", "/var/lib/waagent/WALinuxAgent-2.9.1.1",
                          "/var/lib/waagent/ovf-env.xml", "/var/log/azure/script"));
  EXPECT_THAT(data.at("firewall unit of the agent"),
              ElementsAre("/etc/systemd/system/network.target.wants/waagent-network-setup.service",
                          "/etc/systemd/system/waagent-network-setup.service"));
  EXPECT_THAT(data.at("resource limits of the agent"),
              ElementsAre("/usr/lib/systemd/system/waagent.service.d/11-CPUAccounting.conf"));
  EXPECT_THAT(data.at("sudo rules of provisioned users"),
              ElementsAre("/etc/sudoers.d/90-cloud-init-users", "/etc/sudoers.d/waagent"));
  EXPECT_THAT(data.at("SSH host keys"), ElementsAre("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key-cert.pub",
                                                    "/etc/ssh/ssh_host_rsa_key.pub"));
}

TEST(Machine, KeepsMasks) {
  MemoryGuest guest;
  const auto facts = testing::used_el(guest);
  EXPECT_THAT(data_of(find_machine(guest, facts)).at("interface names"),
              ElementsAre("/etc/udev/rules.d/70-persistent-net.rules"));
  guest.remove("/etc/udev/rules.d/70-persistent-net.rules");
  guest.with_directory("/etc/udev/rules.d/70-persistent-net.rules");
  EXPECT_EQ(data_of(find_machine(guest, facts)).count("interface names"), 0U);
  guest.remove("/etc/udev/rules.d/75-persistent-net-generator.rules");
  guest.with_file("/etc/udev/rules.d/75-persistent-net-generator.rules", "x");
  EXPECT_THAT(data_of(find_machine(guest, facts)).at("interface names"),
              ElementsAre("/etc/udev/rules.d/75-persistent-net-generator.rules"));
}

TEST(Machine, CloudInitWritesItsNetplanFileAgainUnlessItIsDisabled) {
  const std::string path = "/etc/netplan/50-cloud-init.yaml";
  MemoryGuest guest;
  const auto facts = testing::used_ubuntu(guest);
  const auto treatment = [&](const Facts& with) {
    for (const auto& file : find_machine(guest, with).files)
      if (file.path == path) return file.treatment;
    return Treatment::blocked;
  };
  EXPECT_EQ(treatment(facts), Treatment::remove);
  auto without_cloud_init = facts;
  without_cloud_init.programs.erase("cloud-init");
  EXPECT_EQ(treatment(without_cloud_init), Treatment::edit);
  guest.with_file("/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg", "network: {config: disabled}\n");
  EXPECT_EQ(treatment(facts), Treatment::edit);
}

TEST(Machine, UbuntuKeepsResolvConf) {
  MemoryGuest guest;
  const auto facts = testing::used_ubuntu(guest);
  guest.remove("/etc/resolv.conf");
  guest.with_file("/etc/resolv.conf", "nameserver 10.0.0.1\n");
  for (const auto& file : find_machine(guest, facts).files) EXPECT_NE(file.path, "/etc/resolv.conf");
  guest.with_file("/etc/resolvconf/resolv.conf.d/original", "nameserver 10.0.0.1\n");
  EXPECT_EQ(find_machine(guest, facts).files.back(),
            (MachineFile{"/etc/resolvconf/resolv.conf.d/original", "DNS servers", Treatment::remove}));
}

TEST(Machine, FindsImmutableFilesWithTheGuestsLsattr) {
  MemoryGuest guest;
  guest.with_handler([](const std::string& script) -> std::optional<ShellResult> {
    if (script.find("lsattr") == std::string::npos) return std::nullopt;
    return ShellResult{0,
                       "----i---------e----- /etc/resolv.conf\n-----a--------e----- /var/lib/waagent/a b\n"
                       "----i---------e----- /var/lib/..\n----------I----e----- /etc\nnoise\n"};
  });
  auto facts = testing::used_el(guest);
  facts.programs.insert("lsattr");
  EXPECT_THAT(find_machine(guest, facts).immutable, ElementsAre("/etc/resolv.conf", "/var/lib/waagent/a b"));
}

TEST(Machine, FindsImmutableFilesBehindAThousandLines) {
  MemoryGuest guest;
  HostShell shell(guest);
  shell.with_program("lsattr",
                     "[ \"$1\" = -aR ] || exit 0\n"
                     "i=0; while [ $i -lt 1000 ]; do echo \"----i---------e----- /var/log/.\"; i=$((i + 1)); done\n"
                     "echo '----i---------e----- /var/log/last'\n");
  auto facts = testing::used_el(guest);
  facts.programs.insert("lsattr");
  EXPECT_THAT(find_machine(guest, facts).immutable, ElementsAre("/var/log/last"));
}

TEST(Machine, AListOfAttributesThatIsTooLongIsAnError) {
  MemoryGuest guest;
  guest.with_handler([](const std::string& script) -> std::optional<ShellResult> {
    if (script.find("lsattr") == std::string::npos) return std::nullopt;
    return ShellResult{141, "the script printed more than 48 MiB", true};
  });
  auto facts = testing::used_el(guest);
  facts.programs.insert("lsattr");
  EXPECT_EQ(error_of([&] { find_machine(guest, facts); }).message(),
            "listing files with the attribute i or a: exit status 141: the script printed more than 48 MiB");
}

TEST(Machine, FindsFileSystemsThatAreNotMounted) {
  MemoryGuest guest;
  auto facts = testing::used_el(guest);
  facts.layout.mounts.push_back({"/dev/sda2", "xfs", "/boot", 0, 0, ""});
  guest.with_file("/etc/fstab",
                  "UUID=1 / xfs defaults 0 0\nUUID=2 /boot xfs defaults 0 0\nUUID=3 /home xfs noauto 0 0\n"
                  "tmpfs /tmp tmpfs defaults 0 0\nswap none swap sw 0 0\nnfs:/x /shared nfs defaults 0 0\n");
  EXPECT_THAT(find_machine(guest, facts).unmounted, ElementsAre("/home", "/shared"));
}

TEST(Machine, FindsFoldersThatTheAgentHasElsewhere) {
  MemoryGuest guest;
  auto facts = testing::used_el(guest);
  facts.waagent = Waagent{};
  guest.with_file("/etc/waagent.conf", "Lib.Dir=/data/agent\nOS.SshDir=/etc/ssh\n# OS.SudoersDir=/x\n");
  EXPECT_THAT(find_machine(guest, facts).moved_folders, ElementsAre("Lib.Dir=/data/agent"));
}

TEST(Machine, AFreshImageHasNothing) {
  MemoryGuest guest;
  guest.with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nhpc:x:1000:1000::/home/hpc:/bin/bash\n")
      .with_file("/etc/shadow", "root:*:19000::::::\n")
      .with_file("/etc/machine-id", "")
      .with_file("/etc/hostname", "localhost.localdomain\n")
      .with_file("/etc/hosts", "127.0.0.1 localhost\n");
  const auto machine = find_machine(guest, {});
  EXPECT_THAT(machine.users, IsEmpty());
  EXPECT_THAT(machine.files, IsEmpty());
  EXPECT_THAT(machine.data, IsEmpty());
  EXPECT_EQ(machine.host_name, "");
}

}  // namespace
}  // namespace bake::guest
